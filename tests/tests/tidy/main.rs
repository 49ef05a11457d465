//! The rules of the project that a test can check: paths in the documents exist, every module has a doc comment, imports stay in
//! bounds, files stay small.

mod imports;
mod languages;

use std::path::{Path, PathBuf};

use phi_tests::workspace;

/// Every file that the repository holds, relative to its root.
fn files() -> Vec<PathBuf> {
    let root = workspace();
    let mut files: Vec<PathBuf> = ignore::WalkBuilder::new(&root)
        .hidden(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .map(|entry| entry.path().strip_prefix(&root).expect("walked from the root").to_owned())
        .collect();
    files.sort();
    assert!(files.len() > 30, "the walk found only {} files", files.len());
    files
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(workspace().join(path)).expect("a walked file is readable"))
        .into_owned()
}

fn rust_files() -> impl Iterator<Item = (PathBuf, String)> {
    files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).map(|path| {
        let text = read(&path);
        (path, text)
    })
}

/// The words in backticks that look like a path of this repository: one of its top-level names, then `/`.
fn named_paths(markdown: &str) -> Vec<String> {
    const TOP: [&str; 5] = ["server/", "engine/", "editors/", "tests/", ".ci/"];
    let mut paths = Vec::new();
    for (index, span) in markdown.split('`').enumerate() {
        let word = span.trim();
        if index % 2 == 1
            && TOP.iter().any(|top| word.starts_with(top))
            && !word.contains([' ', '*', '<', '{'])
        {
            paths.push(word.split([':', '#']).next().unwrap_or(word).to_owned());
        }
    }
    paths
}

