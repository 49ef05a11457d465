//! The syntax tree of one text: parsed once, shared by all callers, with a deadline for waiting.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use ropey::Rope;
use tree_sitter::{InputEdit, Tree};

use crate::languages::Language;
use crate::syntax::{NoTree, max_parse_time, parse};

/// How long a caller with a deadline parses before a separate thread continues. Most trees are ready by then.
const IN_PLACE: Duration = Duration::from_millis(5);

/// The tree of one text, or its parse in progress. Shared by all holders of the text.
#[derive(Debug, Default)]
pub(super) struct Parse {
    /// The inner `None` means that the text has no tree: the parse timed out, or it nests too deeply.
    tree: OnceLock<Option<Tree>>,
    state: Mutex<ParseState>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct ParseState {
    /// A parse is running.
    running: bool,
    /// The tree to start from; dropped once the new tree is ready.
    old: Old,
}

/// The tree of an earlier text, for incremental parsing.
#[derive(Debug, Clone, Default)]
pub(super) enum Old {
    /// There is none.
    #[default]
    None,
    /// A tree with all edits since applied.
    Tree(Tree),
    /// A parse that is still running, and the edits since.
    Awaited(Arc<Parse>, Vec<InputEdit>),
}

/// How long to wait for a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitPolicy {
    /// Up to the parser's own time limit.
    Full,
    /// Until then; the parse continues in the background.
    ThenBackground(Instant),
    /// Until then; the parse stops too, because no other caller needs the tree.
    ThenAbort(Instant),
}

impl WaitPolicy {
    fn deadline(self) -> Option<Instant> {
        match self {
            WaitPolicy::Full => None,
            WaitPolicy::ThenBackground(deadline) | WaitPolicy::ThenAbort(deadline) => Some(deadline),
        }
    }
}

impl Old {
    /// Applies an edit to the tree.
    pub(super) fn edit(&mut self, edit: InputEdit) {
        match self {
            Old::None => {}
            Old::Tree(tree) => tree.edit(&edit),
            Old::Awaited(_, edits) => edits.push(edit),
        }
    }

    /// Resolves `Awaited` if its parse has finished.
    fn resolved(self) -> Old {
        match self {
            Old::Awaited(parse, edits) => match parse.tree.get() {
                Some(Some(tree)) => {
                    let mut tree = tree.clone();
                    edits.iter().for_each(|edit| tree.edit(edit));
                    Old::Tree(tree)
                }
                Some(None) => Old::None,
                None => Old::Awaited(parse, edits),
            },
            old => old,
        }
    }

    fn tree(&self) -> Option<&Tree> {
        match self {
            Old::Tree(tree) => Some(tree),
            _ => None,
        }
    }
}

impl Parse {
    pub(super) fn after(old: Old) -> Parse {
        Parse { state: Mutex::new(ParseState { running: false, old }), ..Parse::default() }
    }

    /// The tree, if it is ready. The inner `None` means that the text has no tree.
    pub(super) fn tree(&self) -> Option<Option<&Tree>> {
        self.tree.get().map(Option::as_ref)
    }

    /// The starting point for the parse of a later text; the caller must apply the edits.
    pub(super) fn for_later(self: &Arc<Parse>) -> Old {
        if let Some(Some(tree)) = self.tree.get() {
            return Old::Tree(tree.clone());
        }
        let state = self.state.lock();
        match state.running {
            true => Old::Awaited(self.clone(), Vec::new()),
            false => state.old.clone().resolved(),
        }
    }

    /// Parses, unless the tree is ready or being parsed, and waits as `wait` allows. Afterwards [`Parse::tree`] has
    /// the result, if it was ready in time.
    pub(super) fn parse_or_wait(
        self: &Arc<Parse>,
        language: &'static Language,
        text: &Rope,
        wait: WaitPolicy,
    ) {
        let Some(old) = self.begin(wait) else { return };
        let running = Running(self);
        let whole = max_parse_time(text.len_bytes());
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        let wanted = || true;
        match wait {
            WaitPolicy::Full => running.end(parse(language, text, old.tree(), whole, &wanted).ok()),
            WaitPolicy::ThenAbort(deadline) => {
                let limit = whole.min(left(deadline));
                match parse(language, text, old.tree(), limit, &wanted) {
                    Err(NoTree::Late) if limit < whole => {}
                    tree => running.end(tree.ok()),
                }
            }
            WaitPolicy::ThenBackground(deadline) => {
                match parse(language, text, old.tree(), IN_PLACE, &wanted) {
                    Err(NoTree::Late) => {
                        self.spawn(language, text.clone(), old, running);
                        self.wait(Some(deadline));
                    }
                    tree => running.end(tree.ok()),
                }
            }
        }
    }

    /// Continues the parse on a separate thread. It stops early once the text is dropped.
    fn spawn(self: &Arc<Parse>, language: &'static Language, text: Rope, old: Old, running: Running) {
        let own = self.clone();
        let work = move || {
            let running = Running(&own);
            let wanted = || Arc::strong_count(&own) > 1;
            let tree = parse(language, &text, old.tree(), max_parse_time(text.len_bytes()), &wanted);
            running.end(tree.ok());
        };
        if std::thread::Builder::new().name("parse".to_owned()).spawn(work).is_ok() {
            // The thread ends it.
            std::mem::forget(running);
        }
    }

