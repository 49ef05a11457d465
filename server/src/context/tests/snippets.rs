//! Snippets of other files.

use super::*;

fn paths(context: &Context) -> Vec<String> {
    context.snippets.iter().map(|snippet| snippet.path.clone()).collect()
}

#[test]
fn snippets_are_similar_code() {
    let (document, cursor) = marked("a.rs", RUST);
    let unrelated: String =
        (0..40).map(|n| format!("fn unrelated_{n}() {{\n    word_{n}();\n}}\n\n")).collect();
    let others = [
        Arc::new(open("c.rs", &unrelated)),
        Arc::new(open("b.rs", &(unrelated.clone() + OTHER + "\n" + &unrelated))),
        Arc::new(document.clone()),
    ];
    let context = gather(&Contexts::default(), &document, cursor, &others, BUDGET, &count);
    assert_eq!(paths(&context), ["w/b.rs"]);
    let (_, transfer) = OTHER.split_once("\n\n").unwrap();
    assert!(context.snippets[0].text.contains(transfer), "the whole function: {}", context.snippets[0].text);
}

#[test]
fn text_that_the_model_would_only_repeat_is_left_out() {
    let (document, cursor) = marked("a.rs", RUST);
    let others = [
        Arc::new(open("b.rs", OTHER)),
        Arc::new(open("d.rs", &OTHER.replace("taken", "took"))),
        Arc::new(open("copy.rs", &document.text.to_string())),
    ];
    let all = Budget { above: 400, edit_region: 200, after: 400, guidance: 0, snippets: 400 };
    let context = gather(&Contexts::default(), &document, cursor, &others, all, &count);
    assert_eq!(paths(&context), ["w/b.rs", "w/d.rs"], "similar, but not the same");
    let others = [others[0].clone(), Arc::new(open("e.rs", &OTHER.replace("    ", "\t")))];
    let context = gather(&Contexts::default(), &document, cursor, &others, BUDGET, &count);
    assert_eq!(paths(&context), ["w/b.rs"], "the same twice");

    let binary = Arc::new(open("b.rs", &OTHER.replace("taken\n", "\0taken\n")));
    assert!(gather(&Contexts::default(), &document, cursor, &[binary], BUDGET, &count).snippets.is_empty());
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
    let budget = Budget { snippets: 95, ..BUDGET };
    let first = gather(&contexts, &document, cursor, &others, budget, &count);
    assert_eq!(paths(&first), ["w/alpha.rs", "w/beta.rs", "w/gamma.rs"]);
    // A slightly better candidate pushes out nothing, and neither does another order of the documents.
    let reversed: Vec<_> = others.iter().rev().cloned().collect();
    for key in "delta(two_gamma); ".chars() {
        document = type_in(&document, cursor, &key.to_string());
        cursor += 1;
        let context = gather(&contexts, &document, cursor, &reversed, budget, &count);
        assert_eq!(paths(&context), paths(&first));
    }
    // A much better one does, and what stays keeps its place.
    let better = "fn better() {\n    alpha(beta, gamma, other, names, here);\n}\n";
    let with_better: Vec<_> = [Arc::new(open("better.rs", better))].into_iter().chain(others).collect();
    let context = gather(&contexts, &document, cursor, &with_better, budget, &count);
    let now = paths(&context);
    assert_eq!(now.last().unwrap(), "w/better.rs");
    assert!(
        now.len() > 1 && paths(&first).iter().filter(|path| now.contains(path)).eq(&now[..now.len() - 1])
    );
    // A closed document is gone at once.
    assert!(gather(&contexts, &document, cursor, &[], budget, &count).snippets.is_empty());
}

#[test]
fn after_a_reset_all_tokens_are_counted_again() {
    let (document, cursor) = marked("a.rs", RUST);
    let others = [Arc::new(open("b.rs", OTHER))];
    let contexts = Contexts::default();
    let budget = Budget { snippets: count(OTHER) + 20, ..BUDGET };
    assert_eq!(gather(&contexts, &document, cursor, &others, budget, &count).snippets.len(), 1);
    let bytes = |text: &str| text.len();
    contexts.reset();
    assert!(gather(&contexts, &document, cursor, &others, budget, &bytes).snippets.is_empty());
}
