//! Converts between LSP positions and byte offsets in the three position encodings.
//!
//! Out-of-range positions are clamped as the specification requires: a character after the end of its line is the end of
//! the line (before `\r\n`); a line after the last is the end of the document. A position inside a character (UTF-8 bytes,
//! or between two surrogates) is the character's start.
//!
//! Ranges of document changes are read strictly ([`Encoding::changed`]), because the client may interpret an ambiguous
//! range differently.

use std::ops::Range;

use ropey::Rope;
use serde::Deserialize;
use tower_lsp::ls_types::{self as lsp, Position, PositionEncodingKind};

/// The units of `Position::character`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// 16-bit code units, which every client supports.
    #[default]
    Utf16,
    /// Characters.
    Utf32,
}

/// An unchecked position of a client: any numbers.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct RawPosition {
    /// From 0.
    pub line: f64,
    /// From 0.
    pub character: f64,
}

impl Encoding {
    /// Chooses one of the client's encodings. Prefers UTF-8, the encoding of the text, then UTF-32, which needs no table of
    /// astral characters.
    pub fn negotiate(offered: Option<&[PositionEncodingKind]>) -> Encoding {
        let offered = offered.unwrap_or_default();
        if offered.contains(&PositionEncodingKind::UTF8) {
            Encoding::Utf8
        } else if offered.contains(&PositionEncodingKind::UTF32) {
            Encoding::Utf32
        } else {
            Encoding::Utf16
        }
    }

    /// The name in the protocol.
    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    /// The byte offset of a position; always a character boundary of `text`.
    pub fn offset(self, text: &Rope, position: Position) -> usize {
        let line = position.line as usize;
        if line >= text.len_lines() {
            return text.len_bytes();
        }
        let start = text.line_to_char(line);
        let end = start + line_len_chars(text, line);
        let character = position.character as usize;
        let char = match self {
            Encoding::Utf8 => {
                let byte = text.char_to_byte(start).saturating_add(character);
                text.byte_to_char(byte.min(text.char_to_byte(end)))
            }
            Encoding::Utf16 => {
                let unit = text.char_to_utf16_cu(start).saturating_add(character);
                text.utf16_cu_to_char(unit.min(text.char_to_utf16_cu(end)))
            }
            Encoding::Utf32 => start.saturating_add(character).min(end),
        };
        text.char_to_byte(char)
    }

    /// The byte range of a range; swaps reversed ends.
    pub fn offsets(self, text: &Rope, range: lsp::Range) -> Range<usize> {
        let (start, end) = (self.offset(text, range.start), self.offset(text, range.end));
        start.min(end)..start.max(end)
    }

    /// The byte range of a change. Positions after the end of a line or of the text are clamped.
    ///
    /// # Errors
    /// The range is invalid: a number is negative or not an integer, the range ends before it starts, or it splits a
    /// character.
    pub fn changed(self, text: &Rope, start: RawPosition, end: RawPosition) -> Result<Range<usize>, String> {
        let range = self.changed_offset(text, start)?..self.changed_offset(text, end)?;
        // Both may be clamped to the same offset.
        if (start.line, start.character) > (end.line, end.character) {
            return Err("a range ends before it starts".to_owned());
        }
        Ok(range)
    }

    fn changed_offset(self, text: &Rope, raw: RawPosition) -> Result<usize, String> {
        let count = |number: f64| (number >= 0.0 && number.fract() == 0.0).then_some(number as u32);
        let (Some(line), Some(character)) = (count(raw.line), count(raw.character)) else {
            return Err(format!("{}:{} is not a position", raw.line, raw.character));
        };
        let position = Position::new(line, character);
        let offset = self.offset(text, position);
        let found = self.position(text, offset);
        let end = self.position(text, self.offset(text, Position::new(line, u32::MAX)));
        if found.line == line && found.character != character && character < end.character {
            return Err(format!("{line}:{character} is inside a character"));
        }
        Ok(offset)
    }

    /// Whether U+FFFD has as many units as the one it replaces.
    pub fn counts_replaced(self) -> bool {
        self != Encoding::Utf8
    }

    /// The position of a byte offset on a character boundary; clamped to the end of the text.
    pub fn position(self, text: &Rope, offset: usize) -> Position {
        let offset = offset.min(text.len_bytes());
        let line = text.byte_to_line(offset);
        let character = match self {
            Encoding::Utf8 => offset - text.line_to_byte(line),
            Encoding::Utf16 => {
                text.char_to_utf16_cu(text.byte_to_char(offset))
                    - text.char_to_utf16_cu(text.line_to_char(line))
            }
            Encoding::Utf32 => text.byte_to_char(offset) - text.line_to_char(line),
        };
        Position::new(saturated(line), saturated(character))
    }

    /// The range of a byte range.
    pub fn range(self, text: &Rope, range: Range<usize>) -> lsp::Range {
        lsp::Range::new(self.position(text, range.start), self.position(text, range.end))
    }
}

/// The number of characters in a line without its line break.
fn line_len_chars(text: &Rope, line: usize) -> usize {
    let line = text.line(line);
    let len = line.len_chars();
    match (len.checked_sub(2).map(|at| line.char(at)), len.checked_sub(1).map(|at| line.char(at))) {
        (Some('\r'), Some('\n')) => len - 2,
        (_, Some('\r' | '\n')) => len - 1,
        _ => len,
    }
}

