//! The cost of reading files for the index: parsing, and extracting facts from the tree.
//!
//! `cargo bench -p phi-ls --bench facts -- FOLDER` reads every file under a folder that has a language, one after the
//! other on one thread, and prints a line for each language. Run by `cargo test --benches` it reads this crate's own
//! sources and only checks that it works.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ignore::WalkBuilder;
use phi_ls::facts;
use phi_ls::languages::Language;

#[derive(Default)]
struct Sums {
    files: usize,
    bytes: usize,
    lines: usize,
    symbols: usize,
    references: usize,
    chunks: usize,
    time: Duration,
}

fn main() -> std::io::Result<()> {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = folder.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src"), PathBuf::from);
    let mut by_language: BTreeMap<&str, Sums> = BTreeMap::new();
    let mut slowest = (Duration::ZERO, PathBuf::new());
    for entry in WalkBuilder::new(&folder).build().filter_map(Result::ok) {
        let Some(language) = Language::of_path(entry.path()) else { continue };
        let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
        // Compiled once per process, not once per file.
        language.tags();
        let start = Instant::now();
        let facts = facts::read(entry.path(), &text, Some(language), None);
        let time = start.elapsed();
        if time > slowest.0 {
            slowest = (time, entry.path().to_owned());
        }
        for id in [language.id, "all"] {
            let sums = by_language.entry(id).or_default();
            sums.files += 1;
            sums.bytes += text.len();
            sums.lines += facts.lines as usize;
            sums.symbols += facts.symbols.len();
            sums.references += facts.references.len();
            sums.chunks += facts.chunks.len();
            sums.time += time;
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<16} {:>7} {:>8} {:>9} {:>9} {:>10} {:>8} {:>8} {:>7}",
        "language", "files", "MB", "lines", "symbols", "references", "chunks", "seconds", "MB/s"
    )?;
    for (id, sums) in by_language {
        let (megabytes, seconds) = (sums.bytes as f64 / 1e6, sums.time.as_secs_f64());
        let Sums { files, lines, symbols, references, chunks, .. } = sums;
        writeln!(
            out,
            "{id:<16} {files:>7} {megabytes:>8.2} {lines:>9} {symbols:>9} {references:>10} {chunks:>8} {seconds:>8.3} \
             {:>7.2}",
            megabytes / seconds
        )?;
    }
    writeln!(out, "slowest: {:.1} ms, {}", slowest.0.as_secs_f64() * 1000.0, slowest.1.display())
}
