//! Whole lines of a text, and how many of them fit a token budget.

use std::borrow::Cow;
use std::ops::Range;

use ropey::Rope;

/// Text of more bytes per token is assumed not to fit, so that the tokens of megabytes are never counted. Source code has
/// 3 to 4.
const MOST_BYTES_PER_TOKEN: usize = 12;

/// A text with a function that counts tokens.
pub struct Lines<'a> {
    pub text: &'a Rope,
    pub count: &'a dyn Fn(&str) -> usize,
}

impl<'a> Lines<'a> {
    /// The start of the line that holds a byte.
    pub fn start(&self, byte: usize) -> usize {
        self.text.line_to_byte(self.text.byte_to_line(byte))
    }

    /// The start of the line below the one that holds a byte, or the text's end.
    pub fn end(&self, byte: usize) -> usize {
        self.text.line_to_byte(self.text.byte_to_line(byte) + 1)
    }

    /// The start of the line above a line's start; 0 stays 0.
    pub fn above(&self, start: usize) -> usize {
        self.start(start.saturating_sub(1))
    }

    /// Whether a line starts here. The end of the text counts as a start, so that a range of lines can end there.
    pub fn at_start(&self, byte: usize) -> bool {
        byte == self.text.len_bytes() || self.start(byte) == byte
    }

    /// The text of a range whose ends are character boundaries.
    pub fn slice(&self, range: Range<usize>) -> Cow<'a, str> {
        self.text.byte_slice(range).into()
    }

    /// Bytes of white space that the line begins with; `None` for a blank line.
    pub fn indentation(&self, start: usize) -> Option<usize> {
        let mut bytes = self.text.bytes_at(start);
        let mut width = 0;
        loop {
            match bytes.next()? {
                b' ' | b'\t' => width += 1,
                b'\n' | b'\r' => return None,
                _ => return Some(width),
            }
        }
    }

    /// Tokens of a range, which must be short.
    pub fn tokens(&self, range: Range<usize>) -> usize {
        (self.count)(&self.slice(range))
    }

    /// Whether a range takes at most so many tokens.
    pub fn fits(&self, range: Range<usize>, tokens: usize) -> bool {
        // A text has at most as many tokens as bytes, plus a start token.
        range.is_empty()
            || range.len() < tokens
            || (range.len() <= tokens * MOST_BYTES_PER_TOKEN && self.tokens(range) <= tokens)
    }

    /// The start of the lines directly above `from` that take at most so many tokens together and for which
    /// `wanted` (given a line's start) holds.
    pub fn take_up(&self, from: usize, mut tokens: usize, wanted: impl Fn(usize) -> bool) -> usize {
        let mut at = from;
        while at > 0 {
            let start = self.above(at);
            if !wanted(start) || !self.take(start..at, &mut tokens) {
                break;
            }
            at = start;
        }
        at
    }

    /// The end of the lines from `from` downwards that take at most so many tokens together and for which
    /// `wanted` holds.
    pub fn take_down(&self, from: usize, mut tokens: usize, wanted: impl Fn(usize) -> bool) -> usize {
        let mut at = from;
        while at < self.text.len_bytes() {
            let end = self.end(at);
            if !wanted(at) || !self.take(at..end, &mut tokens) {
                break;
            }
            at = end;
        }
        at
    }

    fn take(&self, line: Range<usize>, tokens: &mut usize) -> bool {
        if line.len() > *tokens * MOST_BYTES_PER_TOKEN {
            return false;
        }
        let taken = self.tokens(line);
        if taken <= *tokens {
            *tokens -= taken;
            return true;
        }
        false
    }

    /// The last position in `range`, its end included, at which a paragraph begins: below a blank line, or at the start.
    pub fn paragraph_start(&self, range: Range<usize>) -> Option<usize> {
        let mut at = range.end;
        loop {
            let begins = at == 0 || self.indentation(self.above(at)).is_none();
            if begins && self.indentation(at).is_some() {
                return Some(at);
            }
            if at <= range.start {
                return None;
            }
            at = self.above(at);
        }
    }

    /// The first position in `range`, its start included, at which a paragraph ends: a blank line, or the text's end.
    pub fn paragraph_end(&self, range: Range<usize>) -> Option<usize> {
        let mut at = range.start;
        loop {
            if self.indentation(at).is_none() {
                return Some(at);
            }
            if at >= range.end {
                return None;
            }
            at = self.end(at);
        }
    }

    /// The first line in the upper half of `range` that is a good start for a reader: one that is
    /// below a blank line, else the least indented one.
    pub fn good_start(&self, range: Range<usize>) -> usize {
        let middle = range.start + range.len() / 2;
        let mut best = (range.start, usize::MAX);
        let mut at = range.start;
        while at < middle {
            if let Some(indentation) = self.indentation(at) {
                if at > 0 && self.indentation(self.above(at)).is_none() {
                    return at;
                }
                if indentation < best.1 {
                    best = (at, indentation);
                }
            }
            at = self.end(at);
        }
        best.0
    }

    /// The last position in the lower half of `range` that is a good end: a blank line, else `range.end`.
    pub fn good_end(&self, range: Range<usize>) -> usize {
        let middle = range.start + range.len() / 2;
        let mut at = range.end;
        while at > middle {
            let start = self.above(at);
            if start >= middle && self.indentation(start).is_none() {
                return start;
            }
            at = start;
        }
        range.end
    }
}
