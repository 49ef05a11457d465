//! Files and folders: changes that the client reports reach the index, and excluded text reaches no prompt.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use phi_engine::Engine;
use phi_ls::assistant::Assistant;
use phi_ls::settings::Settings;
use phi_ls::user_dirs::UserDirs;
use phi_tests::client::{Client, uri};
use serde_json::{Value, json};

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
    std::fs::write(path, text).expect("written");
}

/// A server that indexes these workspace folders, and its client.
async fn connect(machine: &Path, roots: &[&Path], capabilities: Value) -> (Client, Assistant) {
    let folders: Vec<_> = roots.iter().map(|root| root.to_path_buf()).collect();
    let assistant = Assistant::start(Settings::default(), UserDirs::below(machine), &folders);
    assistant.settled().await;
    let mut client = Client::in_process(assistant.clone());
    client.initialize_in(roots, capabilities).await;
    (client, assistant)
}

/// Where a function is defined, after the server has handled all earlier messages.
async fn definitions(client: &mut Client, assistant: &Assistant, name: &str) -> Vec<String> {
    client.status().await;
    assistant.workspace.save(Duration::from_secs(60)).await;
    let index = assistant.workspace.repository.index();
    let file = |definition: phi_ls::repository::index::Definition| {
        index.path(definition.file).file_name().expect("a file").to_string_lossy().into_owned()
    };
    index.definitions(name).map(file).collect()
}

#[tokio::test]
async fn a_client_with_file_watching_is_registered_and_used() {
    let machine = tempfile::tempdir().expect("a folder");
    let root = machine.path().join("w");
    write(&root, "a.rs", "fn one() {}\n");
    let watched = json!({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}}});
    let (mut client, assistant) = connect(machine.path(), &[&root], watched).await;
    let registered = client.notification("client/registerCapability").await;
    assert_eq!(registered["registrations"][0]["method"], "workspace/didChangeWatchedFiles");
    assert_eq!(definitions(&mut client, &assistant, "one").await, ["a.rs"]);

    write(&root, "new/b.rs", "fn two() {}\n");
    std::fs::remove_file(root.join("a.rs")).expect("removed");
    let changes = json!([
        {"uri": uri(&root.join("new/b.rs")), "type": 1},
        {"uri": uri(&root.join("a.rs")), "type": 3},
        {"uri": "untitled:Untitled-1", "type": 2},
    ]);
    client.notify("workspace/didChangeWatchedFiles", json!({"changes": changes})).await;
    assert_eq!(definitions(&mut client, &assistant, "two").await, ["b.rs"]);
    assert_eq!(definitions(&mut client, &assistant, "one").await, [""; 0]);
    client.shutdown().await;
}

#[tokio::test]
async fn changes_before_the_client_watches_are_found() {
    let machine = tempfile::tempdir().expect("a folder");
    let root = machine.path().join("w");
    write(&root, "a.rs", "fn one() {}\n");
    let watched = json!({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}}});
    let (mut client, assistant) = connect(machine.path(), &[&root], watched).await;
    assert_eq!(definitions(&mut client, &assistant, "one").await, ["a.rs"]);
    // The client has not begun to watch: the registration is still under way.
    write(&root, "b.rs", "fn two() {}\n");
    client.notification("client/registerCapability").await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while definitions(&mut client, &assistant, "two").await.is_empty() {
        assert!(Instant::now() < deadline, "b.rs was not noticed");
    }
    client.shutdown().await;
}

#[tokio::test]
async fn without_client_watching_the_server_watches_files() {
    let machine = tempfile::tempdir().expect("a folder");
    let root = machine.path().canonicalize().expect("it exists").join("w");
    write(&root, "a.rs", "fn one() {}\n");
    let (mut client, assistant) = connect(machine.path(), &[&root], json!({})).await;
    // The system reports the change at some time; `definitions` waits only for reported changes.
    let deadline = Instant::now() + Duration::from_secs(60);
    for (file, name) in [("b.rs", "two"), ("new/folder/c.rs", "three"), ("new/folder/d.rs", "four")] {
        write(&root, file, &format!("fn {name}() {{}}\n"));
        while definitions(&mut client, &assistant, name).await.is_empty() {
            assert!(Instant::now() < deadline, "{file} was not noticed");
        }
    }
    std::fs::remove_dir_all(root.join("new")).expect("removed");
    while !definitions(&mut client, &assistant, "four").await.is_empty() {
        assert!(Instant::now() < deadline, "the removed folder was not noticed");
    }
    client.shutdown().await;
}

