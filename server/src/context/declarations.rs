//! Declarations of what is named: near the cursor, by imports, in the rest of the file, in similar code, and in the
//! signatures of all these.

use rustc_hash::{FxHashMap, FxHashSet};

use super::evidence::Evidence;
use super::focus::{Focus, Owner, Use, names};
use super::meaning::Meanings;
use super::rank::{self, Sign};
use super::scope::Scope;
use super::similar::Alike;
use crate::repository::index::{Definition, FileId};

/// So many names of the rest of the file are looked up, those used nearest to the cursor.
const MOST_IN_FILE: usize = 300;
/// So many files may belong to one file, and so many declarations of each are looked at.
const MOST_COUNTERPARTS: usize = 2;
const MOST_OF_COUNTERPART: usize = 500;
/// The types in the signatures of so many declarations are looked up.
const MOST_SIGNATURES: usize = 12;

/// What the names near the cursor mean.
pub fn named<'s>(evidence: &mut Evidence<'s>, meanings: &Meanings<'s>, focus: &'s Focus) {
    for named in &focus.names {
        let near = rank::nearness(named.lines);
        for (definition, certainty) in meanings.near(&named.name, &named.owner) {
            let reason = || format!("declares `{}`, {}", named.name, named.place());
            if named.lines == 0 {
                evidence.add(Sign::InLine, definition, certainty, reason);
            }
            evidence.add(Sign::Near, definition, near * certainty, reason);
        }
    }
}

/// What imports bring in. One that is used nowhere else in the file was written to be used next.
pub fn imported<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>, shown: &str) {
    let Some(own) = scope.own else { return };
    let used: FxHashMap<&str, &[u32]> = scope.index.uses(own).collect();
    for import in scope.index.imports(own) {
        for name in &import.names {
            // An import may take some lines itself.
            let is_far = |&line: &u32| line.abs_diff(import.line) > 1;
            // A string or comment that speaks of it is a use, too: Python's annotations may be strings.
            let is_used = used.get(&**name).is_some_and(|lines| lines.iter().any(is_far))
                || names(shown).filter(|word| **word == **name).nth(1).is_some();
            let (sign, how) = if is_used {
                (Sign::Imported, "imported")
            } else {
                (Sign::UnusedImport, "imported and not used yet")
            };
            for (definition, certainty) in scope.meant_bare(name) {
                evidence.add(sign, definition, certainty, || format!("declares `{name}`, {how}"));
            }
        }
    }
}

/// What the file declares that this one is the test of, or the other way round; the more files use a name, the likelier.
pub fn of_counterpart<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>) {
    let Some(own) = scope.own else { return };
    let own_stem = stem(scope, own);
    let counterparts =
        scope.at_hand().into_iter().filter(|&file| !own_stem.is_empty() && stem(scope, file) == own_stem);
    for file in counterparts.take(MOST_COUNTERPARTS) {
        for symbol in scope.index.symbols(file).iter().take(MOST_OF_COUNTERPART) {
            let strength = rank::popularity(scope.index.frequency(&symbol.name));
            evidence.add(Sign::Counterpart, Definition { file, symbol }, strength, || {
                format!("declares `{}`, in the file that this one belongs to", symbol.name)
            });
        }
    }
}

/// A file's name without its ending and what marks it as a test.
fn stem<'s>(scope: &'s Scope<'s>, file: FileId) -> &'s str {
    let name = scope.index.path(file).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.strip_suffix("_test").or_else(|| stem.strip_suffix("_spec")).unwrap_or(stem);
    let stem = stem.strip_suffix("Test").or_else(|| stem.strip_prefix("test_")).unwrap_or(stem);
    // What stands for its folder has no name of its own.
    if matches!(stem, "mod" | "lib" | "main" | "index" | "__init__") { "" } else { stem }
}

/// What the rest of the file uses and declares; `uses` are the names in its lines from the line `from` on.
pub fn in_file<'s>(
    evidence: &mut Evidence<'s>,
    scope: &'s Scope<'s>,
    meanings: &Meanings<'s>,
    focus: &Focus,
    (uses, from): (&'s [Use<'s>], usize),
) {
    let Some(own) = scope.own else { return };
    let away = |line: usize| line.abs_diff(focus.line);
    // Comments and strings use nothing.
    let is_used: FxHashSet<&str> = scope.index.uses(own).map(|(name, _)| name).collect();
    let mut used: FxHashMap<(&str, &Owner), usize> = FxHashMap::default();
    for found in uses.iter().filter(|found| is_used.contains(found.name)) {
        let lines = used.entry((found.name, &found.owner)).or_insert(usize::MAX);
        *lines = (*lines).min(away(from + found.line));
    }
    let mut used: Vec<_> = used.into_iter().map(|((name, owner), lines)| (lines, name, owner)).collect();
    used.sort_unstable();
    for &(lines, name, owner) in used.iter().take(MOST_IN_FILE) {
        let near = rank::nearness_in_file(lines);
        for (definition, certainty) in meanings.far(name, owner) {
            evidence.add(Sign::InFile, definition, near * certainty, || {
                format!("declares `{name}`, used elsewhere in this file")
            });
        }
    }
    for definition in scope.index.symbols(own).iter().map(|symbol| Definition { file: own, symbol }) {
        let near = rank::nearness_in_file(away(definition.symbol.lines.start as usize));
        evidence.add(Sign::OwnFile, definition, near, || {
            format!("declares `{}`, in this file", definition.symbol.name)
        });
    }
}

/// What similar code uses.
pub fn in_similar<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>, alike: &[Alike]) {
    for Alike { file, lines, likeness } in alike {
        let is_inside = |used: &[u32]| used.iter().any(|line| lines.contains(line));
        let uses = scope.index.uses(*file).filter(|(_, used)| is_inside(used));
        for (name, _) in uses {
            for (definition, certainty) in scope.meant(name) {
                evidence.add(Sign::InSimilar, definition, likeness * certainty, || {
                    format!("declares `{name}`, used in similar code in {}", label(scope, *file))
                });
            }
        }
    }
}

/// The types that the best declarations so far speak of.
pub fn in_signatures<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>) {
    for (definition, score) in evidence.ranked().into_iter().take(MOST_SIGNATURES) {
        let symbol = definition.symbol;
        for name in names(&symbol.signature).filter(|name| **name != *symbol.name) {
            for (meant, certainty) in scope.types(name) {
                evidence.add(Sign::InSignature, meant, score.min(1.0) * certainty, || {
                    format!("declares `{name}`, which `{}` speaks of", symbol.name)
                });
            }
        }
    }
}

fn label(scope: &Scope, file: FileId) -> String {
    super::candidate::label(scope.index.path(file))
}
