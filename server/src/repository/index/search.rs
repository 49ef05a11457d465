//! BM25 over the chunks: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", Foundations
//! and Trends in Information Retrieval 3(4), 2009, section 3.5.
//!
//! A chunk's score is the sum over the terms of `weight * idf * tf / (tf + K1 * (1 - B + B * length / mean length))`.
//! Terms are taken the rarest first, which bounds the time: what is left out where there are very many is what says
//! the least.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::{DEAD, FileId, Hit, Index, TERM_BITS};

/// How fast more of the same term stops to count. The paper finds 1.2 to 2 good in many circumstances.
const K1: f32 = 1.2;
/// How much a chunk's length counts against it, 0 to 1. The paper finds 0.5 to 0.8 good.
const B: f32 = 0.75;
/// A term that stands in more than this share of the chunks tells them apart too little for what it costs...
const COMMON: f32 = 1.0 / 8.0;
/// ...where it is in more than so many.
const COMMON_CHUNKS: u32 = 512;
/// So many postings are read at the most: below two milliseconds.
const POSTINGS: u32 = 300_000;

/// A chunk that was found, ordered by how good it is: its score's bits, its place, its file.
type RankedChunk = (u32, Reverse<(u32, u32, u32)>, u32);

impl Index {
    /// The chunks that fit `terms` (each with a weight) best, the best first, ties by path and line; only those for
    /// which `wanted` holds.
    pub fn search(
        &self,
        terms: &[(String, f32)],
        most: usize,
        wanted: &dyn Fn(FileId, &Range<u32>) -> bool,
    ) -> Vec<Hit> {
        let scores = self.scores(terms);
        let ranks = self.ranks();
        // The worst of the best on top.
        let mut best: BinaryHeap<Reverse<RankedChunk>> = BinaryHeap::new();
        for (at, score) in scores.into_iter().enumerate().filter(|(_, score)| *score > 0.0) {
            let chunk = &self.chunks[at];
            let place = Reverse((ranks[chunk.file as usize], chunk.start, chunk.end));
            // Positive floats are in the order of their bits.
            let found = (score.to_bits(), place, chunk.file);
            let is_better = best.len() < most || best.peek().is_some_and(|Reverse(worst)| *worst < found);
            if is_better && wanted(FileId(chunk.file), &(chunk.start..chunk.end)) {
                best.push(Reverse(found));
                if best.len() > most {
                    best.pop();
                }
            }
        }
        let best = best.into_sorted_vec().into_iter();
        best.map(|Reverse((score, Reverse((_, start, end)), file))| Hit {
            file: FileId(file),
            lines: start..end,
            score: f32::from_bits(score),
        })
        .collect()
    }

    /// By chunk.
    fn scores(&self, terms: &[(String, f32)]) -> Vec<f32> {
        let mut scores = vec![0.0; self.chunks.len()];
        let chunks = self.count.chunks as f32;
        let mean_length = self.count.length as f32 / chunks.max(1.0);
        let (base, slope) = (K1 * (1.0 - B), K1 * B / mean_length.max(1.0));
        let mut left = POSTINGS;
        for (word, weight) in self.telling(terms) {
            let word = self.lists_of(word);
            let Some(rest) = left.checked_sub(word.chunks_live) else { break };
            left = rest;
            let among = word.chunks_live as f32;
            // The one under the logarithm keeps terms of more than half of the chunks above zero.
            let weight = weight * (1.0 + (chunks - among + 0.5) / (among + 0.5)).ln();
            for &posting in self.pool.items(&word.chunks) {
                let (chunk, often) = (posting >> TERM_BITS, posting & ((1 << TERM_BITS) - 1));
                let length = &self.chunks[chunk as usize];
                if length.file != DEAD {
                    let often = often as f32;
                    scores[chunk as usize] += weight * often / (often + base + slope * length.length as f32);
                }
            }
        }
        scores
    }

    /// The terms that tell chunks apart, the rarest first.
    fn telling(&self, terms: &[(String, f32)]) -> Vec<(u32, f32)> {
        let common = ((self.count.chunks as f32 * COMMON) as u32).max(COMMON_CHUNKS);
        let known = terms.iter().filter(|(_, weight)| weight.is_finite() && *weight > 0.0);
        let known = known.filter_map(|(term, weight)| Some((self.words.get(term)?, *weight)));
        let among = |word: u32| self.lists_of(word).chunks_live;
        let mut telling: Vec<_> = known.filter(|(word, _)| (1..=common).contains(&among(*word))).collect();
        // By text and not by number: sums of floats depend on their order.
        telling.sort_by(|(a, _), (b, _)| {
            (among(*a), self.words.text(*a)).cmp(&(among(*b), self.words.text(*b)))
        });
        telling
    }
}
