//! Collects the signals for each declaration and sums them up.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::candidate::{Body, Candidate, Origin, Source, label};
use super::rank::{self, Signal, Signals};
use super::scope::{Scope, is_type};
use crate::facts::{self, Symbol, SymbolKind};
use crate::languages::Language;
use crate::repository::index::{Definition, FileId, Index};

/// The most declarations that become candidates.
const MOST_CANDIDATES: usize = 40;
/// A longer line of documentation is left out.
const LONGEST_DOC: usize = 120;
/// The most further overloads of a function that are shown.
const MOST_OVERLOADS: usize = 3;

/// Declarations by file, line and name.
pub struct Evidence<'s> {
    scope: &'s Scope<'s>,
    is_visible: &'s dyn Fn(&Definition) -> bool,
    found: FxHashMap<Key<'s>, Scored<'s>>,
    /// The declaration that shows a definition, and whether it is visible.
    places: FxHashMap<(FileId, u32, &'s str), (Definition<'s>, bool)>,
}

/// Declarations with equal keys are one: the overloads of a function are shown together.
type Key<'s> = (FileId, u32, &'s str, bool);

struct Scored<'s> {
    definition: Definition<'s>,
    is_visible: bool,
    signals: Signals,
    source: Source,
    /// The score of its strongest signal, and the reason for that signal.
    strongest: f32,
    reason: String,
}

