//! Models that `phi-ls model pull` knows by a short name.

use crate::messages;

/// A model file in a Hugging Face repository.
#[derive(Debug)]
pub struct Entry {
    /// Its name on the command line.
    pub name: &'static str,
    /// `OWNER/REPOSITORY`.
    pub repository: &'static str,
    /// The file in it.
    pub file: &'static str,
    /// The size of the file in bytes, rounded; the server says the exact one.
    pub bytes: u64,
    /// The licence of the weights.
    pub license: &'static str,
    /// What it is good at.
    pub good_at: &'static str,
}

/// The model that a pull without a name downloads.
pub const DEFAULT: &Entry = &CATALOG[0];

/// The known models. The first is [`DEFAULT`].
pub const CATALOG: &[Entry] = &[
    Entry {
        name: "phi-3.5-mini",
        repository: "bartowski/Phi-3.5-mini-instruct-GGUF",
        file: "Phi-3.5-mini-instruct-Q4_K_M.gguf",
        bytes: 2_390_000_000,
        license: "MIT",
        good_at: "everything; phi-ls is made for it",
    },
    Entry {
        name: "qwen2.5-coder-3b",
        repository: "Qwen/Qwen2.5-Coder-3B-Instruct-GGUF",
        file: "qwen2.5-coder-3b-instruct-q4_k_m.gguf",
        bytes: 2_100_000_000,
        license: "Qwen Research",
        good_at: "completions; no commercial use",
    },
    Entry {
        name: "qwen2.5-coder-1.5b",
        repository: "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        file: "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        bytes: 1_120_000_000,
        license: "Apache-2.0",
        good_at: "completions on few cores",
    },
    Entry {
        name: "qwen2.5-coder-0.5b",
        repository: "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        file: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        bytes: 490_000_000,
        license: "Apache-2.0",
        good_at: "completions of a line",
    },
    Entry {
        name: "smollm2-135m",
        repository: "bartowski/SmolLM2-135M-Instruct-GGUF",
        file: "SmolLM2-135M-Instruct-Q4_K_M.gguf",
        bytes: 105_000_000,
        license: "Apache-2.0",
        good_at: "a first try; too small to help",
    },
];

/// The names that a name which is not in the catalog may mean.
pub fn similar(name: &str) -> Vec<&'static str> {
    messages::similar(name, CATALOG.iter().map(|entry| entry.name))
}

/// The model with this name, in any case.
pub fn named(name: &str) -> Option<&'static Entry> {
    CATALOG.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
}
