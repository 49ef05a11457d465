//! An answer of the engine, finished or not, bound to the cursor context that it was made for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use phi_engine::{Event, FinishReason, Generation, Usage};
use ropey::Rope;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::anchor::Anchor;
use super::matching::{Match, RelativeDraft, State};
use super::{NothingOffered, grace};
use crate::answer::{self, Draft};
use crate::blocking;
use crate::documents::Document;
use crate::edits::{self, Constraints, Edit};

/// The time limit for the draft of a finished answer. A request waits no longer than its own deadline.
const MAKING: Duration = Duration::from_secs(1);

/// One answer, possibly still being generated. Dropping it ends the generation.
#[derive(Debug)]
pub(super) struct Answer {
    anchor: Anchor,
    /// The text that it was made for.
    text: Rope,
    state: watch::Receiver<State>,
    /// The generation, if it is one.
    task: Option<AbortHandle>,
    offered: AtomicBool,
    /// The client was notified that there is more of it: the next request gets the current text.
    announced: Arc<AtomicBool>,
}

impl Answer {
    /// Runs a generation for `cursor` of `document` to its end, even if no request waits for it. `ended` receives its
    /// cost. Must be called within a runtime.
    pub(super) fn follow(
        mut generation: Generation,
        anchor: Anchor,
        document: Arc<Document>,
        cursor: usize,
        ended: impl FnOnce(Usage) + Send + 'static,
    ) -> Arc<Answer> {
        let (sender, state) = watch::channel(State::Running(String::new()));
        let made_for = document.text.clone();
        let follow = async move {
            let reason = loop {
                match generation.next().await {
                    Some(Ok(Event::Read { .. })) => {}
                    Some(Ok(Event::Text(piece))) => sender.send_modify(|state| {
                        if let State::Running(text) = state {
                            text.push_str(&piece);
                        }
                    }),
                    Some(Ok(Event::Done(finish))) => {
                        ended(finish.usage);
                        break Some(finish.reason);
                    }
                    Some(Err(error)) => {
                        tracing::warn!(%error, "no completion");
                        break None;
                    }
                    None => break None,
                }
            };
            let text = sender.borrow().text().to_owned();
            tracing::trace!(text, "the model has answered");
            let finished = match reason {
                Some(reason) => {
                    let whole = reason != FinishReason::MaxTokens;
                    blocking::run(move || finished(&document, cursor, text, whole)).await
                }
                None => None,
            };
            sender.send_replace(finished.unwrap_or(State::Failed));
        };
        Arc::new(Answer {
            anchor,
            text: made_for,
            state,
            task: Some(tokio::spawn(follow).abort_handle()),
            offered: AtomicBool::default(),
            announced: Arc::default(),
        })
    }

    /// A whole answer of `document`, or of what of it has been parsed. Must be called within a runtime. Takes time
    /// proportional to the depth of the document: see [`blocking`].
    pub(super) fn ready(text: String, anchor: Anchor, document: &Document, cursor: usize) -> Arc<Answer> {
        let (_, state) = watch::channel(finished(document, cursor, text, true));
        Arc::new(Answer {
            anchor,
            text: document.text.clone(),
            state,
            task: None,
            offered: AtomicBool::default(),
            announced: Arc::default(),
        })
    }

    /// The rank of this answer for a cursor: lower is better. `None` if it cannot match.
    pub(super) fn rank(&self, document: &Document, cursor: usize) -> Option<u8> {
        if self.failed() {
            return None;
        }
        let typed = self.anchor.typed(&document.text, cursor)?;
        self.state.borrow().at(document, cursor, &typed).rank()
    }

