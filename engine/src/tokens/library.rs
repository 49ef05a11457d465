//! The `tokenizers` crate as a splitter, and the bytes of byte-level vocabularies.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// The library, set up to split text into ordinary tokens.
pub(super) struct Library {
    pub tokenizer: tokenizers::Tokenizer,
    /// The tokens of the 256 bytes, as far as they exist.
    pub bytes: [Option<u32>; 256],
    /// The number of ids. The library has higher ones only for bytes without a token.
    pub len: u32,
}

impl Library {
    /// Appends the tokens of `text`, with a space before it if `prefixed`. A byte that the vocabulary cannot spell is
    /// left out, as in llama.cpp and transformers.
    pub fn split(&self, text: &str, prefixed: bool, tokens: &mut Vec<u32>) {
        let text = format!("{}{text}", if prefixed { " " } else { "" });
        match self.tokenizer.encode_fast(text.as_str(), false) {
            Ok(encoding) => tokens.extend(encoding.get_ids().iter().filter(|id| **id < self.len)),
            // The library's regular expressions have a limit. Byte tokens spell the same text.
            Err(_) => tokens.extend(text.bytes().filter_map(|byte| self.bytes[usize::from(byte)])),
        }
    }
}

/// The character of each byte in byte-level vocabularies, as in GPT-2: printable bytes are themselves, the others are
/// mapped to U+0100 and up.
pub(super) static BYTE_CHARACTERS: LazyLock<[char; 256]> = LazyLock::new(|| {
    let mut moved = 0x100u32;
    std::array::from_fn(|byte| {
        let byte = byte as u8;
        if matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF) {
            return char::from(byte);
        }
        moved += 1;
        char::from_u32(moved - 1).unwrap_or_default()
    })
});

static CHARACTER_BYTES: LazyLock<FxHashMap<char, u8>> =
    LazyLock::new(|| BYTE_CHARACTERS.iter().copied().zip(0..=255).collect());

/// The bytes that a token of a byte-level vocabulary writes. A spelling with a character that stands for no byte cannot
/// come from text; it writes itself.
pub(super) fn written(spelling: &str) -> Vec<u8> {
    let byte = |character| CHARACTER_BYTES.get(&character).copied();
    let bytes = spelling.chars().map(byte).collect::<Option<Vec<u8>>>();
    bytes.unwrap_or_else(|| spelling.as_bytes().to_vec())
}
