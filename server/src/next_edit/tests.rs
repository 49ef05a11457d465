//! Ghost text for the uses of a changed definition, in fixture workspaces: `//- /path` begins a file, `$0` is the
//! cursor. All files are open; an edit of the first one changes a definition.

mod left;
mod locals;
mod renames;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use phi_engine::Engine;

use super::*;
use crate::documents;
use crate::facts;
use crate::languages::Language;
use crate::repository::index::Stamp;
use crate::settings::Settings;
use crate::testing::until;

struct Stage {
    next_edits: NextEdits,
    home: DocumentId,
    /// The document of the cursor.
    document: DocumentId,
    cursor: usize,
    /// The index is not updated after edits.
    index_lags: bool,
}

impl Stage {
    fn new(fixture: &str, models: impl Into<Models>) -> Stage {
        let next_edits = NextEdits::new(Workspace::new(Settings::default()), models.into());
        next_edits.prefetched.draws(Drawing::Overlay);
        let (mut home, mut at) = (None, None);
        for (number, file) in fixture.split("//- ").skip(1).enumerate() {
            let (path, text) = file.split_once('\n').expect("a path stands on its own line");
            let path = PathBuf::from(format!("/w{}", path.trim()));
            let id = DocumentId(format!("file://{}", path.display()).into());
            if let Some(cursor) = text.find("$0") {
                at = Some((id.clone(), cursor));
            }
            let text = text.replacen("$0", "", 1);
            let facts = facts::read(&path, &text, Language::of_path(&path), None);
            let stamp = Stamp { modified: 1 + number as u64, bytes: text.len() as u64 };
            next_edits.workspace.repository.index_mut().replace(&path, stamp, facts);
            next_edits.workspace.documents.open(Document::open(id.clone(), Some(path), "", 1, &text));
            home.get_or_insert(id);
        }
        let (document, cursor) = at.expect("the fixture marks the cursor");
        Stage { next_edits, home: home.expect("a file"), document, cursor, index_lags: false }
    }

    /// Replaces the first `old` of the first file.
    fn edit(&mut self, old: &str, new: &str) {
        let home = self.now(&self.home);
        let start = home.text.to_string().find(old).expect("it is there");
        self.splice(&self.home.clone(), start..start + old.len(), new);
    }

    fn splice(&mut self, id: &DocumentId, range: Range<usize>, text: &str) {
        if *id == self.document && range.end <= self.cursor {
            self.cursor = self.cursor + text.len() - range.len();
        }
        let change = documents::Change::Splice { range, text: text.to_owned() };
        let version = self.now(id).version + 1;
        let now = self.next_edits.workspace.documents.change(id, version, &[change]).expect("it is open");
        if self.index_lags {
            return;
        }
        let path = now.path.clone().expect("a path");
        let text = now.text.to_string();
        let facts = facts::read(&path, &text, Language::of_path(&path), None);
        let stamp = Stamp { modified: 100 + version as u64, bytes: text.len() as u64 };
        self.next_edits.workspace.repository.index_mut().replace(&path, stamp, facts);
    }

    fn now(&self, id: &DocumentId) -> Arc<Document> {
        self.next_edits.workspace.documents.get(id).expect("it is open")
    }

    /// The cursor's line with the suggestion accepted.
    async fn suggested(&self, priority: Priority) -> Option<String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let edit =
            suggest(&self.next_edits, &self.now(&self.document), self.cursor, priority, deadline).await?;
        assert_eq!(edit.range().start, self.cursor);
        let after = self.now(&self.document).apply(2, &[edit.change()]);
        let line = after.text.line(after.text.byte_to_line(self.cursor)).to_string();
        Some(line.trim_end().to_owned())
    }
}

/// The line of the cursor as suggested without a model after `old` becomes `new` in the first file.
async fn renamed(fixture: &str, (old, new): (&str, &str)) -> Option<String> {
    let mut stage = Stage::new(fixture, Models::default());
    assert_eq!(stage.suggested(Priority::Interactive).await, None, "nothing has changed");
    stage.edit(old, new);
    stage.suggested(Priority::Background).await
}

