//! No text crashes the process: nesting, indentation, heredocs, strings, comments and tags to a depth and length of 10,000 in
//! every language, parsed, edited, parsed again and read for the index.
//!
//! A grammar's scanner is C code, and an error in it aborts the process. So each language runs in a child process of this test
//! program.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use phi_ls::assistant::Assistant;
use phi_ls::documents::{Change, Document, DocumentId};
use phi_ls::facts;
use phi_ls::languages::{ALL, Language};
use phi_ls::settings::Settings;
use phi_ls::user_dirs::UserDirs;
use phi_tests::client::Client;
use serde_json::{Value, json};

/// Environment variable: the language that a child process tests.
const LANGUAGE: &str = "PHI_LS_ANY_TEXT_LANGUAGE";

/// Environment variable: set by the test that parses every text in every size.
const ALL_SIZES: &str = "PHI_LS_ANY_TEXT_ALL_SIZES";

/// Depths and lengths: around the sizes of the scanners' counters and of tree-sitter's buffer.
const SIZES: [usize; 5] = [254, 300, 512, 1030, 10_000];

/// Time limit of a parse. A parse that is cancelled does not fail the test.
const PARSE_TIMEOUT: Duration = Duration::from_millis(10);

/// Time limit of a child process; one that takes longer fails the test.
const TOO_LONG: Duration = Duration::from_secs(240);

/// Texts of a size: those whose length a scanner stores, and others. `#` in the parts is the number of the repetition.
fn texts(size: usize) -> (Vec<String>, Vec<String>) {
    let numbered = |part: &str, count: usize| -> String {
        (0..count).map(|number| part.replace('#', &number.to_string())).collect()
    };
    let (mut remembered, mut texts) = (Vec::new(), Vec::new());
    // Nested constructs: opened many times, some text, then closed as often, or never.
    let remembered_pairs = [
        ("<a>", "x", "</a>"),
        ("<tag-name>", "x", "</tag-name>"),
        ("f\"{", "1", "}\""),
        ("f'''{", "1", "}'''"),
        ("\"#{", "1", "}\""),
        ("%Q(#{", "1", "})"),
        ("$\"{", "1", "}\""),
        ("- ", "1", ""),
        ("? ", "1", ""),
        ("- a: ", "1", ""),
        ("> ", "x", ""),
        ("* ", "x", ""),
    ];
    for (open, middle, close) in remembered_pairs {
        remembered.push(format!("{}{middle}{}\n", numbered(open, size), close.repeat(size)));
    }
    let pairs = [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{", "1", "}"),
        ("<", "T", ">"),
        ("{\"a\":", "1", "}"),
        ("[[", "1", "]]"),
        ("((", "1", "))"),
        ("f(", "1", ")"),
        ("x = ", "1", ""),
        ("1 + ", "1", ""),
        ("!", "1", ""),
        ("-", "1", ""),
        ("a.", "b", ""),
        ("a ? b : ", "c", ""),
        ("if (a) {", "", "}"),
        ("if a then ", "", " end"),
        ("fn f() {", "", "}"),
        ("function f() {", "", "}"),
        ("def f; ", "", "; end"),
        ("class A {", "", "}"),
        ("a { b", ": c", "}"),
        ("/* ", "x", " */"),
        ("<!-- ", "x", " -->"),
        ("--[[ ", "x", " ]]"),
        ("<p>", "x", ""),
        ("<script>", "x", "</script>"),
        ("`${", "1", "}`"),
        ("%(", "1", ")"),
        ("%w[", "1", "]"),
        ("/#{", "1", "}/"),
        ("$@\"{", "1", "}\""),
        ("$\"\"\"{", "1", "}\"\"\""),
        ("\"{$a[", "1", "]}\""),
        ("$(", "1", ")"),
        ("${a:-", "1", "}"),
        ("\"$(", "1", ")\""),
        ("[ ", "1", " ]"),
        ("- - ", "1", ""),
        ("1. ", "x", ""),
        ("**", "x", "**"),
        ("[a](", "x", ")"),
        ("![", "x", "]()"),
        (":not(", "a", ")"),
        ("<?php ", "1", " ?>"),
        ("r\"", "x", "\""),
        ("\"", "x", "\""),
        ("'", "x", "'"),
    ];
    for (open, middle, close) in pairs {
        let opened = numbered(open, size);
        texts.push(format!("{opened}{middle}{}\n", close.repeat(size)));
        texts.push(format!("{opened}{middle}\n"));
    }
    // Words and delimiters of that length, which scanners store.
    let word = "W".repeat(size);
    let accents = "é".repeat(size);
    let marks = "#".repeat(size);
    for word in [&word, &accents] {
        remembered.push(format!("x = <<~{word}\n  a\n{word}\n"));
        remembered.push(format!("x = <<-\"{word}\"\n  a #{{1}}\n"));
        remembered.push(format!("cat <<{word}\na $b\n{word}\ncat <<-'{word}'\n"));
        remembered.push(format!("<?php $a = <<<{word}\na {{$b}}\n{word};\n$c = <<<'{word}'\n"));
        remembered.push(format!("auto a = R\"{word}(x){word}\";\n"));
        remembered.push(format!("<{word}>x</{word}>\n<{word}-a><b></{word}>\n"));
        remembered.push(format!("{word}: &{word} *{word} !{word}\n"));
        remembered.push(format!("[{word}]: {word}\n\n```{word}\n```\n"));
    }
    texts.push(format!("let a = r{marks}\"x\"{marks};\n"));
    for mark in ["\"", "'", "`", "=", "-", "*", "_", "~", "#", "\\", "|", ":", "<", "@", "$", "&", "%", "^"] {
        texts.push(mark.repeat(size) + "x\n");
        texts.push(format!("a {} b\n{}\n", mark.repeat(size), mark.repeat(size)));
    }
    let level = "=".repeat(size);
    texts.push(format!("x = [{level}[ text ]{level}] --[{level}[ text ]{level}]\n"));
    texts.push(format!("var a = ${}\"\"\"{{1}}\"\"\";\n", "$".repeat(size)));
    texts.push(format!("var a = {q}x{q};\n", q = "\"".repeat(size)));
    // Several constructs on one line.
    remembered.push(numbered("<<~A# ", size) + "\n" + &numbered("  x\nA#\n", size));
    remembered.push(numbered("cat <<E#\n", size) + &numbered("E#\n", size));
    remembered.push(numbered("<<'LONGER_WORD_#', ", size) + "\n");
    remembered.push("<?php f(".to_owned() + &numbered("<<<E#\n", size) + &numbered("E#\n", size));
    remembered.push("a\n".repeat(size) + &"|a".repeat(size) + "\n" + &"|-".repeat(size) + "\n");
    // Indentation; its text grows with the square of the depth.
    let deep = size.min(1030);
    for (head, unit) in
        [("if a:", " "), ("a:", " "), ("-", " "), ("- a", "  "), ("if a:", "\t"), ("> -", " ")]
    {
        let lines = |line: &dyn Fn(usize) -> String| (0..deep).map(line).collect::<String>();
        let rising = lines(&|number| format!("{}{head}\n", unit.repeat(number)));
        remembered.push(format!("{rising}{}f\"{{1}}\" + '''x'''\n", unit.repeat(deep)));
        let falling = lines(&|number| format!("{}x = 'a'\n", unit.repeat(deep - number)));
        remembered.push(format!("{rising}{falling}"));
    }
    // Deep nesting, then much text: the scanner's state is stored with every token.
    remembered.push("- ".repeat(250) + "[" + &"1,".repeat(size) + "]\n");
    (remembered, texts)
}