impl<'s> Evidence<'s> {
    /// An empty collection.
    pub fn new(scope: &'s Scope<'s>, is_visible: &'s dyn Fn(&Definition) -> bool) -> Evidence<'s> {
        Evidence { scope, is_visible, found: FxHashMap::default(), places: FxHashMap::default() }
    }

    /// Adds a signal for a declaration. A signal for a field of a type that is shown whole counts for the type.
    pub fn add(
        &mut self,
        signal: Signal,
        definition: Definition<'s>,
        strength: f32,
        reason: impl FnOnce() -> String,
    ) {
        let (definition, is_visible) = self.place_of(definition);
        let symbol = definition.symbol;
        let key = (definition.file, symbol.lines.start, &*symbol.name, is_visible);
        let found = self.found.entry(key).or_insert(Scored {
            definition,
            is_visible,
            signals: Signals::default(),
            source: Source::Declaration,
            strongest: 0.0,
            reason: String::new(),
        });
        let worth = found.signals.add(signal, strength);
        if worth > found.strongest {
            let source = if signal.is_of_member() { Source::Member } else { Source::Declaration };
            (found.source, found.strongest, found.reason) = (source, worth, reason());
        }
    }

    /// Adds the signals of all names found so far: how much they share with the names near the cursor (`terms`, each with a
    /// weight), and how common they are.
    pub fn weigh_names(&mut self, terms: &[(String, f32)]) {
        let weights: FxHashMap<&str, f32> = terms.iter().map(|(term, weight)| (&**term, *weight)).collect();
        let files = self.scope.index.files().count();
        for found in self.found.values_mut() {
            let name = &*found.definition.symbol.name;
            let (mut shared, mut all) = (0.0, 0.0);
            facts::terms(name, |term| {
                all += 1.0;
                shared += weights.get(term).copied().unwrap_or_default();
            });
            found.signals.add(Signal::Words, if all > 0.0 { shared / all } else { 0.0 });
            if found.signals.score >= rank::LEAST {
                let using = self.scope.index.frequency(name);
                found.signals.add(Signal::Common, rank::commonness(using, files));
            }
        }
    }

    /// The declaration that shows a definition, and whether the window shows it already. If only the header of a type is
    /// visible, its members are not.
    fn place_of(&mut self, definition: Definition<'s>) -> (Definition<'s>, bool) {
        let key = (definition.file, definition.symbol.lines.start, &*definition.symbol.name);
        if let Some(known) = self.places.get(&key) {
            return *known;
        }
        let place = if (self.is_visible)(&definition) {
            (definition, true)
        } else {
            let shown = self.shown_in(definition).or_else(|| self.first_overload(definition));
            (shown.unwrap_or(definition), false)
        };
        self.places.insert(key, place);
        place
    }

    /// The first of several declarations of one function.
    fn first_overload(&self, definition: Definition<'s>) -> Option<Definition<'s>> {
        let symbol = definition.symbol;
        let is_function = matches!(symbol.kind, SymbolKind::Function | SymbolKind::Method);
        let equals = is_function.then(|| self.scope.index.definitions(&symbol.name))?;
        equals.filter(|other| other.file == definition.file).find(|other| is_overload(other.symbol, symbol))
    }

    /// The declarations with their scores, the best first, ties by position.
    pub fn ranked(&self) -> Vec<(Definition<'s>, f32)> {
        let mut ranked: Vec<_> = self.found.iter().collect();
        ranked.sort_by(|(a_key, a), (b_key, b)| {
            b.signals.score.total_cmp(&a.signals.score).then(a_key.cmp(b_key))
        });
        ranked.into_iter().map(|(_, found)| (found.definition, found.signals.score)).collect()
    }

    /// The best declarations as candidates, without visible ones.
    pub fn candidates(self) -> Vec<Candidate> {
        let mut found: Vec<_> = self.found.into_iter().collect();
        found.sort_by(|(a_key, a), (b_key, b)| {
            b.signals.score.total_cmp(&a.signals.score).then(a_key.cmp(b_key))
        });
        let index = self.scope.index;
        let candidate = |(_, found): (_, Scored)| {
            let Definition { file, symbol } = found.definition;
            let language = Language::of_path(index.path(file));
            Candidate {
                source: found.source,
                origin: Origin::File(index.stamp(file)),
                file: Some(index.path(file).into()),
                label: label(index.path(file)),
                language,
                container: symbol.container.clone(),
                lines: lines(symbol),
                body: Body::Declared(declared(index, found.definition, language).into()),
                score: found.signals.score,
                reason: found.reason,
            }
        };
        let wanted = |(_, found): &(_, Scored)| {
            found.signals.score >= rank::LEAST
                && !found.definition.symbol.signature.is_empty()
                && !found.is_visible
        };
        found.into_iter().filter(wanted).take(MOST_CANDIDATES).map(candidate).collect()
    }

    /// The type whose declaration shows this member.
    fn shown_in(&self, member: Definition<'s>) -> Option<Definition<'s>> {
        let container =
            member.symbol.container.as_deref().filter(|_| member.symbol.kind == SymbolKind::Field)?;
        let own = member.symbol.signature.lines().next()?.trim();
        let symbols = self.scope.index.symbols(member.file).iter();
        let mut types = symbols.map(|symbol| Definition { file: member.file, symbol }).filter(is_type);
        types.find(|definition| {
            *definition.symbol.name == *container
                && definition.symbol.lines.contains(&member.symbol.lines.start)
                && definition.symbol.signature.contains(own)
        })
    }
}

/// A declaration as it is shown: the first line of its documentation as a comment, then its signature.
fn declared(index: &Index, definition: Definition, language: Option<&Language>) -> String {
    let symbol = definition.symbol;
    let overloads = index.symbols(definition.file).iter().filter(|other| is_overload(other, symbol));
    let others = overloads.filter(|other| other.lines.start != symbol.lines.start).take(MOST_OVERLOADS);
    let signatures = others.fold(symbol.signature.to_string(), |all, other| all + "\n" + &other.signature);
    let mark = language.and_then(|language| language.line_comment);
    let first_line = symbol.doc.lines().map(strip_markers).find(|line| line.contains(char::is_alphanumeric));
    let doc = first_line.zip(mark).filter(|(doc, _)| doc.len() <= LONGEST_DOC);
    match doc {
        Some((doc, mark)) => format!("{mark} {doc}\n{signatures}\n"),
        None => format!("{signatures}\n"),
    }
}

/// Whether two declarations are overloads of one function, or a property's getter and setter.
fn is_overload(one: &Symbol, other: &Symbol) -> bool {
    matches!(one.kind, SymbolKind::Function | SymbolKind::Method)
        && one.kind == other.kind
        && one.name == other.name
        && one.container == other.container
}

/// The lines that a declaration shows in full.
fn lines(symbol: &Symbol) -> Range<usize> {
    let (start, end) = (symbol.lines.start as usize, symbol.lines.end as usize);
    let is_whole = symbol.signature.lines().count() >= end - start;
    start..if is_whole { end } else { start + 1 }
}

/// A line of documentation without comment markers.
fn strip_markers(line: &str) -> &str {
    line.trim_start_matches(|c: char| c.is_whitespace() || "/*#!-;\"'".contains(c))
        .trim_end_matches(|c: char| c.is_whitespace() || "*/\"'".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_is_a_comment_without_its_marks() {
        for line in [
            "/// Counts things.",
            "    \"\"\"Counts things.\"\"\"",
            "/** Counts things. */",
            " * Counts things.",
        ] {
            assert_eq!(strip_markers(line), "Counts things.");
        }
        assert_eq!(strip_markers("/**"), "");
    }
}
