//! What a window shows.

use super::*;
use expect_test::{Expect, expect};

fn check_with(budget: Budget, name: &str, text: &str, expected: Expect) {
    let (document, cursor) = marked(name, text);
    let context = gather(&Contexts::default(), &document, cursor, &[], budget, &count);
    expected.assert_eq(&draw(&document, &context.window));
}

fn check(name: &str, text: &str, expected: Expect) {
    check_with(BUDGET, name, text, expected);
}

#[test]
fn a_method_is_the_edit_region() {
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
fn imports_and_scopes_replace_the_text_above_the_window() {
    let budget = Budget { above: 100, edit_region: 80, after: 20, guidance: 0, snippets: 0 };
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
fn between_two_functions_the_edit_region_is_the_text_of_neither() {
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
        Budget { edit_region: 40, ..BUDGET },
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
        Budget { edit_region: 40, ..BUDGET },
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
fn of_a_function_that_is_too_large_some_lines_are_the_edit_region() {
    let paragraph = |n: usize| format!("    let a{n} = {n};\n    print(a{n});\n\n");
    let head: String = (0..8).map(paragraph).collect();
    let end: String = (8..16).map(paragraph).collect();
    check_with(
        Budget { above: 80, edit_region: 80, after: 30, guidance: 0, snippets: 0 },
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
        Budget { above: 40, edit_region: 60, after: 30, guidance: 0, snippets: 0 },
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
fn an_overlong_line_is_cut() {
    let text = "x".repeat(1_000_000) + "$0" + &"é".repeat(1_000_000) + "\nnext\n";
    let (document, cursor) = marked("a.js", &text);
    let counted = std::cell::Cell::new(0);
    let contexts = Contexts::default();
    let count = |text: &str| {
        counted.set(counted.get() + text.len());
        text.len()
    };
    let window = gather(&contexts, &document, cursor, &[], BUDGET, &count).window;
    assert!(window.before.len() <= BUDGET.edit_region && window.before.len() > BUDGET.edit_region / 4);
    assert!(window.tail.len() <= BUDGET.edit_region && !window.tail.is_empty());
    assert!(window.above.is_empty() && window.rest.is_empty() && window.after.is_empty());
    assert!(counted.get() < 10_000, "{} bytes were counted", counted.get());
}