/// Parses a text, edits it, parses it again; reads what came of it.
fn try_text(language: &'static Language, text: &str) {
    let id = DocumentId("file:///w/a".into());
    // With a time limit, so that no parse continues after the test.
    let attempt = |document: &Document, changes: &[Change]| {
        let document = document.until(Instant::now() + PARSE_TIMEOUT).apply(1, changes);
        document.tree();
        document
    };
    let document = attempt(&Document::open(id, None, language.id, 1, text), &[]);
    if text.len() < 4_000 {
        std::hint::black_box(facts::read("a".as_ref(), text, document.language, document.tree()));
    }
    let (third, middle) =
        (text.floor_char_boundary(text.len() / 3), text.floor_char_boundary(text.len() / 2));
    let splice = |range: std::ops::Range<usize>, text: &str| Change::Splice { range, text: text.to_owned() };
    let cut = attempt(&document, &[splice(third..middle, "")]);
    attempt(
        &cut,
        &[
            splice(third..third, &text[third..middle]),
            splice(middle..middle, "<[({"),
            splice(0..0, "\n  - a\n)"),
        ],
    );
}

#[test]
#[ignore = "run by the tests below, in a process of its own for each language"]
fn one_language() {
    let Ok(id) = std::env::var(LANGUAGE) else { return };
    let language = Language::named(&id).expect("a language");
    let all_sizes = std::env::var_os(ALL_SIZES).is_some();
    let first = ALL.iter().position(|row| *row == language).unwrap_or(0);
    for (turn, size) in SIZES.into_iter().enumerate() {
        let (remembered, others) = texts(size);
        // Texts that a scanner stores: the sizes just above a counter and the buffer. Other texts: one size, in every second
        // language.
        let is_always = matches!(size, 300 | 512) || all_sizes;
        let is_due = |at: usize| (at + first) % (2 * SIZES.len()) == turn || all_sizes;
        let due = |(at, text)| is_due(at).then_some(text);
        let remembered = remembered.into_iter().enumerate();
        let remembered =
            remembered.filter_map(|(at, text)| if is_always { Some(text) } else { due((at, text)) });
        for text in remembered.chain(others.into_iter().enumerate().filter_map(due)) {
            // The last line of stderr says why the child ended.
            eprintln!("{id} {size} {:?}", &text[..text.floor_char_boundary(60)]);
            try_text(language, &text);
        }
    }
}

