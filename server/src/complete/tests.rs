//! The flow with an engine whose answers the test sends, and with a clock that only the test advances.

mod both;
mod joins;

use std::sync::Arc;
use std::time::Duration;

use phi_engine::Engine;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;
use crate::documents::{Change, DocumentId};
use crate::models::Models;
use crate::settings::Settings;
use crate::workspace::Workspace;

type Answered = Result<Option<Completion>, Superseded>;

/// An editor with one document, and an engine that the test controls.
struct Stage {
    completions: Completions,
    document: Arc<Document>,
    cursor: usize,
    /// The prompts that the engine gets.
    prompts: mpsc::UnboundedReceiver<String>,
    /// The answers of the engine, in order.
    answers: std::sync::mpsc::Sender<&'static str>,
    /// Holds a blocking task, so that the paused clock does not advance by itself while the runtime is idle.
    _frozen: std::sync::mpsc::Sender<()>,
}

impl Stage {
    /// A Rust document in which `$0` is the cursor.
    fn new(text: &str) -> Stage {
        Stage::with(text, Models::from)
    }

    /// The same with other models beside the engine.
    fn with(text: &str, models: impl FnOnce(Engine) -> Models) -> Stage {
        let (sent, prompts) = mpsc::unbounded_channel();
        let (answers, answer) = std::sync::mpsc::channel::<&str>();
        let engine = Engine::scripted(move |prompt| {
            // Either end is gone when the test is over.
            let _ = sent.send(prompt.to_owned());
            answer.recv().unwrap_or_default().to_owned()
        });
        let (frozen, thaw) = std::sync::mpsc::channel();
        tokio::task::spawn_blocking(move || thaw.recv());

        let completions =
            Completions::new(Workspace::new(Settings::default()), models(engine), Arc::default());
        let cursor = text.find("$0").expect("the text has a cursor");
        let id = DocumentId("file:///w/a.rs".into());
        let document =
            Document::open(id.clone(), Some("/w/a.rs".into()), "rust", 1, &text.replacen("$0", "", 1));
        completions.workspace.documents.open(document);
        let document = completions.workspace.documents.get(&id).expect("it was just opened");
        opened(&completions, &document);
        Stage { completions, document, cursor, prompts, answers, _frozen: frozen }
    }

    fn request(&self, trigger: Trigger) -> JoinHandle<Answered> {
        let request = CompletionRequest { document: self.document.clone(), cursor: self.cursor, trigger };
        let completions = self.completions.clone();
        tokio::spawn(async move { complete(&completions, request).await })
    }

    /// Sends a request and the engine's answer, and returns the shown text.
    async fn answered(&mut self, trigger: Trigger, answer: &'static str) -> Option<String> {
        self.answers.send(answer).expect("the engine runs");
        let shown = shown(self.request(trigger).await.expect("no panic"));
        self.prompts.recv().await.expect("the engine got a prompt");
        shown
    }

    /// Sends a request that must be answered without the engine.
    async fn ready(&mut self, trigger: Trigger) -> Option<String> {
        let shown = shown(self.request(trigger).await.expect("no panic"));
        assert!(self.prompts.try_recv().is_err(), "the engine got a prompt");
        shown
    }

    fn change(&mut self, range: std::ops::Range<usize>, text: &str) {
        let changes = [Change::Splice { range: range.clone(), text: text.to_owned() }];
        let version = self.document.version + 1;
        self.document = self
            .completions
            .workspace
            .documents
            .change(&self.document.id, version, &changes)
            .expect("it is open");
        self.cursor = range.start + text.len();
        changed(&self.completions, &self.document, &changes);
    }

    fn keys(&mut self, text: &str) {
        self.change(self.cursor..self.cursor, text);
    }

    fn backspace(&mut self) {
        self.change(self.cursor - 1..self.cursor, "");
    }
}

fn shown(answered: Answered) -> Option<String> {
    answered.expect("not superseded").map(|completion| completion.edit.new_text().to_owned())
}

