//! The rules about whole lines. A line ends with `\n`; a `\r` before it counts as white space of the line.

/// [`StopRule::Line`](crate::StopRule::Line): a line of the answer equals this one.
pub(super) struct Line {
    /// Trimmed, not empty.
    wanted: Vec<char>,
    /// Where the current line begins.
    start: usize,
    state: Match,
}

/// How much of the wanted line the current line has matched.
enum Match {
    /// This many characters of the wanted line, after any indentation.
    Partial(usize),
    /// The line differs.
    Failed,
}

impl Line {
    /// `None` for a blank line, which never matches.
    pub(super) fn new(wanted: &str) -> Option<Line> {
        let wanted: Vec<char> = wanted.trim().chars().collect();
        (!wanted.is_empty()).then_some(Line { wanted, start: 0, state: Match::Partial(0) })
    }

    pub(super) fn push(&mut self, at: usize, c: char) -> Option<usize> {
        if c == '\n' {
            let cut = self.finish();
            self.start = at + 1;
            self.state = Match::Partial(0);
            return cut;
        }
        let Match::Partial(read) = self.state else { return None };
        self.state = if self.wanted.get(read) == Some(&c) {
            Match::Partial(read + 1)
        } else if c.is_whitespace() && (read == 0 || read == self.wanted.len()) {
            Match::Partial(read)
        } else {
            Match::Failed
        };
        None
    }

    pub(super) fn held_from(&self) -> usize {
        match self.state {
            Match::Partial(_) => self.start,
            Match::Failed => usize::MAX,
        }
    }

    pub(super) fn finish(&self) -> Option<usize> {
        matches!(self.state, Match::Partial(read) if read == self.wanted.len()).then_some(self.start)
    }
}

/// [`StopRule::Lines`](crate::StopRule::Lines): a number of lines is complete.
pub(super) struct Lines {
    left: usize,
    /// The last two characters of the line.
    last_two: [char; 2],
}

impl Lines {
    pub(super) fn new(count: usize) -> Lines {
        Lines { left: count, last_two: [' '; 2] }
    }

    pub(super) fn push(&mut self, at: usize, c: char) -> Option<usize> {
        let is_continued = matches!(self.last_two, [' ' | '\t', '\\']);
        if c != '\r' {
            self.last_two = [self.last_two[1], c];
        }
        if self.left > 0 && c == '\n' && !is_continued {
            self.left -= 1;
        } else if self.left > 0 {
            return None;
        }
        (self.left == 0).then_some(at)
    }
}

/// [`StopRule::BlankLines`](crate::StopRule::BlankLines): a second blank line in a row begins.
///
/// The first line of the answer continues a line of the prompt, so it does not count as blank.
#[derive(Default)]
pub(super) struct BlankLines {
    /// Where the current line begins.
    start: usize,
    /// Whether the current line is not the first and has only white space so far.
    blank: bool,
    /// Whether the line before the current one is blank.
    after_blank: bool,
}

impl BlankLines {
    pub(super) fn push(&mut self, at: usize, c: char) -> Option<usize> {
        if c != '\n' {
            self.blank &= c.is_whitespace();
            return None;
        }
        if self.blank && self.after_blank {
            return Some(self.start);
        }
        self.after_blank = self.blank;
        self.blank = true;
        self.start = at + 1;
        None
    }

    pub(super) fn held_from(&self) -> usize {
        if self.blank && self.after_blank { self.start } else { usize::MAX }
    }
}
