//! From a model's raw answer to the shown text: the stop rules, the rules of [`crate::answer`] and the verification of the edit.

use std::sync::Arc;

use phi_engine::Engine;

use super::super::*;
use crate::documents::DocumentId;
use crate::models::Models;
use crate::settings::Settings;
use crate::workspace::Workspace;

/// The document after the answer to a request at `$0`: the new text between `⟦` and `⟧`, the cursor as `|` if it is not after the
/// new text.
async fn joined(language: &str, text: &str, model: &str) -> String {
    let said = model.to_owned();
    let completions = Completions::new(
        Workspace::new(Settings::default()),
        Models::from(Engine::scripted(move |_| said.clone())),
        Arc::default(),
    );
    let cursor = text.find("$0").expect("the text has a cursor");
    let id = DocumentId("file:///w/a".into());
    let document = Document::open(id.clone(), None, language, 1, &text.replacen("$0", "", 1));
    completions.workspace.documents.open(document);
    let document = completions.workspace.documents.get(&id).expect("it was just opened");
    opened(&completions, &document);
    let ask = CompletionRequest { document: Arc::clone(&document), cursor, trigger: Trigger::Invoked };
    let Some(completion) = complete(&completions, ask).await.expect("not superseded") else {
        return "nothing".to_owned();
    };
    let mut new = completion.edit.new_text().to_owned();
    if let Some(at) = completion.cursor {
        new.insert(at, '|');
    }
    let mut text = document.text.to_string();
    text.replace_range(completion.edit.range(), &format!("⟦{new}⟧"));
    text
}

#[track_caller]
fn check(language: &str, text: &str, model: &str, expected: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    assert_eq!(runtime.block_on(joined(language, text, model)), expected, "{language}: {text:?} {model:?}");
}

#[test]
fn white_space_before_the_following_text_is_kept() {
    check("python", "if $0ok:\n    pass\n", "not ok:", "if ⟦not ⟧ok:\n    pass\n");
    check("rust", "fn f() {\n    let $0x = 1;\n}\n", "mut x = 1;", "fn f() {\n    let ⟦mut ⟧x = 1;\n}\n");
    check("javascript", "const y = $0f(u);\n", "await f(u);", "const y = ⟦await ⟧f(u);\n");
    check(
        "python",
        "print(\"Hello $0world again\")\n",
        "beautiful world again\")",
        "print(\"Hello ⟦beautiful ⟧world again\")\n",
    );
    check("javascript", "console.log($0message)\n", "error, ", "console.log(⟦error, ⟧message)\n");
}

#[test]
fn the_following_text_is_found_after_the_closing_bracket_of_the_answer() {
    check("rust", "fn f() {\n    g($0x);\n}\n", "&mut x);\n    h();", "fn f() {\n    g(⟦&mut ⟧x);\n}\n");
    check("python", "call($0b)\n", "a, b)\nother()", "call(⟦a, ⟧b)\n");
    check(
        "rust",
        "fn f() {\n    body.insert(\"$0)\n}\n",
        "text\".to_string(), text);",
        "fn f() {\n    body.insert(\"⟦text\".to_string(), text);⟧\n}\n",
    );
    check("typescript", "console.log(\"$0)\n", "Obj: \", obj);", "console.log(\"⟦Obj: \", obj);⟧\n");
    check(
        "typescript",
        "const m = new Map<$0>\n",
        "string, number>();",
        "const m = new Map<⟦string, number>();⟧\n",
    );
}

#[test]
fn after_a_comma_the_members_in_the_next_lines_are_completed() {
    check(
        "json",
        "{\n  \"a\": 1,$0\n}\n",
        "\n  \"b\": 2,\n  \"c\": 3\n}",
        "{\n  \"a\": 1,⟦\n  \"b\": 2,\n  \"c\": 3⟧\n}\n",
    );
    check("json", "[\n  1,$0\n]\n", "\n  2,\n  3\n]", "[\n  1,⟦\n  2,\n  3⟧\n]\n");
    check(
        "rust",
        "struct A {\n    a: u8,$0\n}\n",
        "\n    b: u16,\n}\n",
        "struct A {\n    a: u8,⟦\n    b: u16,⟧\n}\n",
    );
    check("python", "x = [\n    1,$0\n]\n", "\n    2,\n]\n", "x = [\n    1,⟦\n    2,⟧\n]\n");
}

