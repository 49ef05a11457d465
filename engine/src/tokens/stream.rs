//! Decodes the bytes of tokens to text as they arrive, in whole UTF-8 characters.

/// Decodes a stream of bytes to text.
///
/// A character may be split over several tokens, so an incomplete character at the end is held back. Invalid bytes
/// become U+FFFD, as with [`String::from_utf8_lossy`] on the whole text.
#[derive(Debug, Clone, Default)]
pub struct TextStream {
    /// The beginning of a character, at most 3 bytes.
    pending: Vec<u8>,
    /// Whether the first byte is dropped if it is a space.
    skip_space: bool,
}

impl TextStream {
    /// A new stream. If `skip_space`, one space at the very beginning is dropped.
    pub fn new(skip_space: bool) -> Self {
        TextStream { pending: Vec::new(), skip_space }
    }

    /// Adds bytes (of [`super::Tokenizer::bytes`]) and returns the text that is complete, often none.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let bytes = match bytes {
            [] => return String::new(),
            [b' ', rest @ ..] if self.skip_space => rest,
            _ => bytes,
        };
        self.skip_space = false;
        self.pending.extend_from_slice(bytes);
        let mut text = String::with_capacity(self.pending.len());
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(whole) => {
                    text.push_str(whole);
                    self.pending.clear();
                    return text;
                }
                Err(error) => {
                    let (valid, rest) = self.pending.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    let Some(invalid) = error.error_len() else {
                        self.pending = rest.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.pending = rest[invalid..].to_vec();
                }
            }
        }
    }

    /// Ends the text: an incomplete character becomes one U+FFFD.
    pub fn finish(&mut self) -> &'static str {
        if std::mem::take(&mut self.pending).is_empty() { "" } else { "\u{FFFD}" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn joined(pieces: &[&[u8]]) -> Vec<String> {
        let mut stream = TextStream::default();
        let mut texts: Vec<String> = pieces.iter().map(|piece| stream.push(piece)).collect();
        texts.push(stream.finish().to_owned());
        texts
    }

    #[test]
    fn a_character_is_returned_once_complete() {
        assert_eq!(joined(&[b"a", b"\xF0", b"\x9F", b"\x98\x81", b"b"]), ["a", "", "", "😁", "b", ""]);
    }

    #[test]
    fn invalid_bytes_are_replaced_as_soon_as_they_cannot_become_valid() {
        assert_eq!(joined(&[b"\xF0", b"\x9F", b"x"]), ["", "", "\u{FFFD}x", ""]);
        assert_eq!(joined(&[b"\xFF", b"x"]), ["\u{FFFD}", "x", ""]);
        assert_eq!(joined(&[b"\xC0\x80"]), ["\u{FFFD}\u{FFFD}", ""]);
        assert_eq!(joined(&[b"x\xE4\xBD"]), ["x", "\u{FFFD}"]);
    }

    #[test]
    fn the_space_before_the_first_word_is_dropped_once() {
        let mut stream = TextStream::new(true);
        assert_eq!(stream.push(b""), "");
        assert_eq!(stream.push(b" Hello"), "Hello");
        assert_eq!(stream.push(b" world"), " world");
        assert_eq!(TextStream::new(true).push(b"```"), "```");
    }

    proptest! {
        /// The text does not depend on how the bytes are cut.
        #[test]
        fn cuts_do_not_matter(bytes in prop::collection::vec(prop_oneof![Just(0xF0u8), Just(0x9F), Just(0x98), Just(0x81), Just(0xE2), Just(0x80), any::<u8>()], 0..40), cuts in prop::collection::vec(1usize..5, 0..40)) {
            let mut stream = TextStream::default();
            let (mut text, mut rest) = (String::new(), &bytes[..]);
            for cut in cuts.into_iter().chain(std::iter::repeat(3)) {
                if rest.is_empty() { break; }
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                text.push_str(&stream.push(piece));
                rest = after;
            }
            text.push_str(stream.finish());
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}
