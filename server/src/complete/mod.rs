//! The flow of a completion, from a cursor to an edit, first step to last.
//!
//! [`complete`] holds the whole path. Between two requests it keeps, for each document, the answers by the text around them
//! ([`answers`], [`anchor`]), so that typing along, moving back and undoing find them again, and the generations that are still
//! running: a newer request ends an older one, but not its generation.
//!
//! Whatever walks over a syntax tree runs on the blocking pool ([`blocking`]), because a tree is as deep as the text makes it.
//! It waits for a parse no longer than the deadline of the answer.

mod anchor;
mod answer;
mod answers;
mod cadence;
mod events;
mod explain;
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

use phi_engine::{Priority, Request, Sampling};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::anchor::{Anchor, Reach};
use self::answer::Answer;
pub use self::events::{accepted, changed, closed, opened, resolved};
pub use self::explain::{explain, explain_latest, prompt};
use self::limits::Limits;
use self::matching::Match;
pub use self::nothing::NothingOffered;
pub use self::session::{Completions, Ready, RequestGeneration, RequestStatus};
use self::session::{DocumentSession, PendingRequest};
use crate::answer::Draft;
use crate::blocking;
use crate::context::{self, Context};
use crate::documents::Document;
use crate::edits::{self, Constraints, Edit};
use crate::workspace::ContextScope;

/// The share of a request's time for waiting for the document's tree; the model needs the rest. Without a tree, the rules use
/// the text.
const TREE_SHARE: u32 = 4;

/// How long after the deadline the parses may end that turn the model's text into an answer.
const GRACE: Duration = Duration::from_millis(20);

/// A request for a completion.
#[derive(Debug, Clone)]
pub struct CompletionRequest {
    /// The snapshot to complete in.
    pub document: Arc<Document>,
    /// Byte offset on a character boundary.
    pub cursor: usize,
    /// Who sent it.
    pub trigger: Trigger,
}

/// Who sent a request for a completion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trigger {
    /// The editor, after a change. Answered only where users are likely to want a completion.
    #[default]
    Automatic,
    /// The user, with a key.
    Invoked,
    /// The completion menu, which must not wait: answered with what is ready within 50 ms.
    Menu,
}

/// A completion that the client may draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What accepting it changes; its range lies in the cursor's line.
    pub edit: Edit,
    /// Byte offset in the edit's new text where users continue, such as the empty line of a block; `None` for its end. The
    /// prefetched answer is for this place, even if the client cannot put its cursor there.
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
pub async fn complete(
    completions: &Completions,
    request: CompletionRequest,
) -> Result<Option<Completion>, Superseded> {
    let request_generation = begin(completions, &request)?;
    complete_in(completions, request_generation, request, async |_| None).await
}

/// Makes this the newest request for its document. The order of requests decides, so the read loop calls this at once, and
/// [`complete_in`] in a task.
pub fn begin(
    completions: &Completions,
    request: &CompletionRequest,
) -> Result<RequestGeneration, Superseded> {
    completions.session(&request.document.id).begin(request)
}

/// Answers a request that has begun; see [`complete`]. If `first` returns an edit, that edit is the answer; `first` gets
/// the deadline.
///
/// A client that stops waiting, as VS Code does after 750 ms, does not end its request: it is notified when there is an
/// answer ([`Completions::ready`]).
pub async fn complete_in<F>(
    completions: &Completions,
    request_generation: RequestGeneration,
    request: CompletionRequest,
    first: impl FnOnce(Instant) -> F + Send + 'static,
) -> Result<Option<Completion>, Superseded>
where
    F: Future<Output = Option<Edit>> + Send,
{
    let record = completions.record_request(&request.document, request.cursor);
    let task = {
        let (completions, request_generation, request) =
            (completions.clone(), request_generation.clone(), request.clone());
        tokio::spawn(async move {
            let answer = offer(&completions, request_generation, request, first).await;
            record.answered(answer.as_ref().err());
            answer
        })
    };
    let pending =
        PendingRequest { completions: completions.clone(), request_generation, request, task: Some(task) };
    match pending.answer().await {
        Ok(completion) => Ok(Some(completion)),
        Err(NothingOffered::Superseded) => Err(Superseded),
        Err(_) => Ok(None),
    }
}

