//! Every option, once: name, type, default, meaning. All else is made from this table: the defaults, what reads and
//! checks them ([`load`]), `server/SETTINGS.md` and what VS Code shows of them ([`document`]).

pub mod document;
mod layer;
mod options;
mod own_action;
#[cfg(test)]
mod tests;
mod write;

use serde::{Deserialize, Serialize};

pub use self::layer::{Layer, Problem, load, of_files};
pub use self::options::{Kind, Row, Scope};
use self::options::{Kind::*, Scope::*, options};
pub use self::own_action::{ActionKind, OwnAction};
pub use self::write::write;

options! {
    /// What is offered as one types.
    completion: Completion {
        /// Offer completions.
        enabled: bool = true, "completion.enabled", Flag, Anywhere;
        /// Milliseconds within which a completion is answered while one types; what is not ready by then is made ready
        /// for the next question. VS Code gives up after 750.
        budget_ms: u64 = 700, "completion.budgetMs", Number { least: 50, most: 5000 }, Anywhere;
        /// Milliseconds without a key before a model is asked, at the most; the wait adapts to how fast one types and
        /// how fast the model answers. 0: no wait.
        debounce_ms: u64 = 150, "completion.debounceMs", Number { least: 0, most: 2000 }, Anywhere;
        /// The longest completion, in tokens.
        max_tokens: usize = 128, "completion.maxTokens", Number { least: 1, most: 1024 }, Anywhere;
        /// The longest completion, in lines.
        max_lines: usize = 12, "completion.maxLines", Number { least: 1, most: 100 }, Anywhere;
        /// Tokens of code that a model reads before it completes. More is better informed and slower.
        context_tokens: usize = 1536, "completion.contextTokens", Number { least: 256, most: 3584 }, Anywhere;
        /// Generate what follows a completion while one reads it.
        prefetch: bool = true, "completion.prefetch", Flag, Anywhere;
        /// Whether completions are items of the completion menu too. `auto`: where the editor draws no ghost text.
        /// Read at start.
        menu: Menu = Menu::Auto, "completion.menu", Choice(&["auto", "always", "never"]), Anywhere;
    }
    /// Code that is written anew: code actions and refactorings.
    rewrite: Rewrite {
        /// Tokens of code around an item that a model reads before it writes the item anew; less where the item is long.
        context_tokens: usize = 1536, "rewrite.contextTokens", Number { least: 0, most: 65_536 }, Anywhere;
    }
    /// Refactorings of the whole repository.
    refactor: Refactor {
        /// A command, as a program and its arguments, that succeeds where the result of a refactoring is right. It runs in a
        /// copy of the workspace, without a shell, and what it complains of is repaired. Empty: no check.
        check: Vec<String> = Vec::new(), "refactor.check", List, UserOnly;
        /// Patterns, as in `.gitignore`, of files and folders that are copied for the check although they are ignored or hold
        /// secrets: generated sources, `.env`. No model sees them.
        copy: Vec<String> = Vec::new(), "refactor.copy", List, UserOnly;
    }
    /// What is offered at a selection.
    actions: Actions {
        /// Code actions of your own. Each has a `title` for the menu and an `instruction` that is carried out on the
        /// function, type or statements at the cursor, and may have a `kind` (`quickfix`, `refactor.extract`,
        /// `refactor.inline`, `refactor.rewrite`, `source`) and `languages`.
        own: Vec<OwnAction> = Vec::new(), "actions.own", Kind::Actions, UserOnly;
    }
    /// The model that answers.
    model: Model {
        /// A GGUF file or a Hugging Face folder, absolute or below `~`, or a name that `phi-ls model list` shows.
        /// `auto`: the first usable one of that list. `none`: no model, the n-gram model answers from the text of the
        /// workspace. Empty: what the environment variable `PHI_LS_MODEL` says, else `auto`. Read at start.
        path: String = String::new(), "model.path", Text, UserOnly;
        /// Threads for arithmetic. 0: one for each physical core. Read at start.
        threads: usize = 0, "model.threads", Number { least: 0, most: 256 }, UserOnly;
        /// Megabytes for what the model has already read (the KV cache), so that it need not read it again. Read at
        /// start.
        kv_megabytes: usize = 1664, "model.kvMegabytes", Number { least: 64, most: 1_048_576 }, UserOnly;
        /// The most tokens of one request, prompt and answer. Up to 4096 the model is at its best and fastest. Read at
        /// start.
        context_tokens: usize = 4096, "model.contextTokens", Number { least: 512, most: 131_072 }, UserOnly;
    }
    /// What is read of the workspace.
    repository: Repository {
        /// The most files of the workspace that are read. 0: none but open documents. Read at start.
        max_files: usize = 50_000, "repository.maxFiles", Number { least: 0, most: 1_000_000 }, Anywhere;
        /// The most megabytes of text, all files together, that completions are looked up in where there is no model.
        /// Read at start.
        max_megabytes: usize = 32, "repository.maxMegabytes", Number { least: 1, most: 256 }, Anywhere;
        /// Files that hold secrets, besides those that are known as such: patterns in the form of `.gitignore`,
        /// relative to a workspace folder. No model sees them, even when they are open.
        secret_files: Vec<String> = Vec::new(), "repository.secretFiles", List, UserOnly;
    }
    /// What the server says of its work, on stderr and in the editor's log.
    log: Log {
        /// How much is said. `PHI_LS_LOG` in the environment goes before it, in the form of `RUST_LOG`. Read at start.
        level: Level = Level::Info, "log.level", Choice(&["error", "warn", "info", "debug", "trace"]), UserOnly;
    }
}

/// Whether completions are items of the completion menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Menu {
    /// Where the editor draws no ghost text.
    Auto,
    /// Beside ghost text as well.
    Always,
    /// Nowhere.
    Never,
}

/// How much is logged; more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What failed.
    Error,
    /// What a user should know of.
    Warn,
    /// What happened.
    Info,
    /// How it happened.
    Debug,
    /// All of it.
    Trace,
}

impl Level {
    /// As `PHI_LS_LOG` spells it.
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