#[test]
fn documents_name_only_what_exists() {
    let mut missing = Vec::new();
    for path in files() {
        if path.extension().is_some_and(|end| end == "md") {
            for named in named_paths(&read(&path)) {
                if !workspace().join(&named).exists() {
                    missing.push(format!("{}: {named}", path.display()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "documents name what is not there:\n{}", missing.join("\n"));
}

#[test]
fn architecture_names_every_module_folder() {
    let architecture = read(Path::new("ARCHITECTURE.md"));
    for krate in ["server/src", "engine/src"] {
        for entry in std::fs::read_dir(workspace().join(krate)).expect("the crate is there") {
            let name = entry.expect("readable").file_name().into_string().expect("UTF-8");
            let module = name.trim_end_matches(".rs");
            if !["lib", "main"].contains(&module) {
                assert!(
                    architecture.contains(&format!("`{krate}/{name}")),
                    "ARCHITECTURE.md does not say what {krate}/{name} is"
                );
            }
        }
    }
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<_> = rust_files()
        .filter(|(path, text)| !text.starts_with("//! ") && !path.starts_with("tests/fixtures"))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "no `//!` header: {silent:?}");
}

#[test]
fn protocol_and_engine_imports_stay_in_their_modules() {
    let mut breaches = Vec::new();
    for (path, text) in rust_files() {
        let mut forbid = |word: &str, why: &str| {
            for (number, line) in text.lines().enumerate() {
                if line.contains(word) && !line.trim_start().starts_with("//") {
                    breaches.push(format!("{}:{}: {word}: {why}", path.display(), number + 1));
                }
            }
        };
        if path.starts_with("server/src") && !path.starts_with("server/src/lsp") {
            forbid("tower_lsp", "only server/src/lsp knows the protocol");
        }
        if path.starts_with("engine/src") {
            for word in ["tower_lsp", "phi_ls", "ropey", "tree_sitter", "ignore::"] {
                forbid(word, "the engine knows tokens and tensors, no editor and no workspace");
            }
        }
        let is_impure = path.ends_with("context/gather.rs");
        if path.starts_with("server/src/context") && !is_impure {
            for word in ["std::fs", "tokio::fs", "phi_engine::Engine"] {
                forbid(word, "context is pure, but for gather.rs, which reads the texts");
            }
        }
        let is_test = path.iter().any(|part| part == "tests" || part == "tests.rs");
        if path.starts_with("server/src") && !path.starts_with("server/src/cli") && !is_test {
            forbid(" println!(", "stdout is the protocol");
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// Code that opens a file without checking that it is a regular one, and why it may.
const OPENERS: [(&str, &str); 6] = [
    ("server/src/files.rs", "the one reader"),
    ("engine/src/files.rs", "what it opens files with"),
    ("server/src/journal.rs", "opens a journal to write it as well, and only if it is a regular file"),
    ("server/src/pull/partial.rs", "opens the part of a download to write it as well"),
    ("server/src/refactor/sandbox/copy.rs", "sets the times of a file that it has just made"),
    ("server/src/cli/demo", "the sample that the demo writes itself"),
];

#[test]
fn files_are_read_in_one_place() {
    let mut breaches = Vec::new();
    for (path, text) in rust_files() {
        let is_source = path.starts_with("server/src") || path.starts_with("engine/src");
        let is_test = path.iter().any(|part| part == "tests" || part == "tests.rs");
        if !is_source || is_test || OPENERS.iter().any(|(opener, _)| path.starts_with(opener)) {
            continue;
        }
        let code = text.split("\nmod tests {").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let reads = ["fs::read(", "fs::read_to_string(", "File::open(", ".read(true)"];
            if reads.iter().any(|word| line.contains(word)) {
                breaches.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(
        breaches.is_empty(),
        "use server/src/files.rs, which waits for no pipe:\n{}",
        breaches.join("\n")
    );
    for (opener, _) in OPENERS {
        assert!(workspace().join(opener).exists(), "{opener} is gone");
    }
}

/// A lock of the standard library is poisoned after a panic of one holder; see ARCHITECTURE.md.
#[test]
fn no_lock_of_the_standard_library() {
    let mut found = Vec::new();
    for (path, text) in rust_files() {
        let is_test = path.iter().any(|part| part == "tests" || part == "tests.rs" || part == "benches");
        let is_ours = path.starts_with("server/src") || path.starts_with("engine/src");
        // Tests stand at the end of a file.
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let uses = code.match_indices("std::sync::").map(|(at, _)| {
            let rest = &code[at..];
            &rest[..rest.find([';', '\'', '<', '(']).unwrap_or(rest.len())]
        });
        if is_ours && !is_test {
            let poisoned = uses.filter(|used| ["Mutex", "RwLock"].iter().any(|lock| used.contains(lock)));
            found.extend(poisoned.map(|used| format!("{}: {used}", path.display())));
        }
    }
    assert!(found.is_empty(), "use parking_lot's in the place of\n{}", found.join("\n"));
}

/// One of the workspace's packages, as `cargo metadata` describes it.
fn package(name: &str) -> serde_json::Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(cargo)
        .args(["metadata", "--offline", "--format-version", "1", "--no-deps"])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages.iter().find(|package| package["name"] == name).expect("a package of the workspace").clone()
}

/// The dependencies of a package that are part of a build for users, as opposed to those of its tests.
fn dependencies(package: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    package["dependencies"]
        .as_array()
        .expect("a list of dependencies")
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
}

/// All that the engine may depend on: numbers, tokens, threads. Nothing that knows a protocol, an editor, a syntax
/// tree or the files of a workspace.
const ENGINE_DEPENDENCIES: [&str; 21] = [
    "bytemuck",
    "candle-core",
    "candle-nn",
    "candle-transformers",
    "half",
    "memmap2",
    "minijinja",
    "minijinja-contrib",
    "num_cpus",
    "parking_lot",
    "rayon",
    "rustc-hash",
    "rustix",
    "safetensors",
    "serde",
    "serde_json",
    "serde_path_to_error",
    "thiserror",
    "tokenizers",
    "tokio",
    "tracing",
];

#[test]
fn the_engine_depends_on_tensors_tokens_and_threads_only() {
    let engine = package("phi-engine");
    let mut found: Vec<&str> =
        dependencies(&engine).map(|dependency| dependency["name"].as_str().expect("a name")).collect();
    found.sort_unstable();
    assert_eq!(found, ENGINE_DEPENDENCIES, "the dependencies of the engine");
    // Its tests use no other package of the workspace either.
    let of_any_kind = engine["dependencies"].as_array().expect("a list of dependencies");
    let own: Vec<_> = of_any_kind.iter().filter(|dependency| !dependency["path"].is_null()).collect();
    assert!(own.is_empty(), "the engine depends on a package of the workspace: {own:?}");
}

#[test]
fn no_build_for_users_has_the_scripted_engine() {
    let mentions = |value: &serde_json::Value| value.to_string().contains("scripted");
    assert!(mentions(&package("phi-engine")["features"]), "the feature has another name");
    assert!(!mentions(&package("phi-engine")["features"]["default"]));
    let server = package("phi-ls");
    assert!(!mentions(&server["features"]), "a feature of the server turns the scripted engine on");
    let engine = dependencies(&server).find(|dependency| dependency["name"] == "phi-engine");
    assert!(!mentions(engine.expect("the server depends on the engine")));
}

#[test]
fn files_stay_small() {
    let mut sizes: Vec<(usize, PathBuf)> = rust_files()
        .filter(|(path, _)| !path.starts_with("tests/fixtures"))
        .map(|(path, text)| (text.lines().count(), path))
        .collect();
    sizes.sort();
    let median = sizes[sizes.len() / 2].0;
    assert!(median <= 200, "the median file has {median} lines");
    let long: Vec<_> = sizes.iter().filter(|(lines, _)| *lines > 450).collect();
    assert!(long.len() * 20 <= sizes.len(), "more than one file in twenty is above 450 lines: {long:?}");
}

#[test]
fn no_todo_and_no_machine_path() {
    // Spelled apart, so that this file does not find itself.
    let words = [
        concat!("TO", "DO:"),
        concat!("FIX", "ME"),
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("index.crates", ".io"),
        concat!("registry.npmjs", ".org"),
        concat!("files.python", "hosted.org"),
    ];
    let mut found = Vec::new();
    for path in files() {
        let text = read(&path);
        if text.contains('\0') || path.starts_with("tests/fixtures") || path == Path::new("Cargo.lock") {
            continue;
        }
        // A code action completes what is left open in a user's code, so it names it, and so do its tests.
        let is_about_them = ["server/src/actions", "tests/editors", "tests/tests/protocol_actions.rs"];
        let skipped = if is_about_them.iter().any(|place| path.starts_with(place)) { 2 } else { 0 };
        for (number, line) in text.lines().enumerate() {
            for word in &words[skipped..] {
                if line.contains(word) {
                    found.push(format!("{}:{}: {word}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
