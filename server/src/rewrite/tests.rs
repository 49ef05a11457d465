//! The whole flow with scripted answers. Golden files: `golden/LANGUAGE.txt` contains cases of the form
//! ```text
//! === what the case shows
//! text of the document, with $0 for the cursor, or a selection between $0 and $1
//! --- ask
//! the instruction
//! --- model
//! the model's answer; a second section is its answer when it is asked again
//! --- document
//! the document with the new item in it, between ⟦ and ⟧; or `refused: ` and why
//! ```
//! A heading may begin with `crlf` (the document's lines end with CR LF). `--- ask` has options: `nothing`, `some`,
//! `much` may be deleted, `alone`: no items may be added, `imports`: imports may be, `touch`: the cursor's line must
//! change; the default is that of an instruction in a user's own words. The edit's deletions are above a document.
//! `␀`, `␛`, `␍` are the characters they depict; `⟲` repeats the line for ever.
//! `UPDATE_EXPECT=1 cargo test` writes the results into the files; read the difference before you commit it.

mod any_answer;
#[cfg(unix)] // Elsewhere no file can have such a name.
mod injections;

use std::collections::VecDeque;
use std::sync::Mutex;

use expect_test::expect_file;
use phi_engine::Engine;

use super::target::{Target, at};
use super::*;
use crate::documents::DocumentId;
use crate::settings::Settings;

/// Visible marks in golden files for invisible text.
const MARKS: [(char, &str); 5] =
    [('␀', "\0"), ('␛', "\u{1b}"), ('␍', "\r"), ('⍰', "\u{feff}"), ('⇋', "\u{202e}")];

/// An engine that gives these answers in turn, and nothing after the last.
fn engine(answers: Vec<String>) -> Engine {
    scripted(answers).0
}

/// The same, and the prompts that the model receives.
fn scripted(answers: Vec<String>) -> (Engine, Arc<Mutex<Vec<String>>>) {
    let answers = Mutex::new(VecDeque::from(answers));
    let prompts = Arc::new(Mutex::new(Vec::new()));
    let seen = prompts.clone();
    let engine = Engine::scripted(move |prompt| {
        seen.lock().expect("no panic").push(prompt.to_owned());
        answers.lock().expect("no panic").pop_front().unwrap_or_default()
    });
    (engine, prompts)
}

/// The reason that the model receives for its refused answer.
fn told(prompt: &str) -> Option<&str> {
    let (_, told) = prompt.rsplit_once("This cannot be used: ")?;
    told.split_once(" Write the whole item again").map(|(told, _)| told)
}

fn ask(document: Document, target: Target, instruction: &str) -> RewriteRequest {
    RewriteRequest {
        document: Arc::new(document),
        target,
        instruction: instruction.to_owned(),
        material: None,
        related: Vec::new(),
        may_delete: DeletionAllowance::Some,
        may_add_items: true,
        may_add_imports: false,
        must_touch: None,
        priority: Priority::Interactive,
    }
}

/// The case with its last section replaced.
async fn replay(language: &str, case: &str) -> String {
    let mut sections = case.split("\n--- ");
    let (name, text) = sections.next().and_then(|head| head.split_once('\n')).expect("a case has a document");
    let mut section = || sections.next().map(|section| section.split_once('\n').unwrap_or((section, "")));
    let (asked, instruction) = section().filter(|(head, _)| head.starts_with("ask")).expect("a case asks");
    let mut answers = Vec::new();
    while let Some(("model", said)) = section() {
        let endless = |line: &str| match line.strip_suffix('⟲') {
            Some(line) => vec![line; 4000].join("\n"),
            None => match line.strip_suffix('⥁') {
                Some(line) => line.to_owned() + &(0..4000).map(|n| format!("\n{n}")).collect::<String>(),
                None => line.to_owned(),
            },
        };
        let said = said.lines().map(endless).collect::<Vec<_>>().join("\n");
        answers.push(MARKS.iter().fold(said, |said, (mark, meant)| said.replace(*mark, meant)));
    }
    let input = &case[..case.rfind("\n--- document").expect("a case has a result")];

    let crlf = name.starts_with("crlf");
    let text = MARKS.iter().fold(text.to_owned(), |text, (mark, meant)| text.replace(*mark, meant));
    let text = if crlf { text.replace('\n', "\r\n") } else { text };
    let start = text.find("$0").expect("a document has a cursor");
    let without = text.replacen("$0", "", 1);
    let end = without.find("$1").unwrap_or(start);
    let plain = without.replacen("$1", "", 1);
    let document = Document::open(DocumentId("file:///golden".into()), None, language, 1, &plain);
    let line = document.text.byte_to_line(start);
    let result = match at(&document, start..end) {
        None => "no item".to_owned(),
        Some(target) => {
            let mut ask = ask(document, target, instruction);
            for word in asked.split_whitespace().skip(1) {
                match word {
                    "nothing" => ask.may_delete = DeletionAllowance::Nothing,
                    "some" => ask.may_delete = DeletionAllowance::Some,
                    "much" => ask.may_delete = DeletionAllowance::Much,
                    "alone" => ask.may_add_items = false,
                    "imports" => ask.may_add_imports = true,
                    "touch" => ask.must_touch = Some(line..line + 1),
                    word => panic!("{word} is nothing that can be asked for"),
                }
            }
            let (engine, prompts) = scripted(answers);
            let rewritten =
                rewrite(&Workspace::new(Settings::default()), &engine.into(), &ask, &|_| {}).await;
            let prompts = prompts.lock().expect("no panic");
            let told = prompts.last().and_then(|prompt| told(prompt));
            let told = told.map(|told| format!("told: {told}\n")).unwrap_or_default();
            told + &match rewritten {
                Err(refused) => format!("refused: {refused}"),
                Ok(Rewritten { edit, import, .. }) => {
                    let (head, tail) = (&plain[..edit.range().start], &plain[edit.range().end..]);
                    let head = match &import {
                        Some(import) => {
                            let (above, below) = head.split_at(import.range().start);
                            format!("{above}⟦{}⟧{below}", import.new_text())
                        }
                        None => head.to_owned(),
                    };
                    let result = format!("{head}⟦{}⟧{tail}", edit.new_text());
                    let deletions = edit.deletions();
                    let result = match (deletions.is_empty(), deletions.is_unexpected) {
                        (true, _) => result,
                        (_, true) => format!("to be confirmed: {deletions}\n{result}"),
                        (_, false) => format!("noted: {deletions}\n{result}"),
                    };
                    let result = result.replace('\u{feff}', "⍰").replace('\u{202e}', "⇋");
                    match crlf {
                        true => result.replace('\n', "␊").replace("\r␊", "\n"),
                        false => result,
                    }
                }
            }
        }
    };
    format!("{input}\n--- document\n{result}\n")
}