/// The path of [`complete`]; returns why it offers nothing.
async fn offer<F: Future<Output = Option<Edit>>>(
    completions: &Completions,
    request_generation: RequestGeneration,
    request: CompletionRequest,
    first: impl FnOnce(Instant) -> F,
) -> Result<Completion, NothingOffered> {
    let limits = Limits::of(&completions.workspace);
    let deadline = Instant::now() + limits.budget(request.trigger);
    let session = completions.session(&request.document.id);
    if !limits.enabled {
        return Err(NothingOffered::Disabled);
    }
    let may_be_shown = completions.workspace.may_be_shown_soon(&request.document);
    may_be_shown.await.map_err(NothingOffered::Withheld)?;
    // Answers of another engine are dropped before one of them is found.
    let _ = completions.engine();
    if let Some(edit) = request_generation.unless_superseded(first(deadline)).await? {
        session.state().offered = None;
        return Ok(Completion { edit, cursor: None });
    }
    if !trigger::wanted(&request, session.state().latest.deleted()) {
        // The next key may make a completion wanted.
        warm(completions, request.document, request.cursor);
        return Err(NothingOffered::NotWantedHere);
    }
    let answered = async {
        // A generation that an earlier request is starting may serve this one.
        drop(timeout_at(deadline, session.starting.lock()).await);
        let (answer, draft, is_old) = match known(completions, &session, &request, deadline).await {
            Some((answer, Some(draft), _)) if !completions.models.is_neural() => {
                let (answer, draft) =
                    extended(completions, &session, &request, &request_generation, deadline, answer, draft)
                        .await;
                (answer, draft, true)
            }
            Some(known) => known,
            None => {
                debounced(completions, &session, &request, &limits, deadline).await;
                let parse_timeout = deadline.saturating_duration_since(Instant::now()) / TREE_SHARE;
                let running = running(
                    completions.clone(),
                    session.clone(),
                    request.clone(),
                    request_generation.clone(),
                    parse_timeout,
                );
                let mut running = tokio::spawn(running);
                let Ok(answer) = timeout_at(deadline, &mut running).await else {
                    let (document, cursor) = (request.document.clone(), request.cursor);
                    completions.announce(&request_generation, &request, async move {
                        let Ok(Some(answer)) = running.await else { return false };
                        // An answer that has no owner ends.
                        let more = answer.more(document, cursor, None);
                        drop(answer);
                        more.await
                    });
                    return Err(NothingOffered::TimedOut);
                };
                let answer = answer.ok().flatten().ok_or(NothingOffered::Failed)?;
                let is_old = answer.ended();
                let found = answer.by(deadline, &request.document, request.cursor).await;
                (answer, found.draft(), is_old)
            }
        };
        let edit = match &draft {
            Some(draft) => verified(&answer, &request.document, draft.clone(), deadline).await,
            None => Err(match answer.why_nothing() {
                NothingOffered::SaidNothing if !completions.models.is_neural() => NothingOffered::NoModel,
                why => why,
            }),
        };
        if !is_old {
            // It may have ended meanwhile; an edit that is refused for a whole answer is refused again.
            let shown = draft.filter(|_| edit.is_ok() || answer.ended());
            completions.announce(
                &request_generation,
                &request,
                answer.more(request.document.clone(), request.cursor, shown),
            );
        }
        Ok::<_, NothingOffered>((answer, Completion::new(edit?)))
    };
    let (answer, completion) = request_generation.unless_superseded(answered).await??;
    session.state().offered = Some((request.document.clone(), completion.clone()));
    if limits.prefetch && answer.first_offered() {
        let (accepted, behind) = as_if_accepted(&request.document, &completion);
        warm(completions, Arc::new(accepted), behind);
    }
    Ok(completion)
}

/// A kept answer, finished or running, that matches the text typed since; its draft; and whether it was finished already.
async fn known(
    completions: &Completions,
    session: &DocumentSession,
    request: &CompletionRequest,
    deadline: Instant,
) -> Option<(Arc<Answer>, Option<Draft>, bool)> {
    // The engine may have new sources: generate again where that is free, or where the user invoked the request.
    let generating_is_free = !completions.models.is_neural();
    let may_regenerate = request.trigger == Trigger::Invoked || generating_is_free;
    for answer in session.known(request, generating_is_free) {
        let is_old = answer.ended();
        match answer.by(deadline, &request.document, request.cursor).await {
            Match::Empty if may_regenerate && is_old => {}
            Match::Mismatch | Match::Exhausted => {}
            found => return Some((answer, found.draft(), is_old)),
        }
    }
    None
}

/// The offered draft, or a longer one that begins with it. The n-gram model is sure of more with each key, and a request is
/// free, so an older answer may be shorter. What the user sees does not change otherwise.
async fn extended(
    completions: &Completions,
    session: &Arc<DocumentSession>,
    request: &CompletionRequest,
    request_generation: &RequestGeneration,
    deadline: Instant,
    offered: Arc<Answer>,
    draft: Draft,
) -> (Arc<Answer>, Option<Draft>) {
    let Some(newer) = restarted(completions, session, request, request_generation, deadline).await else {
        return (offered, Some(draft));
    };
    match newer.by(deadline, &request.document, request.cursor).await.draft() {
        Some(longer) if longer.range == draft.range && longer.text.starts_with(&draft.text) => {
            (newer, Some(longer))
        }
        _ => {
            session.state().answers.remove(&newer);
            (offered, Some(draft))
        }
    }
}