/// A sample of the texts and sizes, different for each language.
#[test]
fn no_text_ends_the_process() {
    in_each_language(&[]);
}

#[test]
#[ignore = "takes minutes; CONTRIBUTING.md names the command"]
fn no_text_of_any_size_ends_the_process() {
    in_each_language(&[(ALL_SIZES, "1")]);
}

fn in_each_language(environment: &[(&str, &str)]) {
    let children = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    let mut left: Vec<&str> = ALL.iter().map(|row| row.id).collect();
    let mut running = Vec::new();
    let mut failed = Vec::new();
    while !left.is_empty() || !running.is_empty() {
        while running.len() < children
            && let Some(id) = left.pop()
        {
            let said = tempfile::NamedTempFile::new().expect("a file");
            let child = Command::new(std::env::current_exe().expect("this program"))
                .args(["--exact", "--ignored", "--nocapture", "one_language"])
                .env(LANGUAGE, id)
                .envs(environment.iter().copied())
                .stdout(Stdio::null())
                .stderr(said.reopen().expect("the same file"))
                .spawn()
                .expect("this program starts");
            running.push((id, child, said, Instant::now()));
        }
        running.retain_mut(|(id, child, said, since)| {
            let ended = child.try_wait().expect("the child is ours");
            if ended.is_none() && since.elapsed() < TOO_LONG {
                return true;
            }
            let _ = child.kill();
            let _ = child.wait();
            if !ended.is_some_and(|status| status.success()) {
                let said = std::fs::read_to_string(said.path()).unwrap_or_default();
                let last: Vec<&str> = said.lines().rev().take(8).collect();
                let how = ended.map_or("it hangs".to_owned(), |status| status.to_string());
                failed.push(format!("{id}: {how}\n{}", last.join("\n")));
            }
            false
        });
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// A declaration of `ahead` in languages that have declarations; a key of a list in the others.
fn declaration(language: &str) -> &'static str {
    match language {
        "rust" => "fn ahead() {}\n",
        "python" => "def ahead():\n    pass\n",
        "javascript" | "typescript" | "typescriptreact" => "function ahead() {}\n",
        "go" => "package a\n\nfunc ahead() {}\n",
        "java" | "csharp" => "class ahead {}\n",
        "c" | "cpp" => "int ahead(void) {}\n",
        "ruby" => "def ahead\nend\n",
        "php" => "<?php\nfunction ahead() {}\n",
        "shellscript" => "ahead() {\n  true\n}\n",
        "lua" => "function ahead()\nend\n",
        "css" => ".ahead { color: red; }\n",
        "toml" => "[ahead]\na = 1\n",
        "markdown" => "# ahead\n\n",
        "yaml" => "ahead: 1\n",
        "html" => "<p id=\"ahead\">ahead</p>\n",
        _ => "\n",
    }
}

/// Deep texts in lines of ordinary length: files with very long lines are taken for data and not indexed.
fn in_lines(part: &str, count: usize) -> String {
    (1..=count).map(|number| if number % 40 == 0 { format!("{part}\n") } else { part.to_owned() }).collect()
}

/// A home folder, and a repository with deeply nested files.
fn repository() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = home.path().join("repository").join(name);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write(".git/HEAD", "ref: refs/heads/main\n");
    write("a.rs", "pub fn first_name() {}\n\npub fn second() {\n    first_name();\n}\n");
    write("nested.yaml", &("- ".repeat(254) + "1\n"));
    let levels: String = (0..511).map(|level| format!("{}if a:\n", " ".repeat(level))).collect();
    write("levels.py", &format!("{levels}{}x = 'a'\n", " ".repeat(511)));
    write("word.rb", &format!("a = <<{word}\n  x\n{word}\n", word = "W".repeat(256)));
    let words: Vec<String> =
        [200, 200, 200, 200, 203].map(|letters| "<<".to_owned() + &"W".repeat(letters)).into();
    // Among lines of ordinary length: alone it would be taken for data.
    write("words.rb", &format!("{}f({})\n", "a = 1\n".repeat(20), words.join(", ")));
    for row in ALL.iter().copied() {
        let extension = row.extensions.split(' ').next().expect("one");
        let ahead = declaration(row.id);
        write(&format!("brackets.{extension}"), &format!("{ahead}{}\n", in_lines("([{", 3_000)));
        write(&format!("sum.{extension}"), &format!("{ahead}x = ({}1);\n", in_lines("1 + ", 20_000)));
    }
    home
}