#[test]
fn an_answer_that_does_not_join_is_not_offered() {
    check("javascript", "  const y = $0f(u);\n", "await load(u);", "nothing");
    check("python", "pri$0(\"H\")\n", "nt(\"Hello World\")", "pri⟦nt⟧(\"H\")\n");
    check("javascript", "let foo = $0\n", &"foo = ".repeat(40), "nothing");
    check("python", "x = $0load(a)\n", "read(b)", "nothing");
    check("python", "name = $0\"a\"\n", "\"b\"", "nothing");
}

#[test]
fn a_function_head_is_completed_with_its_body() {
    check(
        "javascript",
        "function printHello($0)\n",
        ") {\n  console.log('Hello');\n}\n\nfunction printBye() {\n  console.log('Bye');\n}\n",
        "function printHello(⟦) {\n  console.log('Hello');\n}⟧\n",
    );
    check(
        "rust",
        "fn fibonacci($0)\n",
        "n: u32) -> u32 {\n    if n < 2 {\n        return n;\n    }\n    fibonacci(n - 1) + fibonacci(n - 2)\n}\n\nfn main() {}\n",
        "fn fibonacci(⟦n: u32) -> u32 {\n    if n < 2 {\n        return n;\n    }\n    fibonacci(n - 1) + fibonacci(n - 2)\n}⟧\n",
    );
    check(
        "javascript",
        "function f(y) {$0",
        "\n    use(y);\n    return y;\n}\n",
        "function f(y) {⟦\n    use(y);\n    return y;\n}⟧",
    );
    check(
        "python",
        "def area($0)\n",
        "w, h):\n    return w * h\n\n\ndef other():\n    pass\n",
        "def area(⟦w, h):\n    return w * h⟧\n",
    );
}

#[test]
fn one_member_arm_or_entry_is_completed() {
    check(
        "typescript",
        "class Foo {\n  private _foo = 1;\n\n  get$0\n}\n",
        " foo(): number {\n    return this._foo;\n  }\n\n  set foo(value: number) {\n    this._foo = value;\n  }\n}\n",
        "class Foo {\n  private _foo = 1;\n\n  get⟦ foo(): number {\n    return this._foo;\n  }⟧\n}\n",
    );
    check(
        "rust",
        "fn f(x: u8) -> u8 {\n    match x {\n        0 => 1,\n        $0\n        _ => 3,\n    }\n}\n",
        "1 => {\n            log();\n            2\n        }\n        _ => 3,\n",
        "fn f(x: u8) -> u8 {\n    match x {\n        0 => 1,\n        ⟦1 => {\n            log();\n            2\n        }⟧\n        _ => 3,\n    }\n}\n",
    );
    check(
        "lua",
        "local t = {\n    $0\n}\n",
        "panel = {\n        enabled = true,\n    },\n}\n",
        "local t = {\n    ⟦panel = {\n        enabled = true,\n    },⟧\n}\n",
    );
    let functions = |names: &[&str]| -> String {
        names.iter().map(|name| format!("function {name}() {{\n  log(\"{name}\");\n}}\n\n")).collect()
    };
    check(
        "javascript",
        &format!("{}$0\n", functions(&["a"])),
        &functions(&["b", "c", "d", "e"]),
        &format!("{}⟦function b() {{\n  log(\"b\");\n}}⟧\n", functions(&["a"])),
    );
    check(
        "json",
        "{\n  \"a\": 1,\n  $0\n}\n",
        "\"b\": 2,\n  \"c\": {\n    \"d\": 3\n  },\n  \"e\": 4\n}\n",
        "{\n  \"a\": 1,\n  ⟦\"b\": 2,\n  \"c\": {\n    \"d\": 3\n  },\n  \"e\": 4⟧\n}\n",
    );
}

