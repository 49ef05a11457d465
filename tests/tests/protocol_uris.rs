//! All spellings of a URI name the same document, and answers use the client's spelling.

use phi_engine::Engine;
use phi_ls::assistant::Assistant;
use phi_ls::settings::Settings;
use phi_tests::client::{Client, Wanted, ghost_text, range};
use serde_json::{Value, json};

const TEXT: &str = "fn one() -> u8 {\n    let a = \n}\n\nfn two() -> u8 {\n    todo!()\n}\n";
const DONE: &str = "fn two() -> u8 {\n    2\n}\n";

/// Pairs of spellings: in `didOpen`, and in later messages.
const SPELLINGS: [(&str, &str); 13] = [
    ("file:///w/a.rs", "file:///w/a.rs"),
    ("file:///w/src/app/[slug]/page.rs", "file:///w/src/app/[slug]/page.rs"),
    ("file:///w/src/app/[slug]/page.rs", "file:///w/src/app/%5Bslug%5D/page.rs"),
    ("file:///w/src/app/%5Bslug%5D/page.rs", "file:///w/src/app/[slug]/page.rs"),
    ("file:///w/{id}.rs", "file:///w/%7bid%7D.rs"),
    ("file:///w/a b.rs", "file:///w/a%20b.rs"),
    ("file:///w/na\u{ef}ve.rs", "file:///w/na%C3%AFve.rs"),
    ("file:///w/100%.rs", "file:///w/100%25.rs"),
    ("file:///w/a%23b.rs", "file:///w/a#b.rs"),
    ("file:///c%3A/w/a.rs", "file:///c:/w/a.rs"),
    ("file:///w/a(1)+b@c.rs", "file:///w/a%281%29%2Bb%40c.rs"),
    ("FILE:///w/a^b`c.rs", "file:///w/a%5Eb%60c.rs"),
    ("untitled:[new] file.rs", "untitled:%5Bnew%5D%20file.rs"),
];

async fn connect(answer: &'static str, edits: Value, uri: &str) -> Client {
    let engine = Engine::scripted(move |_| answer.to_owned());
    let mut client = Client::in_process(Assistant::new(engine, Settings::default()));
    let capabilities = json!({
        "textDocument": {"codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}},
            "resolveSupport": {"properties": ["edit"]},
        }},
        "workspace": {"workspaceEdit": edits},
    });
    client.initialize(capabilities).await;
    client.open(uri, "rust", TEXT).await;
    client
}

#[tokio::test]
async fn a_document_is_found_under_every_spelling_of_its_uri() {
    for (opened, named) in SPELLINGS {
        let mut client = connect("compute(a, b);", json!({}), opened).await;
        client.change(named, 2, &[([1, 12, 1, 12], "my_")]).await;
        let id = client.invoke(named, 1, 15).await;
        let answer = client.answer(id).await.expect("answered");
        assert_eq!(ghost_text(&answer), Some("compute(a, b);"), "{named}");
        assert_eq!(answer["items"][0]["command"]["arguments"], json!([opened]), "{named}");
        assert_eq!(client.execute("phi-ls.accepted", json!([named])).await, Ok(Value::Null));
        let place = json!([named, {"line": 1, "character": 4}]);
        client.execute("phi-ls.context", place).await.expect("it is open");
        client.close_document(named).await;
        let id = client.invoke(opened, 1, 15).await;
        assert_eq!(ghost_text(&client.answer(id).await.expect("answered")), None, "{opened} is closed");
        client.shutdown().await;
    }
}

#[tokio::test]
async fn edits_name_their_document_as_the_client_does() {
    for (opened, named) in SPELLINGS {
        for has_versions in [true, false] {
            let mut client = connect(DONE, json!({"documentChanges": has_versions}), opened).await;
            let fixes = Wanted { only: &["quickfix"], ..Wanted::default() };
            let mut actions = client.code_actions(named, [5, 6, 5, 6], fixes).await;
            assert_eq!(actions[0]["data"]["uri"], opened, "{named}");
            let resolved = client.resolve(actions[0].take()).await.expect("resolved");
            let edit = &resolved["edit"];
            match has_versions {
                true => assert_eq!(
                    edit["documentChanges"][0]["textDocument"],
                    json!({"uri": opened, "version": 1})
                ),
                false => assert_eq!(edit["changes"][opened][0]["newText"], "    2\n", "{named}"),
            }
            // The command asks the client to apply the same.
            client.reply("workspace/applyEdit", json!({"applied": false, "failureReason": "enough seen"}));
            let rewrite = json!([named, range([5, 6, 5, 6]), "finish it"]);
            client.execute("phi-ls.rewrite", rewrite).await.expect_err("not applied");
            let edit = client.notification("workspace/applyEdit").await["edit"].take();
            match has_versions {
                true => assert_eq!(edit["documentChanges"][0]["textDocument"]["uri"], opened, "{named}"),
                false => assert!(edit["changes"].get(opened).is_some(), "{named}: {edit}"),
            }
            client.shutdown().await;
        }
    }
}
