//! [`StopRule::Repetition`](crate::StopRule::Repetition): a small model sometimes
//! repeats the same line, or the same few words, endlessly.

/// Near-equal lines in a row that match the rule.
const EQUAL_LINES: usize = 5;
/// Near-equal lines differ by at most one edit per this many characters of the first one.
const CHARS_PER_EDIT: usize = 20;
/// The length in characters of the repeated texts that are found. Shorter ones are rulers and runs of zeros.
const SHORTEST_UNIT: usize = 3;
const LONGEST_UNIT: usize = 32;
/// The least number of repeats, and of characters in them: `[0, 0, 0, 0, 0, 0]` does not match.
const REPEATS: usize = 5;
const REPEATED_CHARS: usize = 60;

/// Finds repeated lines and repeated short texts. Cuts where the first repeat begins; the original stays.
#[derive(Default)]
pub(super) struct Repetition {
    lines: NearLines,
    units: Units,
}

impl Repetition {
    pub(super) fn push(&mut self, at: usize, c: char) -> Option<usize> {
        let (lines, units) = (self.lines.push(at, c), self.units.push(at, c));
        lines.into_iter().chain(units).min()
    }

    pub(super) fn held_from(&self) -> usize {
        self.lines.held_from().min(self.units.held_from())
    }
}

/// Finds near-equal lines in a row, by Levenshtein distance. Indentation counts, so nested closing braces do not
/// match. Blank lines never match.
#[derive(Default)]
struct NearLines {
    /// The line before the current one; empty before there is one.
    previous: Vec<char>,
    current: Vec<char>,
    /// Where the current line begins.
    start: usize,
    /// Lines of the run that ends with `previous`, and where the second of them begins.
    run: usize,
    second: usize,
    /// `distance[j]`: edits between `current` and `previous[..j]`, in a band of `2 * limit + 1` prefixes around the
    /// current length; the others are `FAR`.
    distance: Vec<usize>,
    /// The most edits between near-equal lines.
    limit: usize,
    /// Whether the current line may still become near-equal to the previous one.
    alive: bool,
}

const FAR: usize = usize::MAX / 2;

impl NearLines {
    fn push(&mut self, at: usize, c: char) -> Option<usize> {
        if c == '\n' {
            return self.end_line(at + 1);
        }
        self.current.push(c);
        if self.alive {
            self.compare(c);
        }
        None
    }

    /// One more row of the Levenshtein table.
    fn compare(&mut self, c: char) {
        let read = self.current.len();
        let first = read.saturating_sub(self.limit);
        let last = self.previous.len().min(read + self.limit);
        let (mut diagonal, mut left, mut least) = (FAR, FAR, FAR);
        if first > 0 && first <= last {
            diagonal = std::mem::replace(&mut self.distance[first - 1], FAR);
        }
        for j in first..=last {
            let above = self.distance[j];
            let cell = match j {
                0 => read,
                _ => (diagonal + usize::from(self.previous[j - 1] != c)).min(above + 1).min(left + 1),
            };
            self.distance[j] = cell;
            (diagonal, left, least) = (above, cell, least.min(cell));
        }
        self.alive = least <= self.limit;
    }

    fn end_line(&mut self, next: usize) -> Option<usize> {
        let blank = self.current.iter().all(|c| c.is_whitespace());
        if self.alive && !blank && self.distance[self.previous.len()] <= self.limit {
            self.run += 1;
            if self.run == 2 {
                self.second = self.start;
            }
        } else {
            self.run = 1;
        }
        self.previous = std::mem::take(&mut self.current);
        self.start = next;
        self.limit = self.previous.len() / CHARS_PER_EDIT;
        self.distance.clear();
        self.distance.extend((0..=self.previous.len()).map(|j| if j <= self.limit { j } else { FAR }));
        self.alive = !blank;
        (self.run == EQUAL_LINES).then_some(self.second)
    }

    fn held_from(&self) -> usize {
        match self.alive {
            true if self.run > 1 => self.second,
            true => self.start,
            false => usize::MAX,
        }
    }
}

/// Finds periods at the end of the text: for each length, how many characters equal the one that far before them.
struct Units {
    /// The last characters, the newest at `(count - 1) % LONGEST_UNIT`.
    recent: [char; LONGEST_UNIT],
    count: usize,
    /// Characters read up to and including the last letter or digit.
    last_word: usize,
    periods: [Period; LONGEST_UNIT + 1],
}

#[derive(Default, Clone, Copy)]
struct Period {
    /// Characters in a row that equal the one a period before.
    run: usize,
    /// Offset of the first of them.
    start: usize,
}

impl Default for Units {
    fn default() -> Units {
        let periods = [Period::default(); LONGEST_UNIT + 1];
        Units { recent: ['\0'; LONGEST_UNIT], count: 0, last_word: 0, periods }
    }
}

impl Units {
    fn push(&mut self, at: usize, c: char) -> Option<usize> {
        for length in SHORTEST_UNIT..=LONGEST_UNIT.min(self.count) {
            let period = &mut self.periods[length];
            if self.recent[(self.count - length) % LONGEST_UNIT] != c {
                period.run = 0;
                continue;
            }
            if period.run == 0 {
                period.start = at;
            }
            period.run += 1;
        }
        self.recent[self.count % LONGEST_UNIT] = c;
        self.count += 1;
        if c.is_alphanumeric() {
            self.last_word = self.count;
        }
        self.candidates()
            .find(|(length, period)| period.run >= REPEATED_CHARS.max(REPEATS * length))
            .map(|(_, period)| period.start)
    }

    /// The periods that may still match. A unit without a letter or digit is indentation or a ruler for the whole
    /// run.
    fn candidates(&self) -> impl Iterator<Item = (usize, Period)> {
        let since_word = self.count - self.last_word;
        (SHORTEST_UNIT..=LONGEST_UNIT)
            .map(|length| (length, self.periods[length]))
            .filter(move |(length, period)| period.run > 0 && since_word < *length)
    }

    fn held_from(&self) -> usize {
        self.candidates().map(|(_, period)| period.start).min().unwrap_or(usize::MAX)
    }
}
