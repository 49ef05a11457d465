//! Answers of the engine, finished or on their way, each bound to the place that it was made for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use phi_engine::{Event, FinishReason, Generation, Usage};
use ropey::Rope;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::NothingOffered;
use super::grace;
use super::place::{Place, Typed, rest};
use crate::answer::{self, Draft};
use crate::beside::beside;
use crate::documents::Document;
use crate::edits::{self, Demands, Edit};

/// Nobody in particular waits for what is made of a whole answer; whoever does has a deadline.
const MAKING: Duration = Duration::from_secs(1);

/// Answers kept per document. Undoing and moving back finds a neural model's again.
const KEPT: usize = 32;

/// One answer, perhaps still being generated. Dropping it ends the generation.
#[derive(Debug)]
pub(super) struct Answer {
    place: Place,
    /// The text that it was made for.
    text: Rope,
    progress: watch::Receiver<Progress>,
    task: AbortHandle,
    offered: AtomicBool,
    /// More of it was announced: who asks next is answered with what is there.
    announced: Arc<AtomicBool>,
}

/// How far an answer is.
#[derive(Debug, Default)]
struct Progress {
    /// The model's words.
    text: String,
    /// Set once nothing more will come.
    end: Option<End>,
}

#[derive(Debug)]
enum End {
    /// What was made of the text for the place itself, and the edit that it is there; `whole` where the model came to an end
    /// by itself.
    Answered { offer: Option<Offer>, edit: Option<Box<Edit>>, whole: bool },
    /// The engine could not.
    Failed,
}

/// A [`Draft`] relative to the cursor.
#[derive(Debug)]
struct Offer {
    back: usize,
    forward: usize,
    text: String,
}

/// What to expect of an answer for a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Promise {
    /// Something that was offered is left.
    Offer,
    /// The model's words agree so far.
    Words,
    /// It is known that nothing came.
    Nothing,
}

/// What an answer means for a cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// This is left of it.
    Draft(Draft),
    /// All of it stands in the text.
    Typed,
    /// Nothing comes of it.
    Nothing,
    /// The text has gone another way.
    Contradicted,
}

