//! Real program output, shortened, and malformed output.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// Parses the output of a check in a workspace `/w` with these files.
fn problems(output: &str, files: &[&str]) -> Vec<Problem> {
    let known = |path: &str| {
        let path = plain(&Path::new("/w").join(path))?;
        files.iter().any(|file| path == Path::new("/w").join(file)).then_some(path)
    };
    read(output, &known)
}

fn check(output: &str, files: &[&str], expected: Expect) {
    let line =
        |problem: &Problem| format!("{}:{} {}\n", problem.path.display(), problem.line, problem.message);
    expected.assert_eq(&problems(output, files).iter().map(line).collect::<String>());
}

#[test]
fn rustc_and_cargo() {
    check(
        "    Checking shapes v0.1.0 (/w)
warning: unused variable: `x`
 --> src/a.rs:7:9
  |
error[E0308]: mismatched types
  --> src/a.rs:12:5
   |
12 |     \"text\"
   |     ^^^^^^ expected `u32`, found `&str`
   |
note: function defined here
  --> src/b.rs:3:8

error: expected `;`, found `}`
 --> /w/src/b.rs:4:1
error[E0433]: failed to resolve
 --> /elsewhere/registry/src/lib.rs:9:1
error: could not compile `shapes` (lib) due to 2 previous errors
",
        &["src/a.rs", "src/b.rs"],
        expect![[r#"
            /w/src/a.rs:11 error[E0308]: mismatched types
            /w/src/b.rs:3 error: expected `;`, found `}`
        "#]],
    );
}

#[test]
fn rust_tests() {
    check(
        "test tests::area ... FAILED

---- tests::area stdout ----

thread 'tests::area' (4711) panicked at src/a.rs:30:9:
assertion `left == right` failed
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
",
        &["src/a.rs"],
        expect![
            "
            /w/src/a.rs:29 panicked: assertion `left == right` failed
        "
        ],
    );
}

#[test]
fn python() {
    check(
        "Traceback (most recent call last):
  File \"/w/main.py\", line 9, in <module>
    total([])
  File \"/w/shape.py\", line 3, in total
    return shapes.area
           ^^^^^^^^^^^
  File \"/usr/lib/python3/site.py\", line 3, in total
    return shapes.area
AttributeError: 'list' object has no attribute 'area'
  File \"main.py\", line 4
    def f(
         ^
SyntaxError: '(' was never closed
",
        &["main.py", "shape.py"],
        expect![[r#"
            /w/shape.py:2 AttributeError: 'list' object has no attribute 'area'
            /w/main.py:3 SyntaxError: '(' was never closed
        "#]],
    );
}

#[test]
fn pytest() {
    check(
        "============ FAILURES ============
____________ test_area ____________

    def test_area():
>       assert area(2) == 5
E       assert 4 == 5
E        +  where 4 = area(2)

tests/test_shape.py:4: AssertionError
tests/test_shape.py:9: in test_total
    total()
shape.py:7: in total
    return 1 / 0
E   ZeroDivisionError: division by zero
_______ ERROR collecting tests/test_a.py _______
============ short test summary info ============
FAILED tests/test_shape.py::test_area - assert 4 == 5
",
        &["tests/test_shape.py", "shape.py"],
        expect![[r#"
            /w/tests/test_shape.py:3 AssertionError: assert 4 == 5
            /w/shape.py:6 ZeroDivisionError: division by zero
        "#]],
    );
}

#[test]
fn typescript_and_eslint() {
    check(
        "src/a.ts(12,5): error TS2322: Type 'string' is not assignable to type 'number'.
src/b.ts:3:7 - error TS2304: Cannot find name 'shape'.

3   let x = shape;
        ~~~~~

/w/src/a.ts
   3:10  error    'x' is not defined  no-undef
   4:1   warning  Unexpected console statement  no-console

/w/src/b.ts:1:2: 'y' is not defined. [Error/no-undef]
/w/src/b.ts:1:3: Unexpected console statement. [Warning/no-console]
",
        &["src/a.ts", "src/b.ts"],
        expect![[r#"
            /w/src/a.ts:11 error TS2322: Type 'string' is not assignable to type 'number'.
            /w/src/b.ts:2 error TS2304: Cannot find name 'shape'.
            /w/src/a.ts:2 error    'x' is not defined  no-undef
            /w/src/b.ts:0 'y' is not defined. [Error/no-undef]
        "#]],
    );
}

#[test]
fn go_c_java_and_others() {
    check(
        "# example.com/shapes
./a.go:3:2: undefined: area
vet: ./b.go:7:10: cannot use x (variable of type int) as string value
a.c: In function 'main':
a.c:3:5: error: expected ';' before 'return'
a.c:4:5: warning: unused variable 'x' [-Wunused-variable]
A.java:7: error: ';' expected
a.py:12: error: Incompatible return value type  [return-value]
a.py:12: note: See https://mypy
a.cs(3,5): error CS1002: ; expected [/w/a.csproj]
e: file:///w/A.kt:3:5 Unresolved reference: area
a_test.go:9: got 1, want 2
",
        &["a.go", "b.go", "a.c", "A.java", "a.py", "a.cs", "A.kt", "a_test.go"],
        expect![[r#"
            /w/a.go:2 undefined: area
            /w/b.go:6 cannot use x (variable of type int) as string value
            /w/a.c:2 error: expected ';' before 'return'
            /w/A.java:6 error: ';' expected
            /w/a.py:11 error: Incompatible return value type  [return-value]
            /w/a.cs:2 error CS1002: ; expected [/w/a.csproj]
            /w/A.kt:2 Unresolved reference: area
            /w/a_test.go:8 got 1, want 2
        "#]],
    );
}

#[test]
fn what_is_not_in_the_workspace_is_dropped() {
    check(
        "../outside.c:1:1: error: x
/etc/passwd:1: error: x
src/../../a.c:1: error: x
12:30:01: error: x
a.c:0:1: error: x
a.c:99999999999:1: error: x
a.c:: error
(1,2): error
http://example.com:80/a: error
",
        &["a.c"],
        expect![[""]],
    );
}

#[test]
fn much_of_it_is_cut() {
    let line = format!("a.c:7: error: {}\n", "é".repeat(10_000));
    let [problem] = &problems(&line, &["a.c"])[..] else { panic!() };
    assert_eq!(problem.message.chars().count(), MESSAGE);
    let many: String = (1..10_000).map(|line| format!("a.c:{line}: error: x\n")).collect();
    assert_eq!(problems(&many, &["a.c"]).len(), PROBLEMS);
    let same = "a.c:7: error: x\n".repeat(10_000);
    assert_eq!(problems(&same, &["a.c"]).len(), 1);
}

proptest! {
    #[test]
    fn no_output_does_harm(output in "([a-z./:(),0-9\"é>-]|\n| |File \"a.c\", line |--> |panicked at |E  ){0,80}") {
        for problem in problems(&output, &["a.c"]) {
            prop_assert_eq!(problem.path, Path::new("/w/a.c"));
            prop_assert!(!problem.message.contains('\n'));
        }
    }
}
