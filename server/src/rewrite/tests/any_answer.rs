//! For any answer of a model: no panic, and an accepted answer changes only its item.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::facts::items;

/// Pieces of answers: code in several languages, brackets, fences, unclosed comments and strings, text that is not
/// code.
const PIECES: [&str; 51] = [
    "import os\n",
    "use c::d;\n",
    "#include <b.h>\n",
    "fn f(a: u8) -> u8 {",
    "fn g() {}",
    "impl A {",
    "pub ",
    "mod m {",
    "def f(self, a):",
    "class A:",
    "    return 1",
    "    pass",
    "        g(a)",
    "function f(a) {",
    "const h = () => {",
    "func (a *A) F() int {",
    "int f(int a) {",
    "end",
    "return a + 2;",
    "a + 1",
    "g();",
    "let b = `",
    "x = '''",
    "r#\"",
    "\"",
    "'",
    "/*",
    "*/",
    "// ...",
    "# rest of",
    "#if 0",
    "#endif",
    "<<EOF",
    "EOF",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ";",
    ",",
    "```rust",
    "```",
    "````",
    "Sure! Here it is:",
    "This returns one.",
    "\u{202e}",
    "\0",
    "\u{fffd}",
    "\r",
];

const DOCUMENTS: [(&str, &str); 7] = [
    (
        "rust",
        "use a::b;\n\n/// F.\npub fn f(a: u8) -> u8 {\n    let c = g(a);\n    c + 1\n}\n\nimpl A {\n    fn g(&self) {}\n}\n\nfn h() {} /* h */\n",
    ),
    (
        "python",
        "import os\n\n\nclass A:\n    @property\n    def f(self, a):\n        b = '''x'''\n        return g(a)\n\n    def g(self):\n        pass\n\n\nx = 1\n",
    ),
    (
        "typescript",
        "class A {\n  f(a: number) {\n    const b = `x`;\n    return g(a);\n  }\n\n  g() {}\n}\n\nconst h = () => {\n  f(1);\n};\n",
    ),
    ("go", "package main\n\n// F.\nfunc (a *A) F() int {\n\treturn a.n\n}\n\nfunc g() {}\n"),
    (
        "c",
        "#include <a.h>\n\nint f(int a) {\n    return a + 1;\n}\n\n#if 1\nint g(void) { return 2; }\n#endif\n",
    ),
    ("shellscript", "f() {\n    echo a\n}\n\ng() {\n    cat <<EOF\nx\nEOF\n}\n"),
    ("ruby", "class A\n  def f(a)\n    a + 1\n  end\n\n  def g\n    <<~EOF\n      x\n    EOF\n  end\nend\n"),
];

fn answer() -> impl Strategy<Value = String> {
    let piece = (select(&PIECES[..]), select(&["", " ", "\n", "\n    ", "\n\t"][..]));
    let pieces = vec(piece, 0..12)
        .prop_map(|pieces| pieces.into_iter().map(|(piece, gap)| format!("{piece}{gap}")).collect());
    // Nearly correct answers are accepted more often than random ones.
    let nearly = (0..1000usize, 0..1000usize, select(&PIECES[..]))
        .prop_map(|(at, drop, piece)| format!("≈{at} {drop} {piece}"));
    prop_oneof![pieces, nearly]
}

/// The answer itself, or the item with some bytes of it replaced by a piece.
fn said(answer: &str, item: &str) -> String {
    let Some((at, rest)) = answer.strip_prefix('≈').and_then(|rest| rest.split_once(' ')) else {
        return answer.to_owned();
    };
    let Some((drop, piece)) = rest.split_once(' ') else { return answer.to_owned() };
    let number = |text: &str| text.parse::<usize>().unwrap_or(0);
    let from = item.floor_char_boundary(number(at) % (item.len() + 1));
    let to = item.floor_char_boundary(from + number(drop) % 4).max(from);
    format!("{}{piece}{}", &item[..from], &item[to..])
}

/// Items that do not touch a range, by kind and distance from the nearer end of the text.
fn items_apart(document: &Document, place: &Range<usize>) -> Vec<(String, usize, usize)> {
    let (Some(language), Some(tree)) = (document.language, document.tree()) else { return Vec::new() };
    let text = document.text.to_string();
    let apart = items(&text, language, tree).into_iter().filter_map(|item| {
        let bytes = item.bytes;
        let at = if bytes.end <= place.start { bytes.start } else { text.len() - bytes.start };
        (bytes.end <= place.start || place.end <= bytes.start).then_some((item.name, at, bytes.len()))
    });
    apart.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn an_accepted_answer_changes_its_item_alone(
        (language, text) in select(&DOCUMENTS[..]),
        place in 0..1000usize,
        length in select(&[0usize, 0, 12, 40][..]),
        first in answer(),
        second in answer(),
        may_import in any::<bool>(),
        instruction in select(&["Do it.", "Remove what is not needed.", "Add an argument to `f`."][..]),
    ) {
        let document = Document::open(DocumentId("file:///a".into()), None, language, 1, text);
        let start = place % text.len();
        let Some(target) = at(&document, start..(start + length).min(text.len())) else { return Ok(()) };
        let item = &text[target.range.clone()];
        let answers = vec![said(&first, item), said(&second, item)];
        let range = target.range.clone();
        let mut ask = ask(document.clone(), target, instruction);
        ask.may_add_imports = may_import;
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let Ok(Rewritten { edit, import, .. }) = runtime.block_on(rewrite(&Workspace::new(Settings::default()), &engine(answers).into(), &ask, &|_| {})) else { return Ok(()) };
        let is_import = edit.range() != range;
        for import in import.iter().chain([&edit].into_iter().filter(|_| is_import)) {
            prop_assert!(may_import && import.old().is_empty() && import.range().start <= range.start);
            let imports = |line: &str| ["", "use ", "import ", "#include "].iter().any(|word| match *word {
                "" => line.trim().is_empty(),
                word => line.starts_with(word),
            });
            prop_assert!(import.new_text().lines().all(imports), "{}", import.new_text());
        }
        if is_import {
            return Ok(());
        }
        prop_assert_eq!(edit.range(), range.clone());
        let after = document.apply(2, &[edit.change()]);
        let new = after.text.to_string();
        prop_assert!(new.starts_with(&text[..range.start]) && new.ends_with(&text[range.end..]), "{}", new);
        let errors = |document: &Document| document.tree().map_or(0, answer::errors);
        prop_assert!(errors(&after) <= errors(&document), "{}", new);
        let place = range.start..range.start + edit.new_text().len();
        let still = items_apart(&after, &place);
        for item in items_apart(&document, &range) {
            prop_assert!(still.contains(&item), "{:?} of {}", item, new);
        }
        let is_hidden = new.contains(['\u{202e}', '\0', '\u{fffd}']);
        prop_assert!(!is_hidden, "{}", new);
    }
}