fn saturated(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ENCODINGS: [Encoding; 3] = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];

    fn units(encoding: Encoding, char: char) -> usize {
        match encoding {
            Encoding::Utf8 => char.len_utf8(),
            Encoding::Utf16 => char.len_utf16(),
            Encoding::Utf32 => 1,
        }
    }

    /// Byte ranges of the lines of a text, without line breaks.
    fn lines(text: &str) -> Vec<Range<usize>> {
        let (mut lines, mut start) = (Vec::new(), 0);
        let mut at = 0;
        while at < text.len() {
            let len = match &text.as_bytes()[at..] {
                [b'\r', b'\n', ..] => 2,
                [b'\r' | b'\n', ..] => 1,
                _ => {
                    at += 1;
                    continue;
                }
            };
            lines.push(start..at);
            at += len;
            start = at;
        }
        lines.push(start..text.len());
        lines
    }

    fn naive_offset(encoding: Encoding, text: &str, position: Position) -> usize {
        let lines = lines(text);
        let Some(line) = lines.get(position.line as usize) else { return text.len() };
        let (mut offset, mut left) = (line.start, position.character as usize);
        for char in text[line.clone()].chars() {
            if left < units(encoding, char) {
                break;
            }
            left -= units(encoding, char);
            offset += char.len_utf8();
        }
        offset
    }

    #[test]
    fn counts_in_all_encodings() {
        let text = Rope::from_str("aé😀b\r\nc");
        for (encoding, character) in [(Encoding::Utf8, 7), (Encoding::Utf16, 4), (Encoding::Utf32, 3)] {
            assert_eq!(encoding.offset(&text, Position::new(0, character)), 7, "{encoding:?}");
            assert_eq!(encoding.position(&text, 7), Position::new(0, character), "{encoding:?}");
            assert_eq!(encoding.offset(&text, Position::new(0, 99)), 8, "in front of CRLF");
            assert_eq!(encoding.offset(&text, Position::new(1, u32::MAX)), 11);
            assert_eq!(encoding.offset(&text, Position::new(u32::MAX, 0)), 11);
        }
        assert_eq!(Encoding::Utf8.offset(&text, Position::new(0, 5)), 3, "inside the bytes of 😀");
        assert_eq!(Encoding::Utf16.offset(&text, Position::new(0, 3)), 3, "between its surrogates");
    }

    #[test]
    fn a_reversed_range_is_swapped() {
        let text = Rope::from_str("abc\ndef");
        let range = lsp::Range::new(Position::new(1, 1), Position::new(0, 2));
        assert_eq!(Encoding::Utf16.offsets(&text, range), 2..5);
    }

    #[test]
    fn an_invalid_range_of_a_change_is_an_error() {
        let text = Rope::from_str("a\u{1f600}b\r\nc");
        let changed = |encoding: Encoding, [line, character, end_line, end_character]: [f64; 4]| {
            let (start, end) =
                (RawPosition { line, character }, RawPosition { line: end_line, character: end_character });
            encoding.changed(&text, start, end).ok()
        };
        assert_eq!(changed(Encoding::Utf16, [0.0, 1.0, 0.0, 3.0]), Some(1..5));
        assert_eq!(changed(Encoding::Utf16, [0.0, 9.0, 0.0, 9.0]), Some(6..6));
        assert_eq!(changed(Encoding::Utf16, [1.0, 1e300, 1e300, 0.0]), Some(9..9));
        assert_eq!(changed(Encoding::Utf16, [0.0, 0.0, 0.0, 2.0]), None, "between two surrogates");
        assert_eq!(changed(Encoding::Utf8, [0.0, 0.0, 0.0, 3.0]), None, "inside the bytes of a character");
        assert_eq!(changed(Encoding::Utf32, [0.0, 0.0, 0.0, 2.0]), Some(0..5));
        assert_eq!(changed(Encoding::Utf32, [0.0, 2.0, 0.0, 1.0]), None);
        assert_eq!(changed(Encoding::Utf32, [9.0, 2.0, 9.0, 1.0]), None);
        for bad in [-1.0, 0.5, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(changed(Encoding::Utf16, [0.0, 0.0, 0.0, bad]), None);
            assert_eq!(changed(Encoding::Utf16, [bad, 0.0, 1.0, 0.0]), None);
        }
    }

    #[test]
    fn utf8_is_preferred_and_utf16_is_the_default() {
        let all = [PositionEncodingKind::UTF16, PositionEncodingKind::UTF32, PositionEncodingKind::UTF8];
        assert_eq!(Encoding::negotiate(Some(&all)), Encoding::Utf8);
        assert_eq!(Encoding::negotiate(Some(&all[..2])), Encoding::Utf32);
        assert_eq!(Encoding::negotiate(Some(&["utf-7".into()])), Encoding::Utf16);
        assert_eq!(Encoding::negotiate(None), Encoding::Utf16);
    }

    proptest! {
        #[test]
        fn agrees_with_a_naive_reading(text in "[ab\u{feff}é😀\u{301}\u{2028}\r\n]{0,40}", line in 0u32..12, character in 0u32..30) {
            let rope = Rope::from_str(&text);
            for encoding in ENCODINGS {
                let offset = encoding.offset(&rope, Position::new(line, character));
                prop_assert_eq!(offset, naive_offset(encoding, &text, Position::new(line, character)));
            }
        }

        #[test]
        fn positions_lead_back(text in "[ab\u{feff}é😀\r\n]{0,40}") {
            let rope = Rope::from_str(&text);
            for line in lines(&text) {
                for offset in line.clone().chain([line.end]).filter(|at| text.is_char_boundary(*at)) {
                    for encoding in ENCODINGS {
                        prop_assert_eq!(encoding.offset(&rope, encoding.position(&rope, offset)), offset);
                    }
                }
            }
        }
    }
}
