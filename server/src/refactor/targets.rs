//! Maps the requested lines of a file to the items that contain them; the items never overlap.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Site;
use crate::documents::Document;
use crate::rewrite::target::{self, Target, TargetKind};

/// Longer statements are too large for a model to rewrite as a unit.
const MOST_STATEMENT_LINES: usize = 120;
/// Maximum bytes kept of the first line of statements.
const LONGEST_NAME: usize = 80;

/// Why a line is part of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// It defines this name.
    Defines(String),
    /// It uses this name.
    Uses(String),
    /// It contains this name, in an explicit file.
    Says(String),
    /// A search found it for this word.
    Found(String),
    /// Its file was requested as a whole.
    Asked,
}

/// The requested lines of one file, counted from 0, by reason.
pub(super) type Claims = BTreeMap<Why, Vec<u32>>;

/// An item and why it is rewritten.
#[derive(Debug, Clone)]
pub(super) struct Claimed {
    pub(super) target: Target,
    claims: Claims,
}

/// The items that contain the lines, in text order, and the lines outside of all items.
pub(super) fn holding(document: &Document, claims: &Claims) -> (Vec<Claimed>, Claims) {
    let all = target::all(document);
    let (mut claimed, mut left) = (Vec::new(), Claims::new());
    for (why, lines) in claims {
        for &line in lines {
            let claims = Claims::from([(why.clone(), vec![line])]);
            match at_line(document, &all, line as usize) {
                Some(target) => claimed.push(Claimed { target, claims }),
                None => left.entry(why.clone()).or_default().push(line),
            }
        }
    }
    (without_overlap(claimed), left)
}

/// All functions, and all items without functions: types and values.
pub(super) fn whole(document: &Document) -> Vec<Claimed> {
    let all = target::all(document);
    let is_function = |target: &Target| target.kind == TargetKind::Function;
    let holds_functions = |target: &Target| {
        all.iter().any(|other| is_function(other) && is_inside(&other.range, &target.range))
    };
    let wanted = all.iter().filter(|target| is_function(target) || !holds_functions(target));
    let claimed = |target: &Target| {
        let line = document.text.byte_to_line(target.range.start) as u32;
        Claimed { target: target.clone(), claims: Claims::from([(Why::Asked, vec![line])]) }
    };
    without_overlap(wanted.map(claimed).collect())
}

/// The item or statements that contain a line.
pub(super) fn at(document: &Document, line: usize) -> Option<Target> {
    at_line(document, &target::all(document), line)
}

/// The innermost function around a line; otherwise the item, or the statements if the item contains functions.
fn at_line(document: &Document, all: &[Target], line: usize) -> Option<Target> {
    let text = document.text.get_line(line)?.to_string();
    let start = document.text.line_to_byte(line) + (text.len() - text.trim_start().len());
    let end = start + text.trim().len();
    if start >= end {
        return None;
    }
    let around = |target: &&Target| target.range.start <= start && start < target.range.end;
    let innermost = |function: bool| {
        let fits = |target: &&Target| !function || target.kind == TargetKind::Function;
        all.iter().filter(around).filter(fits).min_by_key(|target| target.range.len())
    };
    if let Some(function) = innermost(true) {
        return Some(function.clone());
    }
    let item = innermost(false);
    let holds_functions = |item: &Target| {
        all.iter().any(|other| other.kind == TargetKind::Function && is_inside(&other.range, &item.range))
    };
    if let Some(item) = item.filter(|item| !holds_functions(item)) {
        return Some(item.clone());
    }
    let is_unit = |target: &Target| {
        let lines = [target.range.start, target.range.end].map(|byte| document.text.byte_to_line(byte));
        target.kind == TargetKind::Statements && lines[1] - lines[0] < MOST_STATEMENT_LINES
    };
    target::at(document, start..end).filter(is_unit).or_else(|| item.cloned())
}

