//! `phi-ls.refactor`: planned, pruned, run with progress, cancelled and resumed, previewed or applied by the client, whose report
//! is verified.

use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};

use expect_test::{Expect, expect};
use phi_engine::Engine;
use phi_ls::assistant::Assistant;
use phi_ls::refactor::running::Running;
use phi_ls::settings::Settings;
use phi_ls::user_dirs::UserDirs;
use phi_tests::client::{Client, ResponseError};
use serde_json::{Value, json};

/// A workspace of three files, and a client that has one of them open.
struct Session {
    folder: tempfile::TempDir,
    client: Client,
    /// The engine gives one answer for each signal, and reports the item of each prompt.
    go: Sender<()>,
    prompts: Receiver<String>,
}

const SHAPE: &str = "pub fn area(w: u32) -> u32 {\n    w * w\n}\n";
const DRAW: &str = "use crate::shape::area;\n\npub fn draw() {\n    show(area(2));\n}\n";
const MAIN: &str = "fn main() {\n    shape::area(1);\n}\n";

impl Session {
    async fn new(annotations: bool) -> Session {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("w");
        fs::create_dir(&root).expect("a folder");
        for (name, text) in [("shape.rs", SHAPE), ("draw.rs", DRAW), ("main.rs", MAIN)] {
            fs::write(root.join(name), text).expect("a file");
        }
        let (go, wait) = channel();
        let (tell, prompts) = channel();
        let engine = Engine::scripted(move |prompt| {
            let (_, rest) = prompt.rsplit_once("The item:\n```rust\n").expect("an item");
            let item = rest.split("\n```").next().unwrap_or_default();
            let _ = tell.send(item.to_owned());
            let _ = wait.recv();
            item.replace("area", "surface")
        });
        let dirs = UserDirs { engine: Some(engine), ..UserDirs::below(folder.path()) };
        let assistant = Assistant::start(Settings::default(), dirs, &[root]);
        assistant.settled().await;
        let mut client = Client::in_process(assistant);
        let edit = match annotations {
            true => json!({"documentChanges": true, "changeAnnotationSupport": {}}),
            false => json!({"documentChanges": true}),
        };
        let window = json!({"workDoneProgress": true});
        client.initialize(json!({"workspace": {"workspaceEdit": edit}, "window": window})).await;
        let mut session = Session { folder, client, go, prompts };
        let uri = session.uri("main.rs");
        session.client.open(&uri, "rust", MAIN).await;
        session
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}/w/{name}", self.folder.path().display())
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join("w").join(name), text).expect("written");
    }

    async fn command(&mut self, argument: Value) -> Result<Value, ResponseError> {
        self.client.execute("phi-ls.refactor", json!([argument])).await
    }

    /// Sends the command, and returns the request's id.
    async fn begin(&mut self, argument: Value) -> i64 {
        self.client.begin("phi-ls.refactor", json!([argument])).await
    }

    async fn plan(&mut self) -> Value {
        let order = json!({"instruction": "Rename `area` to `surface`.", "symbol": "area"});
        self.command(json!({"plan": order})).await.expect("a plan")
    }

    /// Runs a plan and lets the engine answer all its prompts.
    async fn run(&mut self, mut argument: Value, plan: Value) -> Result<Value, ResponseError> {
        for _ in 0..plan["sites"].as_array().expect("sites").len() {
            self.go.send(()).expect("the engine waits");
        }
        argument["run"] = plan;
        self.command(argument).await
    }

    /// The value without text that differs between machines.
    fn plain(&self, value: &Value) -> String {
        let mut value = value.clone();
        if let Some(text) = value["text"].as_str() {
            let text = text.split_once('\n').map_or(text, |(_, rest)| rest);
            value = json!(text);
        }
        let text = value.as_str().map_or_else(|| format!("{value:#}"), str::to_owned);
        text.replace(&self.folder.path().display().to_string(), "")
    }
}

fn names(plan: &Value) -> Vec<&str> {
    plan["sites"].as_array().expect("sites").iter().filter_map(|site| site["name"].as_str()).collect()
}

