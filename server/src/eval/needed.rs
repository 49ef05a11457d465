//! What of the repository one must know to write what was taken out: the declarations that it uses, and a line like it.

use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};
use tree_sitter::Node;

use super::corpus::{Corpus, Hole};
use super::{holes, metrics};
use crate::documents::Document;
use crate::languages::Language;
use crate::repository::index::{Definition, Index};

/// A name with more definitions says nothing of which one is meant (`new`, `len`): it is left out.
pub const MOST_DEFINITIONS: usize = 4;
/// A name that one file in so many uses is common, but for so few files.
pub const COMMON: usize = 5;
const FEW: usize = 8;
/// Lines are alike from this edit similarity on.
pub const ALIKE: f64 = 0.8;
/// Shorter lines (`return None`) are like some other one everywhere.
const SHORTEST_LINE: usize = 20;
/// Of a word on more lines only so many are compared.
const MOST_LINES: usize = 2000;
/// Lines are compared that share one of so many of a line's rarest words.
const RAREST: usize = 3;

/// The names that what was taken out uses and `known` does not hold, each once, in the order of the text: not those that
/// it brings into being itself. `document` is the file without a hole.
pub fn names<'t>(document: &Document, text: &'t str, hole: &Hole, known: &FxHashSet<&str>) -> Vec<&'t str> {
    let (Some(language), Some(tree)) = (document.language, document.tree()) else { return Vec::new() };
    let mut names = Vec::new();
    let mut own = FxHashSet::default();
    holes::walk(tree.root_node(), &mut |node| {
        let range = node.byte_range();
        if range.start >= hole.range.end || range.end <= hole.range.start || holes::is_prose(node) {
            return false;
        }
        if node.child_count() > 0 {
            return true;
        }
        let word = &text[range.clone()];
        // `True`, `nil`, `self`: kinds of their own in some grammars, where others have keywords.
        if node.is_named() && node.kind() == word.to_lowercase() {
            return false;
        }
        if range.start >= hole.range.start && is_name(word, language) {
            if binds(node) {
                own.insert(word);
            } else if !known.contains(word) && !names.contains(&word) {
                names.push(word);
            }
        }
        false
    });
    names.retain(|name| !own.contains(name));
    names
}

fn is_name(word: &str, language: &Language) -> bool {
    word.len() > 1
        && word.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$' | '@'))
        && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '@' | '?' | '!'))
        && !language.is_keyword(word)
}

/// Whether a name stands where it is given to something new: a variable, a parameter, an item.
fn binds(name: Node) -> bool {
    let mut node = name;
    // What is nested deeper than this in a pattern is too rare to count.
    for _ in 0..4 {
        let Some(parent) = node.parent() else { return false };
        let kind = parent.kind();
        let field = parent.child_by_field_name("name").is_some_and(|child| child == node);
        let is = |words: &[&str]| words.iter().any(|word| kind.contains(word));
        if field && is(&["declarat", "definition", "_item", "parameter", "keyword_argument", "_spec"]) {
            return true;
        }
        let in_field = |name: &str| parent.child_by_field_name(name).is_some_and(|child| child == node);
        if in_field("pattern") || in_field("declarator") && is(&["declar", "param"]) || is(&["parameters"]) {
            return true;
        }
        if in_field("left") && is(&["assignment", "short_var", "for", "range"]) {
            return true;
        }
        // `self.total = ...` gives no name to anything; `(a, b) = ...` does.
        if !is(&["pattern", "list", "declarator", "tuple", "identifier", "variable"]) {
            return false;
        }
        node = parent;
    }
    false
}

/// The names that a window shows, those apart that it shows in imports alone: how these are declared is not said there.
pub fn known<'t>(document: &Document, text: &'t str, window: &[Range<usize>]) -> FxHashSet<&'t str> {
    let mut imports: Vec<Range<usize>> = Vec::new();
    if let (Some(language), Some(tree)) = (document.language, document.tree()) {
        holes::walk(tree.root_node(), &mut |node| {
            let is_import = language.role(node).import;
            if is_import {
                imports.push(node.byte_range());
            }
            !is_import && !language.role(node).function
        });
    }
    let mut known = FxHashSet::default();
    for shown in window {
        let mut from = shown.start;
        let inside = imports.iter().filter(|import| overlap(import, shown));
        let end = std::iter::once(shown.end..shown.end);
        for import in inside.cloned().chain(end) {
            known.extend(metrics::identifiers(&text[from..import.start.max(from)], document.language));
            from = import.end.clamp(from, shown.end);
        }
    }
    known
}

