//! The flow of a completion, from a cursor to an edit, first step to last.
//!
//! [`complete`] holds the whole path. What it keeps between two questions is small and per document: the answers
//! by the text around their place ([`answers`], [`anchor`]), so that typing along, moving back and undoing find
//! them again, and the generations that are still running, because a newer question ends an older one but not
//! its work.
//!
//! Whatever walks over a syntax tree runs beside the workers of the runtime ([`beside`]), for a tree is as deep as the text
//! makes it, and waits for a parse no longer than the answer has time.

mod anchor;
mod answer;
mod answers;
mod cadence;
pub(crate) mod length;
mod limits;
mod matching;
mod nothing;
mod session;
#[cfg(test)]
mod tests;
mod trigger;

use std::sync::Arc;
use std::time::Duration;

use phi_engine::{Priority, Prompt, Request, Sampling};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::anchor::{Anchor, Reach};
use self::answer::Answer;
use self::limits::Limits;
use self::matching::Match;
pub use self::nothing::NothingOffered;
pub use self::session::{Asked, Completions, Ready, Turn};
use self::session::{Asking, Session};
use crate::answer::Draft;

use crate::blocking;
use crate::context::{self, Context, Report};
use crate::documents::{Change, Document, DocumentId};
use crate::edits::{self, Demands, Edit};
use crate::prompt;
use crate::workspace::ContextScope;

/// The part of an answer's time in which the document's tree may be waited for: the model needs the rest. Without a tree
/// the rules go by the text.
const TREE_SHARE: u32 = 4;

/// What the model has said by the deadline is made an answer of; the parses that this takes end so much later.
const GRACE: Duration = Duration::from_millis(20);

/// A question for a completion.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The snapshot to complete in.
    pub document: Arc<Document>,
    /// Byte offset on a character boundary.
    pub cursor: usize,
    /// Who asked.
    pub trigger: Trigger,
}

/// Who asked for a completion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trigger {
    /// The editor, after a change. Answered only where a completion is likely to be wanted.
    #[default]
    Automatic,
    /// The user, by a key.
    Invoked,
    /// The completion menu, which must not wait: answered from what is ready within 50 ms.
    Menu,
}

/// A completion that the client may draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What accepting it changes; its range lies in the cursor's line.
    pub edit: Edit,
    /// Byte offset in the edit's new text where a person goes on writing, such as the empty line of a block; `None`
    /// behind it. What is generated ahead is for there, also where a client cannot put its cursor there.
    pub cursor: Option<usize>,
}

