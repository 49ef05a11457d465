//! The focus of the cursor: the names near it, the receiver, and the enclosing function and type.

use std::ops::Range;

use rustc_hash::FxHashSet;

use super::lines::Lines;
use super::rank;
use crate::documents::Document;
use crate::facts::{self, SymbolKind};
use crate::repository::index::{FileId, Index};

/// The most names that are looked up.
const MOST_NAMES: usize = 160;
/// Shorter names (`i`, `x`) are local variables.
const SHORTEST_NAME: usize = 2;

/// The names near a cursor, except the one that you are typing. Unchanged while you type a name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Focus {
    /// Each once with its qualifier, the nearest lines first.
    pub names: Vec<Named>,
    /// The receiver of the name that you are typing: `stock` in `stock.ta`.
    pub receiver: Option<Receiver>,
    /// The function and type around the cursor.
    pub enclosing: Enclosing,
    /// The cursor's line.
    pub line: usize,
}

/// A name near the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name as written.
    pub name: Box<str>,
    /// Its qualifier.
    pub qualifier: Qualifier,
    /// The distance in lines of the nearest use.
    pub lines: usize,
    /// Whether that use is above the cursor's line.
    pub above: bool,
}

/// The qualifier of a name. It restricts the definitions that the name can refer to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qualifier {
    /// The name is unqualified.
    None,
    /// An expression without a name (`f()().take`), or the name may be a field or an argument (`Stock { things: 1 }`,
    /// `f(things=1)`).
    Unknown,
    /// A value, a type or a module: `stock.take`, `Stock::new`.
    Value(Receiver),
}

/// The receiver of a member access.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receiver {
    /// The last name of it: `count` in `self.stock.count().`.
    pub name: Box<str>,
    /// Whether it is called, so that its result is the receiver.
    pub called: bool,
}

/// The function and the type around a cursor, according to the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Enclosing {
    /// The function around the cursor.
    pub function: Option<Box<str>>,
    /// The type or module that it belongs to.
    pub container: Option<Box<str>>,
}

impl Focus {
    /// The focus of a cursor in the lines `near` it.
    pub fn of(
        document: &Document,
        lines: &Lines,
        near: Range<usize>,
        cursor: usize,
        enclosing: Enclosing,
    ) -> Focus {
        let (front, back) = (lines.slice(near.start..cursor), lines.slice(cursor..near.end));
        let front = front.trim_end_matches(is_part);
        let back = back.trim_start_matches(is_part);
        let line = document.text.byte_to_line(cursor);
        let mut focus = Focus { names: Vec::new(), receiver: receiver(front), enclosing, line };
        let height = front.matches('\n').count();
        let above = uses(front).map(|found| (height - found.line, true, found));
        let below = uses(back).map(|found| (found.line, false, found));
        let mut found: Vec<_> = above.chain(below).collect();
        found.sort_by_key(|(lines, above, _)| (*lines, !above));
        let is_keyword = |name| document.language.is_some_and(|language| language.is_keyword(name));
        let mut known: FxHashSet<(&str, Qualifier)> = FxHashSet::default();
        for (lines, above, Use { name, qualifier, .. }) in found {
            if focus.names.len() == MOST_NAMES {
                break;
            }
            if !is_keyword(name) && known.insert((name, qualifier.clone())) {
                focus.names.push(Named { name: name.into(), qualifier, lines, above });
            }
        }
        focus
    }

    /// The terms of a search for similar code, each with its weight.
    pub fn terms(&self) -> Vec<(String, f32)> {
        let mut terms = Vec::new();
        for named in &self.names {
            let weight = rank::nearness(named.lines);
            facts::terms(&named.name, |term| terms.push((term.to_owned(), weight)));
        }
        terms.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        terms.dedup_by(|later, first| later.0 == first.0);
        terms
    }
}

impl Named {
    /// Its position relative to the cursor, as text.
    pub fn place(&self) -> String {
        match (self.lines, self.above) {
            (0, _) => "used on this line".to_owned(),
            (1, true) => "used one line above".to_owned(),
            (1, false) => "used one line below".to_owned(),
            (lines, true) => format!("used {lines} lines above"),
            (lines, false) => format!("used {lines} lines below"),
        }
    }
}

