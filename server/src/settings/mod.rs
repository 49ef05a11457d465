//! The table of all settings: name, type, default, meaning. Defaults, parsing and checks ([`load`]), `server/SETTINGS.md`
//! and VS Code's settings ([`document`]) are generated from it.

mod adapter;
pub mod document;
mod layer;
mod options;
mod own_action;
#[cfg(test)]
mod tests;
mod write;

use phi_engine::DeviceChoice;
use serde::{Deserialize, Serialize};

pub use self::adapter::LoraAdapter;
pub use self::layer::{Layer, Problem, load, of_files};
pub use self::options::{Kind, Row, Scope};
use self::options::{Kind::*, Scope::*, options};
pub use self::own_action::{ActionKind, OwnAction};
pub use self::write::write;

options! {
    /// Suggestions while you type.
    completion: Completion {
        /// Offer completions.
        enabled: bool = true, "completion.enabled", Flag, Anywhere;
        /// Time limit for a completion while you type, in milliseconds. A completion that is not finished by then is
        /// kept for the next request. VS Code stops waiting after 750.
        budget_ms: u64 = 700, "completion.budgetMs", Number { least: 50, most: 5000 }, Anywhere;
        /// Maximum delay between the last key and the request to the model, in milliseconds. The delay adapts to your
        /// typing speed and the model's speed. 0: no delay.
        debounce_ms: u64 = 150, "completion.debounceMs", Number { least: 0, most: 2000 }, Anywhere;
        /// Maximum length of a completion, in tokens.
        max_tokens: usize = 128, "completion.maxTokens", Number { least: 1, most: 1024 }, Anywhere;
        /// Maximum length of a completion, in lines.
        max_lines: usize = 12, "completion.maxLines", Number { least: 1, most: 100 }, Anywhere;
        /// Tokens of context in the prompt of a completion. More context gives better completions, but takes longer.
        context_tokens: usize = 1536, "completion.contextTokens", Number { least: 256, most: 3584 }, Anywhere;
        /// Generate the text after a completion while the completion is shown.
        prefetch: bool = true, "completion.prefetch", Flag, Anywhere;
        /// Offer completions in the completion menu too. `auto`: only in editors without ghost text. Read at start.
        menu: Menu = Menu::Auto, "completion.menu", Choice(&["auto", "always", "never"]), Anywhere;
    }
    /// Rewrites: code actions and refactorings.
    rewrite: Rewrite {
        /// Tokens of context around an item in the prompt of a rewrite; fewer if the item is long.
        context_tokens: usize = 1536, "rewrite.contextTokens", Number { least: 0, most: 65_536 }, Anywhere;
    }
    /// Refactorings of the whole repository.
    refactor: Refactor {
        /// A command (program and arguments) that succeeds if the result of a refactoring is correct. It runs in a copy of
        /// the workspace, without a shell, and the model repairs the errors that it reports. Empty: no check.
        check: Vec<String> = Vec::new(), "refactor.check", List, UserOnly;
        /// Patterns, as in `.gitignore`, of files and folders that are copied for the check even if they are ignored or
        /// contain secrets: generated sources, `.env`. They are not shown to the model.
        copy: Vec<String> = Vec::new(), "refactor.copy", List, UserOnly;
    }
    /// Code actions.
    actions: Actions {
        /// Your own code actions. Each has a `title` for the menu and an `instruction` for the model, which applies to the
        /// function, type or statements at the cursor. Optional: a `kind` (`quickfix`, `refactor.extract`,
        /// `refactor.inline`, `refactor.rewrite`, `source`) and `languages`.
        own: Vec<OwnAction> = Vec::new(), "actions.own", Kind::Actions, UserOnly;
    }
    /// The language model.
    model: Model {
        /// A GGUF file or a Hugging Face folder, absolute or below `~`, or a name that `phi-ls model list` shows.
        /// `auto`: the first usable one of that list. `none`: only the built-in n-gram model. Empty: the environment
        /// variable `PHI_LS_MODEL` if it is set, else `auto`. Read at start.
        path: String = String::new(), "model.path", Text, UserOnly;
        /// LoRA adapters of the model: tables with a `path` (a PEFT folder or a GGUF file, as in `model.path`) and
        /// optionally a `scale` (1: as trained). The effects of several add up. Read at start.
        adapters: Vec<LoraAdapter> = Vec::new(), "model.adapters", Adapters, UserOnly;
        /// The device that runs the model. `auto`: a GPU if this build of phi-ls supports one and it is found, else the
        /// processor. `cuda` and `metal` need a build with that feature. Read at start.
        device: DeviceChoice = DeviceChoice::Auto, "model.device", Choice(&["auto", "cpu", "cuda", "metal"]), UserOnly;
        /// Threads for inference on the processor. 0: one per physical core. Read at start.
        threads: usize = 0, "model.threads", Number { least: 0, most: 256 }, UserOnly;
        /// Size of the KV cache, which keeps the processed prompts, in megabytes. Read at start.
        kv_megabytes: usize = 1664, "model.kvMegabytes", Number { least: 64, most: 1_048_576 }, UserOnly;
        /// Maximum tokens of one request, prompt and answer together. The model is fastest and most accurate up
        /// to 4096. Read at start.
        context_tokens: usize = 4096, "model.contextTokens", Number { least: 512, most: 131_072 }, UserOnly;
    }
    /// Which files of the workspace are read.
    repository: Repository {
        /// Maximum number of workspace files to index. 0: open documents only. Read at start.
        max_files: usize = 50_000, "repository.maxFiles", Number { least: 0, most: 1_000_000 }, Anywhere;
        /// Maximum total size of the text that the n-gram model searches, in megabytes. Read at start.
        max_megabytes: usize = 32, "repository.maxMegabytes", Number { least: 1, most: 256 }, Anywhere;
        /// Patterns, as in `.gitignore`, of further files with secrets, relative to a workspace folder. These files are
        /// not shown to the model, even if they are open.
        secret_files: Vec<String> = Vec::new(), "repository.secretFiles", List, UserOnly;
    }
    /// Log messages on stderr and in the editor's log.
    log: Log {
        /// Log verbosity; `trace` includes the answers of the model. The environment variable `PHI_LS_LOG`, in the syntax of `RUST_LOG`, overrides it. Read at start.
        level: Level = Level::Info, "log.level", Choice(&["error", "warn", "info", "debug", "trace"]), UserOnly;
    }
}

/// Whether completions are offered in the completion menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Menu {
    /// Only in editors without ghost text.
    Auto,
    /// In addition to ghost text.
    Always,
    /// Not at all.
    Never,
}

/// Log verbosity, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Failures.
    Error,
    /// Problems that a user should know about.
    Warn,
    /// Events.
    Info,
    /// Details of events.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    /// The name in `PHI_LS_LOG`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }
}