/// Lets every task run until all of them wait.
async fn settle() {
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

const STATEMENT: &str = "fn f() {\n    let a = 1;\n    $0\n}\n";

#[tokio::test(start_paused = true)]
async fn a_cursor_becomes_a_verified_edit() {
    let mut stage = Stage::new(STATEMENT);
    let pending = stage.request(Trigger::Automatic);
    let prompt = stage.prompts.recv().await.expect("the engine got a prompt");
    assert!(prompt.ends_with("    let a = 1;\n    "), "{prompt}");
    stage.answers.send("let b = a + 1;\n    let c = 2;").expect("the engine runs");
    let completion = pending.await.expect("no panic").expect("not superseded").expect("a completion");
    assert_eq!(completion.edit.new_text(), "let b = a + 1;");
    assert_eq!((completion.edit.version(), completion.edit.range()), (1, stage.cursor..stage.cursor));
}

#[tokio::test(start_paused = true)]
async fn a_newer_request_supersedes_an_older_one_at_once() {
    let mut stage = Stage::new(STATEMENT);
    let older = stage.request(Trigger::Automatic);
    stage.prompts.recv().await.expect("the engine got a prompt");
    stage.cursor = 0;
    let newer = stage.request(Trigger::Automatic);
    assert_eq!(older.await.expect("no panic"), Err(Superseded), "while the engine still generates");
    stage.answers.send("for the older one").expect("the engine runs");
    stage.answers.send("pub fn f() {").expect("the engine runs");
    assert_eq!(shown(newer.await.expect("no panic")).as_deref(), Some("pub "));
}

#[tokio::test(start_paused = true)]
async fn a_change_supersedes_a_request_and_an_old_version_is_not_answered() {
    let mut stage = Stage::new(STATEMENT);
    let old = CompletionRequest {
        document: stage.document.clone(),
        cursor: stage.cursor,
        trigger: Trigger::Invoked,
    };
    let older = stage.request(Trigger::Automatic);
    stage.prompts.recv().await.expect("the engine got a prompt");
    stage.keys("x");
    assert_eq!(older.await.expect("no panic"), Err(Superseded));
    assert_eq!(complete(&stage.completions, old).await, Err(Superseded));
}

#[tokio::test(start_paused = true)]
async fn a_running_generation_is_kept_while_the_text_agrees() {
    let mut stage = Stage::new(STATEMENT);
    let first = stage.request(Trigger::Automatic);
    stage.prompts.recv().await.expect("the engine got a prompt");
    stage.keys("l");
    let second = stage.request(Trigger::Automatic);
    stage.keys("e");
    let third = stage.request(Trigger::Automatic);
    settle().await;
    stage.answers.send("let b = a + 1;").expect("the engine runs");
    assert_eq!(first.await.expect("no panic"), Err(Superseded));
    assert_eq!(second.await.expect("no panic"), Err(Superseded));
    assert_eq!(shown(third.await.expect("no panic")).as_deref(), Some("t b = a + 1;"));
    assert!(stage.prompts.try_recv().is_err(), "one generation has answered all");
}

#[tokio::test(start_paused = true)]
async fn a_running_generation_that_does_not_match_the_text_is_replaced() {
    let mut stage = Stage::new(STATEMENT);
    let first = stage.request(Trigger::Automatic);
    stage.prompts.recv().await.expect("the engine got a prompt");
    stage.keys("f");
    assert_eq!(first.await.expect("no panic"), Err(Superseded));
    let second = stage.request(Trigger::Invoked);
    settle().await;
    stage.answers.send("let b = a + 1;").expect("the engine runs");
    stage.answers.send("(a);").expect("the engine runs");
    let prompt = stage.prompts.recv().await.expect("the engine got a prompt");
    assert!(prompt.ends_with("    f"), "{prompt}");
    assert_eq!(shown(second.await.expect("no panic")).as_deref(), Some("(a);"));
}

#[tokio::test(start_paused = true)]
async fn a_suggestion_stays_valid_while_its_text_is_typed() {
    let mut stage = Stage::new(STATEMENT);
    assert_eq!(stage.answered(Trigger::Automatic, "let b = a + 1;").await.as_deref(), Some("let b = a + 1;"));
    stage.keys("l");
    assert_eq!(stage.ready(Trigger::Automatic).await.as_deref(), Some("et b = a + 1;"));
    // A word is accepted.
    stage.keys("et");
    assert_eq!(stage.ready(Trigger::Automatic).await.as_deref(), Some(" b = a + 1;"));
    // Far from the window nothing is invalidated; here everything is near, and an undo leads back.
    stage.backspace();
    assert_eq!(stage.ready(Trigger::Invoked).await.as_deref(), Some("t b = a + 1;"));
}

#[tokio::test(start_paused = true)]
async fn a_change_elsewhere_in_the_window_invalidates_an_answer() {
    let mut stage = Stage::new(STATEMENT);
    stage.answered(Trigger::Automatic, "let b = a + 1;").await;
    let at = stage.document.text.to_string().find("a = 1").expect("it is there");
    let cursor = stage.cursor;
    stage.change(at..at + 1, "z");
    stage.cursor = cursor;
    assert_eq!(stage.answered(Trigger::Automatic, "let b = z + 1;").await.as_deref(), Some("let b = z + 1;"));
    // Undone, the first answer is right again.
    stage.change(at..at + 1, "a");
    stage.cursor = cursor;
    assert_eq!(stage.ready(Trigger::Automatic).await.as_deref(), Some("let b = a + 1;"));
}

#[tokio::test(start_paused = true)]
async fn several_lines_of_a_suggestion_are_typed() {
    let mut stage = Stage::new("fn f(a: u32) -> u32 {\n    $0\n}\n");
    let all = "let b = a + 1;\n    let c = b * 2;\n    c";
    assert_eq!(stage.answered(Trigger::Automatic, all).await.as_deref(), Some(all));
    stage.keys("let b = a + 1;");
    assert_eq!(stage.ready(Trigger::Automatic).await.as_deref(), Some("\n    let c = b * 2;\n    c"));
    stage.keys("\n    let");
    assert_eq!(stage.ready(Trigger::Automatic).await.as_deref(), Some(" c = b * 2;\n    c"));
}

#[tokio::test(start_paused = true)]
async fn a_bracket_that_the_editor_closes_matches_the_suggestion() {
    let mut stage = Stage::new("fn f() {\n    let a = g$0;\n}\n");
    let pending = stage.request(Trigger::Invoked);
    stage.answers.send("(1, 2)").expect("the engine runs");
    assert_eq!(shown(pending.await.expect("no panic")).as_deref(), Some("(1, 2)"));
    stage.prompts.recv().await.expect("the engine got a prompt");
    stage.change(stage.cursor..stage.cursor, "()");
    stage.cursor -= 1;
    let completion = stage.request(Trigger::Automatic).await.expect("no panic").expect("not superseded");
    let edit = completion.expect("a completion").edit;
    let mut text = stage.document.text.to_string();
    text.replace_range(edit.range(), edit.new_text());
    assert_eq!(text, "fn f() {\n    let a = g(1, 2);\n}\n");
}

#[tokio::test(start_paused = true)]
async fn the_completion_after_an_accepted_one_is_prefetched() {
    let mut stage = Stage::new(STATEMENT);
    stage.answered(Trigger::Automatic, "let b = a + 1;").await;
    stage.keys("let b = a + 1;");
    let prompt = stage.prompts.recv().await.expect("the engine got a prompt");
    assert!(prompt.ends_with("    let b = a + 1;"), "{prompt}");
    // The request finds the running generation.
    let pending = stage.request(Trigger::Automatic);
    settle().await;
    stage.answers.send(" // one more").expect("the engine runs");
    assert_eq!(shown(pending.await.expect("no panic")).as_deref(), Some(" // one more"));
    assert!(stage.prompts.try_recv().is_err(), "one generation has answered");
}

#[tokio::test(start_paused = true)]
async fn the_accepted_command_prefetches_the_next_completion() {
    let mut stage = Stage::new(STATEMENT);
    stage.answered(Trigger::Automatic, "let b = a + 1;").await;
    accepted(&stage.completions, &stage.document.id);
    let prompt = stage.prompts.recv().await.expect("the engine got a prompt");
    assert!(prompt.ends_with("    let b = a + 1;"), "{prompt}");
    stage.answers.send(" // one more").expect("the engine runs");
    // The change itself comes later.
    stage.keys("let b = a + 1;");
    assert_eq!(stage.ready(Trigger::Automatic).await.as_deref(), Some(" // one more"));
}

/// The editor's cursor goes into the block, so the next completion is generated for that place.
#[tokio::test(start_paused = true)]
async fn the_completion_after_an_empty_block_is_prefetched_inside_it() {
    let mut stage = Stage::new(STATEMENT);
    stage.answered(Trigger::Automatic, "if a > 1 {").await;
    accepted(&stage.completions, &stage.document.id);
    let prompt = stage.prompts.recv().await.expect("the engine got a prompt");
    assert!(prompt.ends_with("    if a > 1 {\n        "), "{prompt}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_misses_the_deadline_is_ready_for_the_next_request() {
    for (trigger, budget) in [(Trigger::Automatic, 700), (Trigger::Menu, 50), (Trigger::Invoked, 10_000)] {
        let mut stage = Stage::new(STATEMENT);
        let pending = stage.request(trigger);
        stage.prompts.recv().await.expect("the engine got a prompt");
        tokio::time::advance(Duration::from_millis(budget - 1)).await;
        settle().await;
        assert!(!pending.is_finished(), "{trigger:?} has time left");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(shown(pending.await.expect("no panic")), None, "{trigger:?} is out of time");
        stage.answers.send("let b = a + 1;").expect("the engine runs");
        stage.keys("let");
        assert_eq!(stage.ready(Trigger::Automatic).await.as_deref(), Some(" b = a + 1;"), "{trigger:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_menu_and_an_inline_request_at_one_place_are_both_answered() {
    let mut stage = Stage::new(STATEMENT);
    let inline = stage.request(Trigger::Automatic);
    settle().await;
    let menu = stage.request(Trigger::Menu);
    settle().await;
    stage.answers.send("let b = a + 1;").expect("the engine runs");
    assert_eq!(shown(menu.await.expect("no panic")).as_deref(), Some("let b = a + 1;"));
    assert_eq!(shown(inline.await.expect("no panic")).as_deref(), Some("let b = a + 1;"));
    stage.prompts.recv().await.expect("the engine got a prompt");
    assert!(stage.prompts.try_recv().is_err(), "one generation has answered both");
}

#[tokio::test(start_paused = true)]
async fn after_a_deletion_only_an_invoked_request_is_answered() {
    let mut stage = Stage::new(STATEMENT);
    stage.keys("le");
    stage.backspace();
    assert_eq!(stage.ready(Trigger::Automatic).await, None);
    assert_eq!(stage.ready(Trigger::Menu).await, None);
    assert_eq!(stage.answered(Trigger::Invoked, "et b = 2;").await.as_deref(), Some("et b = 2;"));
}

#[tokio::test(start_paused = true)]
async fn inside_a_word_only_an_invoked_request_is_answered() {
    let mut stage = Stage::new("fn f() {\n    let val$0ue = 1;\n}\n");
    assert_eq!(stage.ready(Trigger::Automatic).await, None);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_answer_is_not_shown_and_not_generated_again() {
    for nonsense in ["", "\n\n", "```", "    ", "}"] {
        let mut stage = Stage::new(STATEMENT);
        assert_eq!(stage.answered(Trigger::Automatic, nonsense).await, None, "{nonsense:?}");
        assert_eq!(stage.ready(Trigger::Automatic).await, None, "{nonsense:?}");
        let again = stage.answered(Trigger::Invoked, "let b = 2;").await;
        assert_eq!(again.as_deref(), Some("let b = 2;"), "an invoked request tries again");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_debounced_while_the_user_types() {
    let mut stage = Stage::new(STATEMENT);
    stage.keys("le");
    let pending = stage.request(Trigger::Automatic);
    tokio::time::advance(Duration::from_millis(100)).await;
    settle().await;
    stage.keys("t");
    assert_eq!(pending.await.expect("no panic"), Err(Superseded));
    assert!(stage.prompts.try_recv().is_err(), "nothing was generated for a key that another one followed");
}

#[tokio::test(start_paused = true)]
async fn a_changed_engine_generates_a_new_answer() {
    let mut stage = Stage::new(STATEMENT);
    stage.answered(Trigger::Automatic, "let b = a + 1;").await;
    stage.completions.models.replace(Some(Engine::scripted(|_| "let other = 2;".to_owned())));
    let shown = shown(stage.request(Trigger::Automatic).await.expect("no panic"));
    assert_eq!(shown.as_deref(), Some("let other = 2;"));
}

#[tokio::test(start_paused = true)]
async fn a_closed_document_leaves_no_state() {
    let mut stage = Stage::new(STATEMENT);
    stage.answered(Trigger::Automatic, "let b = a + 1;").await;
    assert!(stage.completions.usage(&stage.document.id).is_some());
    stage.cursor = 0;
    let pending = stage.request(Trigger::Invoked);
    stage.prompts.recv().await.expect("the engine got a prompt");
    closed(&stage.completions, &stage.document);
    assert_eq!(pending.await.expect("no panic"), Err(Superseded));
    assert_eq!(stage.completions.usage(&stage.document.id), None);
}

/// Opens a Rust file below `/w` as an editor would.
fn open(completions: &Completions, name: &str, text: &str) -> Arc<Document> {
    let id = DocumentId(format!("file:///w/{name}").into());
    let path = format!("/w/{name}").into();
    completions.workspace.documents.open(Document::open(id.clone(), Some(path), "rust", 1, text));
    let document = completions.workspace.documents.get(&id).expect("it was just opened");
    opened(completions, &document);
    document
}

/// The model that needs no download continues from what open documents say, without a pause.
#[tokio::test]
async fn the_ngram_model_answers_from_open_documents() {
    let completions =
        Completions::new(Workspace::new(Settings::default()), Models::default(), Arc::default());
    let lines = "    let pool = Pool::connect(settings.database())?;\n    \
                 let connection = pool.acquire_with_timeout(Duration::from_secs(30))?;\n";
    open(
        &completions,
        "known.rs",
        &format!("fn a() {{\n{lines}    use_it();\n}}\n\nfn b() {{\n{lines}    drop_it();\n}}\n"),
    );
    let text = format!("fn c() {{\n{}", &lines[..lines.find("acquire").expect("it is there")]);
    let document = open(&completions, "new.rs", &format!("{text}\n}}\n"));
    let request = CompletionRequest { document, cursor: text.len(), trigger: Trigger::Automatic };
    let shown = shown(complete(&completions, request).await);
    assert_eq!(shown.as_deref(), Some("acquire_with_timeout(Duration::from_secs(30))?;"));
}

/// The client has not reported the ignore file yet.
#[tokio::test]
async fn a_document_is_withheld_from_the_moment_an_ignore_file_excludes_it() {
    let root = tempfile::tempdir().expect("a folder");
    let workspace = Workspace::new(Settings::default());
    workspace.set_folders(&[root.path().to_owned()]);
    let completions = Completions::new(workspace, Models::default(), Arc::default());
    let lines = "    let pool = Pool::connect(settings.database())?;\n    pool.acquire()?;\n";
    let known = format!("fn a() {{\n{lines}}}\n\nfn b() {{\n{lines}}}\n\n");
    let text = format!("{known}fn c() {{\n    let pool = Pool::");
    let id = DocumentId("file:///w/new.rs".into());
    let path = Some(root.path().join("new.rs"));
    completions.workspace.documents.open(Document::open(id.clone(), path, "rust", 1, &text));
    let document = completions.workspace.documents.get(&id).expect("it was just opened");
    opened(&completions, &document);
    let ask = || {
        let (document, cursor) = (document.clone(), text.len());
        complete(&completions, CompletionRequest { document, cursor, trigger: Trigger::Invoked })
    };
    assert!(shown(ask().await).is_some_and(|text| text.starts_with("connect(")));
    std::fs::write(root.path().join(".gitignore"), "new.rs\n").expect("written");
    assert_eq!(shown(ask().await), None);
    std::fs::write(root.path().join(".gitignore"), "other.rs\n").expect("written");
    assert!(shown(ask().await).is_some());
}

#[tokio::test]
async fn an_ngram_suggestion_grows_when_sources_are_added() {
    let completions =
        Completions::new(Workspace::new(Settings::default()), Models::default(), Arc::default());
    let body = |end: &str| {
        format!("    let pool = acquire(limits)?;\n    let shape = shape.validate(){end};\n    drop(pool);\n")
    };
    let (long, short) = (body(".map_err(Shape::Invalid)"), body(".unwrap()"));
    for (name, body) in [("a.rs", &long), ("b.rs", &short)] {
        open(&completions, name, &format!("fn a() {{\n{body}}}\n"));
    }
    let typed = format!("fn c() {{\n{}", &long[..long.find(".validate").expect("it is there")]);
    let document = open(&completions, "c.rs", &typed);
    let ask = |document: &Arc<Document>| {
        let cursor = document.text.len_bytes();
        complete(
            &completions,
            CompletionRequest { document: document.clone(), cursor, trigger: Trigger::Automatic },
        )
    };
    assert_eq!(shown(ask(&document).await).as_deref(), Some(".validate()."), "as far as both agree");

    for name in ["d.rs", "e.rs", "f.rs", "g.rs"] {
        open(&completions, name, &format!("fn a() {{\n{long}}}\n"));
    }
    let change = Change::Splice { range: typed.len()..typed.len(), text: ".val".to_owned() };
    let document =
        completions.workspace.documents.change(&document.id, 2, std::slice::from_ref(&change)).expect("open");
    changed(&completions, &document, &[change]);
    let grown = shown(ask(&document).await);
    assert_eq!(grown.as_deref(), Some("idate().map_err(Shape::Invalid);"));
}

/// An answer that no longer matched is generated again, with the sources that the model has by then.
#[tokio::test]
async fn an_ngram_suggestion_is_generated_again_when_text_is_typed_again() {
    let completions =
        Completions::new(Workspace::new(Settings::default()), Models::default(), Arc::default());
    let body = |end: &str| {
        format!("    let pool = acquire(limits)?;\n    let shape = shape.{end};\n    drop(pool);\n")
    };
    let (old, new) = (body("validate()"), body("checked()"));
    for name in ["a.rs", "b.rs"] {
        open(&completions, name, &format!("fn a() {{\n{old}}}\n"));
    }
    let typed = format!("fn c() {{\n{}", &old[..old.find("validate").expect("it is there")]);
    let mut document = open(&completions, "c.rs", &typed);
    let ask = |document: &Arc<Document>| {
        let cursor = document.text.len_bytes();
        complete(
            &completions,
            CompletionRequest { document: document.clone(), cursor, trigger: Trigger::Invoked },
        )
    };
    assert_eq!(shown(ask(&document).await).as_deref(), Some("validate();"));

    for name in ["a.rs", "b.rs"] {
        open(&completions, name, &format!("fn a() {{\n{new}}}\n"));
    }
    let last = typed.len() - 1..typed.len();
    for (range, text) in [(last.clone(), ""), (last.start..last.start, ".")] {
        let change = Change::Splice { range, text: text.to_owned() };
        let version = document.version + 1;
        document = completions
            .workspace
            .documents
            .change(&document.id, version, std::slice::from_ref(&change))
            .expect("open");
        changed(&completions, &document, &[change]);
    }
    assert_eq!(shown(ask(&document).await).as_deref(), Some("checked();"));
}

/// No byte of a file with secrets reaches a prompt: neither its own nor another document's.
#[tokio::test(start_paused = true)]
async fn no_prompt_contains_a_secret() {
    let mut stage = Stage::new(STATEMENT);
    let id = DocumentId("file:///w/.env".into());
    let text = "let a = 1; let b = \"hunter2\";\n";
    stage.completions.workspace.documents.open(Document::open(
        id.clone(),
        Some("/w/.env".into()),
        "plaintext",
        1,
        text,
    ));
    let document = stage.completions.workspace.documents.get(&id).expect("it was just opened");
    opened(&stage.completions, &document);
    let request = CompletionRequest { document, cursor: text.len(), trigger: Trigger::Invoked };
    assert_eq!(complete(&stage.completions, request).await, Ok(None));

    stage.answers.send("let b = 2;").expect("the engine runs");
    stage.request(Trigger::Invoked).await.expect("no panic").expect("not superseded");
    let prompt = stage.prompts.recv().await.expect("the engine got a prompt");
    assert!(!prompt.contains("hunter2"), "{prompt}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_generation_gives_no_answer_and_is_tried_again() {
    let mut failed = false;
    let engine = Engine::scripted(move |_| {
        if std::mem::replace(&mut failed, true) { "let b = 2;".to_owned() } else { panic!("out of memory") }
    });
    let stage = Stage::new(STATEMENT);
    stage.completions.models.replace(Some(engine));
    assert_eq!(shown(stage.request(Trigger::Automatic).await.expect("no panic")), None);
    assert_eq!(
        shown(stage.request(Trigger::Automatic).await.expect("no panic")).as_deref(),
        Some("let b = 2;")
    );
}

#[tokio::test(start_paused = true)]
async fn the_current_settings_limit_the_answer() {
    let mut stage = Stage::new(STATEMENT);
    let mut settings = Settings::default();
    settings.completion.budget_ms = 100;
    stage.completions.workspace.replace_settings(settings.clone());
    let pending = stage.request(Trigger::Automatic);
    stage.prompts.recv().await.expect("the engine got a prompt");
    tokio::time::advance(Duration::from_millis(100)).await;
    assert_eq!(shown(pending.await.expect("no panic")), None);

    settings.completion.enabled = false;
    stage.completions.workspace.replace_settings(settings);
    stage.answers.send("let b = 2;").expect("the engine runs");
    assert_eq!(stage.ready(Trigger::Invoked).await, None);
}