/// The outer of two overlapping items, with the reasons of both.
fn without_overlap(mut claimed: Vec<Claimed>) -> Vec<Claimed> {
    claimed.sort_by_key(|one| (one.target.range.start, std::cmp::Reverse(one.target.range.end)));
    let mut kept: Vec<Claimed> = Vec::new();
    for one in claimed {
        match kept.last_mut().filter(|last| one.target.range.start < last.target.range.end) {
            Some(last) => {
                for (why, lines) in one.claims {
                    last.claims.entry(why).or_default().extend(lines);
                }
            }
            None => kept.push(one),
        }
    }
    kept
}

impl Claimed {
    /// Whether it defines the requested symbol.
    pub(super) fn defines(&self) -> bool {
        self.claims.keys().any(|why| matches!(why, Why::Defines(_)))
    }

    /// Its site in a plan.
    pub(super) fn site(&self, document: &Document) -> Site {
        Site { reason: reason(&self.claims), ..site(document, &self.target) }
    }
}

/// The site of an item, without a reason.
pub(super) fn site(document: &Document, target: &Target) -> Site {
    let Target { range, kind, name, container } = target;
    let line = document.text.byte_to_line(range.start);
    let name = match kind {
        TargetKind::Statements => first_line(document, line),
        _ => name.clone(),
    };
    let mut site = Site {
        path: document.path.clone().unwrap_or_default(),
        name,
        container: container.clone(),
        kind: *kind,
        nth: 0,
        line: line as u32,
        bytes: range.len(),
        reason: String::new(),
    };
    site.nth = equals(document, &site).into_iter().filter(|equal| equal.range.start < range.start).count();
    site
}

/// Finds the item of a site in its document.
pub(super) fn find(document: &Document, site: &Site) -> Option<Target> {
    equals(document, site).into_iter().nth(site.nth)
}

/// The items with the name, container and kind of a site, in text order.
fn equals(document: &Document, site: &Site) -> Vec<Target> {
    if site.kind != TargetKind::Statements {
        let mut all = target::all(document);
        all.retain(|item| {
            item.kind == site.kind && item.name == site.name && item.container == site.container
        });
        return all;
    }
    let lines = (0..document.text.len_lines()).filter(|line| first_line(document, *line) == site.name);
    let statements = lines.filter_map(|line| {
        let start = document.text.line_to_byte(line);
        let whole = document.text.line(line).to_string();
        let start = start + (whole.len() - whole.trim_start().len());
        let found = target::at(document, start..start + whole.trim().len())?;
        (found.kind == TargetKind::Statements && found.range.start == start).then_some(found)
    });
    statements.collect()
}

fn first_line(document: &Document, line: usize) -> String {
    let line = document.text.line(line).to_string();
    let line = line.trim();
    line[..line.floor_char_boundary(LONGEST_NAME)].trim_end().to_owned()
}

fn is_inside(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end && inner != outer
}

/// In words: `defines Shape; uses area in lines 3 and 5`.
pub(super) fn reason(claims: &Claims) -> String {
    let of = |(why, lines): (&Why, &Vec<u32>)| match why {
        Why::Defines(name) => format!("defines {name}"),
        Why::Uses(name) => format!("uses {name} in {}", listed(lines)),
        Why::Says(name) => format!("says {name} in {}", listed(lines)),
        Why::Found(word) => format!("found by search, for `{word}` in {}", listed(lines)),
        Why::Asked => "its file was named".to_owned(),
    };
    claims.iter().map(of).collect::<Vec<_>>().join("; ")
}

/// `line 3`, `lines 3 and 5`, `lines 3, 5 and 4 more`; counted from 1.
fn listed(lines: &[u32]) -> String {
    let mut lines: Vec<u32> = lines.iter().map(|line| line + 1).collect();
    lines.sort_unstable();
    lines.dedup();
    match *lines {
        [] => "no line".to_owned(),
        [one] => format!("line {one}"),
        [one, two] => format!("lines {one} and {two}"),
        [one, two, three] => format!("lines {one}, {two} and {three}"),
        [one, two, ..] => format!("lines {one}, {two} and {} more", lines.len() - 2),
    }
}
