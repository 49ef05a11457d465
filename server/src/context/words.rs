//! Similarity of texts by the names they use: the Jaccard index of their word sets, in a window that slides over a file.

use std::hash::{Hash, Hasher};

use ropey::Rope;
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use crate::languages::Language;

/// The hash of a word. A collision only makes two texts slightly more similar.
type Word = u64;

/// Shorter words (`i`, `ok`) carry no information.
const SHORTEST_WORD: usize = 3;

/// Longer lines are data or generated, and not useful in a prompt.
const LONGEST_LINE: usize = 1000;

/// The distinct names that a text uses, without keywords.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordSet(FxHashSet<Word>);

impl WordSet {
    /// The words of a text.
    pub fn of(text: &str, language: Option<&Language>) -> WordSet {
        WordSet(words(text, language).collect())
    }

    /// The number of words.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The Jaccard index, from 0 to 1.
    pub fn jaccard(&self, other: &WordSet) -> f32 {
        let common = self.common(other);
        ratio(common, self.len() + other.len() - common)
    }

    /// The share of these words that `other` contains, from 0 to 1.
    pub fn covered_by(&self, other: &WordSet) -> f32 {
        ratio(self.common(other), self.len())
    }

    fn common(&self, other: &WordSet) -> usize {
        self.0.iter().filter(|word| other.0.contains(word)).count()
    }
}

fn ratio(part: usize, whole: usize) -> f32 {
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}

fn words<'t>(text: &'t str, language: Option<&'t Language>) -> impl Iterator<Item = Word> + 't {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| word.len() >= SHORTEST_WORD && !word.starts_with(|c: char| c.is_ascii_digit()))
        .filter(move |word| !language.is_some_and(|language| language.is_keyword(word)))
        .map(|word| {
            let mut hasher = FxHasher::default();
            word.hash(&mut hasher);
            hasher.finish()
        })
}

/// A window of a file ([`FileWords`]) and its similarity to some words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// The window's first line.
    pub line: usize,
    /// Its Jaccard index.
    pub score: f32,
}

/// The lines of each word of a file. A window starts at every line; its number of distinct words is computed once, so
/// that a comparison visits only the lines of the query's words.
#[derive(Debug)]
pub struct FileWords {
    /// The text.
    pub text: Rope,
    /// Lines in a window.
    pub height: usize,
    /// The lines of each word, ascending.
    lines: FxHashMap<Word, Vec<u32>>,
    /// Distinct words in the window that starts at a line.
    distinct: Vec<u32>,
}

impl FileWords {
    /// Reads a file in windows of `height` lines.
    pub fn new(text: &Rope, language: Option<&Language>, height: usize) -> FileWords {
        let mut lines: FxHashMap<Word, Vec<u32>> = FxHashMap::default();
        let mut buffer = String::new();
        for (number, line) in (0u32..).zip(text.lines()) {
            if line.len_bytes() > LONGEST_LINE {
                continue;
            }
            let line = match line.as_str() {
                Some(line) => line,
                None => {
                    buffer.clear();
                    buffer.extend(line.chunks());
                    &buffer
                }
            };
            for word in words(line, language) {
                let places = lines.entry(word).or_default();
                if places.last() != Some(&number) {
                    places.push(number);
                }
            }
        }
        let windows = text.len_lines().saturating_sub(height) + 1;
        let distinct = windows_with(lines.values(), height, windows);
        FileWords { text: text.clone(), height, lines, distinct }
    }

    /// The most similar windows that do not overlap, the best first; at most `most`, none below `least`.
    pub fn most_similar(&self, query: &WordSet, least: f32, most: usize) -> Vec<Match> {
        let places = query.0.iter().filter_map(|word| self.lines.get(word));
        let common = windows_with(places, self.height, self.distinct.len());
        let mut scores: Vec<f32> = common
            .iter()
            .zip(&self.distinct)
            .map(|(&common, &distinct)| {
                ratio(common as usize, distinct as usize + query.len() - common as usize)
            })
            .collect();
        let mut matches = Vec::new();
        while matches.len() < most {
            // The first of equals, so that the result is deterministic.
            let best =
                (0..scores.len()).reduce(|best, line| if scores[line] > scores[best] { line } else { best });
            let Some(line) = best.filter(|&line| scores[line] >= least && scores[line] > 0.0) else { break };
            matches.push(Match { line, score: scores[line] });
            let overlapping = (line + 1).saturating_sub(self.height)..(line + self.height).min(scores.len());
            scores[overlapping].fill(0.0);
        }
        matches
    }
}

/// For each window, how many of `words` it contains; a word is given by its lines.
fn windows_with<'w>(words: impl Iterator<Item = &'w Vec<u32>>, height: usize, windows: usize) -> Vec<u32> {
    // A word on line l is in the windows that start at l - height + 1 to l. `steps` marks where such runs begin and end;
    // its prefix sum is the result.
    let mut steps = vec![0i32; windows + 1];
    for lines in words {
        let mut counted_up_to = 0;
        for &line in lines {
            let first = (line as usize + 1).saturating_sub(height).max(counted_up_to);
            let end = (line as usize + 1).min(windows);
            if first < end {
                steps[first] += 1;
                steps[end] -= 1;
                counted_up_to = end;
            }
        }
    }
    let mut sum = 0;
    steps[..windows]
        .iter()
        .map(|step| {
            sum += step;
            sum.unsigned_abs()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_names() {
        let rust = Language::named("rust");
        let words = |text| WordSet::of(text, rust);
        assert_eq!(words("fn read_file(path: &Path) { 12 }"), words("path read_file Path"));
        assert_eq!(words("größe x ok 0xff"), words("größe"));
        assert_eq!(words("").jaccard(&words("")), 0.0);
        assert_eq!(words("one two").jaccard(&words("two three")), 1.0 / 3.0);
        assert_eq!(words("one two").covered_by(&words("two three")), 0.5);
    }

    #[test]
    fn an_overlong_line_is_not_read() {
        let file = FileWords::new(&Rope::from_str(&"word ".repeat(1000)), None, 50);
        assert!(file.most_similar(&WordSet::of("word", None), 0.0, 3).is_empty());
    }

    proptest! {
        #[test]
        fn a_slid_window_scores_like_its_text(
            lines in prop::collection::vec(prop::collection::vec("(aa|bb|cc)[a-d]", 0..4), 0..40),
            query in prop::collection::vec("(aa|bb|cc)[a-d]", 1..8),
            height in 1usize..12,
        ) {
            let text: Vec<String> = lines.iter().map(|words| words.join(" ")).collect();
            let query = WordSet::of(&query.join(" "), None);
            let file = FileWords::new(&Rope::from_str(&text.join("\n")), None, height);
            let mut seen: Vec<usize> = Vec::new();
            for found in file.most_similar(&query, 0.01, usize::MAX) {
                let window = text[found.line..(found.line + height).min(text.len())].join(" ");
                prop_assert!((found.score - query.jaccard(&WordSet::of(&window, None))).abs() < 1e-6);
                prop_assert!(seen.iter().all(|line| line.abs_diff(found.line) >= height));
                seen.push(found.line);
            }
        }
    }
}