fn program(home: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_phi-ls-under-test"));
    command.current_dir(home.path().join("repository")).env_clear().env("HOME", home.path());
    command
}

/// The program indexes them without a crash, and the saved index holds their symbols.
#[tokio::test]
async fn such_files_are_indexed() {
    let home = repository();
    let output = program(&home).args(["index", "--json"]).output().expect("the program starts");
    assert!(output.status.success(), "{output:?}");
    let overview: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let root = home.path().join("repository");
    let mut files = vec!["a.rs".to_owned(), "nested.yaml".into(), "levels.py".into()];
    files.extend(["word.rb", "words.rb"].map(str::to_owned));
    for row in ALL.iter().copied() {
        let extension = row.extensions.split(' ').next().expect("one");
        files.extend(["brackets", "sum"].map(|name| format!("{name}.{extension}")));
    }
    let (indexed, excluded) = (&overview["all"]["files"], &overview["excluded"]);
    assert_eq!((indexed, excluded), (&json!(files.len()), &json!([])), "{overview:#}");

    let assistant =
        Assistant::start(Settings::default(), UserDirs::below(home.path()), std::slice::from_ref(&root));
    assistant.settled().await;
    let index = assistant.workspace.repository.index();
    for name in &files {
        let path = root.join(name);
        let file = index.file(&path).unwrap_or_else(|| panic!("{name} is not in the index"));
        let text = std::fs::read_to_string(&path).expect("written above");
        assert_eq!(index.lines(file) as usize, text.lines().count(), "{name}");
        assert_eq!(Some(index.language(file)), Language::of_path(&path).map(|row| row.id), "{name}");
        let terms = [("ahead".to_owned(), 1.0)];
        let is_found = !index.search(&terms, 1, &|hit, _| hit == file).is_empty();
        assert_eq!(is_found, text.contains("ahead"), "{name}");
    }
    // On a loaded machine the others may be read in part: a parse has a time limit.
    let file = index.file(&root.join("a.rs")).expect("read above");
    let declared: Vec<&str> = index.symbols(file).iter().map(|symbol| &*symbol.name).collect();
    assert_eq!(declared, ["first_name", "second"]);
    let uses: Vec<u32> = index.references("first_name").map(|(_, line)| line).collect();
    assert_eq!(uses, [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_survives_such_files_and_answers_in_them() {
    let home = repository();
    let mut program = tokio::process::Command::from(program(&home));
    let mut client = Client::spawn(program.arg("serve"));
    let uri = |name: &str| format!("file://{}", home.path().join("repository").join(name).display());
    let params = json!({"processId": null, "rootUri": uri(""), "capabilities": {}});
    client.result("initialize", params).await.expect("it accepts the client");
    client.notify("initialized", json!({})).await;
    for (name, language) in
        [("nested.yaml", "yaml"), ("levels.py", "python"), ("word.rb", "ruby"), ("words.rb", "ruby")]
    {
        let text = std::fs::read_to_string(home.path().join("repository").join(name)).expect("written above");
        client.open(&uri(name), language, &text).await;
        let id = client.invoke(&uri(name), 0, 0).await;
        client.answer(id).await.expect("answered");
        client.change(&uri(name), 2, &[([0, 0, 0, 0], "# a\n")]).await;
        let id = client.invoke(&uri(name), 1, 0).await;
        client.answer(id).await.expect("answered");
    }
    client.shutdown().await;
}

/// Sums that are 20,000 levels deep, several for each core. A walk that calls `Node::parent` for each node, or a walk on an async
/// worker, would delay all answers by minutes.
#[tokio::test(flavor = "multi_thread")]
async fn deep_documents_delay_no_other_document_and_not_the_exit() {
    let home = tempfile::tempdir().expect("a folder");
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_phi-ls-under-test"));
    program.env_clear().env("HOME", home.path()).arg("serve");
    let mut client = Client::spawn(&mut program);
    client.initialize(json!({})).await;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let sum = format!("const A: u64 = {}1", "1 + ".repeat(20_000));
    let mut deep = Vec::new();
    for number in 0..2 * cores + 1 {
        let uri = format!("file:///w/deep{number}.rs");
        client.open(&uri, "rust", &format!("{sum};\n")).await;
        deep.push(client.invoke(&uri, 0, sum.len() as u32).await);
    }
    let uri = "file:///w/a.rs";
    client.open(uri, "rust", "fn f() {\n    first();\n    \n}\n").await;
    let id = client.invoke(uri, 2, 4).await;
    client.answer(id).await.expect("answered");
    // The other requests may not be answered yet.
    client.shutdown().await;
}
