//! The parts of the repository that a hole needs: the declarations that its text uses, and a similar line.

use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};
use tree_sitter::Node;

use super::corpus::{Corpus, Hole};
use super::holes;
use crate::documents::Document;
use crate::facts::Import;
use crate::languages::Language;
use crate::languages::names::Sharing;
use crate::repository::imports;
use crate::repository::index::{Definition, FileId, Index};

/// A name with more definitions is ambiguous (`new`, `len`) and left out.
pub const MOST_DEFINITIONS: usize = 4;
/// A name is common if more than one file in `COMMON` uses it, and at least `FEW`.
pub const COMMON: usize = 5;
const FEW: usize = 8;
/// The least edit similarity of similar lines.
pub const ALIKE: f64 = 0.8;
/// Shorter lines (`return None`) always have similar ones.
const SHORTEST_LINE: usize = 20;
/// The most lines of one word that are compared.
const MOST_LINES: usize = 2000;
/// The number of a line's rarest words; lines that share one of them are compared.
const RAREST: usize = 3;

/// Names in a file with a hole.
#[derive(Debug, Default)]
pub struct Names<'t> {
    /// The names that the hole's text uses, each once, in the order of the text.
    pub used: Vec<&'t str>,
    /// Those that follow a `.` or `::` at least once, so that their receiver resolves them.
    pub qualified: FxHashSet<&'t str>,
    /// The names of variables and parameters in the file, the hole's text included.
    pub bound: FxHashSet<&'t str>,
}

/// The names in a file. `document` is the file without a hole, `text` its text.
pub fn names<'t>(document: &Document, text: &'t str, hole: &Hole) -> Names<'t> {
    let mut names = Names::default();
    let (Some(language), Some(tree)) = (document.language, document.tree()) else { return names };
    holes::walk(tree.root_node(), &mut |node| {
        if holes::is_prose(node) {
            return false;
        }
        if node.child_count() > 0 {
            return true;
        }
        let range = node.byte_range();
        let word = &text[range.clone()];
        // `True`, `nil`, `self`: separate node kinds in some grammars, keywords in others.
        if !is_name(word, language) || node.is_named() && node.kind() == word.to_lowercase() {
            return false;
        }
        let inside = hole.range.start <= range.start && range.end <= hole.range.end;
        if binds(node) {
            names.bound.insert(word);
        } else if inside {
            if text[..range.start].trim_end().ends_with(['.', ':']) {
                names.qualified.insert(word);
            }
            if !names.used.contains(&word) {
                names.used.push(word);
            }
        }
        false
    });
    names
}

fn is_name(word: &str, language: &Language) -> bool {
    word.len() > 1
        && word.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$' | '@'))
        && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '@' | '?' | '!'))
        && !language.is_keyword(word)
}

/// Whether a name is declared here: as a variable, a parameter, an item.
fn binds(name: Node) -> bool {
    let mut node = name;
    // Deeper nested patterns are too rare to matter.
    for _ in 0..4 {
        let Some(parent) = node.parent() else { return false };
        let kind = parent.kind();
        let is = |words: &[&str]| words.iter().any(|word| kind.contains(word));
        let in_field = |fields: &[&str]| {
            let mut children = fields.iter().filter_map(|field| parent.child_by_field_name(field));
            children.any(|child| child == node)
        };
        if in_field(&["type", "value", "default_value", "return_type", "path"]) || is(&["scoped"]) {
            return false;
        }
        let declared = ["declarat", "definition", "_item", "parameter", "keyword_argument", "enhanced_for"];
        if in_field(&["name"]) && (is(&declared) || kind.ends_with("_spec"))
            || in_field(&["pattern", "parameter", "parameters", "alias"])
            || in_field(&["declarator"]) && is(&["declar", "param"])
            || in_field(&["left"]) && is(&["assignment", "short_var", "for", "range"])
            || is(&["parameter", "as_pattern_target"])
        {
            return true;
        }
        // `self.total = ...` declares no name; `(a, b) = ...` does.
        if !is(&["pattern", "list", "declarator", "tuple", "identifier", "variable"]) {
            return false;
        }
        node = parent;
    }
    false
}

