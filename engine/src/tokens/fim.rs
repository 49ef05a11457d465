//! The special tokens of fill-in-the-middle formats: by the keys of a GGUF file, else by their spellings.

use crate::prompt::FimOrder;

/// The special tokens of a model's fill-in-the-middle format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FimTokens {
    /// Before the text before the gap.
    pub prefix: u32,
    /// Before the text after the gap.
    pub suffix: u32,
    /// Before the text of the gap. None in Codestral, whose prompt ends with the text before the gap.
    pub middle: Option<u32>,
    /// Before the path and the text of another file.
    pub file: Option<u32>,
    /// Before the name of the repository.
    pub repository: Option<u32>,
    /// The order of the texts.
    pub order: FimOrder,
}

/// The ids that a model file declares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FimIds {
    /// As [`FimTokens::prefix`].
    pub prefix: Option<u32>,
    /// As [`FimTokens::suffix`].
    pub suffix: Option<u32>,
    /// As [`FimTokens::middle`].
    pub middle: Option<u32>,
    /// As [`FimTokens::file`].
    pub file: Option<u32>,
    /// As [`FimTokens::repository`].
    pub repository: Option<u32>,
    /// As [`FimTokens::order`], where the spellings do not tell.
    pub order: Option<FimOrder>,
    /// Pads examples in training; if a model generates it, the answer has ended.
    pub pad: Option<u32>,
}

/// The spellings of one family. Empty ones do not exist.
struct Family {
    prefix: &'static str,
    suffix: &'static str,
    middle: &'static str,
    file: &'static str,
    repository: &'static str,
    order: FimOrder,
}

/// The first family whose tokens are all in the vocabulary is the model's.
const FAMILIES: [Family; 11] = [
    // Qwen2.5-Coder.
    family(["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"], ["<|file_sep|>", "<|repo_name|>"]),
    // Granite 4.
    family(["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"], ["<|filename|>", "<|reponame|>"]),
    family(["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"], ["", ""]),
    // StarCoder2.
    family(["<fim_prefix>", "<fim_suffix>", "<fim_middle>"], ["<file_sep>", "<repo_name>"]),
    // StarCoder, Granite up to 3, Mellum.
    family(["<fim_prefix>", "<fim_suffix>", "<fim_middle>"], ["<filename>", "<reponame>"]),
    family(["<fim_prefix>", "<fim_suffix>", "<fim_middle>"], ["", ""]),
    // SantaCoder.
    family(["<fim-prefix>", "<fim-suffix>", "<fim-middle>"], ["", ""]),
    // DeepSeek-Coder.
    family(["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"], ["", ""]),
    // Seed-Coder.
    Family {
        order: FimOrder::SuffixFirst,
        ..family(["<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>"], ["", ""])
    },
    // CodeLlama.
    Family { order: FimOrder::SuffixFirstInPrefix, ..family(["▁<PRE>", "▁<SUF>", "▁<MID>"], ["", ""]) },
    // Codestral has `[MIDDLE]`, too, but its prompts do not.
    Family { order: FimOrder::SuffixFirst, ..family(["[PREFIX]", "[SUFFIX]", ""], ["", ""]) },
];

/// Spellings of padding in fill-in-the-middle training.
const PADS: [&str; 3] = ["<|fim_pad|>", "<fim_pad>", "<fim-pad>"];

const fn family(texts: [&'static str; 3], context: [&'static str; 2]) -> Family {
    let ([prefix, suffix, middle], [file, repository]) = (texts, context);
    Family { prefix, suffix, middle, file, repository, order: FimOrder::PrefixFirst }
}

/// The format of a vocabulary, from the declared ids and the spellings of its special tokens, and the tokens of the
/// format that end an answer.
pub(super) fn resolve(
    declared: &FimIds,
    special: impl Fn(&str) -> Option<u32>,
) -> (Option<FimTokens>, Vec<u32>) {
    let has = |spelling: &str| spelling.is_empty() || special(spelling).is_some();
    let spelled = FAMILIES.iter().find(|family| {
        let Family { prefix, suffix, middle, file, repository, .. } = **family;
        [prefix, suffix, middle, file, repository].into_iter().all(has)
    });
    let by_spelling =
        |spelling: fn(&Family) -> &'static str| spelled.and_then(|family| special(spelling(family)));
    let prefix = declared.prefix.or_else(|| by_spelling(|family| family.prefix));
    let suffix = declared.suffix.or_else(|| by_spelling(|family| family.suffix));
    let (Some(prefix), Some(suffix)) = (prefix, suffix) else { return (None, Vec::new()) };
    let middle = match spelled {
        // Prompts of this family have no middle token, even if the file declares one.
        Some(family) if family.middle.is_empty() => None,
        _ => match declared.middle.or_else(|| by_spelling(|family| family.middle)) {
            None => return (None, Vec::new()),
            middle => middle,
        },
    };
    let format = FimTokens {
        prefix,
        suffix,
        middle,
        file: declared.file.or_else(|| by_spelling(|family| family.file)),
        repository: declared.repository.or_else(|| by_spelling(|family| family.repository)),
        order: declared.order.or(spelled.map(|family| family.order)).unwrap_or(FimOrder::PrefixFirst),
    };
    let pads = PADS.into_iter().filter_map(special).chain(declared.pad);
    (Some(format), format.file.into_iter().chain(format.repository).chain(pads).collect())
}

/// Whether a token spelled so belongs to such a format.
pub(super) fn is_marker(spelling: &str) -> bool {
    !spelling.is_empty()
        && (PADS.contains(&spelling)
            || FAMILIES.iter().any(|family| {
                let Family { prefix, suffix, middle, file, repository, .. } = *family;
                [prefix, suffix, middle, file, repository].contains(&spelling)
            }))
}
