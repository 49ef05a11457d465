use super::*;
use crate::documents::Change;
use expect_test::{Expect, expect};
use proptest::prelude::*;

/// A tokenizer that is easy to reckon with: words, and each other character that is not a space.
fn count(text: &str) -> usize {
    let words =
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).count();
    words + text.chars().filter(|c| !c.is_alphanumeric() && *c != '_' && *c != ' ').count()
}

const BUDGET: Budget = Budget { above: 120, zone: 120, after: 60, snippets: 200 };

fn open(name: &str, text: &str) -> Document {
    Document::open(DocumentId(name.into()), Some(format!("/w/{name}").into()), "", 1, text)
}

/// A document and the cursor that `$0` marks in its text.
fn marked(name: &str, text: &str) -> (Document, usize) {
    let cursor = text.find("$0").expect("the fixture marks the cursor");
    (open(name, &text.replacen("$0", "", 1)), cursor)
}

fn type_in(document: &Document, cursor: usize, text: &str) -> Document {
    let change = Change::Splice { range: cursor..cursor, text: text.to_owned() };
    document.apply(document.version + 1, &[change])
}

fn part(document: &Document, range: &Range<usize>) -> String {
    document.text.byte_slice(range.clone()).to_string()
}

fn draw(document: &Document, window: &Window) -> String {
    let mut drawn = String::new();
    let mut section = |name: &str, range: &Range<usize>| {
        if !range.is_empty() {
            drawn += &format!("--- {name}\n{}", part(document, range));
            if !drawn.ends_with('\n') {
                drawn += "⏎\n";
            }
        }
    };
    window.imports.iter().for_each(|imports| section("imports", imports));
    window.scopes.iter().for_each(|scope| section("scope", scope));
    section("above", &window.above);
    section("before", &window.before);
    section("tail", &window.tail);
    section("rest", &window.rest);
    section("after", &window.after);
    drawn.replace('\r', "␍")
}

fn check_with(budget: Budget, name: &str, text: &str, expected: Expect) {
    let (document, cursor) = marked(name, text);
    let context = Contexts::default().gather(&document, cursor, &[], budget, &count);
    expected.assert_eq(&draw(&document, &context.window));
}

fn check(name: &str, text: &str, expected: Expect) {
    check_with(BUDGET, name, text, expected);
}

const RUST: &str = r#"//! A shop.

use std::collections::HashMap;
use std::fmt;

mod till;

/// Counts things.
#[derive(Debug, Default)]
pub struct Stock {
    things: HashMap<String, usize>,
}

impl Stock {
    /// How many there are.
    pub fn count(&self, name: &str) -> usize {
        self.things.get(name).copied().unwrap_or(0)
    }

    /// Takes one away.
    pub fn take(&mut self, name: &str) -> bool {
        let left = self.count(name);
        $0
        left > 0
    }

    /// Puts one back.
    pub fn put(&mut self, name: &str) {
        *self.things.entry(name.to_owned()).or_default() += 1;
    }
}

impl fmt::Display for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} things", self.things.len())
    }
}
"#;