impl Answer {
    /// Follows a generation for `cursor` of `document` to its end, whether anybody waits for it or not. `ended`
    /// is told what it cost. Must be called within a runtime.
    pub(super) fn follow(
        mut generation: Generation,
        place: Place,
        document: Arc<Document>,
        cursor: usize,
        ended: impl FnOnce(Usage) + Send + 'static,
    ) -> Arc<Answer> {
        let (sender, progress) = watch::channel(Progress::default());
        let made_for = document.text.clone();
        let follow = async move {
            let reason = loop {
                match generation.next().await {
                    Some(Ok(Event::Read { .. })) => {}
                    Some(Ok(Event::Text(piece))) => {
                        sender.send_modify(|progress| progress.text.push_str(&piece))
                    }
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
            let text = sender.borrow().text.clone();
            let end = match reason {
                Some(reason) => {
                    let whole = reason != FinishReason::MaxTokens;
                    beside(move || End::made_of(&document, cursor, &text, whole)).await
                }
                None => None,
            };
            sender.send_modify(|progress| progress.end = Some(end.unwrap_or(End::Failed)));
        };
        Arc::new(Answer {
            place,
            text: made_for,
            progress,
            task: tokio::spawn(follow).abort_handle(),
            offered: AtomicBool::default(),
            announced: Arc::default(),
        })
    }

    /// How much this answer promises for a cursor; cheap, and `None` where nothing.
    fn promise(&self, document: &Document, cursor: usize) -> Option<Promise> {
        if self.failed() {
            return None;
        }
        let typed = self.place.typed(&document.text, cursor)?;
        self.progress.borrow().promise(document, cursor, &typed)
    }

    /// Waits until there is nothing to wait for: the end, a contradiction, or the deadline, at which the text
    /// so far counts.
    pub(super) async fn by(&self, deadline: Instant, document: &Arc<Document>, cursor: usize) -> Standing {
        let Some(typed) = self.place.typed(&document.text, cursor) else { return Standing::Contradicted };
        let deadline = if self.announced.load(Ordering::Relaxed) { Instant::now() } else { deadline };
        let mut progress = self.progress.clone();
        let settled = progress.wait_for(|progress| progress.end.is_some() || !progress.may_agree(&typed));
        // A sender that is gone without an end was aborted; what it has said counts.
        let _ = tokio::time::timeout_at(deadline, settled).await;
        let look = progress.borrow().look(document, cursor, &typed);
        look.settled(document, cursor, deadline).await
    }

    /// The edit of a draft of this answer, where it was verified for the same text already.
    pub(super) fn verified(&self, document: &Document, draft: &Draft) -> Option<Edit> {
        let progress = self.progress.borrow();
        let Some(End::Answered { edit: Some(edit), .. }) = &progress.end else { return None };
        let is_same = self.text.is_instance(&document.text)
            && edit.applies_to(document)
            && edit.range() == draft.range
            && edit.new_text() == draft.text;
        is_same.then(|| (**edit).clone())
    }

    /// Waits until asking again at a cursor, where `shown` was all when the time was up, would bring more: a first line where
    /// there was nothing, the end, or another answer, since this one turns out not to be for this text. False where nothing
    /// more comes. Does not keep the generation alive.
    pub(super) fn more(
        &self,
        document: Arc<Document>,
        cursor: usize,
        shown: Option<Draft>,
    ) -> impl Future<Output = bool> + Send + use<> {
        let typed = self.place.typed(&document.text, cursor);
        let (mut progress, announced) = (self.progress.clone(), self.announced.clone());
        async move {
            let Some(typed) = typed else { return false };
            let mut lines = 0;
            while progress.changed().await.is_ok() {
                let (look, ended) = {
                    let progress = progress.borrow_and_update();
                    let ended = progress.end.is_some();
                    // Only whole lines are shown of an answer that has not ended, and looking at them costs a parse.
                    let lines_before = std::mem::replace(&mut lines, progress.text.matches('\n').count());
                    if !ended && progress.may_agree(&typed) && (shown.is_some() || lines == lines_before) {
                        continue;
                    }
                    (progress.look(&document, cursor, &typed), ended)
                };
                match look.settled(&document, cursor, Instant::now() + MAKING).await {
                    Standing::Draft(now) if Some(&now) != shown.as_ref() => {
                        announced.store(true, Ordering::Relaxed);
                        return true;
                    }
                    Standing::Contradicted | Standing::Typed => return true,
                    _ if ended => return false,
                    _ => {}
                }
            }
            false
        }
    }

    /// Whether all that was offered of this answer stands in the text before the cursor.
    pub(super) fn is_typed(&self, document: &Document, cursor: usize) -> bool {
        let progress = self.progress.borrow();
        let Some(End::Answered { offer: Some(offer), .. }) = &progress.end else { return false };
        let typed = self.place.typed(&document.text, cursor);
        typed.is_some_and(|typed| offer.left(document, cursor, &typed) == Some(Standing::Typed))
    }

    /// True the first time.
    pub(super) fn first_offered(&self) -> bool {
        !self.offered.swap(true, Ordering::Relaxed)
    }

    /// Whether nothing more will come: it has ended, or whoever made it is gone.
    pub(super) fn ended(&self) -> bool {
        self.progress.has_changed().is_err() || self.progress.borrow().end.is_some()
    }

    /// Why an answer of which nothing is left to offer offers nothing.
    pub(super) fn why_nothing(&self) -> NothingOffered {
        let progress = self.progress.borrow();
        match progress.end {
            None => NothingOffered::TimedOut,
            Some(End::Failed) => NothingOffered::Failed,
            Some(End::Answered { .. }) if progress.text.trim().is_empty() => NothingOffered::SaidNothing,
            Some(End::Answered { .. }) => NothingOffered::NothingJoins,
        }
    }

    fn failed(&self) -> bool {
        self.ended() && !matches!(self.progress.borrow().end, Some(End::Answered { .. }))
    }
}

impl End {
    /// Takes as long as the document is deep: see [`beside`].
    fn made_of(document: &Document, cursor: usize, text: &str, whole: bool) -> End {
        let document = document.until(std::time::Instant::now() + MAKING);
        let draft = answer::completion(&document, cursor, text, whole);
        let edit = draft
            .as_ref()
            .and_then(|draft| edits::verify(&document, draft, &Demands::Completion).ok())
            .map(Box::new);
        End::Answered { offer: draft.and_then(|draft| Offer::of(draft, cursor)), edit, whole }
    }
}

impl Standing {
    /// The draft, if there is one.
    pub(super) fn draft(self) -> Option<Draft> {
        match self {
            Standing::Draft(draft) => Some(draft),
            _ => None,
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Progress {
    fn promise(&self, document: &Document, cursor: usize, typed: &Typed) -> Option<Promise> {
        let Some(end) = &self.end else { return self.may_agree(typed).then_some(Promise::Words) };
        let End::Answered { offer, .. } = end else { return None };
        match offer.as_ref().and_then(|offer| offer.left(document, cursor, typed)) {
            Some(Standing::Draft(_)) => Some(Promise::Offer),
            Some(_) => None,
            None if typed.is_nothing() => Some(Promise::Nothing),
            None => rest(&self.text, &typed.text).filter(|rest| !rest.is_empty()).map(|_| Promise::Words),
        }
    }

    /// Whether what was typed may still turn out to be the answer's beginning.
    fn may_agree(&self, typed: &Typed) -> bool {
        rest(&self.text, &typed.text).is_some() || rest(&typed.text, &self.text).is_some()
    }

    /// What the answer means for a cursor, as far as that costs nothing.
    fn look(&self, document: &Document, cursor: usize, typed: &Typed) -> Look {
        let (offer, whole) = match &self.end {
            None if self.may_agree(typed) => return self.words(typed, false, Standing::Nothing),
            None => return Look::Standing(Standing::Contradicted),
            Some(End::Failed) => return Look::Standing(Standing::Nothing),
            Some(End::Answered { offer, whole, .. }) => (offer, *whole),
        };
        match offer.as_ref().and_then(|offer| offer.left(document, cursor, typed)) {
            Some(standing) => Look::Standing(standing),
            // At the place itself the offer was all.
            None if typed.is_nothing() => Look::Standing(Standing::Nothing),
            // The model's own words may go further than what was made of them.
            None if rest(&self.text, &typed.text).is_some() => self.words(typed, whole, Standing::Typed),
            None => Look::Standing(Standing::Contradicted),
        }
    }

    fn words(&self, typed: &Typed, whole: bool, otherwise: Standing) -> Look {
        match rest(&self.text, &typed.text).filter(|rest| !rest.is_empty()) {
            Some(rest) => Look::Words(Words { rest: rest.to_owned(), whole, otherwise }),
            None => Look::Standing(otherwise),
        }
    }
}

/// What a look at an answer shows.
enum Look {
    Standing(Standing),
    /// Something is yet to be made of these words.
    Words(Words),
}

impl Look {
    /// What the answer means in the end. The parses that this takes end a little after `deadline`.
    async fn settled(self, document: &Arc<Document>, cursor: usize, deadline: Instant) -> Standing {
        let words = match self {
            Look::Standing(standing) => return standing,
            Look::Words(words) => words,
        };
        let document = document.clone();
        let work = move || {
            let document = document.until(grace(deadline));
            answer::completion(&document, cursor, &words.rest, words.whole)
                .map_or(words.otherwise, Standing::Draft)
        };
        beside(work).await.unwrap_or(Standing::Nothing)
    }
}

/// Words of the model behind what was typed.
struct Words {
    rest: String,
    whole: bool,
    /// What the answer means if nothing can be made of them.
    otherwise: Standing,
}

impl Offer {
    fn of(draft: Draft, cursor: usize) -> Option<Offer> {
        let back = cursor.checked_sub(draft.range.start)?;
        let forward = draft.range.end.checked_sub(cursor)?;
        Some(Offer { back, forward, text: draft.text })
    }

    /// What is left for a cursor that has come to its place by typing; `None` where the typed text is not how
    /// the offer begins.
    fn left(&self, document: &Document, cursor: usize, typed: &Typed) -> Option<Standing> {
        if typed.is_nothing() {
            let range = cursor.checked_sub(self.back)?..cursor + self.forward;
            return Some(Standing::Draft(Draft { range, text: self.text.clone() }));
        }
        // The offer repeats what stood between its start and the place, or it changes it: then only the whole
        // offer makes sense, and only at the place.
        let column = cursor.checked_sub(typed.text.len())?;
        let back = document.text.byte_slice(column.checked_sub(self.back)?..column).to_string();
        let rest = rest(self.text.strip_prefix(&back)?, &typed.text)?;
        if rest.is_empty() {
            return Some(Standing::Typed);
        }
        let closed = document.text.byte_slice(cursor..cursor + typed.closed).to_string();
        let forward = if holds_in_order(rest, &closed) { typed.closed + self.forward } else { 0 };
        Some(Standing::Draft(Draft { range: cursor..cursor + forward, text: rest.to_owned() }))
    }
}

/// Whether the characters of `marks` occur in `text` in this order.
fn holds_in_order(text: &str, marks: &str) -> bool {
    let mut chars = text.chars();
    marks.chars().all(|mark| chars.any(|c| c == mark))
}

/// The answers of one document, the most recently used first.
#[derive(Debug, Default)]
pub(super) struct Answers {
    answers: VecDeque<Arc<Answer>>,
}

impl Answers {
    /// The answers that may have something to say about this cursor, the most promising first: what was offered and
    /// not yet typed, then what is on its way or goes further than the offer, then that nothing came here.
    pub(super) fn candidates(&mut self, document: &Document, cursor: usize) -> Vec<Arc<Answer>> {
        let promise = |answer: &Arc<Answer>| Some((answer.promise(document, cursor)?, answer.clone()));
        let mut candidates: Vec<_> = self.answers.iter().filter_map(promise).collect();
        candidates.sort_by_key(|&(promise, _)| promise);
        if let Some((_, best)) = candidates.first() {
            self.remove(best);
            self.answers.push_front(best.clone());
        }
        candidates.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Whether some answer stands whole in the text before the cursor.
    pub(super) fn typed(&self, document: &Document, cursor: usize) -> bool {
        self.answers.iter().any(|answer| answer.is_typed(document, cursor))
    }

    /// Adds an answer; the one that was used least recently goes.
    pub(super) fn add(&mut self, answer: Arc<Answer>) {
        self.answers.retain(|answer| !answer.failed());
        self.answers.push_front(answer);
        self.answers.truncate(KEPT);
    }

    /// Takes an answer back.
    pub(super) fn remove(&mut self, answer: &Arc<Answer>) {
        self.answers.retain(|other| !Arc::ptr_eq(other, answer));
    }

    /// Ends the generations that the text has left behind. Where asking again costs nothing, what has ended is forgotten
    /// with them: by the time that the text comes back, the engine may have learnt better.
    pub(super) fn drop_contradicted(&mut self, document: &Document, cursor: usize, asking_is_free: bool) {
        let may_return = |answer: &Answer| !asking_is_free && answer.ended();
        self.answers.retain(|answer| may_return(answer) || answer.promise(document, cursor).is_some());
    }

    /// Forgets everything and ends what is running.
    pub(super) fn clear(&mut self) {
        self.answers.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::place::Reach;
    use super::*;
    use crate::documents::{Change, DocumentId};

    const REACH: Reach = Reach { before: 1000, after: 1000 };

    fn document(text: &str) -> (Arc<Document>, usize) {
        let cursor = text.find("$0").expect("the text has a cursor");
        let id = DocumentId("file:///a.rs".into());
        (Arc::new(Document::open(id, None, "rust", 1, &text.replacen("$0", "", 1))), cursor)
    }

    /// An answer whose text the test writes.
    fn answer(document: &Document, cursor: usize) -> (Arc<Answer>, watch::Sender<Progress>) {
        let (sender, progress) = watch::channel(Progress::default());
        let task = tokio::spawn(std::future::pending::<()>()).abort_handle();
        let place = Place::new(&document.text, cursor, REACH);
        let text = document.text.clone();
        let answer =
            Answer { place, text, progress, task, offered: AtomicBool::default(), announced: Arc::default() };
        (Arc::new(answer), sender)
    }

    fn typed(document: &Document, cursor: usize, text: &str) -> (Arc<Document>, usize) {
        let change = Change::Splice { range: cursor..cursor, text: text.to_owned() };
        (Arc::new(document.apply(document.version + 1, &[change])), cursor + text.len())
    }

    /// `None` where more is needed than a look.
    fn standing(answer: &Answer, document: &Document, cursor: usize) -> Option<Standing> {
        let typed = answer.place.typed(&document.text, cursor).expect("nothing else has changed");
        match answer.progress.borrow().look(document, cursor, &typed) {
            Look::Standing(standing) => Some(standing),
            Look::Words(_) => None,
        }
    }

    /// Whether the model may yet say what was typed, or more.
    fn agrees(answer: &Answer, document: &Document, cursor: usize) -> bool {
        let typed = answer.place.typed(&document.text, cursor).expect("nothing else has changed");
        let progress = answer.progress.borrow();
        progress.end.is_none() && progress.may_agree(&typed)
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_deadline_the_finished_lines_count() {
        let (document, cursor) = document("fn f() -> u32 {\n    $0\n}\n");
        let (answer, sender) = answer(&document, cursor);
        sender.send_modify(|progress| progress.text = "let a = 1;\n    let b = 2;\n    let c".to_owned());
        let asked = Instant::now();
        let standing = answer.by(asked + Duration::from_millis(700), &document, cursor).await;
        assert_eq!(asked.elapsed(), Duration::from_millis(700));
        let draft = standing.draft().expect("two lines are there");
        assert_eq!(draft.text, "let a = 1;\n    let b = 2;");
        // What has been typed meanwhile is not offered again.
        let (document, cursor) = typed(&document, cursor, "let a = 1;");
        let standing = answer.by(Instant::now(), &document, cursor).await;
        assert_eq!(standing.draft().expect("one line is left").text, "\n    let b = 2;");
    }

    #[tokio::test]
    async fn a_first_line_and_the_end_are_more_than_was_shown() {
        let (document, cursor) = document("fn f() -> u32 {\n    $0\n}\n");
        let more = |answer: &Answer, shown| tokio::spawn(answer.more(document.clone(), cursor, shown));
        let standing = async |answer: &Answer| {
            // Far away, but it is not waited for: more was announced.
            answer.by(Instant::now() + Duration::from_secs(60), &document, cursor).await.draft()
        };
        let (answer, sender) = answer(&document, cursor);
        let first = more(&answer, None);
        sender.send_modify(|progress| progress.text = "let a".to_owned());
        tokio::task::yield_now().await;
        assert!(!first.is_finished(), "half a line is nothing to show");
        sender.send_modify(|progress| progress.text.push_str(" = 1;\n    let b"));
        assert!(first.await.expect("no panic"));
        let shown = standing(&answer).await.expect("the first line");
        assert_eq!(shown.text, "let a = 1;");

        let rest = more(&answer, Some(shown.clone()));
        sender.send_modify(|progress| progress.text.push_str(" = 2;\n    a"));
        tokio::task::yield_now().await;
        assert!(!rest.is_finished(), "what a user reads changes once, at the end");
        let offer = |text: &str| Some(Offer { back: 0, forward: 0, text: text.to_owned() });
        let all = "let a = 1;\n    let b = 2;\n    a + b";
        sender.send_modify(|progress| {
            progress.end = Some(End::Answered { offer: offer(all), edit: None, whole: true })
        });
        assert!(rest.await.expect("no panic"));
        let shown = standing(&answer).await.expect("the rest");
        assert_eq!(shown.text, all);
        assert!(!more(&answer, Some(shown)).await.expect("no panic"), "that was all");
    }

    /// What was typed while it was on its way is not how it begins: only another answer helps, and one must be asked for.
    #[tokio::test]
    async fn an_answer_that_turns_out_to_be_for_another_text_is_more() {
        let (document, cursor) = document("fn f() {\n    $0\n}\n");
        let (answer, sender) = answer(&document, cursor);
        let (document, cursor) = typed(&document, cursor, "if");
        let more = tokio::spawn(answer.more(document, cursor, None));
        sender.send_modify(|progress| progress.text = "i".to_owned());
        tokio::task::yield_now().await;
        assert!(!more.is_finished(), "it agrees so far");
        sender.send_modify(|progress| progress.text = "int(".to_owned());
        assert!(more.await.expect("no panic"));
    }

    #[tokio::test]
    async fn an_answer_that_comes_to_nothing_or_is_given_up_is_no_more() {
        let (document, cursor) = document("fn f() {\n    $0\n}\n");
        let nothing = || End::Answered { offer: None, edit: None, whole: true };
        for end in [Some(nothing()), Some(End::Failed), None] {
            let (answer, sender) = answer(&document, cursor);
            let more = answer.more(document.clone(), cursor, None);
            sender.send_modify(|progress| progress.end = end);
            drop((answer, sender));
            assert!(!more.await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_contradiction_is_not_waited_out() {
        let (document, cursor) = document("fn f() {\n    $0\n}\n");
        let (answer, sender) = answer(&document, cursor);
        let (document, cursor) = typed(&document, cursor, "let");
        assert!(agrees(&answer, &document, cursor), "nothing speaks against it");
        sender.send_modify(|progress| progress.text = "le".to_owned());
        assert!(agrees(&answer, &document, cursor), "it has not come so far");
        sender.send_modify(|progress| progress.text.push_str("ft()"));
        let asked = Instant::now();
        let standing = answer.by(asked + Duration::from_secs(10), &document, cursor).await;
        assert_eq!((standing, asked.elapsed()), (Standing::Contradicted, Duration::ZERO));
    }

    #[tokio::test]
    async fn an_offer_that_reaches_back_is_typed_through_too() {
        let (document, cursor) = document("    re$0;\n");
        let (answer, sender) = answer(&document, cursor);
        let offer = Offer { back: 2, forward: 1, text: "return a;".to_owned() };
        sender.send_modify(|progress| {
            progress.end = Some(End::Answered { offer: Some(offer), edit: None, whole: true });
        });
        let draft = |range, text: &str| Some(Standing::Draft(Draft { range, text: text.to_owned() }));
        assert_eq!(standing(&answer, &document, cursor), draft(4..7, "return a;"));
        let (more, at) = typed(&document, cursor, "turn");
        assert_eq!(standing(&answer, &more, at), draft(10..11, " a;"));
        let (all, at) = typed(&document, cursor, "turn a;");
        assert!(answer.is_typed(&all, at));
        let (other, at) = typed(&document, cursor, "d");
        assert_eq!(standing(&answer, &other, at), Some(Standing::Contradicted));
    }

    #[tokio::test]
    async fn as_many_answers_are_kept_as_the_bound_says() {
        let mut answers = Answers::default();
        let (first, cursor) = document("first $0");
        let (oldest, sender) = answer(&first, cursor);
        let mut senders = vec![sender];
        answers.add(oldest);
        for n in 0..KEPT {
            assert!(!answers.candidates(&first, cursor).is_empty(), "found, and so used again");
            let (document, cursor) = document(&format!("{n} $0"));
            let (answer, sender) = answer(&document, cursor);
            senders.push(sender);
            answers.add(answer);
        }
        assert_eq!(answers.answers.len(), KEPT);
        assert!(!answers.candidates(&first, cursor).is_empty(), "what is used stays");
        let (document, cursor) = document("0 $0");
        assert!(answers.candidates(&document, cursor).is_empty(), "what was not used longest is gone");
    }

    #[test]
    fn brackets_closed_by_the_editor_give_way_only_to_a_text_that_closes_them() {
        assert!(holds_in_order("a, b)]", ")]"));
        assert!(!holds_in_order("a, b]", ")"));
        assert!(holds_in_order("", ""));
    }
}
