//! [`StopRule::Dedent`](crate::StopRule::Dedent): a line of lower indentation.

/// Columns of a tab.
const TAB: usize = 4;

/// Tracks the indentation of the lines and the open brackets.
///
/// A closing bracket matches the innermost open bracket of its kind; unmatched brackets inside that pair, as in the
/// string `"("`, are dropped. Text in strings and comments is treated as code, because the rule is
/// language-independent.
pub(super) struct Dedent {
    columns: usize,
    words: Vec<String>,
    open: Vec<char>,
    /// Where the current line begins.
    start: usize,
    line: Line,
    /// The last character that is not white space.
    last: char,
    /// Whether the rule is disabled, because the answer's indentation does not relate to the prompt's.
    is_off: bool,
}

/// What is known about the current line.
enum Line {
    /// Only white space of this width so far.
    Indent(usize),
    /// The indentation is too low, and the line begins with this word.
    Word(String),
    /// The line belongs to the answer.
    Accepted,
}

impl Dedent {
    pub(super) fn new(columns: usize, words: &[String]) -> Dedent {
        Dedent {
            columns,
            words: words.to_vec(),
            open: Vec::new(),
            start: 0,
            // The first line continues a line of the prompt.
            line: Line::Accepted,
            last: '\0',
            is_off: false,
        }
    }

    pub(super) fn push(&mut self, at: usize, c: char) -> Option<usize> {
        let cut = self.line(c);
        if c == '\n' {
            self.start = at + 1;
            self.line = if self.is_off { Line::Accepted } else { Line::Indent(0) };
        } else if !c.is_whitespace() {
            self.last = c;
            self.bracket(c);
        }
        cut
    }

    /// Reads one more character of the line; `Some` if the answer ends before this line.
    fn line(&mut self, c: char) -> Option<usize> {
        match &mut self.line {
            Line::Accepted => None,
            Line::Indent(width) if matches!(c, ' ' | '\t') => {
                *width += if c == '\t' { TAB } else { 1 };
                None
            }
            // A blank line.
            Line::Indent(_) if c.is_whitespace() => None,
            Line::Indent(width) => {
                let is_shallow = *width <= self.columns && self.open.is_empty();
                // A line after a colon belongs to the block that the colon opens.
                self.is_off |= is_shallow && self.last == ':';
                self.line = match is_shallow && !self.is_off && !continues(c) {
                    true => Line::Word(String::new()),
                    false => Line::Accepted,
                };
                self.line(c)
            }
            Line::Word(word) if c.is_alphanumeric() || c == '_' => {
                word.push(c);
                None
            }
            Line::Word(_) => self.word_end(),
        }
    }

    fn word_end(&mut self) -> Option<usize> {
        let Line::Word(word) = &self.line else { return None };
        if self.words.contains(word) {
            self.line = Line::Accepted;
            return None;
        }
        Some(self.start)
    }

    fn bracket(&mut self, c: char) {
        let partner = match c {
            '(' | '[' | '{' => return self.open.push(c),
            ')' => '(',
            ']' => '[',
            '}' => '{',
            _ => return,
        };
        if let Some(depth) = self.open.iter().rposition(|&open| open == partner) {
            self.open.truncate(depth);
        }
    }

    pub(super) fn held_from(&self) -> usize {
        match self.line {
            Line::Indent(_) | Line::Word(_) => self.start,
            Line::Accepted => usize::MAX,
        }
    }

    pub(super) fn finish(&self) -> Option<usize> {
        match &self.line {
            Line::Word(word) if !self.words.contains(word) => Some(self.start),
            _ => None,
        }
    }
}

/// Whether a line that begins with this character continues the line above: it closes a bracket, or no expression
/// begins with it.
fn continues(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '.' | ',' | '?' | ':' | '|' | '=' | '+' | '%' | '^' | '>')
}