/// Waits for the next key if generating costs more than waiting.
async fn debounced(
    completions: &Completions,
    session: &DocumentSession,
    request: &CompletionRequest,
    limits: &Limits,
    deadline: Instant,
) {
    if request.trigger == Trigger::Automatic && completions.models.is_neural() {
        let until = session.state().cadence.debounce(&request.document, request.cursor, limits.debounce);
        sleep_until(until.min(deadline)).await;
    }
}

/// The generation that an earlier request for the same place has started, or a new one; `None` if a newer request arrives
/// first. May take longer than the request's deadline; the client is then notified.
async fn running(
    completions: Completions,
    session: Arc<DocumentSession>,
    request: CompletionRequest,
    request_generation: RequestGeneration,
    parse_timeout: Duration,
) -> Option<Arc<Answer>> {
    let starting_guard =
        request_generation.unless_superseded(session.starting.clone().lock_owned()).await.ok()?;
    let known = session.known(&request, !completions.models.is_neural());
    match known.into_iter().find(|answer| !answer.ended()) {
        Some(running) => Some(running),
        None => {
            started(&completions, &session, &request, &request_generation, parse_timeout, starting_guard)
                .await
        }
    }
}

/// A new generation, whatever is running.
async fn restarted(
    completions: &Completions,
    session: &Arc<DocumentSession>,
    request: &CompletionRequest,
    request_generation: &RequestGeneration,
    deadline: Instant,
) -> Option<Arc<Answer>> {
    let parse_timeout = deadline.saturating_duration_since(Instant::now()) / TREE_SHARE;
    let restarted = async {
        let starting_guard = session.starting.clone().lock_owned().await;
        started(completions, session, request, request_generation, parse_timeout, starting_guard).await
    };
    timeout_at(deadline, restarted).await.ok().flatten()
}

/// A new generation, unless the request is superseded. Starts even if the request has ended.
async fn started(
    completions: &Completions,
    session: &Arc<DocumentSession>,
    request: &CompletionRequest,
    request_generation: &RequestGeneration,
    parse_timeout: Duration,
    starting_guard: OwnedMutexGuard<()>,
) -> Option<Arc<Answer>> {
    let (completions, session, request_generation) =
        (completions.clone(), session.clone(), request_generation.clone());
    let (document, cursor) = (request.document.clone(), request.cursor);
    let work = move || {
        let _guard = starting_guard;
        (!request_generation.is_over())
            .then(|| start(&completions, &session, &document, cursor, Priority::Typing, Some(parse_timeout)))
    };
    blocking::run(work).await.flatten()
}

/// The edit of a draft, if it may be offered. An edit that the answer has verified for the same text is not verified again.
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
        edits::verify(&document, &draft, &Constraints::Completion)
    };
    let verified = blocking::run(work).await.ok_or(NothingOffered::Failed)?;
    verified.map_err(|refusal| NothingOffered::Refused(refusal.to_string()))
}

/// When the parses must end that turn the model's text into an answer.
fn grace(deadline: Instant) -> std::time::Instant {
    std::time::Instant::now() + deadline.saturating_duration_since(Instant::now()) + GRACE
}

/// From the context of a cursor to a running generation, which continues even if no request waits for it. Waits for the
/// document's tree for `parse_timeout`. Takes time in proportion to the document's depth: see [`blocking`].
fn start(
    completions: &Completions,
    session: &Arc<DocumentSession>,
    document: &Arc<Document>,
    cursor: usize,
    priority: Priority,
    parse_timeout: Option<Duration>,
) -> Arc<Answer> {
    let read = parse_timeout.map(|parse_timeout| document.until(std::time::Instant::now() + parse_timeout));
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
        prompt: crate::prompt::complete(read, &context, &engine.model().formats),
        priority,
        max_tokens: limits.max_tokens,
        sampling: Sampling::Greedy,
        stop: length::stop_rules(read, cursor, crate::prompt::fence(read, &context), limits.max_lines),
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

/// A line break is a token of its own; anything else before the cursor may be the front half of one.
fn may_stand_inside_a_token(document: &Document, cursor: usize) -> bool {
    cursor > 0 && document.text.byte(cursor - 1) != b'\n'
}

/// Prefills the prompt of a cursor while the engine is idle.
fn warm(completions: &Completions, document: Arc<Document>, cursor: usize) {
    if completions.models.is_neural() {
        let completions = completions.clone();
        tokio::task::spawn_blocking(move || {
            let context = gather(&completions, &document, cursor, completions.workspace.scope);
            let engine = completions.engine();
            engine.warm(crate::prompt::complete(&document, &context, &engine.model().formats));
        });
    }
}

/// The text and the cursor after a completion is accepted.
fn as_if_accepted(document: &Document, completion: &Completion) -> (Document, usize) {
    let edit = &completion.edit;
    let cursor = completion.cursor.unwrap_or(edit.new_text().len());
    (document.apply(document.version, &[edit.change()]), edit.range().start + cursor)
}