#[tokio::test]
async fn a_new_name_needs_no_model() {
    let to = ("fn area", "fn surface");
    let text = "//- /a.rs\nfn area(a: u8) -> u8 {\n    a\n}\n\nfn g() -> u8 {\n    $0area(area(1))\n}\n";
    assert_eq!(renamed(text, to).await.as_deref(), Some("    surface(surface(1))"));
    let short = "//- /a.rs\nfn f(a: f64) {}\n\nfn g() {\n    $0f(1.0);\n}\n";
    assert_eq!(renamed(short, ("fn f", "fn total")).await.as_deref(), Some("    total(1.0);"));
    let other = "//- /a.rs\npub fn area() {}\n//- /lib.rs\nmod a;\nmod b;\n//- /b.rs\nuse crate::a::area;\n\nfn g() {\n    $0area();\n}\n";
    let other = other.replace("//- /", "//- /src/");
    let other = format!("{other}//- /Cargo.toml\n[package]\nname = \"w\"\n");
    assert_eq!(renamed(&other, to).await.as_deref(), Some("    surface();"));
    let import = other.replace("$0", "").replace("use crate", "$0use crate");
    assert_eq!(renamed(&import, to).await.as_deref(), Some("use crate::a::surface;"));
    let python = "//- /shapes.py\ndef area():\n    return 1\n//- /b.py\nimport shapes\n\ndef g():\n    return $0shapes.area()\n";
    let to = ("def area", "def surface");
    assert_eq!(renamed(python, to).await.as_deref(), Some("    return shapes.surface()"));
    let method = "//- /a.rs\nstruct S;\nimpl S {\n    fn area(&self) -> u8 { 1 }\n    fn g(&self) -> u8 {\n        $0self.area()\n    }\n}\n";
    assert_eq!(renamed(method, ("fn area", "fn surface")).await.as_deref(), Some("        self.surface()"));
    let class = "//- /a.rs\nstruct Area;\n\nfn g(a: &Area) -> u8 {\n    1\n}\n\nfn h($0a: Area) {}\n";
    assert_eq!(
        renamed(class, ("struct Area", "struct Surface")).await.as_deref(),
        Some("fn h(a: Surface) {}")
    );
}

#[tokio::test]
async fn a_name_must_resolve_with_certainty() {
    let to = ("fn area", "fn surface");
    for text in [
        // A member of another value.
        "//- /a.rs\nfn area() -> u8 { 1 }\n\nfn g(v: V) -> u8 {\n    $0v.area()\n}\n",
        "//- /a.rs\nstruct S;\nimpl S {\n    fn area(&self) -> u8 { 1 }\n}\nfn g(v: V) -> u8 {\n    $0v.area()\n}\n",
        // A variable, a parameter of this name; the new name is a variable.
        "//- /a.rs\nfn area() -> u8 { 1 }\n\nfn g() -> u8 {\n    let area = 1;\n    $0area\n}\n",
        "//- /a.rs\nfn area() -> u8 { 1 }\n\nfn g(area: u8) -> u8 {\n    $0area\n}\n",
        "//- /a.rs\nfn area() -> u8 { 1 }\n\nfn g(surface: u8) -> u8 {\n    $0area()\n}\n",
        // A function of another module, and one that is not imported.
        "//- /a.rs\nfn area() -> u8 { 1 }\n\nfn g() -> u8 {\n    $0other::area()\n}\n",
        "//- /a.rs\nfn area() -> u8 { 1 }\n//- /b.rs\nuse std::mem::area;\nfn g() -> u8 {\n    $0area()\n}\n",
        "//- /a.rs\nfn area() -> u8 { 1 }\n//- /b.rs\nfn g() -> u8 {\n    $0area()\n}\n",
        "//- /a.rs\nfn area() -> u8 { 1 }\nmod area;\nfn g() -> u8 {\n    $0area::area()\n}\n",
        "//- /a.rs\nfn area() -> u8 { 1 }\nfn g() {}\n$0use area::area;\n",
        // Defined twice.
        "//- /a.rs\nfn area() -> u8 { 1 }\nfn area() {}\n\nfn g() -> u8 {\n    $0area()\n}\n",
    ] {
        assert_eq!(renamed(text, to).await, None, "{text}");
    }
    // It is told apart from a field and from another file's function.
    for text in [
        "//- /a.rs\nstruct S { area: u8 }\nfn area() -> u8 { 1 }\n\nfn g(s: S) -> u8 {\n    $0area()\n}\n",
        "//- /a.rs\nfn area() -> u8 { 1 }\n\nfn g() -> u8 {\n    $0area()\n}\n//- /b.rs\nfn area() {}\n",
    ] {
        assert_eq!(renamed(text, to).await.as_deref(), Some("    surface()"), "{text}");
    }
    // More has changed than the name.
    let more = "//- /a.rs\nfn area() -> u8 { 1 }\n\nfn g() -> u8 {\n    $0area()\n}\n";
    assert_eq!(renamed(more, ("area()", "surface(a: u8)")).await, None);
    let python = "//- /shapes.py\ndef area():\n    return 1\n//- /b.py\nimport shapes\n\ndef g():\n    return $0area()\n";
    assert_eq!(renamed(python, ("def area", "def surface")).await, None, "a builtin, perhaps");
    let go =
        "//- /a.go\npackage a\n\nfunc Area() int { return 1 }\n\nfunc g() T {\n\treturn $0T{Area: 1}\n}\n";
    assert_eq!(renamed(go, ("func Area", "func Surface")).await, None, "a field of another package");
    let call = go.replace("T{Area: 1}", "Area()");
    let suggested = renamed(&call, ("func Area", "func Surface")).await;
    assert_eq!(suggested.as_deref(), Some("\treturn Surface()"));
    let script = "//- /a.js\nfunction area() {}\n\nconst all = {\n  $0area,\n};\n";
    let suggested = renamed(script, ("function area", "function surface")).await;
    assert_eq!(suggested.as_deref(), Some("  area: surface,"), "the key stays");
    let module = "//- /area.py\ndef area():\n    return 1\n//- /b.py\n$0from area import area\n";
    let suggested = renamed(module, ("def area", "def surface")).await;
    assert_eq!(suggested.as_deref(), Some("from area import surface"), "its module keeps its name");
}

