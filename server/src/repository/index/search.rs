//! BM25 over the chunks: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", Foundations
//! and Trends in Information Retrieval 3(4), 2009, section 3.5.
//!
//! A chunk's score is the sum over the terms of `weight * idf * tf / (tf + K1 * (1 - B + B * length / mean length))`.
//! Terms are processed from the rarest on, which bounds the time: if there are very many postings, the least informative
//! terms are left out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::{DEAD, FileId, Hit, Index, TERM_BITS};

/// The saturation of the term frequency. The paper recommends 1.2 to 2.
const K1: f32 = 1.2;
/// The penalty for the length of a chunk, 0 to 1. The paper recommends 0.5 to 0.8.
const B: f32 = 0.75;
/// A term in more than this share of the chunks is too common to be worth its cost...
const COMMON: f32 = 1.0 / 8.0;
/// ...if it is in more than this many.
const COMMON_CHUNKS: u32 = 512;
/// The most postings that a search reads, in less than two milliseconds.
const POSTINGS: u32 = 300_000;

/// A found chunk, ordered by quality: the bits of its score, its position, its file.
type RankedChunk = (u32, Reverse<(u32, u32, u32)>, u32);

impl Index {
    /// The `most` best chunks for `terms` (each with a weight), the best first, ties by path and line; only those that are
    /// `wanted`.
    pub fn search(
        &self,
        terms: &[(String, f32)],
        most: usize,
        wanted: &dyn Fn(FileId, &Range<u32>) -> bool,
    ) -> Vec<Hit> {
        let scores = self.scores(terms);
        let ranks = self.ranks();
        // The worst of the best is on top.
        let mut best: BinaryHeap<Reverse<RankedChunk>> = BinaryHeap::new();
        for (at, score) in scores.into_iter().enumerate().filter(|(_, score)| *score > 0.0) {
            let chunk = &self.chunks[at];
            let place = Reverse((ranks[chunk.file as usize], chunk.start, chunk.end));
            // Positive floats are ordered like their bits.
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

    /// The score of each chunk.
    fn scores(&self, terms: &[(String, f32)]) -> Vec<f32> {
        let mut scores = vec![0.0; self.chunks.len()];
        let chunks = self.count.chunks as f32;
        let mean_length = self.count.length as f32 / chunks.max(1.0);
        let (base, slope) = (K1 * (1.0 - B), K1 * B / mean_length.max(1.0));
        let mut left = POSTINGS;
        for (word, weight) in self.selective(terms) {
            let word = self.lists_of(word);
            let Some(rest) = left.checked_sub(word.chunks_live) else { break };
            left = rest;
            let among = word.chunks_live as f32;
            // The 1 in the logarithm keeps terms in more than half of the chunks above zero.
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

    /// The terms that are not too common, the rarest first.
    fn selective(&self, terms: &[(String, f32)]) -> Vec<(u32, f32)> {
        let common = ((self.count.chunks as f32 * COMMON) as u32).max(COMMON_CHUNKS);
        let known = terms.iter().filter(|(_, weight)| weight.is_finite() && *weight > 0.0);
        let known = known.filter_map(|(term, weight)| Some((self.words.get(term)?, *weight)));
        let among = |word: u32| self.lists_of(word).chunks_live;
        let mut selective: Vec<_> = known.filter(|(word, _)| (1..=common).contains(&among(*word))).collect();
        // By text and not by number: sums of floats depend on their order.
        selective.sort_by(|(a, _), (b, _)| {
            (among(*a), self.words.text(*a)).cmp(&(among(*b), self.words.text(*b)))
        });
        selective
    }
}
