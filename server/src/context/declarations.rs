//! Declarations of the names near the cursor, in imports, in the rest of the file, in similar code, and in the signatures
//! of all these.

use rustc_hash::{FxHashMap, FxHashSet};

use super::evidence::Evidence;
use super::focus::{Focus, Qualifier, Use, names};
use super::rank::{self, Signal};
use super::resolve::Resolver;
use super::scope::Scope;
use super::similar::SimilarLines;
use crate::repository::index::{Definition, FileId};

/// The most names of the rest of the file that are looked up, the nearest first.
const MOST_IN_FILE: usize = 300;
/// The most counterparts of a file, and the most declarations of each.
const MOST_COUNTERPARTS: usize = 2;
const MOST_OF_COUNTERPART: usize = 500;
/// The number of declarations whose signatures are searched for types.
const MOST_SIGNATURES: usize = 12;

/// Declarations of the names near the cursor.
pub fn named<'s>(evidence: &mut Evidence<'s>, resolver: &Resolver<'s>, focus: &'s Focus) {
    for named in &focus.names {
        let near = rank::nearness(named.lines);
        for (definition, certainty) in resolver.near(&named.name, &named.qualifier) {
            let reason = || format!("declares `{}`, {}", named.name, named.place());
            if named.lines == 0 {
                evidence.add(Signal::InLine, definition, certainty, reason);
            }
            evidence.add(Signal::Near, definition, near * certainty, reason);
        }
    }
}

/// Imported declarations. An import that is not used yet will likely be used next.
pub fn imported<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>, shown: &str) {
    let Some(own) = scope.own else { return };
    let used: FxHashMap<&str, &[u32]> = scope.index.uses(own).collect();
    for import in scope.index.imports(own) {
        for name in &import.names {
            // An import may span some lines itself.
            let is_far = |&line: &u32| line.abs_diff(import.line) > 1;
            // An occurrence in a string or comment is a use, too: Python's annotations may be strings.
            let is_used = used.get(&**name).is_some_and(|lines| lines.iter().any(is_far))
                || names(shown).filter(|word| **word == **name).nth(1).is_some();
            let (signal, how) = if is_used {
                (Signal::Imported, "imported")
            } else {
                (Signal::UnusedImport, "imported and not used yet")
            };
            for (definition, certainty) in scope.resolve_unqualified(name) {
                evidence.add(signal, definition, certainty, || format!("declares `{name}`, {how}"));
            }
        }
    }
}

/// Declarations of the counterpart file (the test, or the tested file); the more files use a name, the stronger.
pub fn of_counterpart<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>) {
    let Some(own) = scope.own else { return };
    let own_stem = stem(scope, own);
    let counterparts = scope
        .nearby_files()
        .into_iter()
        .filter(|&file| !own_stem.is_empty() && stem(scope, file) == own_stem);
    for file in counterparts.take(MOST_COUNTERPARTS) {
        for symbol in scope.index.symbols(file).iter().take(MOST_OF_COUNTERPART) {
            let strength = rank::popularity(scope.index.frequency(&symbol.name));
            evidence.add(Signal::Counterpart, Definition { file, symbol }, strength, || {
                format!("declares `{}`, in the counterpart of this file", symbol.name)
            });
        }
    }
}

/// A file's name without its extension and test marker.
fn stem<'s>(scope: &'s Scope<'s>, file: FileId) -> &'s str {
    let name = scope.index.path(file).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.strip_suffix("_test").or_else(|| stem.strip_suffix("_spec")).unwrap_or(stem);
    let stem = stem.strip_suffix("Test").or_else(|| stem.strip_prefix("test_")).unwrap_or(stem);
    // Entry files of a folder have no name of their own.
    if matches!(stem, "mod" | "lib" | "main" | "index" | "__init__") { "" } else { stem }
}

/// Declarations that the rest of the file uses, and its own; `uses` are the names from line `from` on.
pub fn in_file<'s>(
    evidence: &mut Evidence<'s>,
    scope: &'s Scope<'s>,
    resolver: &Resolver<'s>,
    focus: &Focus,
    (uses, from): (&'s [Use<'s>], usize),
) {
    let Some(own) = scope.own else { return };
    let away = |line: usize| line.abs_diff(focus.line);
    // Names in comments and strings are not uses.
    let is_used: FxHashSet<&str> = scope.index.uses(own).map(|(name, _)| name).collect();
    let mut used: FxHashMap<(&str, &Qualifier), usize> = FxHashMap::default();
    for found in uses.iter().filter(|found| is_used.contains(found.name)) {
        let lines = used.entry((found.name, &found.qualifier)).or_insert(usize::MAX);
        *lines = (*lines).min(away(from + found.line));
    }
    let mut used: Vec<_> =
        used.into_iter().map(|((name, qualifier), lines)| (lines, name, qualifier)).collect();
    used.sort_unstable();
    for &(lines, name, qualifier) in used.iter().take(MOST_IN_FILE) {
        let near = rank::nearness_in_file(lines);
        for (definition, certainty) in resolver.far(name, qualifier) {
            evidence.add(Signal::InFile, definition, near * certainty, || {
                format!("declares `{name}`, used elsewhere in this file")
            });
        }
    }
    for definition in scope.index.symbols(own).iter().map(|symbol| Definition { file: own, symbol }) {
        let near = rank::nearness_in_file(away(definition.symbol.lines.start as usize));
        evidence.add(Signal::OwnFile, definition, near, || {
            format!("declares `{}`, in this file", definition.symbol.name)
        });
    }
}

/// Declarations that similar code uses.
pub fn in_similar<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>, alike: &[SimilarLines]) {
    for SimilarLines { file, lines, similarity } in alike {
        let is_inside = |used: &[u32]| used.iter().any(|line| lines.contains(line));
        let uses = scope.index.uses(*file).filter(|(_, used)| is_inside(used));
        for (name, _) in uses {
            for (definition, certainty) in scope.resolve(name) {
                evidence.add(Signal::InSimilar, definition, similarity * certainty, || {
                    format!("declares `{name}`, used in similar code in {}", label(scope, *file))
                });
            }
        }
    }
}

/// The types in the signatures of the best declarations so far.
pub fn in_signatures<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>) {
    for (definition, score) in evidence.ranked().into_iter().take(MOST_SIGNATURES) {
        let symbol = definition.symbol;
        for name in names(&symbol.signature).filter(|name| **name != *symbol.name) {
            for (meant, certainty) in scope.types(name) {
                evidence.add(Signal::InSignature, meant, score.min(1.0) * certainty, || {
                    format!("declares `{name}`, used in the signature of `{}`", symbol.name)
                });
            }
        }
    }
}

fn label(scope: &Scope, file: FileId) -> String {
    super::candidate::label(scope.index.path(file))
}