#[tokio::test]
async fn an_open_document_overrides_its_file_until_it_is_closed() {
    let machine = tempfile::tempdir().expect("a folder");
    let root = machine.path().join("w");
    write(&root, "a.rs", "fn saved() {}\n");
    let (mut client, assistant) = connect(machine.path(), &[&root], json!({})).await;
    let document = uri(&root.join("a.rs"));
    client.open(&document, "rust", "fn opened() {}\n").await;
    assert_eq!(definitions(&mut client, &assistant, "opened").await, ["a.rs"]);
    client.change(&document, 2, &[([0, 3, 0, 9], "typed")]).await;
    assert_eq!(definitions(&mut client, &assistant, "typed").await, ["a.rs"]);
    assert_eq!(definitions(&mut client, &assistant, "saved").await, [""; 0]);
    write(&root, "a.rs", "fn typed() {}\nfn more() {}\n");
    client.notify("textDocument/didSave", json!({"textDocument": {"uri": document}})).await;
    client.close_document(&document).await;
    assert_eq!(definitions(&mut client, &assistant, "more").await, ["a.rs"]);
    client.shutdown().await;
}

#[tokio::test]
async fn workspace_folders_are_added_and_removed() {
    let machine = tempfile::tempdir().expect("a folder");
    let (one, two) = (machine.path().join("one"), machine.path().join("two"));
    write(&one, "a.rs", "fn one() {}\n");
    write(&two, "b.rs", "fn two() {}\n");
    let (mut client, assistant) = connect(machine.path(), &[&one], json!({})).await;
    assert_eq!(definitions(&mut client, &assistant, "two").await, [""; 0]);
    client.change_folders(&[&two], &[&one]).await;
    // Rules are read from disk, so folders are set outside the read loop.
    while definitions(&mut client, &assistant, "two").await != ["b.rs"] {}
    assert_eq!(definitions(&mut client, &assistant, "one").await, [""; 0]);
    client.shutdown().await;
}

#[tokio::test]
async fn excluded_text_reaches_no_prompt_even_when_open() {
    let machine = tempfile::tempdir().expect("a folder");
    let root = machine.path().join("w");
    write(&root, ".gitignore", "private/\n");
    let prompts: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = prompts.clone();
    let engine = Engine::scripted(move |prompt| {
        seen.lock().expect("no holder panics").push(prompt.to_owned());
        " 1".to_owned()
    });
    let mut client = Client::in_process(Assistant::new(engine, Settings::default()));
    client.initialize_in(&[&root], json!({})).await;

    let token = concat!("gh", "p_16C7e42F292c6912E7710c838347Ae178B4a");
    let similar = |marker: &str| {
        format!(
            "fn invoice_of_{marker}(basket: &Basket, discount: u64) -> Invoice {{\n    let price = total_price(&basket.prices, \
             discount);\n    let tax = rates::of(basket.country).apply(price);\n    Invoice {{ price, tax, number: \
             {marker}(basket) }}\n}}\n"
        )
    };
    for (name, marker) in [
        ("shown.rs", "in_plain_sight"),
        (".hidden/opened.rs", "opened_by_hand"),
        ("private/a.rs", "in_ignored"),
        ("prices.env", "in_environment"),
        ("token.rs", "beside_a_token"),
    ] {
        let mut text = similar(marker);
        if name == "token.rs" {
            text += &format!("const T: &str = \"{token}\";\n");
        }
        client.open(&uri(&root.join(name)), "rust", &text).await;
    }
    let own = uri(&root.join("own.rs"));
    let text = "fn total_price(prices: &[u64], discount: u64) -> u64 {\n    let price =\n}\n";
    client.open(&own, "rust", text).await;
    let id = client.invoke(&own, 1, 15).await;
    client.answer(id).await.expect("an answer");
    {
        let prompts = prompts.lock().expect("no holder panics");
        let prompt = prompts.last().expect("the engine got a prompt");
        for marker in ["in_plain_sight", "opened_by_hand"] {
            assert!(prompt.contains(marker), "{marker} is not in the prompt:\n{prompt}");
        }
        for marker in ["in_ignored", "in_environment", "beside_a_token", token] {
            assert!(prompts.iter().all(|prompt| !prompt.contains(marker)), "{marker} is in a prompt");
        }
    }

    // They get no completions either, until the token is removed.
    let asked = prompts.lock().expect("no holder panics").len();
    for (name, line) in [("private/a.rs", 0), ("prices.env", 0), ("token.rs", 1)] {
        let id = client.invoke(&uri(&root.join(name)), line, 0).await;
        assert_eq!(client.answer(id).await, Ok(json!({"items": []})), "{name}");
    }
    assert_eq!(prompts.lock().expect("no holder panics").len(), asked);
    let with_token = uri(&root.join("token.rs"));
    client.change(&with_token, 2, &[([5, 18, 5, 20], "")]).await;
    let id = client.invoke(&with_token, 6, 0).await;
    client.answer(id).await.expect("an answer");
    assert!(prompts.lock().expect("no holder panics").len() > asked);
    client.shutdown().await;
}