/// Ignores trailing spaces, which empty lines of a diff have.
fn check(actual: String, expected: Expect) {
    let lines = actual.trim_end().lines().map(|line| line.trim_end().to_owned() + "\n");
    expected.assert_eq(&lines.collect::<String>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pruned_plan_becomes_one_edit_that_the_client_confirms() {
    let mut session = Session::new(true).await;
    let mut plan = session.plan().await;
    assert_eq!(names(&plan), ["area", "use crate::shape::area;", "draw", "main"]);
    plan["sites"].as_array_mut().expect("sites").remove(2);
    let main = session.uri("main.rs");
    session.client.reply("workspace/applyEdit", json!({"applied": true}));
    for _ in 0..3 {
        session.go.send(()).expect("the engine waits");
    }
    let id = session.begin(json!({"run": plan})).await;
    let edit = session.client.notification("workspace/applyEdit").await;
    check(
        session.plain(&edit),
        expect![[r#"
        {
          "edit": {
            "changeAnnotations": {
              "/w/draw.rs": {
                "description": "draw.rs",
                "label": "phi-ls.refactor: Rename `area` to `surface`.",
                "needsConfirmation": true
              },
              "/w/main.rs": {
                "description": "main.rs",
                "label": "phi-ls.refactor: Rename `area` to `surface`.",
                "needsConfirmation": true
              },
              "/w/shape.rs": {
                "description": "shape.rs",
                "label": "phi-ls.refactor: Rename `area` to `surface`.",
                "needsConfirmation": true
              }
            },
            "documentChanges": [
              {
                "edits": [
                  {
                    "annotationId": "/w/draw.rs",
                    "newText": "use crate::shape::surface;\n",
                    "range": {
                      "end": {
                        "character": 0,
                        "line": 1
                      },
                      "start": {
                        "character": 0,
                        "line": 0
                      }
                    }
                  }
                ],
                "textDocument": {
                  "uri": "file:///w/draw.rs",
                  "version": null
                }
              },
              {
                "edits": [
                  {
                    "annotationId": "/w/main.rs",
                    "newText": "    shape::surface(1);\n",
                    "range": {
                      "end": {
                        "character": 0,
                        "line": 2
                      },
                      "start": {
                        "character": 0,
                        "line": 1
                      }
                    }
                  }
                ],
                "textDocument": {
                  "uri": "file:///w/main.rs",
                  "version": 1
                }
              },
              {
                "edits": [
                  {
                    "annotationId": "/w/shape.rs",
                    "newText": "pub fn surface(w: u32) -> u32 {\n",
                    "range": {
                      "end": {
                        "character": 0,
                        "line": 1
                      },
                      "start": {
                        "character": 0,
                        "line": 0
                      }
                    }
                  }
                ],
                "textDocument": {
                  "uri": "file:///w/shape.rs",
                  "version": null
                }
              }
            ]
          },
          "label": "phi-ls.refactor: Rename `area` to `surface`."
        }
    "#]],
    );
    // One file is open, one is written by the client, and one it leaves as it is.
    session.client.change(&main, 2, &[([1, 11, 1, 15], "surface")]).await;
    session.write("draw.rs", &DRAW.replace("::area", "::surface"));
    let done = session.client.answer(id).await.expect("done");
    check(
        session.plain(&done),
        expect![[r#"
        Changed:
          shape.rs:1 area
          draw.rs:1 use crate::shape::area;
          main.rs:1 main
        Written:
          draw.rs
          main.rs
        Skipped:
          shape.rs: it could not be written: the editor did not change it
    "#]],
    );
    session.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_cannot_preview_gets_hunks_and_names_those_to_be_applied() {
    let mut session = Session::new(false).await;
    let plan = session.plan().await;
    let preview = session.run(json!({}), plan).await.expect("a preview");
    check(
        session.plain(&preview["diff"]),
        expect![[r#"
            --- a/draw.rs
            +++ b/draw.rs
            @@ -1,5 +1,5 @@
            -use crate::shape::area;
            +use crate::shape::surface;
 
             pub fn draw() {
            -    show(area(2));
            +    show(surface(2));
             }
            --- a/main.rs
            +++ b/main.rs
            @@ -1,3 +1,3 @@
             fn main() {
            -    shape::area(1);
            +    shape::surface(1);
             }
            --- a/shape.rs
            +++ b/shape.rs
            @@ -1,3 +1,3 @@
            -pub fn area(w: u32) -> u32 {
            +pub fn surface(w: u32) -> u32 {
                 w * w
             }
        "#]],
    );
    let hunks: Vec<_> = preview["hunks"].as_array().expect("hunks").iter().collect();
    assert_eq!(hunks.len(), 3);
    // One of the files changes while the user looks at the preview.
    session.write("draw.rs", "// Another one.\n");
    session.client.reply("workspace/applyEdit", json!({"applied": true}));
    let id = session.begin(json!({"apply": preview["id"], "hunks": [0, 1]})).await;
    let edit = session.client.notification("workspace/applyEdit").await;
    check(
        session.plain(&edit),
        expect![[r#"
        {
          "edit": {
            "documentChanges": [
              {
                "edits": [
                  {
                    "newText": "    shape::surface(1);\n",
                    "range": {
                      "end": {
                        "character": 0,
                        "line": 2
                      },
                      "start": {
                        "character": 0,
                        "line": 1
                      }
                    }
                  }
                ],
                "textDocument": {
                  "uri": "file:///w/main.rs",
                  "version": 1
                }
              }
            ]
          },
          "label": "phi-ls.refactor: Rename `area` to `surface`."
        }
    "#]],
    );
    let main = session.uri("main.rs");
    session.client.change(&main, 2, &[([1, 11, 1, 15], "surface")]).await;
    let done = session.client.answer(id).await.expect("done");
    check(
        session.plain(&done),
        expect![[r#"
        Changed:
          shape.rs:1 area
          draw.rs:1 use crate::shape::area;
          draw.rs:3 draw
          main.rs:1 main
        Written:
          main.rs
        Skipped:
          draw.rs: it has changed since; run the refactoring again for it
    "#]],
    );
    let again = session.command(json!({"apply": preview["id"]})).await.expect_err("it was applied");
    assert!(again.message.ends_with("no longer exists"), "{}", again.message);
    session.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_finished_before_a_cancel_are_not_generated_again() {
    let mut session = Session::new(false).await;
    let plan = session.plan().await;
    let id = session.begin(json!({"run": plan})).await;
    let begun = session.client.notification("$/progress").await;
    assert_eq!(begun["value"]["cancellable"], true);
    session.go.send(()).expect("the engine waits");
    session.go.send(()).expect("the engine waits");
    let prompts: Vec<_> = (0..3).map(|_| session.prompts.recv().expect("a prompt")).collect();
    assert!(prompts[2].starts_with("pub fn draw"), "{prompts:?}");
    session.client.notify("window/workDoneProgress/cancel", json!({"token": begun["token"]})).await;
    let cancelled = session.client.answer(id).await.expect_err("cancelled");
    assert_eq!(cancelled.code, -32800);
    // The answer that was on its way, then the two that are left.
    (0..3).for_each(|_| session.go.send(()).expect("the engine waits"));
    let preview = session.command(json!({"resume": true})).await.expect("a preview");
    check(
        session.plain(&preview),
        expect![[r#"
        Changed:
          shape.rs:1 area (resumed)
          draw.rs:1 use crate::shape::area; (resumed)
          draw.rs:3 draw
          main.rs:1 main
    "#]],
    );
    let again: Vec<_> = session.prompts.try_iter().collect();
    assert_eq!(again.len(), 2, "{again:?}");
    session.client.shutdown().await;
}

const RUNS: &str = "phi-ls: another refactoring of this repository runs; wait for it or end it";

#[tokio::test(flavor = "multi_thread")]
async fn a_second_refactoring_that_would_write_is_refused() {
    let mut session = Session::new(true).await;
    let plan = session.plan().await;
    let first = session.begin(json!({"run": plan})).await;
    session.prompts.recv().expect("the first one is at it");
    for second in [json!({"run": plan}), json!({"resume": true}), json!({"apply": "x"})] {
        let refused = session.command(second.clone()).await.expect_err("another runs");
        assert_eq!(refused.message, RUNS, "{second}");
    }
    // What writes nothing is not kept from it, and answers once the engine has answered both.
    (0..4).for_each(|_| session.go.send(()).expect("the engine waits"));
    session.client.reply("workspace/applyEdit", json!({"applied": false}));
    session.client.answer(first).await.expect("the first one ends");
    let preview = session.run(json!({"preview": true}), plan).await.expect("a preview");
    assert!(session.command(json!({"apply": preview["id"], "hunks": []})).await.is_ok());
    session.client.shutdown().await;
}

/// The command line's runs and an editor's know of each other.
#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_kept_while_another_process_refactors() {
    let mut session = Session::new(false).await;
    let plan = session.plan().await;
    let root = session.folder.path().join("w");
    let journals = UserDirs::below(session.folder.path()).journals.expect("a folder of the journals");
    let other = Running::begin(&journals, &[root]).expect("no other refactoring runs");
    let preview = session.run(json!({}), plan.clone()).await.expect("it writes nothing");
    let refused = session.run(json!({"preview": false}), plan).await.expect_err("it would write");
    assert_eq!(refused.message, RUNS);
    let apply = json!({"apply": preview["id"], "hunks": []});
    assert_eq!(session.command(apply.clone()).await.expect_err("it would write").message, RUNS);
    drop(other);
    session.command(apply).await.expect("it is kept");
    session.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_requests_are_refused_with_a_reason() {
    let mut session = Session::new(true).await;
    let expected = "phi-ls.refactor takes an object with one of `plan`, `run`, `resume`, `apply`";
    let command = async |client: &mut Client, arguments: Value| {
        client.execute("phi-ls.refactor", arguments).await.expect_err("refused").message
    };
    for wrong in
        [json!([]), json!([{}]), json!(["x"]), json!([{"resume": true, "apply": "x"}]), json!([{"extra": 1}])]
    {
        let message = command(&mut session.client, wrong.clone()).await;
        assert!(message.starts_with(expected), "{wrong}: {message}");
    }
    let mut message = async |argument| command(&mut session.client, json!([argument])).await;
    assert_eq!(
        message(json!({"resume": true})).await,
        "phi-ls: there is no unfinished refactoring of these folders"
    );
    assert_eq!(message(json!({"apply": "x"})).await, "phi-ls: preview x no longer exists");
    assert_eq!(
        message(json!({"run": {"order": {}, "sites": []}})).await,
        "phi-ls: the plan has no sites left"
    );
    let nothing = json!({"plan": {"instruction": "Rename it.", "symbol": "nothing"}});
    assert_eq!(message(nothing).await, "phi-ls: nothing is called `nothing` in the files that may be read");
    session.client.shutdown().await;
}

/// Fails where `area` is used and not defined.
#[cfg(unix)]
const CHECK: [&str; 3] = [
    "sh",
    "-c",
    "grep -q 'fn area' shape.rs && exit 0
     grep -n 'area(' draw.rs main.rs | sed 's/:\\([0-9]*\\):.*/:\\1: error: no area/' > found
     cat found
     test ! -s found",
];

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_check_of_the_users_settings_runs_and_its_errors_are_repaired() {
    let mut session = Session::new(true).await;
    // Nobody can tell what a repository would have run.
    let taken = session.folder.path().join("taken");
    session.write("phi-ls.toml", &format!("[refactor]\ncheck = [\"touch\", \"{}\"]\n", taken.display()));
    let settings = async |session: &mut Session, settings: Value| {
        session.client.configure(settings).await;
        let warning = session.client.notification("window/showMessage").await;
        let message = warning["message"].as_str().expect("a text").to_owned();
        assert!(
            message.contains("`refactor.check` is ignored here: set it in your own settings"),
            "{message}"
        );
    };
    settings(&mut session, json!({})).await;
    assert_eq!(session.plan().await["order"]["check"], Value::Null);
    // One complaint is enough: what is wrong is the same.
    session.client.configure(json!({"refactor": {"check": CHECK}})).await;
    let mut plan = session.plan().await;
    while plan["order"]["check"].is_null() {
        plan = session.plan().await;
    }
    assert_eq!(plan["order"]["check"], json!(CHECK));
    let none = json!({"instruction": "Rename `area` to `surface`.", "symbol": "area", "check": []});
    let none = session.command(json!({"plan": none})).await.expect("a plan");
    assert_eq!(none["order"]["check"], Value::Null, "an order can do without");

    // The definition and one of its users are left.
    let sites = plan["sites"].as_array_mut().expect("sites");
    sites
        .retain(|site| ["area", "use crate::shape::area;"].contains(&site["name"].as_str().expect("a name")));
    // Two sites, and two users that the check finds.
    (0..4).for_each(|_| session.go.send(()).expect("the engine waits"));
    session.client.reply("workspace/applyEdit", json!({"applied": false}));
    let id = session.begin(json!({"run": plan})).await;
    let edit = session.client.notification("workspace/applyEdit").await;
    let annotations = edit["edit"]["changeAnnotations"].as_object().expect("annotations");
    let said: Vec<_> = annotations.values().map(|one| one["description"].as_str().expect("a text")).collect();
    let passes = format!(": `{}` passes after a round of repairs", CHECK.join(" "));
    assert_eq!(said, ["draw.rs", "main.rs", "shape.rs"].map(|file| file.to_owned() + &passes));
    let done = session.client.answer(id).await.expect("done");
    let check = &done["report"]["check"];
    assert_eq!((&check["passed"], &check["repairs"]), (&json!(true), &json!(1)), "{done:#}");
    assert!(!taken.exists());
    session.client.shutdown().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn check_errors_are_listed_by_file() {
    let mut session = Session::new(true).await;
    let check = json!([
        "sh",
        "-c",
        "if grep -q surface shape.rs; then echo 'draw.rs:1: error: no surface'; exit 1; fi"
    ]);
    let order = json!({"instruction": "Rename `area` to `surface`.", "symbol": "area", "check": check});
    let mut plan = session.command(json!({"plan": order})).await.expect("a plan");
    plan["sites"].as_array_mut().expect("sites").truncate(2);
    (0..5).for_each(|_| session.go.send(()).expect("the engine waits"));
    session.client.reply("workspace/applyEdit", json!({"applied": false}));
    let id = session.begin(json!({"run": plan})).await;
    let edit = session.client.notification("workspace/applyEdit").await;
    let annotations = edit["edit"]["changeAnnotations"].as_object().expect("annotations");
    let said: Vec<_> = annotations.values().map(|one| one["description"].as_str().expect("a text")).collect();
    let warning = session.client.notification("window/showMessage").await;
    let warning = warning["message"].as_str().expect("a text");
    assert!(warning.starts_with("phi-ls: `sh -c ") && warning.ends_with("` fails"), "{warning}");
    assert!(
        said[0].starts_with("draw.rs: `sh -c ") && said[0].ends_with("fails; line 1: error: no surface"),
        "{said:?}"
    );
    assert!(said[1].starts_with("shape.rs: `sh -c ") && said[1].ends_with("fails"), "{said:?}");
    session.client.answer(id).await.expect("done");
    session.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_cannot_write_outside_the_workspace() {
    let mut session = Session::new(true).await;
    let outside = session.folder.path().join("outside.rs");
    fs::write(&outside, SHAPE).expect("a file");
    session.write(".env", "TOKEN=1\n");
    let mut plan = session.plan().await;
    for site in plan["sites"].as_array_mut().expect("sites").iter_mut().take(2) {
        site["path"] = json!(outside);
    }
    plan["sites"][1]["path"] = json!(session.folder.path().join("w/../outside.rs"));
    plan["sites"][2]["path"] = json!(session.folder.path().join("w/.env"));
    plan["sites"].as_array_mut().expect("sites").truncate(3);
    let done = session.run(json!({}), plan).await.expect("done");
    check(
        session.plain(&done),
        expect![[r#"
        Refused:
          /outside.rs:1 area: it is outside of the workspace
          ../outside.rs:1 use crate::shape::area;: it is outside of the workspace
          .env:3 draw: files like `.env` may hold secrets
    "#]],
    );
    assert!(session.prompts.try_recv().is_err(), "the model has seen nothing of it");
    session.client.shutdown().await;
}
