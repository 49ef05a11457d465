//! A model's text, joined with the text after the cursor.

use std::ops::Range;

use super::cursor_context::CursorContext;

/// A text that accounts for what follows the cursor on its line.
#[derive(Debug, Clone)]
pub(super) struct Joined {
    pub text: String,
    /// Bytes after the cursor that the text replaces.
    pub covered: usize,
    /// Where the text repeats them.
    meets: Range<usize>,
    /// The text repeats them without a gap.
    in_one: bool,
    /// The model has repeated all that follows the cursor directly after this text.
    pub is_proven: bool,
}

impl Joined {
    pub fn plain(text: &str) -> Joined {
        Joined { text: text.to_owned(), covered: 0, meets: 0..0, in_one: true, is_proven: false }
    }

    /// The model has repeated what follows the cursor directly after this text.
    pub fn proven(text: &str) -> Joined {
        Joined { is_proven: true, ..Joined::plain(text) }
    }

    /// The text replaces `covered` bytes, which it repeats in `meets`. A part that it repeats only at its end is left
    /// in the document.
    pub fn over(text: &str, covered: usize, meets: Range<usize>, in_one: bool) -> Joined {
        let mut joined = Joined { text: text.to_owned(), covered, meets, in_one, is_proven: false };
        joined.cut(text.len());
        joined
    }

    /// Whether the text repeats covered bytes at this offset.
    pub fn meets(&self, at: usize) -> bool {
        self.covered > 0 && at < self.meets.end
    }

    /// Removes the text after `end`. What the text no longer repeats stays after the cursor.
    pub fn cut(&mut self, end: usize) {
        self.is_proven &= end >= self.text.len();
        let says_all = end > self.meets.end || end == self.meets.end && !self.in_one;
        if self.covered > 0 && !says_all {
            self.covered = 0;
            self.text.truncate(end.min(self.meets.start));
        } else {
            self.text.truncate(end);
        }
    }

    /// Removes white space at the end, unless it separates the text from what follows it.
    pub fn trim_end(&mut self, place: &CursorContext) {
        let right = &place.right[self.covered..];
        if place.ends_in_string(self.covered) {
            return;
        }
        let separates = !right.trim().is_empty() && !right.starts_with([' ', '\t']);
        let kept = match separates {
            true => self.text.trim_end_matches('\n').len(),
            false => self.text.trim_end().len(),
        };
        let kept = if self.text[..kept].trim_end().ends_with('\n') || self.text[..kept].trim().is_empty() {
            self.text.trim_end().len()
        } else {
            kept
        };
        self.text.truncate(kept);
    }

    /// Removes a separator at the end that already follows the cursor.
    pub fn drop_separator(&mut self, place: &CursorContext) {
        let next = place.right[self.covered..].trim_start().chars().next().filter(|c| matches!(c, ';' | ','));
        let text = self.text.trim_end();
        if let Some(before) = next.and_then(|next| text.strip_suffix(next))
            && !self.is_proven
            && !place.has_open_bracket
        {
            self.text.truncate(before.len());
        }
    }

    /// `None` where nothing is left.
    pub fn or_nothing(self) -> Option<Joined> {
        (!self.text.trim().is_empty()).then_some(self)
    }
}