    /// Waits until the answer is finished or no longer matches, or until the deadline, when the text so far counts.
    /// Never [`Match::Pending`].
    pub(super) async fn by(&self, deadline: Instant, document: &Arc<Document>, cursor: usize) -> Match {
        let Some(typed) = self.anchor.typed(&document.text, cursor) else { return Match::Mismatch };
        let deadline = if self.announced.load(Ordering::Relaxed) { Instant::now() } else { deadline };
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| !state.is_running() || !state.may_match(&typed));
        // The sender of an aborted generation is gone; the text so far counts.
        let _ = tokio::time::timeout_at(deadline, settled).await;
        let found = state.borrow().at(document, cursor, &typed);
        drafted(found, document, cursor, deadline).await
    }

    /// The edit of a draft of this answer, if it was already verified for the same text.
    pub(super) fn verified(&self, document: &Document, draft: &Draft) -> Option<Edit> {
        let state = self.state.borrow();
        let State::Finished { edit: Some(edit), .. } = &*state else { return None };
        let is_same = self.text.is_instance(&document.text)
            && edit.applies_to(document)
            && edit.range() == draft.range
            && edit.new_text() == draft.text;
        is_same.then(|| (**edit).clone())
    }

    /// Waits until a new request at a cursor would get more than `shown`, which was all at the deadline: a first line
    /// if there was none, the finished answer, or another answer, because this one does not match after all. False if
    /// there will be nothing more, or nothing that continues a draft of the n-gram model. Does not keep the generation
    /// alive.
    pub(super) fn more(
        &self,
        document: Arc<Document>,
        cursor: usize,
        shown: Shown,
    ) -> impl Future<Output = bool> + Send + use<> {
        let typed = self.anchor.typed(&document.text, cursor);
        let (mut state, announced) = (self.state.clone(), self.announced.clone());
        async move {
            let Some(typed) = typed else { return false };
            let mut lines = 0;
            while state.changed().await.is_ok() {
                let (found, running) = {
                    let state = state.borrow_and_update();
                    let running = state.is_running();
                    // Of an unfinished answer only whole lines are shown, and a draft of them costs a parse.
                    let lines_before = std::mem::replace(&mut lines, state.text().matches('\n').count());
                    if running
                        && state.may_match(&typed)
                        && (matches!(shown, Shown::Own(_)) || lines == lines_before)
                    {
                        continue;
                    }
                    (state.at(&document, cursor, &typed), running)
                };
                match drafted(found, &document, cursor, Instant::now() + MAKING).await {
                    Match::Draft(now) if shown.gives_way_to(&now) => {
                        announced.store(true, Ordering::Relaxed);
                        return true;
                    }
                    Match::Mismatch | Match::Exhausted => return !matches!(shown, Shown::Copied(_)),
                    _ if !running => return false,
                    _ => {}
                }
            }
            false
        }
    }

    /// Whether the text before the cursor contains the whole draft of this answer.
    pub(super) fn is_typed(&self, document: &Document, cursor: usize) -> bool {
        let typed = self.anchor.typed(&document.text, cursor);
        typed.is_some_and(|typed| self.state.borrow().is_typed(document, cursor, &typed))
    }

    /// Whether a client may have drawn it.
    pub(super) fn was_offered(&self) -> bool {
        self.offered.load(Ordering::Relaxed)
    }

    /// True on the first call.
    pub(super) fn first_offered(&self) -> bool {
        !self.offered.swap(true, Ordering::Relaxed)
    }

    /// Whether the answer is final: finished, failed or aborted.
    pub(super) fn ended(&self) -> bool {
        self.state.has_changed().is_err() || !self.state.borrow().is_running()
    }

    /// Why an answer offers nothing.
    pub(super) fn why_nothing(&self) -> NothingOffered {
        match &*self.state.borrow() {
            State::Running(_) => NothingOffered::TimedOut,
            State::Failed => NothingOffered::Failed,
            State::Finished { text, .. } if text.trim().is_empty() => NothingOffered::SaidNothing,
            State::Finished { .. } => NothingOffered::NothingJoins,
        }
    }

    /// Whether it ended without an answer.
    pub(super) fn failed(&self) -> bool {
        self.ended() && !matches!(&*self.state.borrow(), State::Finished { .. })
    }
}

/// What the client draws while an answer is being written.
#[derive(Debug, Clone)]
pub(super) enum Shown {
    Nothing,
    /// A draft of the same answer.
    Own(Draft),
    /// A draft of the n-gram model.
    Copied(Draft),
}