    /// Acquires the right to parse, with the starting point; `None` if the tree is ready, or `wait` expires first.
    fn begin(&self, wait: WaitPolicy) -> Option<Old> {
        let deadline = wait.deadline();
        let mut state = self.state.lock();
        loop {
            if self.tree.get().is_some() {
                return None;
            }
            if state.running {
                if !self.wait_in(&mut state, deadline) {
                    return None;
                }
                continue;
            }
            match std::mem::take(&mut state.old).resolved() {
                Old::Awaited(parse, edits) => {
                    state.old = Old::Awaited(parse.clone(), edits);
                    drop(state);
                    if !parse.wait(deadline) {
                        return None;
                    }
                    state = self.state.lock();
                }
                old => {
                    state.old = old.clone();
                    state.running = true;
                    return Some(old);
                }
            }
        }
    }

    /// Waits until no parse is running; `false` if the deadline expires first.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while state.running {
            if !self.wait_in(&mut state, deadline) {
                return false;
            }
        }
        true
    }

    /// Waits for a state change; `false` if the deadline has expired.
    fn wait_in(&self, state: &mut MutexGuard<'_, ParseState>, deadline: Option<Instant>) -> bool {
        let Some(deadline) = deadline else {
            self.ended.wait(state);
            return true;
        };
        let has_time = Instant::now() < deadline;
        if has_time {
            self.ended.wait_until(state, deadline);
        }
        has_time
    }
}

/// Marks a parse as ended on drop, even after a panic, because other threads wait for it.
struct Running<'p>(&'p Arc<Parse>);

impl Running<'_> {
    fn end(self, tree: Option<Tree>) {
        let _ = self.0.tree.set(tree);
        self.0.state.lock().old = Old::None;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.state.lock().running = false;
        self.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust() -> &'static Language {
        Language::named("rust").expect("a language")
    }

    /// A parse that another caller runs until the guard is dropped.
    fn blocked(parse: &Arc<Parse>) -> Running<'_> {
        assert!(parse.begin(WaitPolicy::Full).is_some());
        Running(parse)
    }

    #[test]
    fn no_call_waits_beyond_the_deadline_and_the_tree_is_found_later() {
        let parse = Arc::new(Parse::default());
        let text = Rope::from_str("fn f() {}\n");
        let running = blocked(&parse);
        for wait in [WaitPolicy::ThenBackground(Instant::now()), WaitPolicy::ThenAbort(Instant::now())] {
            parse.parse_or_wait(rust(), &text, wait);
            assert!(parse.tree().is_none(), "it is being made");
        }
        // Later text is parsed on top of it.
        let mut old = parse.for_later();
        assert!(matches!(&old, Old::Awaited(..)));
        let point = tree_sitter::Point { row: 0, column: 0 };
        old.edit(InputEdit {
            start_byte: 0,
            old_end_byte: 0,
            new_end_byte: 4,
            start_position: point,
            old_end_position: point,
            new_end_position: tree_sitter::Point { row: 0, column: 4 },
        });
        let later = Arc::new(Parse::after(old));
        let later_text = Rope::from_str("pub fn f() {}\n");
        later.parse_or_wait(rust(), &later_text, WaitPolicy::ThenBackground(Instant::now()));
        assert!(later.tree().is_none(), "it waits for the first, but not beyond its deadline");
        running.end(super::parse(rust(), &text, None, Duration::MAX, &|| true).ok());
        assert!(parse.tree().is_some_and(|tree| tree.is_some()));
        later.parse_or_wait(rust(), &later_text, WaitPolicy::ThenBackground(Instant::now()));
        let tree = later.tree().flatten().expect("a tree");
        assert!(!tree.root_node().has_error(), "{}", tree.root_node().to_sexp());
    }

    #[test]
    fn several_threads_parse_once() {
        let parse = Arc::new(Parse::default());
        let running = blocked(&parse);
        let waiting: Vec<_> = (0..4)
            .map(|_| {
                let parse = parse.clone();
                std::thread::spawn(move || {
                    parse.parse_or_wait(rust(), &Rope::from_str("this is not Rust"), WaitPolicy::Full);
                    parse.tree().flatten().map(|tree| tree.root_node().has_error())
                })
            })
            .collect();
        running.end(super::parse(rust(), &Rope::from_str("fn f() {}\n"), None, Duration::MAX, &|| true).ok());
        for thread in waiting {
            assert_eq!(thread.join().expect("no panic"), Some(false), "the tree that was made first");
        }
    }

    #[test]
    fn a_late_parse_continues_on_a_separate_thread() {
        let parse = Arc::new(Parse::default());
        let text = Rope::from_str(&"fn f() { g(1, 2, 3); }\n".repeat(5_000));
        parse.parse_or_wait(rust(), &text, WaitPolicy::ThenBackground(Instant::now()));
        // On a fast machine it may be ready already.
        parse.wait(None);
        assert!(parse.tree().is_some(), "it has ended");
    }

    #[test]
    fn a_tree_that_no_other_caller_needs_is_not_parsed_after_the_deadline() {
        let parse = Arc::new(Parse::default());
        let text = Rope::from_str(&"fn f() { g(1, 2, 3); }\n".repeat(50_000));
        parse.parse_or_wait(rust(), &text, WaitPolicy::ThenAbort(Instant::now()));
        assert!(parse.tree().is_none() && !parse.state.lock().running);
    }

    #[test]
    fn a_panic_leaves_no_thread_waiting() {
        let parse = Arc::new(Parse::default());
        drop(blocked(&parse));
        let text = Rope::from_str("fn f() {}\n");
        parse.parse_or_wait(rust(), &text, WaitPolicy::Full);
        assert!(parse.tree().is_some());
    }
}
