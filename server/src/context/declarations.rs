//! Declarations of what is named: near the cursor, by imports, in the rest of the file, in similar code, and in the
//! signatures of all these.

use super::candidate::Source;
use super::evidence::Evidence;
use super::focus::{Focus, names};
use super::rank;
use super::scope::Scope;
use super::similar::Alike;
use crate::repository::index::{Definition, FileId};

/// So many names of the rest of the file are looked up, those used nearest to the cursor.
const MOST_IN_FILE: usize = 200;
/// The types in the signatures of so many declarations are looked up.
const MOST_SIGNATURES: usize = 12;

/// What the names near the cursor mean.
pub fn named<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>, focus: &'s Focus) {
    for named in &focus.names {
        let is_receiver = focus.receiver.as_ref().is_some_and(|receiver| receiver.name == named.name);
        let weight = rank::NAMED * rank::nearness(named.lines) * if is_receiver { 2.0 } else { 1.0 };
        for (definition, certainty) in scope.meant(&named.name) {
            evidence.add(Source::Declaration, definition, weight * certainty, || {
                format!("declares `{}`, {}", named.name, named.place())
            });
        }
    }
}

/// What imports bring in. One that is used nowhere else in the file was written to be used next.
pub fn imported<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>) {
    let Some(own) = scope.own else { return };
    for import in scope.index.imports(own) {
        for name in &import.names {
            let is_used = scope.index.uses(own).any(|(used, lines)| {
                *used == **name && lines.iter().any(|&line| line > import.line + 1 || line < import.line)
            });
            let (weight, how) = if is_used {
                (rank::IMPORTED, "imported")
            } else {
                (rank::UNUSED_IMPORT, "imported and not used yet")
            };
            for (definition, certainty) in scope.meant(name) {
                evidence.add(Source::Declaration, definition, weight * certainty, || {
                    format!("declares `{name}`, {how}")
                });
            }
        }
    }
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
        let weight = rank::USED_IN_FILE * rank::nearness(lines / 4);
        for (definition, certainty) in scope.meant(name) {
            evidence.add(Source::Declaration, definition, weight * certainty, || {
                format!("declares `{name}`, used elsewhere in this file")
            });
        }
    }
    for definition in scope.index.symbols(own).iter().map(|symbol| Definition { file: own, symbol }) {
        let weight = rank::NEIGHBOUR * rank::nearness(away(definition.symbol.lines.start) / 4);
        evidence.add(Source::Declaration, definition, weight, || {
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
                let weight = rank::USED_IN_SIMILAR * likeness * certainty;
                evidence.add(Source::Declaration, definition, weight, || {
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
                let weight = rank::IN_SIGNATURE * score.min(1.0) * certainty;
                evidence.add(Source::Declaration, meant, weight, || {
                    format!("declares `{name}`, which `{}` speaks of", symbol.name)
                });
            }
        }
    }
}

fn label(scope: &Scope, file: FileId) -> String {
    super::candidate::label(scope.index.path(file))
}
