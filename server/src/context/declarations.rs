//! Declarations of what is named: near the cursor, by imports, in the rest of the file, in similar code, and in the
//! signatures of all these.

use rustc_hash::FxHashMap;

use super::evidence::Evidence;
use super::focus::{Focus, names};
use super::rank::{self, Sign};
use super::scope::Scope;
use super::similar::Alike;
use crate::repository::index::{Definition, FileId};

/// So many names of the rest of the file are looked up, those used nearest to the cursor.
const MOST_IN_FILE: usize = 200;
/// So many names that are used in the same folder are looked up.
const MOST_IN_FOLDER: usize = 300;
/// So many declarations of files at hand.
const MOST_AT_HAND: usize = 1000;
/// The types in the signatures of so many declarations are looked up.
const MOST_SIGNATURES: usize = 12;

/// What the names near the cursor mean.
pub fn named<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>, focus: &'s Focus) {
    for named in &focus.names {
        let near = rank::nearness(named.lines);
        for (definition, certainty) in scope.meant(&named.name) {
            evidence.add(Sign::Named, definition, near * certainty, || {
                format!("declares `{}`, {}", named.name, named.place())
            });
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
            for (definition, certainty) in scope.meant(name) {
                evidence.add(sign, definition, certainty, || format!("declares `{name}`, {how}"));
            }
        }
    }
}

/// What files declare that are at hand without being named: those that are imported as a whole, the neighbours in the
/// folder, and the file that this one is the test of. The more files use a name, the likelier this one will.
pub fn at_hand<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>) {
    let Some(own) = scope.own else { return };
    let stem = stem(scope, own);
    let mut left = MOST_AT_HAND;
    for (file, sign) in scope.at_hand() {
        let is_counterpart = !stem.is_empty() && self::stem(scope, file) == stem;
        let sign = if is_counterpart { Sign::Counterpart } else { sign };
        for symbol in
            scope.index.symbols(file).iter().filter(|symbol| is_counterpart || symbol.container.is_none())
        {
            let Some(rest) = left.checked_sub(1) else { return };
            left = rest;
            let strength = rank::popularity(scope.index.frequency(&symbol.name));
            evidence.add(sign, Definition { file, symbol }, strength, || {
                format!(
                    "declares `{}`, {}",
                    symbol.name,
                    match sign {
                        Sign::Counterpart => "what this file belongs to",
                        Sign::OfModule => "in a file that is imported",
                        _ => "in the same folder",
                    }
                )
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

/// What the rest of the file uses and declares.
pub fn in_file<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>, focus: &Focus) {
    let Some(own) = scope.own else { return };
    let away = |line: u32| (line as usize).abs_diff(focus.line);
    let mut used: Vec<(usize, &str)> = scope
        .index
        .uses(own)
        .filter_map(|(name, lines)| Some((lines.iter().map(|&line| away(line)).min()?, name)))
        .collect();
    used.sort_unstable();
    for &(lines, name) in used.iter().take(MOST_IN_FILE) {
        let near = rank::nearness(lines / 8);
        for (definition, certainty) in scope.meant(name) {
            evidence.add(Sign::InFile, definition, near * certainty, || {
                format!("declares `{name}`, used elsewhere in this file")
            });
        }
    }
    for definition in scope.index.symbols(own).iter().map(|symbol| Definition { file: own, symbol }) {
        let near = rank::nearness(away(definition.symbol.lines.start) / 8);
        evidence.add(Sign::OwnFile, definition, near, || {
            format!("declares `{}`, in this file", definition.symbol.name)
        });
    }
}

/// What the files in the same folder use: what is usual there.
pub fn in_folder<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>) {
    let neighbours = scope.neighbours();
    let mut used: FxHashMap<&str, usize> = FxHashMap::default();
    for &file in &neighbours {
        for (name, _) in scope.index.uses(file) {
            *used.entry(name).or_default() += 1;
        }
    }
    let mut used: Vec<_> = used.into_iter().collect();
    used.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    for (name, files) in used.into_iter().take(MOST_IN_FOLDER) {
        let strength = files as f32 / neighbours.len() as f32;
        for (definition, certainty) in scope.meant(name) {
            evidence.add(Sign::InFolder, definition, strength.sqrt() * certainty, || {
                format!("declares `{name}`, used in the same folder")
            });
        }
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