#[test]
fn the_rest_of_a_statement_over_several_lines() {
    check(
        "javascript",
        "function f(input) {\n  const output = input.trim()\n    .split(\"\\n\")\n    .map((line) => line.split(\" \"))\n    $0\n}\n",
        ".flat()\n    .sort()\n    .join(\" \");\n  console.log(output);\n  return output;\n}\n",
        "function f(input) {\n  const output = input.trim()\n    .split(\"\\n\")\n    .map((line) => line.split(\" \"))\n    ⟦.flat()\n    .sort()\n    .join(\" \");⟧\n}\n",
    );
    check(
        "rust",
        "fn f() {\n    let a = $0\n    g(a);\n}\n",
        "load(\n        1,\n        2,\n    );\n    h();\n",
        "fn f() {\n    let a = ⟦load(\n        1,\n        2,\n    );⟧\n    g(a);\n}\n",
    );
    check(
        "rust",
        "fn f() {\n    let a = $0\n}\n",
        "1;\n    let b = 2;\n    let c = 3;\n",
        "fn f() {\n    let a = ⟦1;⟧\n}\n",
    );
}

#[test]
fn an_empty_block_gets_a_line_with_the_cursor() {
    check(
        "rust",
        "fn f(a: bool) {\n    $0\n}\n",
        "if a {",
        "fn f(a: bool) {\n    ⟦if a {\n        |\n    }⟧\n}\n",
    );
    check("javascript", "$0\n", "class A {\n}\n", "⟦class A {\n    |\n}⟧\n");
    check("rust", "fn f() {$0}\n", "\n    g();\n", "fn f() {⟦\n    g();|\n⟧}\n");
}

#[test]
fn no_trailing_comma_before_a_closing_bracket() {
    check("javascript", "app.get($0)\n", "'/health',", "app.get(⟦'/health'⟧)\n");
    check("python", "xs = [$0]\n", "1, 2, ", "xs = [⟦1, 2⟧]\n");
}

#[test]
fn a_document_with_tabs_gets_tabs() {
    check(
        "typescript",
        "function f() {\n\tg();\n\t$0\n}\n",
        "if (x) {\n  use(x);\n }\n",
        "function f() {\n\tg();\n\t⟦if (x) {\n\t\tuse(x);\n\t}⟧\n}\n",
    );
}

/// A block below may begin like the text that follows it.
#[test]
fn a_line_of_the_block_is_not_taken_for_the_line_below() {
    check(
        "rust",
        "fn f(a: bool) -> u8 {\n    $0\n    return 1;\n}\n",
        "if a {\n        return 1;\n    }\n    return 1;\n",
        "fn f(a: bool) -> u8 {\n    ⟦if a {\n        return 1;\n    }⟧\n    return 1;\n}\n",
    );
}

#[test]
fn a_string_over_several_lines_keeps_its_lines() {
    let said = "Returns it.\n\n    Args:\n        a: What it \"is\" (or not.\n    \"\"\"\n    return a\n";
    let whole = "Returns it.\n\n    Args:\n        a: What it \"is\" (or not.";
    check(
        "python",
        "def f(a):\n    \"\"\"$0\"\"\"\n    return a\n",
        said,
        &format!("def f(a):\n    \"\"\"⟦{whole}|\n    ⟧\"\"\"\n    return a\n"),
    );
    check(
        "python",
        "def f(a):\n    \"\"\"$0\n    return a\n",
        said,
        &format!("def f(a):\n    \"\"\"⟦{whole}\n    \"\"\"⟧\n    return a\n"),
    );
    check(
        "python",
        "def f(a):\n    \"\"\"Returns it.\n\n    $0\n    \"\"\"\n    return a\n",
        "Args:\n        a: What it is.\n    \"\"\"\n    return a\n",
        "def f(a):\n    \"\"\"Returns it.\n\n    ⟦Args:\n        a: What it is.⟧\n    \"\"\"\n    return a\n",
    );
    check(
        "python",
        "def f(a):\n    \"\"\"Returns it.\n\n    $0\n    return a\n",
        "Args:\n        a: What it is.\n    \"\"\"\n    return a\n",
        "def f(a):\n    \"\"\"Returns it.\n\n    ⟦Args:\n        a: What it is.\n    \"\"\"⟧\n    return a\n",
    );
    check(
        "javascript",
        "const s = `$0`;\nuse(s);\n",
        "\n  <p>\n    a ${b.map((c) => `<i>${c}</i>`)}\n</p>\n`;\nuse(s);\n",
        "const s = `⟦\n  <p>\n    a ${b.map((c) => `<i>${c}</i>`)}\n</p>|\n⟧`;\nuse(s);\n",
    );
    check(
        "rust",
        "fn f() {\n    let s = r#\"$0\"#;\n    g(s);\n}\n",
        "{\n  \"a\": [1\n}\"#;\n    g(s);\n}\n",
        "fn f() {\n    let s = r#\"⟦{\n  \"a\": [1\n}⟧\"#;\n    g(s);\n}\n",
    );
    check("go", "var s = `$0`\n", "SELECT a\nFROM b\n`\n", "var s = `⟦SELECT a\nFROM b|\n⟧`\n");
    check(
        "java",
        "class A {\n    String s = \"\"\"$0\"\"\";\n}\n",
        "\n        a\n          b\n        \"\"\";\n    int c;\n}\n",
        "class A {\n    String s = \"\"\"⟦\n        a\n          b|\n        ⟧\"\"\";\n}\n",
    );
    check("lua", "local s = [[$0]]\n", "a\nb\n]]\nuse(s)\n", "local s = [[⟦a\nb|\n⟧]]\n");
}

