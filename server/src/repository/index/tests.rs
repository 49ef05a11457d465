//! An index with many changes gives the same answers as a fresh one.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::facts::{Chunk, Reference, SymbolKind};

const NAMES: [&str; 8] = ["parse", "Shape", "area", "new", "width", "Über", "x1", "total"];
pub(super) const PATHS: [&str; 6] =
    ["/w/a.rs", "/w/a/mod.rs", "/w/b/mod.rs", "/w/b/c.rs", "/w/b-c.rs", "/v/a.rs"];

/// The facts of a file, made from a few numbers.
pub(super) fn facts(numbers: &[u8]) -> Facts {
    let name = |number: u8| Box::<str>::from(NAMES[number as usize % NAMES.len()]);
    let mut words: Vec<Box<str>> = Vec::new();
    let mut word = |text: Box<str>| {
        let known = words.iter().position(|word| *word == text);
        known.unwrap_or_else(|| {
            words.push(text);
            words.len() - 1
        }) as u32
    };
    let mut facts =
        Facts { language: "rust".into(), bytes: 1, lines: numbers.len() as u32, ..Facts::default() };
    for (line, &number) in (0u32..).zip(numbers) {
        match number % 4 {
            0 => facts.symbols.push(Symbol {
                name: name(number / 4),
                kind: SymbolKind::Function,
                container: (number > 100).then(|| name(number / 7)),
                lines: line..line + 1,
                signature: format!("fn {}()", name(number / 4)).into(),
                doc: "".into(),
            }),
            1 => facts.imports.push(Import { path: name(number / 4), names: vec![], line }),
            _ => facts.references.push(Reference { word: word(name(number / 4)), line: line / 2 }),
        }
    }
    for (start, piece) in (0u32..).step_by(3).zip(numbers.chunks(3)) {
        let terms =
            piece.iter().map(|number| (word(name(*number).to_lowercase().into()), u16::from(*number)));
        facts.chunks.push(Chunk { lines: start..start + 3, terms: terms.collect() });
    }
    facts.words = words;
    facts
}

pub(super) fn stamp(numbers: &[u8]) -> Stamp {
    Stamp { modified: numbers.len() as u64, bytes: 1 }
}

/// The results of all queries as text, without ids.
pub(super) fn answers(index: &Index) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    let path = |file: FileId| index.path(file).display().to_string();
    for file in index.files() {
        let mut uses: Vec<_> = index.uses(file).collect();
        uses.sort_unstable();
        let (symbols, imports) = (index.symbols(file), index.imports(file));
        let (stamp, language) = (index.stamp(file), index.language(file));
        writeln!(out, "{} {stamp:?} {language} {symbols:?} {imports:?} {uses:?}", path(file))
            .expect("written");
        assert_eq!(index.file(index.path(file)), Some(file));
    }
    for folder in ["/w", "/w/a", "/w/b", "/v", "/"] {
        writeln!(out, "{:?}", index.in_folder(Path::new(folder)).map(path).collect::<Vec<_>>())
            .expect("written");
    }
    for name in ["a.rs", "mod.rs", "c.rs", "none"] {
        writeln!(out, "{:?}", index.named(name).map(path).collect::<Vec<_>>()).expect("written");
    }
    for name in NAMES.iter().chain(&["none", "über", "shape"]) {
        let place = |found: Definition| (path(found.file), found.symbol.clone());
        let definitions: Vec<_> = index.definitions(name).map(place).collect();
        let members: Vec<_> = index.members(name).map(place).collect();
        let references: Vec<_> = index.references(name).map(|(file, line)| (path(file), line)).collect();
        let hits: Vec<_> = search(index, &[name], 4).into_iter().map(|hit| (path(hit.file), hit)).collect();
        let hits: Vec<_> = hits.into_iter().map(|(path, hit)| (path, hit.lines, hit.score)).collect();
        let frequency = index.frequency(name);
        writeln!(out, "{name} {definitions:?} {members:?} {references:?} {frequency} {hits:?}")
            .expect("written");
    }
    let many: Vec<_> =
        search(index, &NAMES, 5).into_iter().map(|hit| (path(hit.file), hit.lines, hit.score)).collect();
    writeln!(out, "{many:?} {:?}", index.stats()).expect("written");
    out
}

fn search(index: &Index, terms: &[&str], most: usize) -> Vec<Hit> {
    let terms: Vec<_> = terms.iter().map(|term| (term.to_lowercase(), 1.0)).collect();
    index.search(&terms, most, &|_, _| true)
}

#[derive(Debug, Clone)]
enum Change {
    Replace(usize, Vec<u8>),
    Remove(usize),
    Compaction,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (0..PATHS.len(), prop::collection::vec(any::<u8>(), 0..24)).prop_map(|(path, text)| Change::Replace(path, text)),
        2 => (0..PATHS.len()).prop_map(Change::Remove),
        1 => Just(Change::Compaction),
    ]
}