/// A needed name, and its definitions that the window does not show.
#[derive(Debug)]
pub struct Needed<'i> {
    /// The name.
    pub name: &'i str,
    /// At least one, at most [`MOST_DEFINITIONS`].
    pub definitions: Vec<Definition<'i>>,
}

/// The definitions of the names that `file` uses and the window does not show. A name must have few definitions, so that
/// it is unambiguous, and not be used in so many of the `files` that it is common knowledge or belongs to the language
/// (`map`, `None`). Variables and parameters of the same name shadow definitions, and so do imports from elsewhere.
pub fn declarations<'i>(
    index: &'i Index,
    names: &Names<'i>,
    file: FileId,
    files: usize,
    in_sight: &dyn Fn(&Definition) -> bool,
) -> Vec<Needed<'i>> {
    let most_used = (files / COMMON).max(FEW);
    let is_own = |name: &str| index.symbols(file).iter().any(|symbol| &*symbol.name == name);
    let declared = |&name: &&'i str| {
        if names.bound.contains(name) && !is_own(name) || index.frequency(name) > most_used {
            return None;
        }
        let imported = imported(index, file, name);
        let definitions = index.definitions(name).filter(|definition| {
            imported.as_ref().is_none_or(|files| files.contains(&definition.file))
                && is_kin(index.language(definition.file), index.language(file))
        });
        let definitions: Vec<_> = definitions.take(MOST_DEFINITIONS + 1).collect();
        if !names.qualified.contains(name)
            && imported.is_none()
            && !is_in_scope(index, file, name, &definitions)
        {
            return None;
        }
        let is_needed =
            (1..=MOST_DEFINITIONS).contains(&definitions.len()) && !definitions.iter().any(in_sight);
        is_needed.then_some(Needed { name, definitions })
    };
    names.used.iter().filter_map(declared).collect()
}

/// Whether an unqualified name can refer to one of these definitions: in the same file, by an import of the name, or by a
/// wildcard import. In languages with only these rules, any other name is a builtin (`super`, `print`) that the repository
/// happens to define, too.
fn is_in_scope(index: &Index, file: FileId, name: &str, definitions: &[Definition]) -> bool {
    if index.imports(file).iter().any(|import| brings(import, name)) {
        return true;
    }
    let sharing = index.language_of(file).map(|language| language.resolution.sharing);
    if sharing != Some(Sharing::Imports) {
        return true;
    }
    let brings_all = index.imports(file).iter().filter(|import| import.names.is_empty());
    let files: FxHashSet<_> = brings_all.flat_map(|import| imports::resolve(index, file, import)).collect();
    definitions.iter().any(|definition| definition.file == file || files.contains(&definition.file))
}

/// The files that a name is imported from, empty if it comes from outside; `None` if no import names it, or its file is
/// unknown.
fn imported(index: &Index, file: FileId, name: &str) -> Option<Vec<FileId>> {
    let imports: Vec<_> = index.imports(file).iter().filter(|import| brings(import, name)).collect();
    let resolved: Vec<_> = imports.iter().flat_map(|import| imports::resolve(index, file, import)).collect();
    let is_own =
        |import: &&Import| [".", "crate", "self", "super"].iter().any(|own| import.path.starts_with(own));
    let unknown = resolved.is_empty() && imports.iter().all(is_own);
    (!unknown).then_some(resolved)
}

/// Whether an import contains a name.
fn brings(import: &Import, name: &str) -> bool {
    let last = import.path.rsplit(['/', '.', ':']).next().unwrap_or_default();
    import.names.iter().any(|own| &**own == name) || import.names.is_empty() && last == name
}

/// Whether code in one language can use declarations of the other.
fn is_kin(one: &str, other: &str) -> bool {
    let family = |id: &str| Language::with_id(id).map(|language| language.family);
    one == other || family(one).is_some() && family(one) == family(other)
}

/// The lines of a corpus by their words, to find similar lines.
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

    /// The lines elsewhere (in another file, or in this one outside `shown`) that are similar to the first line of a hole,
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
    // The lengths give an upper bound of the similarity.
    let (short, long) = (line.len().min(other.len()), line.len().max(other.len()));
    short as f64 >= ALIKE * long as f64 && strsim::normalized_levenshtein(line, other) >= ALIKE
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| word.len() > 2)
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}