#[test]
fn a_method_is_the_zone() {
    check(
        "a.rs",
        RUST,
        expect![[r#"
        --- imports
        use std::collections::HashMap;
        use std::fmt;
        --- scope
        impl Stock {
        --- above
            pub fn count(&self, name: &str) -> usize {
                self.things.get(name).copied().unwrap_or(0)
            }

            /// Takes one away.
        --- before
            pub fn take(&mut self, name: &str) -> bool {
                let left = self.count(name);
                ⏎
        --- rest
                left > 0
            }
        --- after

            /// Puts one back.
            pub fn put(&mut self, name: &str) {
                *self.things.entry(name.to_owned()).or_default() += 1;
            }
        }
    "#]],
    );
}

#[test]
fn imports_and_scopes_stand_in_for_what_is_not_shown() {
    let budget = Budget { above: 100, zone: 80, after: 20, snippets: 0 };
    check_with(
        budget,
        "a.rs",
        RUST,
        expect![[r#"
        --- imports
        use std::collections::HashMap;
        use std::fmt;
        --- scope
        impl Stock {
        --- above
                self.things.get(name).copied().unwrap_or(0)
            }

            /// Takes one away.
        --- before
            pub fn take(&mut self, name: &str) -> bool {
                let left = self.count(name);
                ⏎
        --- rest
                left > 0
            }
        --- after

            /// Puts one back.
    "#]],
    );
}

#[test]
fn between_two_functions_the_zone_is_what_belongs_to_neither() {
    let text = "int f(int a) {\n    return a;\n}\n\n// The next one.\nstatic int b$0;\n\nint h(int a) {\n    return a + 2;\n}\n";
    check(
        "a.c",
        text,
        expect![[r#"
            --- above
            int f(int a) {
                return a;
            }
            --- before

            // The next one.
            static int b⏎
            --- tail
            ;⏎
            --- rest

            --- after
            int h(int a) {
                return a + 2;
            }
        "#]],
    );
}

#[test]
fn an_indented_line_below_a_python_function_belongs_to_it() {
    let text =
        "class A:\n    def f(self):\n        x = 1\n\n        $0\n\n    def g(self):\n        return 2\n";
    check_with(
        Budget { zone: 40, ..BUDGET },
        "a.py",
        text,
        expect![[r#"
        --- above
        class A:
        --- before
            def f(self):
                x = 1

                ⏎
        --- after

            def g(self):
                return 2
    "#]],
    );
    let text = "class A:\n    def f(self):\n        x = 1\n\n    $0\n\n    def g(self):\n        return 2\n";
    check_with(
        Budget { zone: 40, ..BUDGET },
        "a.py",
        text,
        expect![[r#"
        --- above
        class A:
            def f(self):
                x = 1
        --- before

            ⏎
        --- rest

        --- after
            def g(self):
                return 2
    "#]],
    );
}

#[test]
fn the_outermost_function_that_fits_holds_its_callbacks() {
    let text = "export function f(xs: number[]) {\n  return xs.map((x) => {\n    const y = $0\n    return y;\n  });\n}\n\n\
        export const g = 1;\n";
    check(
        "a.ts",
        text,
        expect![[r#"
        --- before
        export function f(xs: number[]) {
          return xs.map((x) => {
            const y = ⏎
        --- rest
            return y;
          });
        }
        --- after

        export const g = 1;
    "#]],
    );
}

#[test]
fn of_a_function_that_is_too_large_some_lines_are_the_zone() {
    let paragraph = |n: usize| format!("    let a{n} = {n};\n    print(a{n});\n\n");
    let head: String = (0..8).map(paragraph).collect();
    let end: String = (8..16).map(paragraph).collect();
    check_with(
        Budget { above: 80, zone: 80, after: 30, snippets: 0 },
        "a.rs",
        &format!("fn f() {{\n{head}    let b$0 = 1;\n{end}}}\n\nfn g() {{}}\n"),
        expect![[r#"
            --- scope
            fn f() {
            --- above
                let a3 = 3;
                print(a3);

                let a4 = 4;
                print(a4);

                let a5 = 5;
                print(a5);

            --- before
                let a6 = 6;
                print(a6);

                let a7 = 7;
                print(a7);

                let b⏎
            --- tail
             = 1;⏎
            --- rest
                let a8 = 8;
                print(a8);

                let a9 = 9;
                print(a9);
            --- after

                let a10 = 10;
                print(a10);

                let a11 = 11;
                print(a11);
        "#]],
    );
}

#[test]
fn text_without_syntax_is_shown_by_paragraphs() {
    let paragraph = |n: usize| format!("Paragraph {n} has words\nand two lines.\n\n");
    let text: String = (0..9).map(paragraph).collect::<String>() + "Here $0 it is.\r\n\r\n";
    let text = text + &(9..18).map(paragraph).collect::<String>();
    check_with(
        Budget { above: 40, zone: 60, after: 30, snippets: 0 },
        "a.txt",
        &text,
        expect![[r#"
            --- above
            Paragraph 7 has words
            and two lines.

            --- before
            Paragraph 8 has words
            and two lines.

            Here ⏎
            --- tail
             it is.⏎
            --- rest
            ␍
            Paragraph 9 has words
            and two lines.
            --- after

            Paragraph 10 has words
            and two lines.

            Paragraph 11 has words
            and two lines.
        "#]],
    );
}

#[test]
fn the_ends_of_a_text_are_cursors_too() {
    check("a.rs", "$0", expect![[""]]);
    check(
        "a.rs",
        "$0fn f() {}\n",
        expect![[r#"
        --- tail
        fn f() {}⏎
    "#]],
    );
    check(
        "a.rs",
        "fn f() {}\r\n$0",
        expect![[r#"
            --- before
            fn f() {}␍
        "#]],
    );
    check(
        "a.rs",
        "fn f() {}$0",
        expect![[r#"
        --- before
        fn f() {}⏎
    "#]],
    );
}

#[test]
fn an_endless_line_is_cut() {
    let text = "x".repeat(1_000_000) + "$0" + &"é".repeat(1_000_000) + "\nnext\n";
    let (document, cursor) = marked("a.js", &text);
    let counted = std::cell::Cell::new(0);
    let contexts = Contexts::default();
    let window = contexts
        .gather(&document, cursor, &[], BUDGET, &|text| {
            counted.set(counted.get() + text.len());
            text.len()
        })
        .window;
    assert!(window.before.len() <= BUDGET.zone && window.before.len() > BUDGET.zone / 4);
    assert!(window.tail.len() <= BUDGET.zone && !window.tail.is_empty());
    assert!(window.above.is_empty() && window.rest.is_empty() && window.after.is_empty());
    assert!(counted.get() < 10_000, "{} bytes were counted", counted.get());
}

/// The parts of a context that must not change while one types or moves in a function.
fn stable(document: &Document, context: &Context) -> Vec<String> {
    let window = &context.window;
    let ranges = window.imports.iter().chain(&window.scopes).chain([&window.above, &window.after]);
    let snippets = context.snippets.iter().map(|snippet| format!("{}\n{}", snippet.path, snippet.text));
    ranges.map(|range| part(document, range)).chain(snippets).collect()
}

/// Types a text key by key: `before` grows by the keys, and nothing else changes.
fn check_typing(name: &str, text: &str, typed: &str) {
    let (mut document, mut cursor) = marked(name, text);
    let contexts = Contexts::default();
    let gather = |document: &Document, cursor| contexts.gather(document, cursor, &[], BUDGET, &count);
    let first = gather(&document, cursor);
    let unchanged = (stable(&document, &first), part(&document, &first.window.rest));
    let mut before = part(&document, &first.window.before);
    for key in typed.chars() {
        document = type_in(&document, cursor, &key.to_string());
        cursor += key.len_utf8();
        before.push(key);
        let context = gather(&document, cursor);
        let window = &context.window;
        assert_eq!(
            (stable(&document, &context), part(&document, &window.rest)),
            unchanged,
            "{name}: {before}"
        );
        assert_eq!(part(&document, &window.before), before, "{name}");
    }
}

#[test]
fn typing_appends_to_before_and_moves_nothing_else() {
    check_typing("a.rs", RUST, "if self.is_empty() {");
    check_typing("a.rs", RUST, "/* é😀 \" unclosed {{{");
    check_typing("a.rs", RUST, "let x = match y {\n            ");
    let between = RUST.replace("$0", "").replace("impl fmt", "$0\nimpl fmt");
    check_typing("a.rs", &between, "fn f(x: u8) {\n    x");
    let python = "def f():\n    x = 1\n    $0\n\ndef g():\n    return 2\n";
    check_typing("a.py", python, "for y in '''x''':\n ");
    check_typing("a.ts", "f(() => {\n  $0\n});\nfunction g() {\n  h();\n}\n", "const a = `${b((c =>");
    check_typing("a.txt", "one\n\ntwo $0\n\nthree\n", "words and\r\nmore words\n\n");
    check_typing("a.json", "{\n  \"a\": $0\n}\n", "[1, {\"b\": \"c");
    check_typing("a.rs", "$0", "fn main() { println!(");
    check_typing("a.md", "# A\n\n$0\n\n# B\n", "Some ```words``` of it");
}

#[test]
fn moving_within_a_function_keeps_all_but_the_function() {
    let (document, cursor) = marked("a.rs", RUST);
    let others = [Arc::new(open("b.rs", OTHER))];
    let contexts = Contexts::default();
    let gather = |cursor| contexts.gather(&document, cursor, &others, BUDGET, &count);
    let first = gather(cursor);
    assert_eq!(first.snippets.len(), 1);
    let function = first.window.before.start..first.window.rest.end;
    for cursor in function.clone() {
        let context = gather(cursor);
        assert_eq!(context.window.before.start..context.window.rest.end, function);
        assert_eq!(stable(&document, &context), stable(&document, &first));
    }
    assert_ne!(gather(function.end).window.above, first.window.above);
}

#[test]
fn the_start_of_above_moves_in_jumps() {
    let function = |n: usize| format!("fn f{n}(a: u8) -> u8 {{\n    a + {n}\n}}\n\n");
    let document = open("a.rs", &(0..60).map(function).collect::<String>());
    let contexts = Contexts::default();
    let mut starts: Vec<usize> = (0..60)
        .map(|n| {
            let cursor = document.text.line_to_byte(4 * n + 1);
            let context = contexts.gather(&document, cursor, &[], BUDGET, &count);
            context.window.above.start
        })
        .collect();
    assert!(starts.is_sorted());
    starts.dedup();
    assert!((10..=25).contains(&starts.len()), "{} jumps over 60 functions", starts.len());
}

#[test]
fn an_edit_elsewhere_leaves_the_zone_alone() {
    let (document, cursor) = marked("a.rs", RUST);
    let contexts = Contexts::default();
    let tight = Budget { above: 80, ..BUDGET };
    let first = contexts.gather(&document, cursor, &[], tight, &count).window;
    let import = "use std::rc::Rc;\n";
    let at = document.text.to_string().find("use std::fmt").unwrap();
    let edited = type_in(&document, at, import);
    let second = contexts.gather(&edited, cursor + import.len(), &[], tight, &count).window;
    assert_eq!(part(&edited, &second.before), part(&document, &first.before));
    assert_eq!(part(&edited, &second.above), part(&document, &first.above));
    assert_eq!(part(&edited, &second.after), part(&document, &first.after));
    assert!(part(&edited, &second.imports.clone().unwrap()).contains(import));

    let end = type_in(&edited, edited.text.len_bytes(), "fn last() {}\n");
    let third = contexts.gather(&end, cursor + import.len(), &[], tight, &count).window;
    assert_eq!(third, second);
}

const OTHER: &str = "\
//! Moves things between two shops.

pub fn transfer(from: &mut Stock, to: &mut Stock, name: &str) -> bool {
    let taken = from.take(name);
    if taken {
        to.put(name);
    }
    taken
}
";

fn paths(context: &Context) -> Vec<String> {
    context.snippets.iter().map(|snippet| snippet.path.clone()).collect()
}

#[test]
fn snippets_are_what_speaks_of_the_same_things() {
    let (document, cursor) = marked("a.rs", RUST);
    let unrelated: String =
        (0..40).map(|n| format!("fn unrelated_{n}() {{\n    word_{n}();\n}}\n\n")).collect();
    let others = [
        Arc::new(open("c.rs", &unrelated)),
        Arc::new(open("b.rs", &(unrelated.clone() + OTHER + "\n" + &unrelated))),
        Arc::new(document.clone()),
    ];
    let context = Contexts::default().gather(&document, cursor, &others, BUDGET, &count);
    assert_eq!(paths(&context), ["w/b.rs"]);
    let (_, transfer) = OTHER.split_once("\n\n").unwrap();
    assert!(context.snippets[0].text.contains(transfer), "the whole function: {}", context.snippets[0].text);
}

#[test]
fn what_the_model_would_only_repeat_is_left_out() {
    let (document, cursor) = marked("a.rs", RUST);
    let others = [
        Arc::new(open("b.rs", OTHER)),
        Arc::new(open("d.rs", &OTHER.replace("taken", "took"))),
        Arc::new(open("copy.rs", &document.text.to_string())),
    ];
    let all = Budget { above: 400, zone: 200, after: 400, snippets: 400 };
    let context = Contexts::default().gather(&document, cursor, &others, all, &count);
    assert_eq!(paths(&context), ["w/b.rs", "w/d.rs"], "similar, but not the same");
    let others = [others[0].clone(), Arc::new(open("e.rs", &OTHER.replace("    ", "\t")))];
    let context = Contexts::default().gather(&document, cursor, &others, BUDGET, &count);
    assert_eq!(paths(&context), ["w/b.rs"], "the same twice");

    let binary = Arc::new(open("b.rs", &OTHER.replace("taken\n", "\0taken\n")));
    assert!(Contexts::default().gather(&document, cursor, &[binary], BUDGET, &count).snippets.is_empty());
}

#[test]
fn snippets_keep_to_their_budget_and_their_order() {
    let (mut document, mut cursor) =
        marked("a.rs", "fn f() {\n    let x = alpha(beta, gamma, delta);\n    $0\n}\n");
    let others: Vec<_> = ["alpha", "beta", "gamma", "delta"]
        .iter()
        .map(|name| {
            let text = format!("fn {name}(one_{name}: u8) {{\n    two_{name}(three_{name});\n}}\n");
            Arc::new(open(&format!("{name}.rs"), &text))
        })
        .collect();
    let contexts = Contexts::default();
    let budget = Budget { snippets: 60, ..BUDGET };
    let first = contexts.gather(&document, cursor, &others, budget, &count);
    assert_eq!(paths(&first), ["w/alpha.rs", "w/beta.rs", "w/gamma.rs"]);
    // A slightly better candidate pushes out nothing, and neither does another order of the documents.
    let reversed: Vec<_> = others.iter().rev().cloned().collect();
    for key in "delta(two_gamma); ".chars() {
        document = type_in(&document, cursor, &key.to_string());
        cursor += 1;
        let context = contexts.gather(&document, cursor, &reversed, budget, &count);
        assert_eq!(paths(&context), paths(&first));
    }
    // A much better one does, and what stays keeps its place.
    let better = "fn better() {\n    alpha(beta, gamma, other, names, here);\n}\n";
    let with_better: Vec<_> = [Arc::new(open("better.rs", better))].into_iter().chain(others).collect();
    let context = contexts.gather(&document, cursor, &with_better, budget, &count);
    let now = paths(&context);
    assert_eq!(now.last().unwrap(), "w/better.rs");
    assert!(
        now.len() > 1 && paths(&first).iter().filter(|path| now.contains(path)).eq(&now[..now.len() - 1])
    );
    // A closed document is gone at once.
    assert!(contexts.gather(&document, cursor, &[], budget, &count).snippets.is_empty());
}

#[test]
fn another_tokenizer_makes_all_counts_anew() {
    let (document, cursor) = marked("a.rs", RUST);
    let others = [Arc::new(open("b.rs", OTHER))];
    let contexts = Contexts::default();
    let budget = Budget { snippets: count(OTHER), ..BUDGET };
    assert_eq!(contexts.gather(&document, cursor, &others, budget, &count).snippets.len(), 1);
    let bytes = |text: &str| text.len();
    assert!(contexts.gather(&document, cursor, &others, budget, &bytes).snippets.is_empty());
}

fn holds_together(document: &Document, cursor: usize, budget: Budget, context: &Context) {
    let window = &context.window;
    assert_eq!(window.above.end, window.before.start);
    assert_eq!((window.before.end, window.tail.start), (cursor, cursor));
    assert!(window.tail.end <= window.rest.start);
    let line_break = part(document, &(window.tail.end..window.rest.start));
    assert!(line_break.trim_matches(['\n', '\r']).is_empty(), "{line_break:?}");
    assert_eq!(window.rest.end, window.after.start);
    let above = window.imports.iter().chain(&window.scopes).chain([&window.above]);
    assert!(above.map(|range| count(&part(document, range))).sum::<usize>() <= budget.above);
    assert!(count(&part(document, &(window.before.start..window.rest.end))) <= budget.zone);
    assert!(count(&part(document, &window.after)) <= budget.after);
    let snippets = context.snippets.iter().map(|snippet| count(&snippet.text));
    assert!(snippets.sum::<usize>() <= budget.snippets);
}

const PIECES: [&str; 19] = [
    "fn f() {\n",
    "}\n",
    "    x(alpha, beta);\n",
    "\n",
    "\r\n",
    "\r",
    "é😀",
    "def g():\n",
    "    ",
    "use a::b;\n",
    "class A {\n",
    "words of alpha ",
    "# t\n",
    "{",
    "(",
    "\"",
    "<p>",
    "import a\n",
    "\0",
];

proptest! {
    #[test]
    fn any_text_cursor_and_budget_make_a_context(
        name in prop::sample::select(vec!["a.rs", "a.py", "a.ts", "a.md", "a.txt", "a.html"]),
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..80),
        steps in prop::collection::vec((any::<prop::sample::Index>(), "[a-z(){}\\n é]{0,6}", any::<bool>()), 1..12),
        (above, zone, after, snippets) in (0usize..200, 0usize..200, 0usize..100, 0usize..200),
    ) {
        let budget = Budget { above, zone, after, snippets };
        let mut document = open(name, &pieces.concat());
        let others = [Arc::new(open("b.rs", OTHER)), Arc::new(open("c.rs", &pieces.concat()))];
        let contexts = Contexts::default();
        let mut cursor = 0;
        for (at, typed, moves) in steps {
            if moves || cursor > document.text.len_bytes() {
                cursor = document.text.char_to_byte(at.index(document.text.len_chars() + 1));
            }
            document = type_in(&document, cursor, &typed);
            cursor += typed.len();
            let context = contexts.gather(&document, cursor, &others, budget, &count);
            holds_together(&document, cursor, budget, &context);
        }
    }
}
