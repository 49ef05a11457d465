//! What the neural model offers: from a kept answer, from one that is being written, or from a new one.

use std::sync::Arc;
use std::time::Duration;

use phi_engine::{Engine, Priority, PromptFormats, Request, Sampling, ngram};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{sleep_until, timeout_at};

use super::anchor::{Anchor, Reach};
use super::answer::{Answer, Shown};
use super::limits::Limits;
use super::matching::Match;
use super::session::{Completions, DocumentSession, Store};
use super::{CompletionRequest, NothingOffered, Offer, Query, RequestGeneration, Trigger, length};
use crate::answer::Draft;
use crate::blocking;
use crate::context::{self, Context};
use crate::documents::Document;

/// The offer of the neural model. `copied` is the draft of the n-gram model that is shown meanwhile: then the client is
/// notified only of answers that begin with it.
pub(super) async fn offer(query: Query, copied: Option<Draft>) -> Result<Offer, NothingOffered> {
    let Query { completions, session, request, request_generation, deadline, .. } = &query;
    let answered = async {
        // A generation that an earlier request is starting may serve this one.
        drop(timeout_at(*deadline, session.starting.lock()).await);
        let (answer, draft, is_old) = match known(&query).await {
            Some(known) => known,
            None => {
                debounced(&query).await;
                let mut running = tokio::spawn(running(query.clone(), query.tree_time()));
                let Ok(answer) = timeout_at(*deadline, &mut running).await else {
                    let (document, cursor) = (request.document.clone(), request.cursor);
                    let shown = copied.map_or(Shown::Nothing, Shown::Copied);
                    completions.announce(request_generation, request, async move {
                        let Ok(Some(answer)) = running.await else { return false };
                        // An answer that has no owner ends.
                        let more = answer.more(document, cursor, shown);
                        drop(answer);
                        more.await
                    });
                    return Err(NothingOffered::TimedOut);
                };
                let answer = answer.ok().flatten().ok_or(NothingOffered::Failed)?;
                let is_old = answer.ended();
                let found = answer.by(*deadline, &request.document, request.cursor).await;
                (answer, found.draft(), is_old)
            }
        };
        let edit = match &draft {
            Some(draft) => query.verified(&answer, draft.clone()).await,
            None => Err(answer.why_nothing()),
        };
        if !is_old {
            // It may have ended meanwhile; an edit that is refused for a whole answer is refused again.
            let own = draft.filter(|_| edit.is_ok() || answer.ended());
            let shown = match (own, copied) {
                (Some(own), _) => Shown::Own(own),
                (None, Some(copied)) => Shown::Copied(copied),
                (None, None) => Shown::Nothing,
            };
            completions.announce(
                request_generation,
                request,
                answer.more(request.document.clone(), request.cursor, shown),
            );
        }
        Ok::<_, NothingOffered>(Offer { edit: edit?, answer })
    };
    request_generation.unless_superseded(answered).await?
}

/// A kept answer, finished or running, that matches the text typed since; its draft; and whether it was finished already.
async fn known(query: &Query) -> Option<(Arc<Answer>, Option<Draft>, bool)> {
    let Query { session, request, deadline, .. } = query;
    for answer in session.known(request, Store::Neural) {
        let is_old = answer.ended();
        match answer.by(*deadline, &request.document, request.cursor).await {
            // The user presses the key again.
            Match::Empty if request.trigger == Trigger::Invoked && is_old => {}
            Match::Mismatch | Match::Exhausted => {}
            found => return Some((answer, found.draft(), is_old)),
        }
    }
    None
}

/// Waits for the next key, because generating costs more than waiting.
async fn debounced(query: &Query) {
    if query.request.trigger == Trigger::Automatic {
        let CompletionRequest { document, cursor, .. } = &query.request;
        let until = query.session.state().cadence.debounce(document, *cursor, query.limits.debounce);
        sleep_until(until.min(query.deadline)).await;
    }
}

/// The generation that an earlier request for the same place has started, or a new one; `None` if a newer request arrives
/// first. May take longer than the request's deadline; the client is then notified.
async fn running(query: Query, parse_timeout: Duration) -> Option<Arc<Answer>> {
    let Query { completions, session, request, request_generation, .. } = query;
    let starting_guard =
        request_generation.unless_superseded(session.starting.clone().lock_owned()).await.ok()?;
    let known = session.known(&request, Store::Neural);
    match known.into_iter().find(|answer| !answer.ended()) {
        Some(running) => Some(running),
        None => {
            started(completions, session, request, request_generation, parse_timeout, starting_guard).await
        }
    }
}