/// A name that must be known, and where the repository defines it out of sight.
#[derive(Debug)]
pub struct Declared<'i> {
    /// The name.
    pub name: &'i str,
    /// At least one, at most [`MOST_DEFINITIONS`].
    pub definitions: Vec<Definition<'i>>,
}

/// Those of `names` that the repository declares: few times, so that it is clear which one is meant, and not used in
/// so many of its `files` that everybody knows it, or that it is rather the language's (`map`, `None`).
pub fn declarations<'i>(index: &'i Index, names: &[&'i str], files: usize) -> Vec<Declared<'i>> {
    let most_used = (files / COMMON).max(FEW);
    let declared = |&name: &&'i str| {
        let definitions: Vec<_> = index.definitions(name).take(MOST_DEFINITIONS + 1).collect();
        ((1..=MOST_DEFINITIONS).contains(&definitions.len()) && index.frequency(name) <= most_used)
            .then_some(Declared { name, definitions })
    };
    names.iter().filter_map(declared).collect()
}

/// All lines of a corpus by their words, to find the lines that are like one.
pub struct Lines<'c> {
    corpus: &'c Corpus,
    /// Files and byte ranges.
    lines: Vec<(u32, Range<u32>)>,
    by_word: FxHashMap<&'c str, Vec<u32>>,
}

impl<'c> Lines<'c> {
    /// Reads all files.
    pub fn of(corpus: &'c Corpus) -> Lines<'c> {
        let mut lines = Lines { corpus, lines: Vec::new(), by_word: FxHashMap::default() };
        for (number, file) in (0u32..).zip(&corpus.files) {
            let mut start = 0;
            for line in file.text.split_inclusive('\n') {
                let at = start;
                start += line.len();
                if !(SHORTEST_LINE..400).contains(&line.trim().len()) {
                    continue;
                }
                let place = lines.lines.len() as u32;
                lines.lines.push((number, at as u32..start as u32));
                for word in words(line) {
                    let places = lines.by_word.entry(word).or_default();
                    if places.last() != Some(&place) {
                        places.push(place);
                    }
                }
            }
        }
        lines
    }

    /// The lines elsewhere (in another file, or in this one outside `shown`) that are like the first line of a hole,
    /// each once, trimmed.
    pub fn like(&self, hole: &Hole, shown: &[Range<usize>]) -> Vec<&'c str> {
        let text: &'c str = &self.corpus.files[hole.file].text;
        let start = text[..hole.range.start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[start..].lines().next().unwrap_or_default().trim();
        if line.len() < SHORTEST_LINE {
            return Vec::new();
        }
        let mut places: Vec<&[u32]> =
            words(line).filter_map(|word| self.by_word.get(word)).map(Vec::as_slice).collect();
        places.sort_by_key(|places| places.len());
        places.dedup();
        let mut near: Vec<u32> = places
            .into_iter()
            .take(RAREST)
            .flat_map(|places| &places[..places.len().min(MOST_LINES)])
            .copied()
            .collect();
        near.sort_unstable();
        near.dedup();
        let mut alike: Vec<&str> = near
            .into_iter()
            .filter_map(|place| {
                let (file, range) = &self.lines[place as usize];
                let range = range.start as usize..range.end as usize;
                let own = *file as usize == hole.file;
                if own
                    && (range.contains(&hole.range.start) || shown.iter().any(|shown| overlap(shown, &range)))
                {
                    return None;
                }
                let other = self.corpus.files[*file as usize].text[range].trim();
                is_like(line, other).then_some(other)
            })
            .collect();
        alike.sort_unstable();
        alike.dedup();
        alike
    }
}

fn is_like(line: &str, other: &str) -> bool {
    // Lengths alone say how similar two texts are at the most.
    let (short, long) = (line.len().min(other.len()), line.len().max(other.len()));
    short as f64 >= ALIKE * long as f64 && strsim::normalized_levenshtein(line, other) >= ALIKE
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| word.len() > 2)
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}