/// Whether a document gets completions, and whether its text reaches the prompts of others: the model repeats its prompt.
async fn is_shown(client: &mut Client, assistant: &Assistant, uri: &str, text: &str) -> bool {
    client.open(uri, "plaintext", text).await;
    client.status().await;
    let shown = assistant.workspace.shown().iter().any(|document| &*document.id.0 == uri);
    client.close_document(uri).await;
    shown
}

#[cfg(unix)]
#[tokio::test]
async fn a_document_is_checked_by_contents_and_by_every_name() {
    use std::os::unix::fs::symlink;

    let machine = tempfile::tempdir().expect("a folder");
    let root = machine.path().join("w");
    write(&root, ".gitignore", "local/\n");
    write(&root, ".env", "A=1\n");
    write(&root, "local/a.rs", "fn a() {}\n");
    write(&root, "src/b.rs", "fn b() {}\n");
    symlink(".env", root.join("settings.txt")).expect("a link");
    symlink("local", root.join("linked")).expect("a link");
    symlink("w", machine.path().join("other")).expect("a link");
    let (mut client, assistant) = connect(machine.path(), &[&root], json!({})).await;
    let at = |path: &str| root.join(path).display().to_string();
    for (uri, shown) in [
        (format!("file://{}", at("src/b.rs")), true),
        (format!("file://{}", machine.path().join("other/src/b.rs").display()), true),
        (format!("file://{}", at("settings.txt")), false),
        (format!("file://{}", at("linked/a.rs")), false),
        (format!("file://{}", machine.path().join("other/local/a.rs").display()), false),
        (format!("untitled:{}", at(".env")), false),
        ("untitled:.env".to_owned(), false),
        ("untitled:Untitled-1".to_owned(), true),
        (format!("git:{}?x", at(".env")), false),
        (format!("git:{}?x", at("src/b.rs")), true),
        (format!("fugitive://{}//0123abc/local/a.rs", at(".git")), false),
        (format!("vscode-remote://ssh-remote%2Bhost{}", at(".env")), false),
    ] {
        assert_eq!(is_shown(&mut client, &assistant, &uri, "fn c() {}\n").await, shown, "{uri}");
    }
    let secret = concat!("password = \"k9x", "Wm2Lp7R\"\n");
    for uri in ["untitled:Untitled-2".to_owned(), format!("git:{}?x", at("src/b.rs"))] {
        assert!(!is_shown(&mut client, &assistant, &uri, secret).await, "{uri}");
    }

    // By its other name it is the same file, and it is indexed once.
    let other = format!("file://{}", machine.path().join("other/src/b.rs").display());
    client.open(&other, "rust", "fn newer() {}\n").await;
    assert_eq!(definitions(&mut client, &assistant, "newer").await, ["b.rs"]);
    assert_eq!(definitions(&mut client, &assistant, "b").await, [""; 0]);
    client.shutdown().await;
}
