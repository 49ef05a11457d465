//! A file system that does not answer delays the requests for its own files only.
#![cfg(target_os = "linux")]

use std::path::Path;

use phi_tests::client::{Client, Introduction, Trigger, ghost_text, program, uri};

/// The n-gram model knows from the other functions how the last one continues.
fn text() -> String {
    let function = |name| {
        format!(
            "def {name}(alpha_values):\n    total = sum(alpha_values)\n    return total / len(alpha_values)\n\n\n"
        )
    };
    ["one", "two", "three", "four"].map(function).concat() + "def five(alpha_values):\n    total = "
}

/// The library that makes the files in folders named `slow` wait.
fn preloaded(folder: &Path) -> std::path::PathBuf {
    let library = folder.join("slow_files.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/slow_files.c");
    let built = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .status();
    assert!(built.expect("a C compiler, which building phi-ls needs").success());
    library
}

async fn until_exists(path: &Path) {
    while !path.exists() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_file_system_that_does_not_answer_delays_no_other_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().canonicalize().expect("a path");
    let workspace = home.join("w");
    std::fs::create_dir_all(workspace.join("slow")).expect("a folder");
    let (slow, quick) = (workspace.join("slow/b.py"), workspace.join("a.py"));
    std::fs::write(&slow, text()).expect("a file");
    std::fs::write(&quick, text()).expect("a file");
    let (release, reached) = (home.join("release"), home.join("reached"));

    let mut command = program(env!("CARGO_BIN_EXE_phi-ls-under-test"));
    command.env("PHI_LS_MODEL", "none").env("PHI_LS_LOG", "off");
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
        command.env(name, &home);
    }
    command.env("LD_PRELOAD", preloaded(&home)).env("SLOW_RELEASE", &release).env("SLOW_REACHED", &reached);
    let mut client = Client::spawn(&mut command);
    client.introduce(Introduction { folders: vec![workspace], ..Introduction::default() }).await;

    client.open(&uri(&slow), "python", &text()).await;
    until_exists(&reached).await;
    // More waiting requests than the server has threads for requests.
    let mut waiting = Vec::new();
    for _ in 0..8 {
        waiting.push(client.inline(&uri(&slow), [21, 12], Trigger::Invoked).await);
    }
    client.open(&uri(&quick), "python", &text()).await;
    for version in 2..10 {
        client.change(&uri(&quick), version, &[([21, 12, 21, 12], "")]).await;
        let answer = client.suggestion(&uri(&quick), [21, 12], Trigger::Invoked).await;
        assert!(ghost_text(&answer).is_some_and(|text| text.starts_with("sum")), "{version}: {answer}");
    }
    assert!(!release.exists());

    std::fs::write(&release, "").expect("a file");
    for id in waiting {
        let _ = client.answer(id).await;
    }
    // The rules of its folder are cached now.
    let answer = client.suggestion(&uri(&slow), [21, 12], Trigger::Invoked).await;
    assert!(ghost_text(&answer).is_some(), "{answer}");
    client.close_document(&uri(&slow)).await;
    client.shutdown().await;
}