#[tokio::test]
async fn only_text_after_the_cursor_can_be_drawn() {
    let text = "//- /a.rs\nfn area() {}\n\nfn g() {\n    $0area();\n}\n";
    assert_eq!(renamed(text, ("fn area", "fn size")).await.as_deref(), Some("    size();"));
    assert_eq!(renamed(text, ("fn area", "fn a")).await, None, "the old line is longer");
    let behind = text.replace("$0area", "are$0a");
    assert_eq!(renamed(&behind, ("fn area", "fn size")).await, None, "the cursor is behind the difference");
    assert_eq!(renamed(&behind, ("fn area", "fn areas")).await.as_deref(), Some("    areas();"));
    let mut stage = Stage::new(text, Models::default());
    stage.next_edits.prefetched.draws(Drawing::Insertions);
    stage.edit("fn area", "fn size");
    assert_eq!(stage.suggested(Priority::Interactive).await, None, "it is no insertion");
    stage.edit("fn size", "fn area_of");
    assert_eq!(stage.suggested(Priority::Interactive).await.as_deref(), Some("    area_of();"));
    // The user edited this line, and so has seen it.
    let end = stage.now(&stage.home).text.to_string().find("();").expect("the use") + 2;
    stage.splice(&stage.home.clone(), end..end, " ");
    assert_eq!(stage.suggested(Priority::Interactive).await, None);
}

const CALLS: &str =
    "//- /a.rs\nfn area(a: u8) -> u8 {\n    a\n}\n\nfn g() -> u8 {\n    let one = 1;\n    $0area(one)\n}\n";

/// A model that adds an argument, and counts its requests.
fn adding() -> (Engine, Arc<Mutex<usize>>) {
    let count = Arc::<Mutex<usize>>::default();
    let counted = count.clone();
    let engine = Engine::scripted(move |prompt| {
        *counted.lock().expect("no panic") += 1;
        let (_, item) = prompt.rsplit_once("The item:\n").expect("a rewrite");
        let (_, item) = item.split_once('\n').expect("a fence");
        let end = item.find("\n```\n").expect("the fence's end");
        item[..end].replace("area(one)", "area(one, 2)")
    });
    (engine, count)
}

