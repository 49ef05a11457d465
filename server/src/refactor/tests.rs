//! Whole refactorings with scripted answers, in a workspace on disk.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::expect;
use phi_engine::Engine;

use super::run::Memory;
use super::*;
use crate::assistant::Assistant;
use crate::places::Places;
use crate::settings::Settings;

/// A workspace of the files of `fixture`, each behind a line `//- /path`, and a model that says the item with texts
/// replaced.
struct Workspace {
    folder: tempfile::TempDir,
    assistant: Assistant,
    prompts: Arc<Mutex<Vec<String>>>,
}

impl Workspace {
    async fn new(fixture: &str, answer: impl Fn(&str) -> String + Send + 'static) -> Workspace {
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
        let places = Places { engine: Some(engine), ..Places::below(folder.path()) };
        let assistant = Assistant::start(Settings::default(), places, &[root]);
        assistant.settled().await;
        Workspace { folder, assistant, prompts }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("w")
    }

    fn plan(&self, order: Order) -> Result<Plan, NoPlan> {
        plan(&self.assistant, &order)
    }

    /// The plan, a line for each site.
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

    async fn run(&self, plan: &Plan) -> Outcome {
        let mut outcome = run(&self.assistant, plan, Memory::default(), &|_| {}).await.expect("it runs");
        outcome.report.time = Duration::ZERO;
        outcome
    }

    fn diff(&self, outcome: &Outcome) -> String {
        outcome.changes.iter().map(|change| diff::unified(&self.root(), change)).collect()
    }
}

/// The item of a prompt.
fn item(prompt: &str) -> String {
    let (_, rest) = prompt.rsplit_once("The item:\n").expect("an item");
    let (opening, rest) = rest.split_once('\n').expect("a fence");
    let fence: String = opening.chars().take_while(|&c| c == '`').collect();
    rest[..rest.find(&format!("\n{fence}\n")).expect("an end")].to_owned()
}

fn order(instruction: &str, symbol: Option<&str>, paths: &[&str]) -> Order {
    Order {
        instruction: instruction.to_owned(),
        symbol: symbol.map(str::to_owned),
        paths: paths.iter().map(|path| path.to_string()).collect(),
        check: None,
    }
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
    let rename = |item: &str| {
        item.replace("area(", "surface(").replace("area}", "surface}").replace("::area;", "::surface;")
    };
    let workspace = Workspace::new(SHAPES, rename).await;
    let plan = workspace.plan(order("Rename `area` to `surface`.", Some("area"), &[])).expect("a plan");
    expect![[r#"
        src/shape.rs:6 Function area: defines area
        src/draw.rs:1 Statements use crate::shape::{Shape, area};: uses area in line 1
        src/draw.rs:3 Function draw: uses area in line 4
        src/main.rs:4 Function main: uses area in line 7
        src/shape.rs:13 Statements use super::area;: uses area in line 13
        src/shape.rs:15 Function tests.small: uses area in line 17
    "#]]
    .assert_eq(&workspace.shown(&plan));
    let outcome = workspace.run(&plan).await;
    expect![[r#"
        6 sites: 6 changed, 0 unchanged, 0 refused; 0.0 s, 1924 tokens read, 112 written by scripted
        Changed:
          src/shape.rs:6 area
          src/draw.rs:1 use crate::shape::{Shape, area};
          src/draw.rs:3 draw
          src/main.rs:4 main
          src/shape.rs:13 use super::area;
          src/shape.rs:15 tests.small
    "#]]
    .assert_eq(&outcome.report.text(&workspace.root()));
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
    .assert_eq(&workspace.diff(&outcome));
}
