//! The sequence in which items are rewritten: definitions before their users, so that the users see the changes.

use rustc_hash::FxHashMap;

use super::{Site, names};
use crate::rewrite::target::TargetKind;

/// A site with what determines its position.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) site: Site,
    /// The item's text.
    pub(super) text: String,
    /// Whether it defines the requested symbol.
    pub(super) is_asked: bool,
}

/// Sorts sites. Members of a cycle, and sites without dependencies, are sorted by path and line. A name that several
/// sites define is ignored unless it is the requested symbol.
pub(super) fn ordered(mut placed: Vec<Placed>) -> Vec<Site> {
    placed.sort_by(|a, b| {
        let key = |one: &Placed| (one.site.path.clone(), one.site.line);
        (!a.is_asked, key(a)).cmp(&(!b.is_asked, key(b)))
    });
    let mut definers: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    for (at, one) in placed.iter().enumerate() {
        if one.site.kind != TargetKind::Statements {
            definers.entry(&one.site.name).or_default().push(at);
        }
    }
    definers.retain(|_, at| at.len() == 1 || at.iter().all(|at| placed[*at].is_asked));
    // For each site, the sites it depends on.
    let mut waits: Vec<Vec<usize>> = Vec::with_capacity(placed.len());
    for (at, one) in placed.iter().enumerate() {
        let words = names::words(&one.text);
        let mut on: Vec<usize> =
            words.iter().filter_map(|word| definers.get(word)).flatten().copied().collect();
        on.retain(|other| *other != at);
        waits.push(on);
    }
    let mut order = Vec::with_capacity(placed.len());
    let mut is_done = vec![false; placed.len()];
    while order.len() < placed.len() {
        let left = || (0..placed.len()).filter(|at| !is_done[*at]);
        let is_free = |at: &usize| waits[*at].iter().all(|other| is_done[*other]);
        let next =
            left().find(is_free).or_else(|| left().next().map(|first| in_circle(first, &waits, &is_done)));
        let Some(next) = next else { break };
        is_done[next] = true;
        order.push(next);
    }
    order.into_iter().map(|at| placed[at].site.clone()).collect()
}

/// The first member of a cycle that `from` depends on, when every remaining site has unfinished dependencies.
fn in_circle(from: usize, waits: &[Vec<usize>], is_done: &[bool]) -> usize {
    let mut way = vec![from];
    loop {
        let here = way[way.len() - 1];
        let Some(&next) = waits[here].iter().filter(|other| !is_done[**other]).min() else { return here };
        if let Some(start) = way.iter().position(|at| *at == next) {
            return way[start..].iter().copied().min().unwrap_or(next);
        }
        way.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(path: &str, name: &str, text: &str, is_asked: bool) -> Placed {
        let site = Site {
            path: path.into(),
            name: name.into(),
            container: None,
            kind: TargetKind::Function,
            nth: 0,
            line: 0,
            bytes: text.len(),
            reason: String::new(),
        };
        Placed { site, text: text.into(), is_asked }
    }

    fn order(placed: Vec<Placed>) -> Vec<String> {
        ordered(placed).into_iter().map(|site| site.name).collect()
    }

    #[test]
    fn definitions_stand_before_their_users() {
        let chain = vec![
            placed("a", "main", "fn main() { draw(); }", false),
            placed("b", "draw", "fn draw() { area(); }", false),
            placed("c", "area", "fn area() {}", true),
            placed("d", "other", "fn other() { area(); }", false),
        ];
        assert_eq!(order(chain), ["area", "draw", "main", "other"]);
    }

    #[test]
    fn a_circle_stands_by_path() {
        let circle = vec![
            placed("b", "odd", "fn odd() { even(); }", false),
            placed("a", "even", "fn even() { odd(); }", false),
            placed("0", "user", "fn user() { even(); }", false),
        ];
        assert_eq!(order(circle), ["even", "user", "odd"]);
    }

    #[test]
    fn a_name_that_several_define_says_nothing_unless_it_was_asked_for() {
        let twice = |is_asked| {
            vec![
                placed("a", "user", "fn user() { new(); }", false),
                placed("b", "new", "fn new() {}", is_asked),
                placed("c", "new", "fn new() {}", is_asked),
            ]
        };
        assert_eq!(order(twice(false)), ["user", "new", "new"]);
        assert_eq!(order(twice(true)), ["new", "new", "user"]);
    }
}
