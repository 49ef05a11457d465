//! Golden files: `golden/LANGUAGE.txt` contains cases of the form
//! ```text
//! === what the case shows
//! text of the document, with $0 for the cursor
//! --- model
//! the model's text
//! --- document
//! the document with the draft in it, between ⟦ and ⟧; or `nothing`
//! ```
//! The first word of a heading may be `crlf` (the document's lines end with CR LF) and `--- model, unfinished` means
//! that the model was stopped. `␀`, `␛`, `␍`, `␊` are the characters they depict. `UPDATE_EXPECT=1 cargo test`
//! writes the results into the files; read the difference before you commit it.

mod real;

use expect_test::expect_file;
use proptest::prelude::*;

use super::*;
use crate::documents::DocumentId;
use crate::edits::{self, Constraints};

fn open(language: &str, text: &str) -> Document {
    Document::open(DocumentId("file:///golden".into()), None, language, 1, text)
}

/// The case with its last section replaced.
fn replay(language: &str, case: &str) -> String {
    let (name, rest) = case.split_once('\n').expect("a case has lines");
    let (before, rest) = rest.split_once("\n--- model").expect("a case has a model's text");
    let (flags, rest) = rest.split_once('\n').expect("the model's text has lines");
    let (said, _) = rest.split_once("\n--- document\n").expect("a case has a result");
    let crlf = name.starts_with("crlf");
    let text = if crlf { before.replace('\n', "\r\n") } else { before.to_owned() };
    let cursor = text.find("$0").expect("a document has a cursor");
    let document = open(language, &text.replacen("$0", "", 1));
    let model = said.replace('␀', "\0").replace('␛', "\u{1b}").replace('␍', "\r");
    let result = match completion(&document, cursor, &model, !flags.contains("unfinished")) {
        None => "nothing".to_owned(),
        Some(draft) if edits::verify(&document, &draft, &Constraints::Completion).is_err() => {
            format!("refused: {draft:?}")
        }
        Some(draft) => {
            let text = document.text.to_string();
            let (head, tail) = (&text[..draft.range.start], &text[draft.range.end..]);
            let result = format!("{head}⟦{}⟧{tail}", draft.text);
            match crlf {
                true => result.replace('\n', "␊").replace("\r␊", "\n"),
                false => result,
            }
        }
    };
    format!("{name}\n{before}\n--- model{flags}\n{said}\n--- document\n{result}\n")
}

fn check(language: &str, golden: expect_test::ExpectFile) {
    let text = golden.data();
    let cases: Vec<&str> = text.strip_prefix("=== ").expect("a case has a heading").split("\n=== ").collect();
    let replayed: Vec<String> =
        cases.iter().map(|case| format!("=== {}", replay(language, case.trim_end()))).collect();
    golden.assert_eq(&replayed.join("\n"));
}

#[test]
fn golden() {
    check("rust", expect_file!["golden/rust.txt"]);
    check("python", expect_file!["golden/python.txt"]);
    check("typescript", expect_file!["golden/typescript.txt"]);
    check("javascript", expect_file!["golden/javascript.txt"]);
    check("go", expect_file!["golden/go.txt"]);
    check("java", expect_file!["golden/java.txt"]);
    check("cpp", expect_file!["golden/cpp.txt"]);
    check("ruby", expect_file!["golden/ruby.txt"]);
    check("html", expect_file!["golden/html.txt"]);
    check("json", expect_file!["golden/json.txt"]);
    check("csharp", expect_file!["golden/csharp.txt"]);
    check("php", expect_file!["golden/php.txt"]);
    check("lua", expect_file!["golden/lua.txt"]);
    check("css", expect_file!["golden/css.txt"]);
    check("toml", expect_file!["golden/toml.txt"]);
    check("yaml", expect_file!["golden/yaml.txt"]);
    check("shellscript", expect_file!["golden/shellscript.txt"]);
    check("markdown", expect_file!["golden/markdown.txt"]);
    check("plaintext", expect_file!["golden/plaintext.txt"]);
}

