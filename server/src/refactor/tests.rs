//! Whole refactorings with scripted answers, in a workspace on disk.

#[cfg(unix)]
mod checked;
mod hidden;
mod resumed;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::expect;
use phi_engine::Engine;

use super::*;
use crate::assistant::Assistant;
use crate::documents::{Document, DocumentId};
use crate::settings::Settings;
use crate::user_dirs::UserDirs;

/// A workspace with the files of `fixture`, each after a line `//- /path`, and a model that answers with the item after
/// text replacements.
struct Project {
    folder: tempfile::TempDir,
    assistant: Assistant,
    prompts: Arc<Mutex<Vec<String>>>,
}

impl Project {
    async fn new(fixture: &str, answer: impl Fn(&str) -> String + Send + 'static) -> Project {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("w");
        for file in fixture.split("//- /").skip(1) {
            let (path, text) = file.split_once('\n').expect("a path");
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let prompts = Arc::<Mutex<Vec<String>>>::default();
        let heard = prompts.clone();
        let engine = Engine::scripted(move |prompt| {
            heard.lock().expect("no panic").push(prompt.to_owned());
            answer(&item(prompt))
        });
        let dirs = UserDirs { engine: Some(engine), ..UserDirs::below(folder.path()) };
        let assistant = Assistant::start(Settings::default(), dirs, &[root]);
        assistant.settled().await;
        Project { folder, assistant, prompts }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("w")
    }

    fn plan(&self, order: RefactorRequest) -> Result<Plan, NoPlan> {
        plan(&self.assistant.workspace, &order)
    }

    /// The plan, one line for each site.
    fn shown(&self, plan: &Plan) -> String {
        let place =
            |path: &Path| path.strip_prefix(self.root()).expect("in the workspace").display().to_string();
        let site = |site: &Site| {
            let Site { path, line, kind, reason, .. } = site;
            format!("{}:{} {kind:?} {}: {reason}\n", place(path), line + 1, site.label())
        };
        let left = |left: &LeftOut| format!("not {}: {}\n", place(&left.path), left.reason);
        plan.sites.iter().map(site).chain(plan.left_out.iter().map(left)).collect()
    }

    async fn run(&self, plan: &Plan) -> Refactored {
        let asked = self.prompts().len();
        let mut outcome =
            run(&self.assistant.workspace, &self.assistant.models, plan, ResumeState::default(), &|_| {})
                .await
                .expect("it runs");
        outcome.report.time = Duration::ZERO;
        // The number of tokens read depends on what is indexed by then.
        let read = std::mem::take(&mut outcome.report.tokens.prompt);
        assert_eq!(read > 0, self.prompts().len() > asked);
        outcome
    }

    /// The prompts that the model received.
    fn prompts(&self) -> Vec<String> {
        self.prompts.lock().expect("no panic").clone()
    }

    fn diff(&self, outcome: &Refactored) -> String {
        let diff: String = outcome.changes.iter().map(|change| change.unified(&self.root())).collect();
        // `expect!` treats a line of white space as empty.
        diff.replace("\n \n", "\n\n")
    }
}

/// The item of a prompt.
fn item(prompt: &str) -> String {
    let (_, rest) = prompt.rsplit_once("The item:\n").expect("an item");
    let (opening, rest) = rest.split_once('\n').expect("a fence");
    let fence: String = opening.chars().take_while(|&c| c == '`').collect();
    rest[..rest.find(&format!("\n{fence}\n")).expect("an end")].to_owned()
}

fn order(instruction: &str, symbol: Option<&str>, paths: &[&str]) -> RefactorRequest {
    RefactorRequest {
        instruction: instruction.to_owned(),
        symbol: symbol.map(str::to_owned),
        paths: paths.iter().map(|path| path.to_string()).collect(),
        check: None,
    }
}

const RENAME: &str = "Rename `area` to `surface`.";

/// A good model's answer to [`RENAME`].
fn rename(item: &str) -> String {
    item.replace("area(", "surface(").replace("area}", "surface}").replace("::area;", "::surface;")
}

const SHAPES: &str = "\
//- /src/draw.rs
use crate::shape::{Shape, area};

pub fn draw(shape: &Shape) {
    println!(\"{}\", area(shape));
}

pub fn unrelated() {}
//- /src/main.rs
mod draw;
mod shape;

fn main() {
    let shape = shape::Shape { sides: vec![1, 2] };
    draw::draw(&shape);
    assert_eq!(shape::area(&shape), 2);
}
//- /src/shape.rs
/// A shape.
pub struct Shape {
    pub sides: Vec<u32>,
}

/// Its area.
pub fn area(shape: &Shape) -> u32 {
    shape.sides.iter().product()
}

#[cfg(test)]
mod tests {
    use super::area;

    #[test]
    fn small() {
        assert_eq!(area(&super::Shape { sides: vec![] }), 1);
    }
}
//- /notes.md
The area of a shape.
";

#[tokio::test]
async fn a_symbol_is_planned_with_its_users_and_rewritten_definition_first() {
    let project = Project::new(SHAPES, rename).await;
    let plan = project.plan(order(RENAME, Some("area"), &[])).expect("a plan");
    expect![[r#"
        src/shape.rs:6 Function area: defines area
        src/draw.rs:1 Statements use crate::shape::{Shape, area};: uses area in line 1
        src/draw.rs:3 Function draw: uses area in line 4
        src/main.rs:4 Function main: uses area in line 7
        src/shape.rs:13 Statements use super::area;: uses area in line 13
        src/shape.rs:15 Function tests.small: uses area in line 17
    "#]]
    .assert_eq(&project.shown(&plan));
    let outcome = project.run(&plan).await;
    expect![[r#"
        6 sites: 6 changed, 0 unchanged, 0 refused; 0.0 s, 0 tokens read, 112 written by scripted; no check ran
        Changed:
          src/shape.rs:6 area
          src/draw.rs:1 use crate::shape::{Shape, area};
          src/draw.rs:3 draw
          src/main.rs:4 main
          src/shape.rs:13 use super::area;
          src/shape.rs:15 tests.small
    "#]]
    .assert_eq(&outcome.report.text(&project.root()));
    expect![[r#"
        --- a/src/draw.rs
        +++ b/src/draw.rs
        @@ -1,7 +1,7 @@
        -use crate::shape::{Shape, area};
        +use crate::shape::{Shape, surface};
 
         pub fn draw(shape: &Shape) {
        -    println!("{}", area(shape));
        +    println!("{}", surface(shape));
         }
 
         pub fn unrelated() {}
        --- a/src/main.rs
        +++ b/src/main.rs
        @@ -4,5 +4,5 @@
         fn main() {
             let shape = shape::Shape { sides: vec![1, 2] };
             draw::draw(&shape);
        -    assert_eq!(shape::area(&shape), 2);
        +    assert_eq!(shape::surface(&shape), 2);
         }
        --- a/src/shape.rs
        +++ b/src/shape.rs
        @@ -4,16 +4,16 @@
         }
 
         /// Its area.
        -pub fn area(shape: &Shape) -> u32 {
        +pub fn surface(shape: &Shape) -> u32 {
             shape.sides.iter().product()
         }
 
         #[cfg(test)]
         mod tests {
        -    use super::area;
        +    use super::surface;
 
             #[test]
             fn small() {
        -        assert_eq!(area(&super::Shape { sides: vec![] }), 1);
        +        assert_eq!(surface(&super::Shape { sides: vec![] }), 1);
             }
         }
    "#]]
    .assert_eq(&project.diff(&outcome));
}

#[tokio::test]
async fn what_a_string_exports_is_a_place() {
    let fixture = "//- /shop/__init__.py\nfrom .order import total\n\n__all__ = [\"total\"]\n\
                   //- /shop/order.py\ndef total():\n    return 1\n";
    let project = Project::new(fixture, |item| item.replace("total", "sum_of")).await;
    let plan = project.plan(order("Rename `total` to `sum_of`.", Some("total"), &[])).expect("a plan");
    expect![[r#"
        shop/order.py:1 Function total: defines total
        shop/__init__.py:1 Statements from .order import total: uses total in line 1
        shop/__init__.py:3 Value __all__: uses total in line 3
    "#]]
    .assert_eq(&project.shown(&plan));
    let outcome = project.run(&plan).await;
    expect![[r#"
        --- a/shop/__init__.py
        +++ b/shop/__init__.py
        @@ -1,3 +1,3 @@
        -from .order import total
        +from .order import sum_of

        -__all__ = ["total"]
        +__all__ = ["sum_of"]
        --- a/shop/order.py
        +++ b/shop/order.py
        @@ -1,2 +1,2 @@
        -def total():
        +def sum_of():
             return 1
    "#]]
    .assert_eq(&project.diff(&outcome));
}

#[tokio::test]
async fn users_are_shown_what_has_changed() {
    let project = Project::new(SHAPES, rename).await;
    let plan = project.plan(order(RENAME, Some("area"), &["src/*.rs"])).expect("a plan");
    project.run(&plan).await;
    let prompts = project.prompts();
    assert!(!prompts[0].contains("Already changed"));
    let shown = prompts[2].split("Already changed, ").nth(1).expect("a definition");
    expect![[r#"
        in w/src/shape.rs:
        ```rust
        pub fn surface(shape: &Shape) -> u32
        ```

    "#]]
    .assert_eq(&shown[..shown.find("The item").expect("an item")]);
}

#[tokio::test]
async fn without_a_symbol_names_files_or_words_decide() {
    let project = Project::new(SHAPES, rename).await;
    let shown = |instruction: &str, paths: &[&str]| match project.plan(order(instruction, None, paths)) {
        Ok(plan) => project.shown(&plan),
        Err(error) => format!("{error}\n"),
    };
    expect![[r#"
        src/shape.rs:1 Type Shape: defines Shape
        src/shape.rs:6 Function area: uses Shape in line 7
        src/draw.rs:1 Statements use crate::shape::{Shape, area};: uses Shape in line 1
        src/draw.rs:3 Function draw: uses Shape in line 3
        src/main.rs:4 Function main: uses Shape in line 5
        src/shape.rs:15 Function tests.small: uses Shape in line 17
    "#]]
    .assert_eq(&shown("Rename `Shape` to `Form`.", &[]));
    expect![[r#"
        src/draw.rs:1 Statements use crate::shape::{Shape, area};: says area in line 1
        src/draw.rs:3 Function draw: says area in line 4
        src/main.rs:4 Function main: says area in line 7
    "#]]
    .assert_eq(&shown("Rename `area` to `surface`.", &["/src/draw.rs", "main.rs"]));
    expect![[r#"
        src/shape.rs:1 Type Shape: its file was named
        src/shape.rs:6 Function area: its file was named
        src/shape.rs:15 Function tests.small: its file was named
    "#]]
    .assert_eq(&shown("Document everything.", &["shape.rs"]));
    expect![[r#"
        src/draw.rs:7 Function unrelated: found by search, for `unrelated` in line 7
        src/shape.rs:1 Type Shape: found by search, for `sides` in line 3
        src/shape.rs:6 Function area: found by search, for `sides` in line 8
        src/main.rs:4 Function main: found by search, for `sides` in line 5
        src/shape.rs:15 Function tests.small: found by search, for `sides` in line 17
    "#]]
    .assert_eq(&shown("Make the unrelated one do something about sides", &[]));
    expect![[r#"
        no place was found for this instruction; name a symbol (--symbol) or files (--paths)
        the instruction is empty: say what is to be done with each place
        no file that may be read fits *.py; patterns are those of .gitignore, relative to the workspace folder
        `[z-a]` is no pattern: error parsing glob '[z-a]': invalid range; 'z' > 'a'
        no place was found for this instruction; name a symbol (--symbol) or files (--paths)
    "#]]
    .assert_eq(
        &[
            shown("Make tea", &[]),
            shown("  ", &[]),
            shown("Rename `area`", &["*.py"]),
            shown("Rename `area`", &["[z-a]"]),
            shown("Rename `nothing`", &["notes.md"]),
        ]
        .concat(),
    );
    let unknown = project.plan(order("Rename it.", Some("nothing"), &[])).expect_err("no plan");
    expect!["nothing is called `nothing` in the files that may be read"].assert_eq(&unknown.to_string());
}

#[tokio::test]
async fn a_symbol_of_another_language_is_another_symbol() {
    let fixture = "\
//- /a.rs
fn area() {}
//- /b.py
def draw():
    area()
//- /c.py
area()
";
    let project = Project::new(fixture, rename).await;
    let plan = project.plan(order(RENAME, Some("area"), &[])).expect("a plan");
    expect![[r#"
        a.rs:1 Function area: defines area
        not b.py: uses area in line 2, in another language than its definitions; to include it, name it as a path
        not c.py: uses area in line 1, in another language than its definitions; to include it, name it as a path
    "#]]
    .assert_eq(&project.shown(&plan));
    let named = project.plan(order(RENAME, Some("area"), &["*.rs", "b.py"])).expect("a plan");
    expect![[r#"
        a.rs:1 Function area: defines area
        b.py:1 Function draw: uses area in line 2
    "#]]
    .assert_eq(&project.shown(&named));
}

#[tokio::test]
async fn of_items_that_overlap_the_outer_is_rewritten() {
    let fixture = "\
//- /a.py
LIMIT = 3


class Shape:
    size = LIMIT

    def area(self):
        def inner():
            return LIMIT
        return inner() * LIMIT


print(LIMIT)
";
    let project = Project::new(fixture, rename).await;
    let plan = project.plan(order("Rename `LIMIT` to `MOST`.", Some("LIMIT"), &[])).expect("a plan");
    expect![[r#"
        a.py:1 Value LIMIT: defines LIMIT
        a.py:5 Statements size = LIMIT: uses LIMIT in line 5
        a.py:7 Function Shape.area: uses LIMIT in lines 9 and 10
        a.py:13 Statements print(LIMIT): uses LIMIT in line 13
    "#]]
    .assert_eq(&project.shown(&plan));
}

#[tokio::test]
async fn a_site_that_is_refused_or_stays_as_it_is_stops_nothing() {
    let answer = |item: &str| match item {
        item if item.contains("fn draw") => "I am sorry, but I cannot.".to_owned(),
        item if item.contains("fn main") => item.to_owned(),
        item => rename(item),
    };
    let project = Project::new(SHAPES, answer).await;
    let mut plan = project.plan(order(RENAME, Some("area"), &[])).expect("a plan");
    plan.sites.retain(|site| site.name != "small");
    std::fs::write(project.root().join("src/draw.rs"), "pub fn draw(shape: &Shape) {\n    area(shape);\n}\n")
        .expect("written");
    let outcome = project.run(&plan).await;
    expect![[r#"
        5 sites: 2 changed, 1 unchanged, 2 refused; 0.0 s, 0 tokens read, 108 written by scripted; no check ran
        Changed:
          src/shape.rs:6 area
          src/shape.rs:13 use super::area;
        Unchanged:
          src/main.rs:4 main
        Refused:
          src/draw.rs:1 use crate::shape::{Shape, area};: it is not there any more
          src/draw.rs:3 draw: Line 1 has a syntax error: `I am sorry, but I cannot.`.
    "#]].assert_eq(&outcome.report.text(&project.root()));
    expect![[r#"
        ## Rename `area` to `surface`.

        5 sites: 2 changed, 1 unchanged, 2 refused; 0.0 s, 0 tokens read, 108 written by scripted; no check ran

        ### Changed

        - src/shape.rs:6 area
        - src/shape.rs:13 use super::area;

        ### Unchanged

        - src/main.rs:4 main

        ### Refused

        - src/draw.rs:1 use crate::shape::{Shape, area};: it is not there any more
        - src/draw.rs:3 draw: Line 1 has a syntax error: `I am sorry, but I cannot.`.
    "#]].assert_eq(&outcome.report.markdown(&project.root()));
}

#[tokio::test]
async fn what_the_editor_has_open_is_what_counts() {
    let project = Project::new(SHAPES, rename).await;
    let path = project.root().join("src/main.rs");
    let id = DocumentId("file:///main".into());
    let text = "// Unsaved.\nfn main() {\n    shape::area(&shape);\n}\n";
    let plan = project.plan(order(RENAME, Some("area"), &["main.rs"])).expect("a plan");
    project.assistant.workspace.documents.open(Document::open(id, Some(path), "rust", 7, text));
    let outcome = project.run(&plan).await;
    expect![[r#"
        --- a/src/main.rs
        +++ b/src/main.rs
        @@ -1,4 +1,4 @@
         // Unsaved.
         fn main() {
        -    shape::area(&shape);
        +    shape::surface(&shape);
         }
    "#]]
    .assert_eq(&project.diff(&outcome));
}

#[tokio::test]
async fn without_a_model_nothing_is_begun() {
    let project = Project::new(SHAPES, rename).await;
    let plan = project.plan(order(RENAME, Some("area"), &[])).expect("a plan");
    project.assistant.models.replace(None);
    let stopped =
        run(&project.assistant.workspace, &project.assistant.models, &plan, ResumeState::default(), &|_| {})
            .await
            .expect_err("no model");
    assert!(stopped.to_string().starts_with("this needs a model"), "{stopped}");
    let nothing = Plan::default();
    let project = Project::new(SHAPES, rename).await;
    let stopped = run(
        &project.assistant.workspace,
        &project.assistant.models,
        &nothing,
        ResumeState::default(),
        &|_| {},
    )
    .await
    .expect_err("no sites");
    assert_eq!(stopped.to_string(), "the plan has no sites left");
}

#[tokio::test]
async fn what_a_rewrite_deletes_stands_in_the_report() {
    let text = "//- /a.rs\n/// Adds.\npub fn add(a: u8) -> u8 {\n    log(a);\n    check(a);\n    note(a);\n    a + 1\n}\n";
    let project = Project::new(text, |_| "fn add(a: u8) -> u8 {\n    a + 1\n}".to_owned()).await;
    let plan = project.plan(order("Do it.", None, &["*.rs"])).expect("a plan");
    let outcome =
        run(&project.assistant.workspace, &project.assistant.models, &plan, ResumeState::default(), &|_| {})
            .await
            .expect("it runs");
    let said = outcome.report.text(&project.root());
    let deletes = "Deletions to review:\n  a.rs:1 add deletes `/// Adds.`, `pub` in front of it; deletes `log`, `check`, `note`";
    assert!(said.contains(deletes), "{said}");
    let path = project.root().join("a.rs");
    assert!(outcome.report.deletes_in(&path).is_some_and(|said| said.starts_with("add deletes `///")));
}

#[tokio::test]
async fn a_deleted_import_stands_in_the_report() {
    let text = "//- /a.rs\nuse shapes::{area, volume as v};\n\nfn main() {\n    area();\n}\n";
    let project = Project::new(text, |item| match item {
        item if item.starts_with("use") => "#[test]\nfn shapes_v() {\n    area();\n}".to_owned(),
        item => rename(item),
    })
    .await;
    let plan = project.plan(order(RENAME, None, &["*.rs"])).expect("a plan");
    let outcome = project.run(&plan).await;
    expect![[r#"
        2 sites: 2 changed, 0 unchanged, 0 refused; 0.0 s, 0 tokens read, 17 written by scripted; no check ran
        Changed:
          a.rs:1 use shapes::{area, volume as v};
          a.rs:3 main
        Deletions to review:
          a.rs:1 use shapes::{area, volume as v}; no longer imports `shapes::area`, `shapes::volume`; deletes `v`
    "#]]
    .assert_eq(&outcome.report.text(&project.root()));
}