/// A new generation, unless the request is superseded. Starts even if the request has ended.
async fn started(
    completions: Completions,
    session: Arc<DocumentSession>,
    request: CompletionRequest,
    request_generation: RequestGeneration,
    parse_timeout: Duration,
    starting_guard: OwnedMutexGuard<()>,
) -> Option<Arc<Answer>> {
    let work = move || {
        let _guard = starting_guard;
        if request_generation.is_over() {
            return None;
        }
        let CompletionRequest { document, cursor, .. } = &request;
        start(&completions, &session, document, *cursor, Priority::Typing, Some(parse_timeout))
    };
    blocking::run(work).await.flatten()
}

/// From the context of a cursor to a running generation, which continues even if no request waits for it; `None` without a
/// neural model. Waits for the document's tree for `parse_timeout`. Takes time in proportion to the document's depth: see
/// [`blocking`].
pub(super) fn start(
    completions: &Completions,
    session: &Arc<DocumentSession>,
    document: &Arc<Document>,
    cursor: usize,
    priority: Priority,
    parse_timeout: Option<Duration>,
) -> Option<Arc<Answer>> {
    let engine = completions.engine()?;
    let read = parse_timeout.map(|parse_timeout| document.until(std::time::Instant::now() + parse_timeout));
    let read = read.as_ref().unwrap_or(document);
    let limits = Limits::of(&completions.workspace);
    let context = gather(completions, Some(&engine), read, cursor);
    let fence = crate::prompt::fence(read, &context);
    let generation = engine.generate(Request {
        prompt: crate::prompt::complete(read, &context, &engine.model().formats),
        priority,
        max_tokens: limits.max_tokens,
        sampling: Sampling::Greedy,
        stop: length::stop_rules(read, cursor, Some(fence), limits.max_lines),
        heal: may_stand_inside_a_token(document, cursor),
    });
    let anchor = Anchor::new(&document.text, cursor, Reach::of(limits.context(Some(&engine))));
    let listener = Arc::downgrade(session);
    let answer = Answer::follow(generation, anchor, document.clone(), cursor, move |usage| {
        if let Some(session) = listener.upgrade() {
            let mut state = session.state();
            state.cadence.answered(usage.prefill_time + usage.decode_time);
            state.usage = Some(usage);
        }
    });
    session.state().answers(Store::Neural).add(answer.clone());
    Some(answer)
}

/// What the prompt of a completion holds of the document and the repository.
pub(super) fn gather(
    completions: &Completions,
    engine: Option<&Engine>,
    document: &Document,
    cursor: usize,
) -> Context {
    context::gather(
        &completions.workspace,
        completions.contexts(),
        document,
        cursor,
        completions.workspace.scope,
        Limits::of(&completions.workspace).context(engine),
        &|text| count(engine, text),
    )
}

/// Counts tokens; without a neural model, the words and marks of the n-gram model.
pub(super) fn count(engine: Option<&Engine>, text: &str) -> usize {
    engine.map_or_else(|| ngram::count(text), |engine| engine.count(text))
}

/// The formats of prompts; without a neural model, Phi-3.5-mini's.
pub(super) fn formats(engine: Option<&Engine>) -> PromptFormats {
    engine.map_or(PromptFormats { chat: true, fim: None }, |engine| engine.model().formats)
}

/// A line break is a token of its own; anything else before the cursor may be the front half of one.
fn may_stand_inside_a_token(document: &Document, cursor: usize) -> bool {
    cursor > 0 && document.text.byte(cursor - 1) != b'\n'
}

/// Prefills the prompt of a cursor while the engine is idle.
pub(super) fn warm(completions: &Completions, document: Arc<Document>, cursor: usize) {
    let Some(engine) = completions.engine() else { return };
    let completions = completions.clone();
    tokio::task::spawn_blocking(move || {
        let context = gather(&completions, Some(&engine), &document, cursor);
        engine.warm(crate::prompt::complete(&document, &context, &engine.model().formats));
    });
}
