//! The text of a hole does not leak: not into the index, a search, a prompt or the n-gram model.

use std::sync::{Arc, Mutex};

use phi_engine::Engine;

use super::*;
use crate::context::{Budget, ContextScope};
use crate::eval::completion::{ArmPlan, Run};
use crate::eval::retrieval::Retrieval;
use crate::repository::Background;
use crate::repository::index::Index;
use crate::settings::Settings;

/// A word that occurs only in the hole.
const SECRET: &str = "quux_zebra";
const LINE: &str = "let value = measure_shape(&shape, QuuxZebra::quux_zebra());";

fn files() -> Vec<(&'static str, String)> {
    let around = |line: &str| {
        format!(
            "use crate::shape::measure_shape;\n\npub fn area_of(shape: &Shape) -> f64 {{\n    {line}\n    shape.side\n}}\n"
        )
    };
    vec![
        ("src/a.rs", long(&around(LINE))),
        ("src/b.rs", long(&around("let value = measure_shape(&shape, Measure::default());"))),
        (
            "src/shape.rs",
            long("pub fn measure_shape(shape: &Shape, how: Measure) -> f64 {\n    shape.side\n}\n"),
        ),
    ]
}

fn with_hole() -> (tempfile::TempDir, Corpus, Hole) {
    let files = files();
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (folder, corpus) = repository(&files);
    let hole = hole(&corpus, "src/a.rs", LINE);
    (folder, corpus, hole)
}

fn leaks(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains(SECRET) || text.contains("quuxzebra")
}

fn is_found(index: &Index) -> bool {
    let terms: Vec<_> =
        ["quux_zebra", "quuxzebra", "quux", "zebra"].map(|term| (term.to_owned(), 1.0)).into();
    [SECRET, "QuuxZebra"]
        .iter()
        .any(|name| index.references(name).next().is_some() || index.definitions(name).next().is_some())
        || !index.search(&terms, 10, &|_, _| true).is_empty()
}

#[test]
fn the_index_has_the_file_without_the_hole() {
    let (_folder, corpus, hole) = with_hole();
    let mut index = corpus.index();
    assert!(is_found(&index), "else this test proves nothing");
    let document = corpus.masked(&hole);
    assert!(!leaks(&document.text.to_string()));
    corpus.mask(&mut index, &document);
    assert!(!is_found(&index));
    let file = index.file(document.path.as_deref().expect("a path")).expect("it is still there");
    assert_eq!(corpus.text(&index, file), None, "its text is the document's affair");
    assert!(index.symbols(file).iter().any(|symbol| &*symbol.name == "area_of"), "the rest is known");
    corpus.unmask(&mut index, &hole);
    assert!(is_found(&index));
    assert!(is_untouched(&corpus, "src/a.rs"));
}

fn neural(scope: ContextScope, engine: &Engine) -> ArmPlan {
    ArmPlan { scope, engine: Some(engine.clone()), ngram: false }
}

#[tokio::test]
async fn no_prompt_holds_it() {
    let (_folder, corpus, hole) = with_hole();
    let prompts = Arc::new(Mutex::new(Vec::new()));
    let seen = prompts.clone();
    let engine = Engine::scripted(move |prompt| {
        seen.lock().expect("no holder panics").push(prompt.to_owned());
        "let other = 1;".to_owned()
    });
    for scope in [ContextScope::None, ContextScope::File, ContextScope::Open, ContextScope::Repository] {
        let run = Run::new(&corpus, Background::default(), &Settings::default(), [neural(scope, &engine)]);
        let sample = run.fill(&hole).await;
        assert_eq!(sample.expected, LINE);
        assert_eq!(sample.answers[0].text.as_deref(), Some("let other = 1;"));
        assert!(!sample.answers[0].scores.exact);
    }
    let prompts = prompts.lock().expect("no holder panics");
    assert_eq!(prompts.len(), 4);
    assert!(!prompts.iter().any(|prompt| leaks(prompt)));
    assert!(prompts[3].contains("measure_shape"), "but what it needs is there: {}", prompts[3]);
}

#[tokio::test]
async fn the_ngram_model_does_not_contain_it() {
    let (_folder, corpus, own) = with_hole();
    let arms = [ContextScope::Repository, ContextScope::File];
    let arms = arms.map(|scope| ArmPlan { scope, engine: None, ngram: true });
    let run = Run::new(&corpus, Background::default(), &Settings::default(), arms);
    let sample = run.fill(&own).await;
    for answer in &sample.answers {
        assert!(!leaks(answer.text.as_deref().unwrap_or_default()), "{answer:?}");
    }
    // After the hole all text is a source again, so the other file's line is completed.
    let other = hole(&corpus, "src/b.rs", "Measure::default());");
    let sample = run.fill(&other).await;
    let texts: Vec<_> = sample.answers.iter().map(|answer| answer.text.clone().unwrap_or_default()).collect();
    assert!(leaks(&texts[0]), "{texts:?}");
    assert_eq!(texts[1], "", "one file has no text of the other");
    let again = run.fill(&own).await;
    assert!(again.answers.iter().all(|answer| !leaks(answer.text.as_deref().unwrap_or_default())));
}

#[test]
fn retrieval_finds_what_is_needed_and_not_the_answer() {
    let (_folder, corpus, hole) = with_hole();
    let budget = Budget { above: 400, edit_region: 400, after: 100, guidance: 0, snippets: 400 };
    let mut retrieval = Retrieval::new(&corpus, Background::default(), budget, ContextScope::Repository);
    let found = retrieval.look(&hole);
    let names: Vec<_> = found.declarations.iter().map(|declaration| &*declaration.name).collect();
    assert_eq!(names, ["measure_shape"], "an import shows a name, not how it is declared");
}

/// Forty holes of this crate.
#[tokio::test]
async fn no_prompt_holds_a_line_of_its_own_hole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/answer");
    let bounds = Bounds { files: 1000, bytes: 1 << 24 };
    let corpus = Corpus::read(&root, &Rules::new(std::slice::from_ref(&root), &[]), bounds);
    let holes = crate::eval::sample::choose(&corpus, 40, &Kind::ALL, 1);
    let latest = Arc::new(Mutex::new(String::new()));
    let seen = latest.clone();
    let engine = Engine::scripted(move |prompt| {
        *seen.lock().expect("no holder panics") = prompt.to_owned();
        String::new()
    });
    let arm = neural(ContextScope::Repository, &engine);
    let run = Run::new(&corpus, Background::default(), &Settings::default(), [arm]);
    let mut looked_for = 0;
    for hole in &holes {
        let sample = run.fill(hole).await;
        let prompt = latest.lock().expect("no holder panics");
        assert!(prompt.contains("Write the missing code"), "{prompt}");
        let whole: Vec<_> = sample.expected.lines().filter(|line| line.trim().len() > 20).collect();
        let once = |line: &&str| {
            corpus.files.iter().map(|file| file.text.matches(line.trim()).count()).sum::<usize>() == 1
        };
        for line in whole.into_iter().filter(once) {
            looked_for += 1;
            assert!(!prompt.contains(line.trim()), "{}:{}: {line}\n{prompt}", sample.path, sample.line);
        }
    }
    assert!(looked_for > 20, "only {looked_for} lines are unique");
}
