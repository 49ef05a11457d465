//! [`StopRule::Text`](crate::StopRule::Text): Knuth-Morris-Pratt, which also finds overlapping matches.

/// Searches for one text.
pub(super) struct Text {
    pattern: Vec<u8>,
    /// `fallback[n]`: length of the longest proper prefix of `pattern[..n]` that is also its suffix.
    fallback: Vec<usize>,
    /// Length of the longest prefix of `pattern` that the answer ends with.
    matched: usize,
    /// Offset after the last byte read.
    end: usize,
}

impl Text {
    /// `None` for the empty text, which would match everywhere.
    pub(super) fn new(pattern: &str) -> Option<Text> {
        if pattern.is_empty() {
            return None;
        }
        let pattern = pattern.as_bytes().to_vec();
        let mut fallback = vec![0; pattern.len() + 1];
        for n in 1..pattern.len() {
            let mut length = fallback[n];
            while length > 0 && pattern[length] != pattern[n] {
                length = fallback[length];
            }
            fallback[n + 1] = length + usize::from(pattern[length] == pattern[n]);
        }
        Some(Text { pattern, fallback, matched: 0, end: 0 })
    }

    pub(super) fn push(&mut self, at: usize, c: char) -> Option<usize> {
        self.end = at + c.len_utf8();
        for &byte in c.encode_utf8(&mut [0; 4]).as_bytes() {
            while self.matched > 0 && self.pattern[self.matched] != byte {
                self.matched = self.fallback[self.matched];
            }
            self.matched += usize::from(self.pattern[self.matched] == byte);
        }
        // The pattern consists of whole characters, so a match ends at the end of a character.
        (self.matched == self.pattern.len()).then(|| self.held_from())
    }

    pub(super) fn held_from(&self) -> usize {
        self.end - self.matched
    }
}
