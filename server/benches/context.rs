//! The cost of a context in a large repository: per key, and after each jump to another position.
//!
//! ```text
//! cargo bench -p phi-ls --bench context -- DIR [--steps N]
//! ```
//! `DIR` is read as a workspace; its files are opened in turn, spread evenly by path. In each, a statement is typed key
//! by key, with the names of the file itself, and the cursor jumps. Without `DIR`, and when run by `cargo test
//! --benches`, it only checks that it works, on this crate.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use phi_ls::context::Gathered;
use phi_ls::context::{Budget, ContextScope, Contexts};
use phi_ls::documents::{Change, Document, DocumentId, Documents};
use phi_ls::languages::Language;
use phi_ls::repository::Repository;
use phi_ls::repository::indexer::{IndexListener, Indexer};
use phi_ls::repository::rules::Rules;

/// The default budget of a completion.
const BUDGET: Budget = Budget { above: 234, edit_region: 413, after: 110, guidance: 83, snippets: 537 };
/// Jumps in each file.
const JUMPS: usize = 5;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut folder, mut steps) = (None, 200);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--steps" => {
                steps = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(steps);
            }
            _ => folder = Some(PathBuf::from(argument)),
        }
    }
    let is_measured = folder.is_some();
    let root = folder.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()).canonicalize()?;
    let repository = Repository::default();
    repository.set_rules(Rules::new(std::slice::from_ref(&root), &[]));
    let documents = Arc::<Documents>::default();
    Indexer::new(repository.clone(), &documents, usize::MAX, IndexListener::none()).settle();

    let files = files(&repository);
    writeln!(out, "{} files, {} of them code", repository.index().files().count(), files.len())?;
    let (mut typed, mut jumped, mut first) = (Vec::new(), Vec::new(), Vec::new());
    let every = (files.len() / if is_measured { steps } else { 3 }).max(1);
    for path in files.iter().step_by(every) {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let id = DocumentId(path.to_string_lossy().into());
        let document = Document::open(id, Some(path.clone()), "", 1, &text);
        visit(&repository, document, &mut first, &mut typed, &mut jumped);
    }
    report(&mut out, "first in a file", &mut first)?;
    report(&mut out, "key", &mut typed)?;
    report(&mut out, "jump", &mut jumped)
}

/// Files that a user could edit, by path.
fn files(repository: &Repository) -> Vec<PathBuf> {
    let index = repository.index();
    let code = index.files().filter(|&file| {
        let language = Language::named(index.language(file));
        language.is_some_and(|language| !language.functions.is_empty()) && index.lines(file) > 20
    });
    code.map(|file| index.path(file).to_owned()).collect()
}

fn visit(
    repository: &Repository,
    mut document: Document,
    first: &mut Vec<Duration>,
    typed: &mut Vec<Duration>,
    jumped: &mut Vec<Duration>,
) {
    let contexts = Contexts::default();
    let gather = |document: &Document, cursor: usize| {
        // Parsing is measured elsewhere.
        document.tree();
        let started = Instant::now();
        let background = repository.background();
        let scope = ContextScope::Repository;
        let gathered = Gathered { repository, background: &background, open: &[], scope };
        // Four bytes per token. A tokenizer adds its own time, once for each new piece of text.
        gathered.context(&contexts, document, cursor, BUDGET, &|text| text.len() / 4 + 1);
        started.elapsed()
    };
    let lines = document.text.len_lines();
    let mut cursor = end_of_line(&document, lines / 2);
    first.push(gather(&document, cursor));
    let statement = statement(&document);
    for key in statement.chars() {
        let change = Change::Splice { range: cursor..cursor, text: key.to_string() };
        document = document.apply(document.version + 1, &[change]);
        cursor += key.len_utf8();
        typed.push(gather(&document, cursor));
    }
    for jump in 1..=JUMPS {
        jumped.push(gather(&document, end_of_line(&document, lines * jump / (JUMPS + 1))));
    }
}

fn end_of_line(document: &Document, line: usize) -> usize {
    let start = document.text.line_to_byte(line);
    let text = document.text.line(line).to_string();
    start + text.trim_end_matches(['\n', '\r']).len()
}

/// A plausible statement: it uses four names of the file.
fn statement(document: &Document) -> String {
    let text = document.text.to_string();
    let mut names: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|name| name.len() > 4).collect();
    names.sort_unstable();
    names.dedup();
    let name = |part: usize| names.get(names.len() * part / 5).copied().unwrap_or("name");
    format!("\n    {} = {}.{}({});", name(1), name(2), name(3), name(4))
}

fn report(out: &mut impl Write, what: &str, times: &mut [Duration]) -> std::io::Result<()> {
    times.sort();
    let Some(last) = times.len().checked_sub(1) else { return Ok(()) };
    let percentile = |of_hundred: usize| times[last * of_hundred / 100].as_secs_f64() * 1e3;
    let (p50, p95, p99) = (percentile(50), percentile(95), percentile(99));
    let count = times.len();
    writeln!(out, "{what:<16} {count:>6} times  p50 {p50:>7.3} ms  p95 {p95:>7.3} ms  p99 {p99:>7.3} ms")
}