async fn check(language: &str, golden: expect_test::ExpectFile) {
    let text = golden.data();
    let cases: Vec<&str> = text.strip_prefix("=== ").expect("a case has a heading").split("\n=== ").collect();
    let mut replayed = Vec::new();
    for case in cases {
        replayed.push(format!("=== {}", replay(language, case.trim_end()).await));
    }
    golden.assert_eq(&replayed.join("\n"));
}

/// Answers of SmolLM2-135M-Instruct.
#[tokio::test]
async fn golden_of_a_real_model() {
    check("rust", expect_file!["golden/smollm2/rust.txt"]).await;
    check("python", expect_file!["golden/smollm2/python.txt"]).await;
    check("typescript", expect_file!["golden/smollm2/typescript.txt"]).await;
    check("javascript", expect_file!["golden/smollm2/javascript.txt"]).await;
    check("go", expect_file!["golden/smollm2/go.txt"]).await;
    check("java", expect_file!["golden/smollm2/java.txt"]).await;
    check("cpp", expect_file!["golden/smollm2/cpp.txt"]).await;
    check("ruby", expect_file!["golden/smollm2/ruby.txt"]).await;
}

#[tokio::test]
async fn golden() {
    check("rust", expect_file!["golden/rust.txt"]).await;
    check("python", expect_file!["golden/python.txt"]).await;
    check("typescript", expect_file!["golden/typescript.txt"]).await;
    check("typescriptreact", expect_file!["golden/typescriptreact.txt"]).await;
    check("javascript", expect_file!["golden/javascript.txt"]).await;
    check("go", expect_file!["golden/go.txt"]).await;
    check("java", expect_file!["golden/java.txt"]).await;
    check("c", expect_file!["golden/c.txt"]).await;
    check("cpp", expect_file!["golden/cpp.txt"]).await;
    check("csharp", expect_file!["golden/csharp.txt"]).await;
    check("ruby", expect_file!["golden/ruby.txt"]).await;
    check("php", expect_file!["golden/php.txt"]).await;
    check("lua", expect_file!["golden/lua.txt"]).await;
    check("shellscript", expect_file!["golden/shellscript.txt"]).await;
    check("css", expect_file!["golden/css.txt"]).await;
    check("json", expect_file!["golden/json.txt"]).await;
    check("toml", expect_file!["golden/toml.txt"]).await;
    check("yaml", expect_file!["golden/yaml.txt"]).await;
    check("markdown", expect_file!["golden/markdown.txt"]).await;
}

#[tokio::test]
async fn an_impossible_rewrite_is_refused_with_a_reason() {
    let open = |text: &str| Document::open(DocumentId("file:///a.rs".into()), None, "rust", 1, text);
    let refusal = async |models: &Models, text: &str| {
        let document = open(text);
        let target = at(&document, 0..0).expect("an item");
        rewrite(&Workspace::new(Settings::default()), models, &ask(document, target, "Do it."), &|_| {})
            .await
            .unwrap_err()
            .to_string()
    };
    assert!(refusal(&Models::default(), "fn f() {}\n").await.starts_with("this needs a model"));
    let scripted = Models::from(engine(vec![]));
    let secret = "fn f() { let key = \"ghp_0123456789abcdefghijABCDEFGHIJ012345\"; }\n";
    assert!(refusal(&scripted, secret).await.starts_with("this file may not be shown"));
    let long = format!("fn f() {{\n{}}}\n", "    g();\n".repeat(3000));
    assert!(refusal(&scripted, &long).await.contains("choose a smaller part of it"));
}