#[tokio::test]
async fn a_prefetched_edit_is_kept_while_it_fits() {
    let (engine, count) = adding();
    let mut stage = Stage::new(CALLS, engine);
    stage.next_edits.prefetched.draws(Drawing::Insertions);
    let task = tokio::spawn(prefetch(stage.next_edits.clone()));
    stage.edit("a: u8", "a: u8, b: u8");
    assert_eq!(stage.suggested(Priority::Interactive).await.as_deref(), Some("    area(one, 2)"));
    let asked = || *count.lock().expect("no panic");
    assert_eq!(asked(), 1);
    // An edit elsewhere; a known answer is compared with the current text.
    stage.edit("    a\n", "    a + b\n");
    assert_eq!(stage.suggested(Priority::Background).await.as_deref(), Some("    area(one, 2)"));
    assert_eq!(asked(), 1, "the model is asked once");
    // Another line of the item has changed, so this is another key.
    stage.edit("let one = 1", "let one = 11");
    assert_eq!(stage.suggested(Priority::Interactive).await.as_deref(), Some("    area(one, 2)"));
    assert_eq!(asked(), 2);
    task.abort();
}

#[tokio::test]
async fn a_change_ends_a_pending_request() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let engine = Engine::scripted(move |_| {
        let _ = wait.recv();
        String::new()
    });
    let mut stage = Stage::new(CALLS, engine);
    let task = tokio::spawn(prefetch(stage.next_edits.clone()));
    stage.edit("a: u8", "a: u8, b: u8");
    let (next_edits, document, cursor) = (stage.next_edits.clone(), stage.now(&stage.document), stage.cursor);
    let deadline = Instant::now() + Duration::from_secs(3600);
    let waiting = tokio::spawn(async move {
        suggest(&next_edits, &document, cursor, Priority::Interactive, deadline).await
    });
    until("the model to be asked", || !stage.next_edits.prefetched.is_idle()).await;
    stage.edit("    a\n", "    a + b\n");
    assert_eq!(waiting.await.expect("no panic"), None);
    drop(go);
    task.abort();
}

#[tokio::test]
async fn nothing_is_prefetched_for_a_client_without_requests() {
    let (engine, count) = adding();
    let mut stage = Stage::new(CALLS, engine);
    stage.edit("a: u8", "a: u8, b: u8");
    assert!(prefetched::what_waits(&stage.next_edits).await.is_none());
    stage.next_edits.prefetched.note_request();
    let waits = prefetched::what_waits(&stage.next_edits).await;
    assert!(waits.is_some(), "the first place is prefetched before the cursor is there");
    let mut settings = Settings::default();
    settings.completion.prefetch = false;
    stage.next_edits.workspace.replace_settings(settings);
    assert!(prefetched::what_waits(&stage.next_edits).await.is_none(), "nothing is prefetched");
    assert_eq!(*count.lock().expect("no panic"), 0);
}

#[tokio::test]
async fn a_use_is_prefetched_after_a_pause_and_the_next_one_after_accepting() {
    let text = "//- /a.rs\nfn area(a: u8) -> u8 {\n    a\n}\n\nfn g(one: u8) -> u8 {\n    $0area(one)\n}\n\nfn h(one: u8) {\n    area(one);\n}\n";
    let (engine, count) = adding();
    let mut stage = Stage::new(text, engine);
    stage.next_edits.prefetched.note_request();
    let mut news = stage.next_edits.prefetched.news();
    let task = tokio::spawn(prefetch(stage.next_edits.clone()));
    tokio::task::yield_now().await;
    stage.edit("a: u8", "a: u8, b: u8");
    news.changed().await.expect("it is written unasked");
    assert_eq!(stage.suggested(Priority::Background).await.as_deref(), Some("    area(one, 2)"));
    let start = stage.cursor;
    stage.splice(&stage.home.clone(), start..start + "area(one)".len(), "area(one, 2)");
    news.changed().await.expect("the next one is written unasked");
    let end = stage.now(&stage.home).text.to_string().find("area(one);").expect("the second use");
    stage.cursor = end;
    assert_eq!(stage.suggested(Priority::Background).await.as_deref(), Some("    area(one, 2);"));
    assert_eq!(*count.lock().expect("no panic"), 2);
    task.abort();
}