impl Completion {
    fn new(edit: Edit) -> Completion {
        let cursor = crate::answer::cursor(edit.new_text());
        Completion { edit, cursor }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superseded;

/// Answers a request within the time that its trigger allows. A newer request for the same document, or a newer text of
/// it, ends an older request with [`Superseded`] at once.
pub async fn complete(completions: &Completions, ask: Ask) -> Result<Option<Completion>, Superseded> {
    let turn = begin(completions, &ask)?;
    complete_in(completions, turn, ask, async |_| None).await
}

/// Makes this the newest request for its document. The order of requests decides, so the read loop calls this at once, and
/// [`complete_in`] in a task.
pub fn begin(completions: &Completions, ask: &Ask) -> Result<Turn, Superseded> {
    completions.session(&ask.document.id).begin(ask)
}

/// Answers a request that has begun; see [`complete`]. Where `first` gives an edit by the deadline it is told, that edit is
/// the answer; the caller has something better than a completion then.
///
/// A client that stops waiting, as VS Code does after 750 ms, does not end its request: it is notified when there is an
/// answer ([`Completions::ready`]).
pub async fn complete_in<F>(
    completions: &Completions,
    turn: Turn,
    ask: Ask,
    first: impl FnOnce(Instant) -> F + Send + 'static,
) -> Result<Option<Completion>, Superseded>
where
    F: Future<Output = Option<Edit>> + Send,
{
    let question = completions.asks(&ask.document, ask.cursor);
    let asking = {
        let (completions, turn, ask) = (completions.clone(), turn.clone(), ask.clone());
        tokio::spawn(async move {
            let answer = offer(&completions, turn, ask, first).await;
            question.answered(answer.as_ref().err());
            answer
        })
    };
    let asking = Asking { completions: completions.clone(), turn, ask, task: Some(asking) };
    match asking.answer().await {
        Ok(completion) => Ok(Some(completion)),
        Err(NothingOffered::Superseded) => Err(Superseded),
        Err(_) => Ok(None),
    }
}

/// The path of [`complete`], which says why where it offers nothing.
async fn offer<F: Future<Output = Option<Edit>>>(
    completions: &Completions,
    turn: Turn,
    ask: Ask,
    first: impl FnOnce(Instant) -> F,
) -> Result<Completion, NothingOffered> {
    let limits = Limits::of(&completions.workspace);
    let deadline = Instant::now() + limits.budget(ask.trigger);
    let session = completions.session(&ask.document.id);
    if !limits.enabled {
        return Err(NothingOffered::Disabled);
    }
    completions.workspace.may_be_shown(&ask.document).map_err(NothingOffered::Withheld)?;
    // Answers of another engine are dropped before one of them is found.
    let _ = completions.engine();
    if let Some(edit) = turn.unless_superseded(first(deadline)).await? {
        session.state().offered = None;
        return Ok(Completion { edit, cursor: None });
    }
    if !trigger::wanted(&ask, session.state().latest.deleted()) {
        // What is not wanted here may be wanted behind the next key.
        warm(completions, ask.document, ask.cursor);
        return Err(NothingOffered::NotWantedHere);
    }
    let answered = async {
        // What an earlier question is starting may serve this one.
        drop(timeout_at(deadline, session.starting.lock()).await);
        let (answer, draft, is_old) = match known(completions, &session, &ask, deadline).await {
            Some((answer, Some(draft), _)) if !completions.models.is_neural() => {
                let (answer, draft) =
                    grown(completions, &session, &ask, &turn, deadline, answer, draft).await;
                (answer, draft, true)
            }
            Some(known) => known,
            None => {
                debounced(completions, &session, &ask, &limits, deadline).await;
                let patience = deadline.saturating_duration_since(Instant::now()) / TREE_SHARE;
                let running =
                    running(completions.clone(), session.clone(), ask.clone(), turn.clone(), patience);
                let mut running = tokio::spawn(running);
                let Ok(answer) = timeout_at(deadline, &mut running).await else {
                    let (document, cursor) = (ask.document.clone(), ask.cursor);
                    completions.announce(&turn, &ask, async move {
                        let Ok(Some(answer)) = running.await else { return false };
                        // An answer that nobody holds ends.
                        let more = answer.more(document, cursor, None);
                        drop(answer);
                        more.await
                    });
                    return Err(NothingOffered::TimedOut);
                };
                let answer = answer.ok().flatten().ok_or(NothingOffered::Failed)?;
                let is_old = answer.ended();
                let found = answer.by(deadline, &ask.document, ask.cursor).await;
                (answer, found.draft(), is_old)
            }
        };
        let edit = match &draft {
            Some(draft) => verified(&answer, &ask.document, draft.clone(), deadline).await,
            None => Err(match answer.why_nothing() {
                NothingOffered::SaidNothing if !completions.models.is_neural() => NothingOffered::NoModel,
                why => why,
            }),
        };
        if !is_old {
            // It may have ended since it was looked at; what is refused of a whole answer will be refused again.
            let shown = draft.filter(|_| edit.is_ok() || answer.ended());
            completions.announce(&turn, &ask, answer.more(ask.document.clone(), ask.cursor, shown));
        }
        Ok::<_, NothingOffered>((answer, Completion::new(edit?)))
    };
    let (answer, completion) = turn.unless_superseded(answered).await??;
    session.state().offered = Some((ask.document.clone(), completion.clone()));
    if limits.prefetch && answer.first_offered() {
        let (accepted, behind) = as_if_accepted(&ask.document, &completion);
        warm(completions, Arc::new(accepted), behind);
    }
    Ok(completion)
}

/// What an earlier answer says, be it finished or still on its way: the text typed since must agree with it. And whether it
/// was finished before it was looked at.
async fn known(
    completions: &Completions,
    session: &Session,
    ask: &Ask,
    deadline: Instant,
) -> Option<(Arc<Answer>, Option<Draft>, bool)> {
    // Where asking costs nothing, or a key is pressed again: perhaps the engine has learnt something.
    let asking_is_free = !completions.models.is_neural();
    let asks_again = ask.trigger == Trigger::Invoked || asking_is_free;
    for answer in session.known(ask, asking_is_free) {
        let is_old = answer.ended();
        match answer.by(deadline, &ask.document, ask.cursor).await {
            Match::Empty if asks_again && is_old => {}
            Match::Mismatch | Match::Exhausted => {}
            found => return Some((answer, found.draft(), is_old)),
        }
    }
    None
}

/// What was offered, or more of it. The n-gram model is sure of more with each key and costs nothing to ask, so an answer
/// from some keys ago may be the shorter one; but what a user sees already does not turn into something else.
async fn grown(
    completions: &Completions,
    session: &Arc<Session>,
    ask: &Ask,
    turn: &Turn,
    deadline: Instant,
    offered: Arc<Answer>,
    draft: Draft,
) -> (Arc<Answer>, Option<Draft>) {
    let Some(newer) = anew(completions, session, ask, turn, deadline).await else {
        return (offered, Some(draft));
    };
    match newer.by(deadline, &ask.document, ask.cursor).await.draft() {
        Some(longer) if longer.range == draft.range && longer.text.starts_with(&draft.text) => {
            (newer, Some(longer))
        }
        _ => {
            session.state().answers.remove(&newer);
            (offered, Some(draft))
        }
    }
}

/// Waits for the next key, where generating costs more than waiting.
async fn debounced(
    completions: &Completions,
    session: &Session,
    ask: &Ask,
    limits: &Limits,
    deadline: Instant,
) {
    if ask.trigger == Trigger::Automatic && completions.models.is_neural() {
        let until = session.state().cadence.debounce(&ask.document, ask.cursor, limits.debounce);
        sleep_until(until.min(deadline)).await;
    }
}

/// The generation that a question about the same place has started a moment ago, or a new one; `None` where there is a newer
/// question by the time that one can be started. The question's time may be up earlier; then it is announced.
async fn running(
    completions: Completions,
    session: Arc<Session>,
    ask: Ask,
    turn: Turn,
    patience: Duration,
) -> Option<Arc<Answer>> {
    let only = turn.unless_superseded(session.starting.clone().lock_owned()).await.ok()?;
    let known = session.known(&ask, !completions.models.is_neural());
    match known.into_iter().find(|answer| !answer.ended()) {
        Some(running) => Some(running),
        None => started(&completions, &session, &ask, &turn, patience, only).await,
    }
}

/// A new generation, whatever is running.
async fn anew(
    completions: &Completions,
    session: &Arc<Session>,
    ask: &Ask,
    turn: &Turn,
    deadline: Instant,
) -> Option<Arc<Answer>> {
    let patience = deadline.saturating_duration_since(Instant::now()) / TREE_SHARE;
    let anew = async {
        let only = session.starting.clone().lock_owned().await;
        started(completions, session, ask, turn, patience, only).await
    };
    timeout_at(deadline, anew).await.ok().flatten()
}

/// A new generation, unless the question is an old one by now. Begins also where nobody waits for it any longer.
async fn started(
    completions: &Completions,
    session: &Arc<Session>,
    ask: &Ask,
    turn: &Turn,
    patience: Duration,
    only: OwnedMutexGuard<()>,
) -> Option<Arc<Answer>> {
    let (completions, session, turn) = (completions.clone(), session.clone(), turn.clone());
    let (document, cursor) = (ask.document.clone(), ask.cursor);
    let work = move || {
        let _only = only;
        // Nobody waits for the answer to an old question.
        (!turn.is_over())
            .then(|| start(&completions, &session, &document, cursor, Priority::Typing, Some(patience)))
    };
    blocking::run(work).await.flatten()
}

/// The edit of a draft, if it may be offered. What the answer has verified for the same text is not verified again.
async fn verified(
    answer: &Arc<Answer>,
    document: &Arc<Document>,
    draft: Draft,
    deadline: Instant,
) -> Result<Edit, NothingOffered> {
    if let Some(edit) = answer.verified(document, &draft) {
        return Ok(edit);
    }
    let document = document.clone();
    let work = move || {
        let document = document.until(grace(deadline));
        edits::verify(&document, &draft, &Demands::Completion)
    };
    let verified = blocking::run(work).await.ok_or(NothingOffered::Failed)?;
    verified.map_err(|refusal| NothingOffered::Refused(refusal.to_string()))
}

/// When the parses end that an answer needs after its model has spoken.
fn grace(deadline: Instant) -> std::time::Instant {
    std::time::Instant::now() + deadline.saturating_duration_since(Instant::now()) + GRACE
}

/// From the context of a cursor to a running generation, which goes on when nobody waits for it any longer. The document's
/// tree is waited for as long as `patience` says. Takes as long as the document is deep: see [`beside`].
fn start(
    completions: &Completions,
    session: &Arc<Session>,
    document: &Arc<Document>,
    cursor: usize,
    priority: Priority,
    patience: Option<Duration>,
) -> Arc<Answer> {
    let read = patience.map(|patience| document.until(std::time::Instant::now() + patience));
    let read = read.as_ref().unwrap_or(document);
    let limits = Limits::of(&completions.workspace);
    let engine = completions.engine();
    let origin = (completions.workspace.scope > ContextScope::None)
        .then(|| completions.sources().update(&engine, &completions.workspace.shown(), document, cursor));
    // The n-gram model has the texts themselves as sources, and reads the end of a prompt only.
    let scope = if completions.models.is_neural() {
        completions.workspace.scope
    } else {
        completions.workspace.scope.min(ContextScope::File)
    };
    let context = gather(completions, read, cursor, scope);
    let generation = engine.generate(Request {
        prompt: prompt::complete(read, &context),
        priority,
        max_tokens: limits.max_tokens,
        sampling: Sampling::Greedy,
        stop: length::stop_rules(read, cursor, prompt::fence(read, &context), limits.max_lines),
        heal: may_stand_inside_a_token(document, cursor),
        origin,
    });
    let anchor = Anchor::new(&document.text, cursor, Reach::of(limits.context(&engine)));
    let listener = Arc::downgrade(session);
    let answer = Answer::follow(generation, anchor, document.clone(), cursor, move |usage| {
        if let Some(session) = listener.upgrade() {
            let mut state = session.state();
            state.cadence.answered(usage.prefill_time + usage.decode_time);
            state.usage = Some(usage);
        }
    });
    session.state().answers.add(answer.clone());
    answer
}

fn gather(completions: &Completions, document: &Document, cursor: usize, scope: ContextScope) -> Context {
    let engine = completions.engine();
    let budget = Limits::of(&completions.workspace).context(&engine);
    context::gather(
        &completions.workspace,
        completions.contexts(),
        document,
        cursor,
        scope,
        budget,
        &|text| engine.count(text),
    )
}

/// What a model is asked at a cursor.
pub fn prompt(completions: &Completions, document: &Document, cursor: usize) -> Prompt {
    prompt::complete(document, &gather(completions, document, cursor, completions.workspace.scope))
}

/// What a model is shown at a cursor, and why; `None` where the document may not be shown.
pub fn explain(completions: &Completions, document: &Document, cursor: usize) -> Option<Report> {
    if completions.workspace.may_be_shown(document).is_err() {
        return None;
    }
    let engine = completions.engine();
    let budget = Limits::of(&completions.workspace).context(&engine);
    let context = gather(completions, document, cursor, completions.workspace.scope);
    Some(Report::of(document, cursor, &context, budget, &|text| engine.count(text)))
}

/// The same at the latest cursor of the document that was worked on last; `None` where none is open, or none that may be
/// shown.
pub fn explain_latest(completions: &Completions) -> Option<Report> {
    let document = completions.workspace.shown().into_iter().next()?;
    let cursor = completions.session(&document.id).cursor();
    explain(completions, &document, cursor.min(document.text.len_bytes()))
}

/// A line break is a token of its own; anything else before the cursor may be the front half of one.
fn may_stand_inside_a_token(document: &Document, cursor: usize) -> bool {
    cursor > 0 && document.text.byte(cursor - 1) != b'\n'
}

/// Runs a cursor's prompt while the user does nothing else, and after whoever waits has been answered.
fn warm(completions: &Completions, document: Arc<Document>, cursor: usize) {
    if completions.models.is_neural() {
        let completions = completions.clone();
        tokio::task::spawn_blocking(move || {
            let context = gather(&completions, &document, cursor, completions.workspace.scope);
            completions.engine().warm(prompt::complete(&document, &context));
        });
    }
}

/// The text and the cursor that accepting a completion will lead to.
fn as_if_accepted(document: &Document, completion: &Completion) -> (Document, usize) {
    let edit = &completion.edit;
    let cursor = completion.cursor.unwrap_or(edit.new_text().len());
    (document.apply(document.version, &[edit.change()]), edit.range().start + cursor)
}

/// Takes note of a document that was opened.
pub fn opened(completions: &Completions, document: &Document) {
    completions.remove(&document.id);
    completions.session(&document.id).note(document);
    completions.engine().warm(prompt::completion_rules());
}

/// Takes note of a change. Cheap enough for the handler of `didChange`; must be called within a runtime.
///
/// Ends the questions about older texts and the generations that the new text contradicts. Where it completes
/// what was offered, what comes behind is generated before anybody asks.
pub fn changed(completions: &Completions, document: &Arc<Document>, changes: &[Change]) {
    let session = completions.session(&document.id);
    session.note(document);
    let Some(Change::Splice { range, text }) = changes.last() else { return };
    let cursor = range.start + text.len();
    let typed = {
        let mut state = session.state();
        state.answers.drop_mismatches(document, cursor, !completions.models.is_neural());
        state.answers.is_typed(document, cursor)
    };
    if typed {
        prefetch(completions, session, document.clone(), cursor);
    }
}

/// Takes note of the client's word that the latest completion of a document was accepted. Must be called within
/// a runtime.
pub fn accepted(completions: &Completions, document: &DocumentId) {
    let session = completions.session(document);
    let offered = session.state().offered.take();
    if let Some((document, completion)) = offered {
        let (document, cursor) = as_if_accepted(&document, &completion);
        prefetch(completions, session, Arc::new(document), cursor);
    }
}

/// Generates what follows an accepted completion, unless that is known.
fn prefetch(completions: &Completions, session: Arc<Session>, document: Arc<Document>, cursor: usize) {
    if !Limits::of(&completions.workspace).prefetch {
        return;
    }
    let completions = completions.clone();
    tokio::task::spawn_blocking(move || {
        let _only = session.starting.clone().blocking_lock_owned();
        let known = session.state().answers.candidates(&document, cursor);
        // What was typed last may be a secret.
        if known.is_empty() && completions.workspace.may_be_shown(&document).is_ok() {
            start(&completions, &session, &document, cursor, Priority::Background, None);
        }
    });
}

/// Takes note of a document that was closed: its generations end.
pub fn closed(completions: &Completions, document: &Document) {
    completions.remove(&document.id);
    completions.sources().close(&completions.engine(), document);
}