proptest! {
    #[test]
    fn a_changed_index_equals_a_fresh_one(changes in prop::collection::vec(change(), 0..40)) {
        let mut index = Index::default();
        let mut texts: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        for (step, change) in changes.into_iter().enumerate() {
            match change {
                Change::Replace(path, text) => {
                    index.replace(Path::new(PATHS[path]), stamp(&text), facts(&text));
                    texts.insert(path, text);
                }
                Change::Remove(path) => {
                    index.remove(Path::new(PATHS[path]));
                    texts.remove(&path);
                }
                Change::Compaction => index.compact_all(),
            }
            if step % 3 == 0 {
                // Ranks are cached between queries.
                index.definitions("parse").for_each(drop);
            }
        }
        let mut fresh = Index::default();
        for (path, text) in texts.iter().rev() {
            fresh.replace(Path::new(PATHS[*path]), stamp(text), facts(text));
        }
        prop_assert_eq!(answers(&index), answers(&fresh));
        index.compact_all();
        index.compact_all();
        prop_assert_eq!(index.dead(), (0, 0));
        prop_assert_eq!(answers(&index), answers(&fresh));
    }
}

#[test]
fn repeated_replacement_does_not_grow_the_index() {
    let mut index = Index::default();
    let text: Vec<u8> = (0..=255).cycle().take(2000).collect();
    for round in 0..400u32 {
        let path = PathBuf::from(format!("/w/{}.rs", round % 7));
        index.replace(&path, stamp(&text), facts(&text));
    }
    let live = 7 * text.len().div_ceil(3);
    assert!(index.chunks.len() < live * 40, "{} places for {live} chunks", index.chunks.len());
    let items: usize = index.lists.iter().map(|lists| index.pool.items(&lists.chunks).len()).sum();
    assert!(items < 4 * (1 << 16), "{items} items");
}

#[test]
fn the_best_chunk_has_rare_terms_in_few_words() {
    let text = |words: &str| {
        let own: Vec<Box<str>> = words.split(' ').map(Box::from).collect();
        let terms = (0..own.len() as u32).map(|word| (word, 1)).collect();
        Facts { chunks: vec![Chunk { lines: 0..1, terms }], words: own, ..Facts::default() }
    };
    let mut index = Index::default();
    for (path, words) in [
        ("/w/common.rs", "let value"),
        ("/w/long.rs", "let value parse header of a long list of many other words"),
        ("/w/short.rs", "parse header"),
        ("/w/other.rs", "let area"),
    ] {
        index.replace(Path::new(path), Stamp::default(), text(words));
    }
    let found = |terms: &[&str], most| -> Vec<_> {
        let hits = search(&index, terms, most);
        hits.iter().map(|hit| index.path(hit.file).file_name().expect("a name").to_owned()).collect()
    };
    assert_eq!(found(&["parse", "header", "let"], 2), ["short.rs", "long.rs"]);
    assert_eq!(found(&["let"], 9), ["common.rs", "other.rs", "long.rs"], "ties by path");
    assert!(found(&["nowhere"], 9).is_empty() && found(&["let"], 0).is_empty());
    let none = index.search(&[("let".to_owned(), f32::NAN), ("let".to_owned(), -1.0)], 9, &|_, _| true);
    assert!(none.is_empty());
    let wanted =
        index.search(&[("let".to_owned(), 1.0)], 1, &|file, _| !index.path(file).ends_with("common.rs"));
    assert_eq!(wanted.len(), 1);
    assert!(index.path(wanted[0].file).ends_with("other.rs"));
}

#[test]
fn inconsistent_facts_are_indexed_as_far_as_possible() {
    let facts = Facts {
        words: vec!["a".into(), "x".repeat(1000).into()],
        references: vec![
            Reference { word: 7, line: 0 },
            Reference { word: 0, line: 1 },
            Reference { word: 1, line: 1 },
        ],
        chunks: vec![Chunk {
            lines: Range { start: 5, end: 2 },
            terms: vec![(9, 1), (0, 0), (0, u16::MAX), (1, 1)],
        }],
        ..Facts::default()
    };
    let mut index = Index::default();
    let file = index.replace(Path::new("a"), Stamp::default(), facts);
    assert_eq!(index.references("a").collect::<Vec<_>>(), [(file, 1)]);
    assert_eq!(search(&index, &["a"], 1)[0].lines, 5..5);
}

impl Index {
    /// A whole compaction.
    fn compact_all(&mut self) {
        while self.compaction.is_running() {
            self.compact(0);
        }
        self.compaction.begin();
        while self.compaction.is_running() {
            self.compact(0);
        }
    }

    /// The dead files and chunks in lists.
    fn dead(&self) -> (usize, usize) {
        let lists = |list: fn(&Lists) -> List| {
            self.lists.iter().flat_map(move |lists| self.pool.items(&list(lists)).to_vec())
        };
        let files =
            lists(|lists| lists.used).chain(lists(|lists| lists.defined)).chain(lists(|lists| lists.members));
        let files = files.filter(|&file| self.files[file as usize].is_none()).count();
        let chunks = lists(|lists| lists.chunks);
        let chunks =
            chunks.filter(|posting| self.chunks[(posting >> TERM_BITS) as usize].file == DEAD).count();
        (files, chunks)
    }
}