impl Enclosing {
    /// The function and type around a line of a file.
    pub fn of(index: &Index, file: Option<FileId>, line: usize) -> Enclosing {
        let Some(file) = file else { return Enclosing::default() };
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        let mut enclosing = Enclosing::default();
        // Outer symbols come before inner ones.
        for symbol in index.symbols(file).iter().filter(|symbol| symbol.lines.contains(&line)) {
            match symbol.kind {
                SymbolKind::Function | SymbolKind::Method => {
                    enclosing.function = Some(symbol.name.clone());
                    if symbol.container.is_some() {
                        enclosing.container = symbol.container.clone();
                    }
                }
                SymbolKind::Class | SymbolKind::Interface => enclosing.container = Some(symbol.name.clone()),
                _ => {}
            }
        }
        enclosing
    }
}

/// Names in a text, in its order.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_part(c))
        .filter(|name| name.len() >= SHORTEST_NAME && !name.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A name in a text.
pub struct Use<'t> {
    /// The name.
    pub name: &'t str,
    /// Its qualifier.
    pub qualifier: Qualifier,
    /// Counted from 0.
    pub line: usize,
}

/// The names in a text with their qualifiers, in its order.
pub fn uses(text: &str) -> impl Iterator<Item = Use<'_>> {
    let (mut line, mut counted) = (0, 0);
    names(text).map(move |name| {
        let start = name.as_ptr() as usize - text.as_ptr() as usize;
        line += text[counted..start].matches('\n').count();
        counted = start;
        Use { name, qualifier: qualifier(&text[..start], &text[start + name.len()..]), line }
    })
}

fn qualifier(front: &str, back: &str) -> Qualifier {
    let before = front.trim_end();
    if before.ends_with("::") || before.ends_with("->") || before.ends_with('.') && !before.ends_with("..") {
        return receiver(before).map_or(Qualifier::Unknown, Qualifier::Value);
    }
    let back = back.trim_start_matches(' ');
    let is_part_of_another = back.starts_with(':') && !back.starts_with("::") && !back.starts_with(":=")
        || back.starts_with('=') && !back.starts_with("==") && !back.starts_with("=>");
    if is_part_of_another { Qualifier::Unknown } else { Qualifier::None }
}

/// The receiver at the end of the text, before a `.`, `->` or `::`.
fn receiver(front: &str) -> Option<Receiver> {
    let before = front.strip_suffix("::").or_else(|| front.strip_suffix("->"));
    let before = before.or_else(|| front.strip_suffix('.'))?.trim_end_matches(['?', '!']);
    // A chain of calls may span lines.
    let mut before = before.trim_end();
    let called = before.ends_with(')');
    if called {
        before = &before[..opening(before)?];
    }
    let start = before
        .rfind(|c: char| !is_part(c))
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let name = &before[start..];
    (!name.is_empty()).then(|| Receiver { name: name.into(), called })
}

/// The position of the bracket that the text's last one closes.
fn opening(text: &str) -> Option<usize> {
    const REACH: usize = 400;
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate().rev().take(REACH) {
        match byte {
            b')' => depth += 1,
            b'(' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qualifier_precedes_its_name() {
        let check = |text: &str, expected: &str| {
            let drawn = uses(text).map(|Use { name, qualifier, line }| match qualifier {
                Qualifier::None => format!("{line} {name}"),
                Qualifier::Unknown => format!("{line} ?{name}"),
                Qualifier::Value(of) => {
                    format!("{line} {}{}.{name}", of.name, if of.called { "()" } else { "" })
                }
            });
            assert_eq!(drawn.collect::<Vec<_>>().join(", "), expected, "{text}");
        };
        check("stock.take(name)", "0 stock, 0 stock.take, 0 name");
        check("Stock::new()\n    .count()", "0 Stock, 0 Stock.new, 1 new().count");
        check("sell(things=1, name == other)", "0 sell, 0 ?things, 0 name, 0 other");
        check("Stock { things: total }", "0 Stock, 0 ?things, 0 total");
        check("total := 1..most", "0 total, 0 most");
        check("(a + b).rounded", "0 ?rounded");
    }

    #[test]
    fn a_receiver_is_the_name_before_the_one_being_typed() {
        let check = |text: &str, expected: Option<(&str, bool)>| {
            let found = receiver(text.trim_end_matches(is_part));
            assert_eq!(found.as_ref().map(|found| (&*found.name, found.called)), expected, "{text}");
        };
        check("    stock.", Some(("stock", false)));
        check("    self.stock.ta", Some(("stock", false)));
        check("    ptr->ta", Some(("ptr", false)));
        check("    Stock::n", Some(("Stock", false)));
        check("    user?.na", Some(("user", false)));
        check("    open(a, b(c)).unw", Some(("open", true)));
        check("    items\n        .it", Some(("items", false)));
        check("    größe.x", Some(("größe", false)));
        check("    stock", None);
        check("    1 + (2).", None);
        check(")).", None);
        check("", None);
    }
}
