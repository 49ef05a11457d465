//! The cost of a keystroke before the model runs: applying the change, parsing, gathering the context.
//!
//! `cargo bench -p phi-ls --bench keystroke` prints percentiles. Run by `cargo test --benches` it only checks that
//! it works.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use phi_ls::context::{Budget, ContextScope, Contexts, Sources};
use phi_ls::documents::{Change, Document, DocumentId, Documents};
use phi_ls::repository::Background;
use phi_ls::repository::index::Index;

/// The default budget of a completion.
const BUDGET: Budget = Budget { above: 234, edit_region: 413, after: 110, guidance: 83, snippets: 537 };

/// The text that is typed repeatedly into the middle of a function.
const TYPED: &str = "let total = items.iter().map(|item| item.price(scale)).sum::<u64>();\n    ";

fn main() -> std::io::Result<()> {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let keystrokes = if is_measured { 5000 } else { 50 };
    let mut out = std::io::stdout().lock();

    let (mut applied, mut parsed) = (Vec::new(), Vec::new());
    type_into(&source(0, 10_000), keystrokes, |documents, id, version, change| {
        let start = Instant::now();
        let document = documents.change(id, version, &[change]).expect("it is open");
        applied.push(start.elapsed());
        let start = Instant::now();
        assert!(document.tree().is_some());
        parsed.push(start.elapsed());
    });
    report(&mut out, "didChange, 10,000 lines", &mut applied)?;
    report(&mut out, "incremental parse, 10,000 lines", &mut parsed)?;

    let others: Vec<_> =
        (1..=20).map(|seed| open(&format!("{seed}.rs"), &source(seed, 2_000))).map(Arc::new).collect();
    let (index, background) = (Index::default(), Background::default());
    let sources = Sources {
        scope: ContextScope::Open,
        open: &others,
        index: &index,
        background: &background,
        text: &|_| None,
    };
    let contexts = Contexts::default();
    let mut gathered = Vec::new();
    let mut snippets = 0;
    let mut cursor = None;
    type_into(&source(0, 2_000), keystrokes, |documents, id, version, change| {
        let Change::Splice { range, text } = &change else { unreachable!("only splices are typed") };
        let at = range.start + text.len();
        let document = documents.change(id, version, std::slice::from_ref(&change)).expect("it is open");
        cursor = Some((document.clone(), at));
        let start = Instant::now();
        // Four bytes per token. A tokenizer adds its own time, once for each new piece of text.
        let context = contexts.gather(&document, at, &sources, BUDGET, &|text| text.len() / 4 + 1);
        gathered.push(start.elapsed());
        snippets = context.snippets.len();
    });
    assert!(snippets > 0, "the files have nothing in common");
    let first = gathered.remove(0);
    report(&mut out, "context while typing, 20 files of 2,000 lines", &mut gathered)?;
    writeln!(out, "{:<48} {:>9.3} ms", "context, first time", millis(first))?;

    let (document, _) = cursor.expect("something was typed");
    let mut jumped: Vec<_> = (0..keystrokes)
        .map(|step| {
            let at = document.text.line_to_byte(step * 97 % document.text.len_lines());
            let start = Instant::now();
            contexts.gather(&document, at, &sources, BUDGET, &|text| text.len() / 4 + 1);
            start.elapsed()
        })
        .collect();
    report(&mut out, "context after a jump to another function", &mut jumped)
}

/// Calls `key` with each change that typing into the middle of a text makes.
fn type_into(text: &str, keystrokes: usize, mut key: impl FnMut(&Documents, &DocumentId, i32, Change)) {
    let document = open("0.rs", text);
    let id = document.id.clone();
    let middle = document.text.line_to_byte(document.text.len_lines() / 2);
    let mut at = middle + text[middle..].find(";\n").expect("a statement") + 2;
    let documents = Documents::default();
    document.tree();
    documents.open(document);
    for (version, typed) in (2..).zip(TYPED.chars().cycle().take(keystrokes)) {
        key(&documents, &id, version, Change::Splice { range: at..at, text: typed.to_string() });
        at += typed.len_utf8();
    }
}

fn open(name: &str, text: &str) -> Document {
    Document::open(DocumentId(name.into()), Some(PathBuf::from(name)), "rust", 1, text)
}

/// Rust code of so many lines: functions over one vocabulary, with another part of it in each file.
fn source(seed: usize, lines: usize) -> String {
    const NAMES: [&str; 24] = [
        "account", "amount", "balance", "basket", "channel", "customer", "delivery", "discount", "invoice",
        "item", "ledger", "order", "payment", "price", "product", "quantity", "receipt", "refund", "scale",
        "shipment", "stock", "supplier", "total", "voucher",
    ];
    let name = |n: usize| NAMES[(n * 7 + seed * 3) % NAMES.len()];
    (0..lines / 8)
        .map(|n| {
            let (a, b, c) = (name(n), name(n + 1), name(n * n + 2));
            format!(
                "/// The {a} of a {b}.\npub fn {a}_of_{b}_{n}({b}: &{c}, scale: u64) -> Option<u64> {{\n    \
                 let {a} = {b}.{c}.get({n})?.{a}(scale);\n    if {a} > {n} {{\n        return None;\n    }}\n    \
                 Some({a} + {b}.items.len())\n}}\n"
            )
        })
        .collect()
}

fn report(out: &mut impl Write, what: &str, times: &mut [Duration]) -> std::io::Result<()> {
    times.sort();
    let percentile = |of_hundred: usize| millis(times[(times.len() - 1) * of_hundred / 100]);
    let (p50, p95, p99) = (percentile(50), percentile(95), percentile(99));
    writeln!(out, "{what:<48} p50 {p50:>7.3} ms  p95 {p95:>7.3} ms  p99 {p99:>7.3} ms")
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
