//! Users are not rewritten if the definition stays unchanged because its file may not be read.

use super::*;

const USER: &str =
    "//- /.git/HEAD\n//- /b.py\nfrom a import area\n\n\ndef total(w):\n    return area(w, 2)\n";
const DEFINITION: &str = "//- /a.py\ndef area(w, h):\n    return w * h\n";

async fn planned(fixture: &str, order: RefactorRequest) -> Result<Vec<String>, String> {
    let project = Project::new(fixture, rename).await;
    let plan = project.plan(order).map_err(|error| error.to_string())?;
    Ok(plan.sites.iter().map(Site::label).collect())
}

async fn refused(fixture: &str) -> String {
    planned(fixture, order(RENAME, Some("area"), &[])).await.expect_err(fixture)
}

#[tokio::test]
async fn a_definition_that_may_not_be_read_is_named_with_the_reason() {
    let all = planned(&format!("{USER}{DEFINITION}"), order(RENAME, Some("area"), &[])).await;
    assert!(all.is_ok_and(|sites| sites.contains(&"area".to_owned())));
    let long = format!("# {}\n", "x".repeat(5000));
    let secret = format!("PASS{} = \"Tr0ub4dor3xyz\"\n", "WORD");
    for (more, reason) in [
        ("//- /.gitignore\na.py\n".to_owned(), "`a.py` in"),
        (secret.clone(), "looks like a secret"),
        (long.clone(), "too long"),
        (format!("# {}\n", "x\n# ".repeat(200_000)), "larger than"),
    ] {
        let said = refused(&format!("{USER}{DEFINITION}{more}")).await;
        for part in ["`area`", "a.py", "may not be read", reason] {
            assert!(said.contains(part), "{reason}, {part}: {said}");
        }
    }
    // In an ignored folder.
    let below = USER.replace("from a", "from gen.a");
    let said =
        refused(&format!("{below}//- /gen/a.py\ndef area(w, h):\n    return w * h\n//- /.gitignore\ngen/\n"))
            .await;
    assert!(said.contains("a.py") && said.contains("`gen/`"), "{said}");
    // No readable file uses it.
    let said = refused(&format!("//- /c.py\nx = 1\n{DEFINITION}{secret}")).await;
    assert!(said.contains("a.py") && said.contains("secret"), "{said}");
}

#[tokio::test]
async fn the_users_of_what_nobody_defines_are_not_rewritten_alone() {
    let said = refused(USER).await;
    assert!(said.contains("no definition of `area`") && said.contains("--paths"), "{said}");
    let named = planned(USER, order(RENAME, None, &["b.py"])).await.expect("its files are named");
    assert!(named.contains(&"total".to_owned()), "{named:?}");
}

#[tokio::test]
async fn one_of_several_definitions_may_not_be_read() {
    let second = "//- /z.py\ndef area(w):\n    return w\n";
    let secret = format!("PASS{} = \"Tr0ub4dor3xyz\"\n", "WORD");
    let fixture = format!("{USER}{DEFINITION}{second}{secret}");
    let said = refused(&fixture).await;
    assert!(said.contains("z.py") && said.contains("secret"), "{said}");
    let narrowed = planned(&fixture, order(RENAME, Some("area"), &["a.py", "b.py"])).await;
    assert!(narrowed.is_ok(), "{narrowed:?}");
    // Generated files and definitions in other languages do not matter.
    for other in [
        format!("{second}//- /.gitignore\nz.py\n"),
        format!("//- /z.js\nfunction area() {{}}\n// {}\n", "x".repeat(5000)),
    ] {
        let all = planned(&format!("{USER}{DEFINITION}{other}"), order(RENAME, Some("area"), &[])).await;
        assert!(all.is_ok(), "{all:?}");
    }
}

/// What the plan of an instruction without a symbol leaves out.
async fn left_out(fixture: &str, paths: &[&str]) -> Vec<String> {
    let project = Project::new(fixture, rename).await;
    let plan = project.plan(order(RENAME, None, paths)).expect(fixture);
    let place =
        |left: LeftOut| format!("{}: {}", left.path.file_name().unwrap_or_default().display(), left.reason);
    plan.left_out.into_iter().map(place).collect()
}

#[tokio::test]
async fn an_instruction_that_names_a_definition_that_may_not_be_read_says_so() {
    let second = "//- /z.py\ndef area(w):\n    return w\n";
    let secret = format!("PASS{} = \"Tr0ub4dor3xyz\"\n", "WORD");
    let readable = format!("{USER}{DEFINITION}{second}");
    assert_eq!(left_out(&readable, &[]).await, [""; 0]);
    let hidden = format!("{readable}{secret}");
    for paths in [&[][..], &["*.py"]] {
        let left = left_out(&hidden, paths).await;
        let [one] = left.as_slice() else { panic!("{paths:?}: {left:?}") };
        for part in ["z.py: defines area", "may not be read", "secret"] {
            assert!(one.contains(part), "{part}: {one}");
        }
    }
    // It was not requested.
    assert_eq!(left_out(&hidden, &["a.py", "b.py"]).await, [""; 0]);
    // The only definition.
    let left = left_out(&format!("{USER}{DEFINITION}{secret}"), &["b.py"]).await;
    assert!(left.len() == 1 && left[0].contains("a.py: defines area"), "{left:?}");
    // And nothing else is found.
    let alone = format!("//- /b.py\nfrom a import area\n{DEFINITION}{secret}");
    let project = Project::new(&alone, rename).await;
    let said = project.plan(order(RENAME, None, &[])).map(|_| ()).expect_err("nothing").to_string();
    assert!(said.contains("a.py: defines area") && said.contains("may not be read"), "{said}");
}