/// Answers of SmolLM2-135M-Instruct.
#[test]
fn golden_of_a_real_model() {
    check("rust", expect_file!["golden/smollm2/rust.txt"]);
    check("python", expect_file!["golden/smollm2/python.txt"]);
    check("typescript", expect_file!["golden/smollm2/typescript.txt"]);
    check("javascript", expect_file!["golden/smollm2/javascript.txt"]);
    check("go", expect_file!["golden/smollm2/go.txt"]);
    check("java", expect_file!["golden/smollm2/java.txt"]);
    check("cpp", expect_file!["golden/smollm2/cpp.txt"]);
    check("ruby", expect_file!["golden/smollm2/ruby.txt"]);
    check("shellscript", expect_file!["golden/smollm2/shellscript.txt"]);
    check("json", expect_file!["golden/smollm2/json.txt"]);
}

#[test]
fn a_cursor_that_is_none() {
    let document = open("rust", "let é = 1;\n");
    assert_eq!(completion(&document, 5, "x", true), None);
    assert_eq!(completion(&document, 99, "x", true), None);
}

#[test]
fn endless_text_is_read_in_bounded_time() {
    let document = open("rust", &format!("{}\nfn f() {{\n    \n}}\n", "fn g() {}\n".repeat(1000)));
    let cursor = document.text.len_bytes() - 3;
    for endless in
        ["a", "ab ", "(", "{\n", "x();\n", "\n", " ", "```\n", "\"", "let a = b;\nlet c = d;\n", "é😀"]
    {
        let _ = completion(&document, cursor, &endless.repeat(1 << 18), false);
    }
}

#[test]
fn a_deep_document_is_bounded_work() {
    const DEPTH: usize = 20_000;
    let text = format!("const A: u8 = {}1{};\n", "(".repeat(DEPTH), ")".repeat(DEPTH));
    let cursor = text.find('1').expect("it is there") + 1;
    let draft = completion(&open("rust", &text), cursor, " + 2)", true);
    assert_eq!(draft.map(|draft| draft.text).as_deref(), Some(" + 2"));
    // The bracket is never closed.
    let _ = completion(&open("rust", &text[..cursor]), cursor, " + 2)", true);
}

#[test]
fn where_a_person_goes_on() {
    fn at(text: &str) -> Option<&str> {
        cursor(text).map(|at| &text[at..])
    }
    assert_eq!(at("if a {\n        \n    }"), Some("\n    }"));
    assert_eq!(at("if a {\r\n\t\r\n}"), Some("\r\n}"));
    assert_eq!(at("\n    g();\n"), Some("\n"));
    assert_eq!(at("\n    g();\r\n    "), Some("\r\n    "));
    assert_eq!(at("if a {\n        b();\n    }"), None);
    assert_eq!(at("let a = 1;"), None);
}

proptest! {
    /// For any text and any cursor: no panic, and a draft of the promised shape.
    #[test]
    fn any_text_gives_a_draft_or_none(
        language in "rust|python|typescript|html|markdown|plaintext|json|ruby",
        document in proptest::collection::vec("[a-c]{1,3}|[ .;:(){}\"'`#/]|\n {0,4}|\t|\r\n|é|😀|let |fn |def ", 0..40),
        model in proptest::collection::vec("[a-c]{1,3}|[ .;:(){}\"'`#/\\\\]|\n {0,8}|\t|\r\n|é|😀|```|let |fn |def ", 0..40),
        at in 0.0..1.0f64,
        finished: bool,
    ) {
        let text = document.concat();
        let document = open(&language, &text);
        let cursor = text.floor_char_boundary((text.len() as f64 * at) as usize);
        if let Some(draft) = completion(&document, cursor, &model.concat(), finished) {
            prop_assert!(draft.range.start <= cursor && cursor <= draft.range.end);
            prop_assert!(!text[draft.range.clone()].contains('\n'));
            prop_assert!(!draft.text.trim().is_empty() && draft.text != text[draft.range.clone()]);
            prop_assert!(edits::verify(&document, &draft, &Constraints::Completion).is_ok());
        }
    }
}