#[test]
fn a_single_line_string_ends_with_its_line() {
    check("python", "print(\"$0\")\n", "a\nb\n", "print(\"⟦a⟧\")\n");
    check("python", "\"\"\"a\"\"\"$0\n", "b\nc\n", "nothing");
}

#[test]
fn a_bracket_in_prose_is_closed_once() {
    check("markdown", "See [a]($0)\n", "https://b.c/d)", "See [a](⟦https://b.c/d⟧)\n");
    check("markdown", "See [a]($0)\n", "https://b.c/d).", "See [a](⟦https://b.c/d).⟧\n");
    check("markdown", "See [a]($0).\n", "https://b.c/d).", "See [a](⟦https://b.c/d⟧).\n");
    check("markdown", "See [a]($0)\n", "https://b.c/d_(e))", "See [a](⟦https://b.c/d_(e)⟧)\n");
    check("markdown", "See [a]($0) now.\n", "b.md)", "See [a](⟦b.md⟧) now.\n");
    check("markdown", "See [$0](b.md)\n", "a](c.md)", "See [⟦a⟧](b.md)\n");
    check("markdown", "See [$0]\n", "a](c.md), too.", "See [⟦a](c.md), too.⟧\n");
    check("", "(as $0)\n", "it isn't).", "(as ⟦it isn't).⟧\n");
}

#[test]
fn a_continued_line_is_completed_in_the_next_line() {
    let continued = "docker run \\⟦\n    --rm \\\n    image⟧\n";
    check("shellscript", "docker run \\$0\n", "\n    --rm \\\n    image\nls\n", continued);
    check("shellscript", "docker run \\$0\n", "    --rm \\\n    image\nls\n", continued);
    check("shellscript", "docker run \\$0\n", "--rm \\\n    image\nls\n", continued);
    check("shellscript", "find . -exec rm {} \\$0\n", ";", "find . -exec rm {} \\⟦;⟧\n");
    check(
        "shellscript",
        "docker run \\\n    $0\n",
        "--rm \\\n    image\nls\n",
        "docker run \\\n    ⟦--rm \\\n    image⟧\n",
    );
    check(
        "shellscript",
        "docker run \\\n    $0\n    image\n",
        "--rm \\\n    image\nls\n",
        "docker run \\\n    ⟦--rm \\⟧\n    image\n",
    );
    check("", "RUN a && \\$0\n", "\n    b\nCOPY c d\n", "RUN a && \\⟦\n    b⟧\n");
    check("", "RUN $0\nCOPY c d\n", "a && \\\n    b\nCOPY e f\n", "RUN ⟦a && \\\n    b⟧\nCOPY c d\n");
}

#[test]
fn a_trailing_line_continuation_is_removed() {
    check("shellscript", "$0\nls\n", "docker run \\\n", "⟦docker run⟧\nls\n");
    check("shellscript", "$0\nls\n", "a && \\\n", "⟦a⟧\nls\n");
    check("", "RUN $0\nCOPY c d\n", "a && \\", "RUN ⟦a⟧\nCOPY c d\n");
    check("", "RUN $0\n    b\n", "a && \\", "RUN ⟦a && \\⟧\n    b\n");
}
