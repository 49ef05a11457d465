//! Splits a text into chunks for search: 10 to 40 lines each, an item in one chunk if it fits.
//!
//! The split has the least cost. A cut costs more inside an item, and a chunk costs more the further its length is from a
//! good one.

use std::ops::Range;

use super::Chunk;
use super::terms::{LONGEST_LINE, Vocabulary, words};
use crate::languages::Language;

/// The longest chunk.
const LONGEST: usize = 40;

/// Shorter chunks have too little information.
const SHORTEST: usize = 10;

/// Longer chunks have more than one topic.
const COMFORTABLE: usize = 20;

/// The cost of a cut through an item that fits in one chunk.
const TORN_ITEM: u32 = 12;

/// Splits a text. `items` are the lines of definitions with the comments above them.
pub(super) fn tile<'t>(
    text: &'t str,
    items: &[Range<u32>],
    language: Option<&Language>,
    vocabulary: &mut Vocabulary<'t>,
) -> Vec<Chunk> {
    let lines: Vec<&str> = text.lines().collect();
    let mut counts = Counts::default();
    let mut chunks = Vec::new();
    let ends = ends_of_pieces(&cut_costs(&lines, items));
    let mut start = 0;
    for end in ends {
        for line in lines[start..end].iter().filter(|line| line.len() <= LONGEST_LINE) {
            for word in words(line) {
                counts.add(vocabulary.terms(word, language));
            }
        }
        chunks.push(Chunk { lines: start as u32..end as u32, terms: counts.take() });
        start = end;
    }
    chunks
}

/// The cost of a cut above each line; the last is the end of the text.
fn cut_costs(lines: &[&str], items: &[Range<u32>]) -> Vec<u32> {
    // First the items that begin minus the items that end above a line; then the items that a cut there splits.
    let mut torn = vec![0i32; lines.len() + 1];
    let mut starts = vec![false; lines.len() + 1];
    for item in items {
        let (start, end) = (item.start as usize, (item.end as usize).min(lines.len()));
        if start < end {
            starts[start] = true;
            if end - start <= LONGEST {
                torn[start + 1] += 1;
                torn[end] -= 1;
            }
        }
    }
    let mut depth = 0;
    let mut blank_above = true;
    let mut costs: Vec<u32> = lines
        .iter()
        .zip(&torn)
        .zip(&starts)
        .map(|((line, change), &starts_item)| {
            depth += change;
            let inside = line.trim_start();
            let mut cost = TORN_ITEM * u32::try_from(depth).unwrap_or(0);
            cost += indentation(&line[..line.len() - inside.len()]);
            if !blank_above && !starts_item {
                cost += 2;
            }
            if inside.is_empty() || inside.starts_with(['}', ')', ']']) || inside.starts_with("end") {
                cost += 3;
            }
            blank_above = inside.is_empty();
            cost
        })
        .collect();
    costs.push(0);
    costs
}

/// Levels of indentation, capped.
fn indentation(white: &str) -> u32 {
    let columns: usize = white.bytes().map(|byte| if byte == b'\t' { 4 } else { 1 }).sum();
    columns.div_ceil(4).min(4) as u32
}

fn length_cost(length: usize) -> u32 {
    match length {
        ..SHORTEST => SHORTEST - length,
        SHORTEST..=COMFORTABLE => 0,
        _ => (length - COMFORTABLE) / 4,
    }
    .try_into()
    .unwrap_or(u32::MAX)
}

/// The ends of the chunks with the least cost.
fn ends_of_pieces(cut_costs: &[u32]) -> Vec<usize> {
    let lines = cut_costs.len() - 1;
    // For each prefix of the lines: the least cost, and the start of the last chunk.
    let mut best: Vec<(u32, u32)> = Vec::with_capacity(lines + 1);
    best.push((0, 0));
    for (end, cut_cost) in cut_costs.iter().enumerate().skip(1) {
        let cheapest = (end.saturating_sub(LONGEST)..end)
            .map(|start| (best[start].0.saturating_add(length_cost(end - start)), start as u32))
            .min()
            .expect("there is a line above");
        best.push((cheapest.0.saturating_add(*cut_cost), cheapest.1));
    }
    let mut ends = Vec::new();
    let mut end = lines;
    while end > 0 {
        ends.push(end);
        end = best[end].1 as usize;
    }
    ends.reverse();
    ends
}

/// The frequency of each term in a chunk.
#[derive(Default)]
struct Counts {
    by_term: Vec<u16>,
    present: Vec<u32>,
}

impl Counts {
    fn add(&mut self, terms: &[u32]) {
        for &term in terms {
            let at = term as usize;
            if at >= self.by_term.len() {
                self.by_term.resize((at + 1).next_power_of_two(), 0);
            }
            if self.by_term[at] == 0 {
                self.present.push(term);
            }
            self.by_term[at] = self.by_term[at].saturating_add(1);
        }
    }

    fn take(&mut self) -> Vec<(u32, u16)> {
        self.present.sort_unstable();
        let Counts { by_term, present } = self;
        present.drain(..).map(|term| (term, std::mem::take(&mut by_term[term as usize]))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, items: &[Range<u32>], expected: &[Range<u32>]) {
        let chunks = tile(text, items, None, &mut Vocabulary::default());
        assert_eq!(chunks.into_iter().map(|chunk| chunk.lines).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_item_that_fits_is_one_piece_and_small_ones_are_joined() {
        let item = |body: usize| format!("fn f() {{\n{}}}\n\n", "    g();\n".repeat(body));
        let text = [item(5), item(5), item(34), item(5)].concat();
        check(&text, &[0..7, 8..15, 16..52, 53..60], &[0..16, 16..53, 53..61]);
    }

    #[test]
    fn a_long_item_is_cut_at_blank_lines() {
        let text = format!("fn f() {{\n{}}}\n", format!("{}\n", "    g();\n".repeat(17)).repeat(4));
        check(&text, std::slice::from_ref(&(0..74)), &[0..19, 19..37, 37..55, 55..74]);
    }

    #[test]
    fn prose_is_cut_between_paragraphs() {
        let text = "One.\nTwo.\nThree.\n\n".repeat(12);
        check(&text, &[], &[0..12, 12..28, 28..48]);
    }

    #[test]
    fn terms_are_counted_once_a_chunk() {
        let mut vocabulary = Vocabulary::default();
        let chunks = tile("let aTree = a_tree(tree)\n", &[], None, &mut vocabulary);
        let words = vocabulary.into_words();
        let terms: Vec<_> =
            chunks[0].terms.iter().map(|&(word, count)| (&*words[word as usize], count)).collect();
        assert_eq!(terms, [("let", 1), ("atree", 1), ("tree", 3), ("a_tree", 1)]);
    }
}