impl Shown {
    /// Whether a new draft takes its place.
    fn gives_way_to(&self, now: &Draft) -> bool {
        match self {
            Shown::Nothing => true,
            Shown::Own(shown) => shown != now,
            Shown::Copied(shown) => {
                shown.range == now.range && shown != now && now.text.starts_with(&shown.text)
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The state of an answer at its end. Takes time proportional to the depth of the document: see [`blocking`].
fn finished(document: &Document, cursor: usize, text: String, whole: bool) -> State {
    let document = document.until(std::time::Instant::now() + MAKING);
    let draft = answer::completion(&document, cursor, &text, whole);
    let verified = |draft| edits::verify(&document, draft, &Constraints::Completion).ok().map(Box::new);
    let edit = draft.as_ref().and_then(verified);
    State::Finished { text, draft: draft.and_then(|draft| RelativeDraft::of(draft, cursor)), edit, whole }
}

/// Makes the draft of a pending match. Its parses end shortly after `deadline`.
async fn drafted(found: Match, document: &Arc<Document>, cursor: usize, deadline: Instant) -> Match {
    let pending = match found {
        Match::Pending(pending) if pending.rest.is_empty() => return pending.without_draft(),
        Match::Pending(pending) => pending,
        other => return other,
    };
    let document = document.clone();
    let work = move || {
        let document = document.until(grace(deadline));
        let draft = answer::completion(&document, cursor, &pending.rest, pending.whole);
        draft.map_or_else(|| pending.without_draft(), Match::Draft)
    };
    blocking::run(work).await.unwrap_or(Match::Empty)
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::super::anchor::{Anchor, Reach};
    use super::*;
    use crate::documents::{Change, DocumentId};

    const REACH: Reach = Reach { before: 1000, after: 1000 };

    pub(in crate::complete) fn document(text: &str) -> (Arc<Document>, usize) {
        let cursor = text.find("$0").expect("the text has a cursor");
        let id = DocumentId("file:///a.rs".into());
        (Arc::new(Document::open(id, None, "rust", 1, &text.replacen("$0", "", 1))), cursor)
    }

    /// An answer whose text the test writes.
    pub(in crate::complete) fn unfinished(
        document: &Document,
        cursor: usize,
    ) -> (Arc<Answer>, watch::Sender<State>) {
        let (sender, state) = watch::channel(State::Running(String::new()));
        let task = Some(tokio::spawn(std::future::pending::<()>()).abort_handle());
        let anchor = Anchor::new(&document.text, cursor, REACH);
        let text = document.text.clone();
        let answer =
            Answer { anchor, text, state, task, offered: AtomicBool::default(), announced: Arc::default() };
        (Arc::new(answer), sender)
    }

    fn typed(document: &Document, cursor: usize, text: &str) -> (Arc<Document>, usize) {
        let change = Change::Splice { range: cursor..cursor, text: text.to_owned() };
        (Arc::new(document.apply(document.version + 1, &[change])), cursor + text.len())
    }

    fn push(sender: &watch::Sender<State>, piece: &str) {
        sender.send_modify(|state| match state {
            State::Running(text) => text.push_str(piece),
            other => panic!("{other:?} gets no text"),
        });
    }

    fn finish(sender: &watch::Sender<State>, draft: Option<RelativeDraft>) {
        sender.send_modify(|state| {
            *state = State::Finished { text: state.text().to_owned(), draft, edit: None, whole: true };
        });
    }

    fn found(answer: &Answer, document: &Document, cursor: usize) -> Match {
        let typed = answer.anchor.typed(&document.text, cursor).expect("nothing else has changed");
        answer.state.borrow().at(document, cursor, &typed)
    }

    /// Whether the model may still write what was typed, or more.
    fn may_match(answer: &Answer, document: &Document, cursor: usize) -> bool {
        let typed = answer.anchor.typed(&document.text, cursor).expect("nothing else has changed");
        let state = answer.state.borrow();
        state.is_running() && state.may_match(&typed)
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_deadline_the_finished_lines_count() {
        let (document, cursor) = document("fn f() -> u32 {\n    $0\n}\n");
        let (answer, sender) = unfinished(&document, cursor);
        sender.send_replace(State::Running("let a = 1;\n    let b = 2;\n    let c".to_owned()));
        let asked = Instant::now();
        let found = answer.by(asked + Duration::from_millis(700), &document, cursor).await;
        assert_eq!(asked.elapsed(), Duration::from_millis(700));
        let draft = found.draft().expect("two lines are there");
        assert_eq!(draft.text, "let a = 1;\n    let b = 2;");
        // Text that was typed meanwhile is not offered again.
        let (document, cursor) = typed(&document, cursor, "let a = 1;");
        let found = answer.by(Instant::now(), &document, cursor).await;
        assert_eq!(found.draft().expect("one line is left").text, "\n    let b = 2;");
    }

    #[tokio::test]
    async fn a_first_line_and_the_end_are_more_than_was_shown() {
        let (document, cursor) = document("fn f() -> u32 {\n    $0\n}\n");
        let more = |answer: &Answer, shown: Option<Draft>| {
            let shown = shown.map_or(Shown::Nothing, Shown::Own);
            tokio::spawn(answer.more(document.clone(), cursor, shown))
        };
        let match_now = async |answer: &Answer| {
            // A distant deadline, but it is not waited for: more was announced.
            answer.by(Instant::now() + Duration::from_secs(60), &document, cursor).await.draft()
        };
        let (answer, sender) = unfinished(&document, cursor);
        let first = more(&answer, None);
        sender.send_replace(State::Running("let a".to_owned()));
        tokio::task::yield_now().await;
        assert!(!first.is_finished(), "half a line is nothing to show");
        push(&sender, " = 1;\n    let b");
        assert!(first.await.expect("no panic"));
        let shown = match_now(&answer).await.expect("the first line");
        assert_eq!(shown.text, "let a = 1;");

        let rest = more(&answer, Some(shown.clone()));
        push(&sender, " = 2;\n    a");
        tokio::task::yield_now().await;
        assert!(!rest.is_finished(), "what a user reads changes once, at the end");
        let draft = |text: &str| Some(RelativeDraft { back: 0, forward: 0, text: text.to_owned() });
        let all = "let a = 1;\n    let b = 2;\n    a + b";
        finish(&sender, draft(all));
        assert!(rest.await.expect("no panic"));
        let shown = match_now(&answer).await.expect("the rest");
        assert_eq!(shown.text, all);
        assert!(!more(&answer, Some(shown)).await.expect("no panic"), "that was all");
    }

    /// The typed text is not how the answer begins: only another answer helps, and must be requested.
    #[tokio::test]
    async fn an_answer_that_turns_out_to_be_for_another_text_is_more() {
        let (document, cursor) = document("fn f() {\n    $0\n}\n");
        let (answer, sender) = unfinished(&document, cursor);
        let (document, cursor) = typed(&document, cursor, "if");
        let more = tokio::spawn(answer.more(document, cursor, Shown::Nothing));
        sender.send_replace(State::Running("i".to_owned()));
        tokio::task::yield_now().await;
        assert!(!more.is_finished(), "it agrees so far");
        sender.send_replace(State::Running("int(".to_owned()));
        assert!(more.await.expect("no panic"));
    }

    #[tokio::test]
    async fn an_answer_that_comes_to_nothing_or_is_given_up_is_no_more() {
        let (document, cursor) = document("fn f() {\n    $0\n}\n");
        let empty = State::Finished { text: String::new(), draft: None, edit: None, whole: true };
        for end in [Some(empty), Some(State::Failed), None] {
            let (answer, sender) = unfinished(&document, cursor);
            let more = answer.more(document.clone(), cursor, Shown::Nothing);
            if let Some(end) = end {
                sender.send_replace(end);
            }
            drop((answer, sender));
            assert!(!more.await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_contradiction_is_not_waited_out() {
        let (document, cursor) = document("fn f() {\n    $0\n}\n");
        let (answer, sender) = unfinished(&document, cursor);
        let (document, cursor) = typed(&document, cursor, "let");
        assert!(may_match(&answer, &document, cursor), "nothing speaks against it");
        sender.send_replace(State::Running("le".to_owned()));
        assert!(may_match(&answer, &document, cursor), "it has not come so far");
        push(&sender, "ft()");
        let asked = Instant::now();
        let found = answer.by(asked + Duration::from_secs(10), &document, cursor).await;
        assert_eq!((found, asked.elapsed()), (Match::Mismatch, Duration::ZERO));
    }

    #[tokio::test]
    async fn a_draft_that_replaces_text_before_the_cursor_can_be_typed() {
        let (document, cursor) = document("    re$0;\n");
        let (answer, sender) = unfinished(&document, cursor);
        finish(&sender, Some(RelativeDraft { back: 2, forward: 1, text: "return a;".to_owned() }));
        let draft = |range, text: &str| Match::Draft(Draft { range, text: text.to_owned() });
        assert_eq!(found(&answer, &document, cursor), draft(4..7, "return a;"));
        let (more, at) = typed(&document, cursor, "turn");
        assert_eq!(found(&answer, &more, at), draft(10..11, " a;"));
        let (all, at) = typed(&document, cursor, "turn a;");
        assert!(answer.is_typed(&all, at));
        let (other, at) = typed(&document, cursor, "d");
        assert_eq!(found(&answer, &other, at), Match::Mismatch);
    }
}
