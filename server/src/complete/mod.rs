//! The flow of a completion, from a cursor to an edit, first step to last.
//!
//! [`complete`] holds the whole path. Two models answer: the n-gram model at once where it is sure ([`ngram`]), the neural
//! model in the time that it takes ([`neural`]). Between two requests it keeps, for each document, the answers by the text around them
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
mod neural;
mod ngram;
mod nothing;
mod session;
#[cfg(test)]
mod tests;
mod trigger;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use self::answer::Answer;
pub use self::events::{accepted, changed, closed, opened, resolved};
pub use self::explain::{explain, explain_latest, prompt};
use self::limits::Limits;
pub use self::nothing::NothingOffered;
pub use self::session::{Completions, Ready, RequestGeneration, RequestStatus};
use self::session::{DocumentSession, PendingRequest, Store};
use crate::answer::Draft;
use crate::blocking;
use crate::documents::Document;
use crate::edits::{self, Constraints, Edit};

/// The share of a request's time for waiting for the document's tree; the model needs the rest. Without a tree, the rules use
/// the text.
const TREE_SHARE: u32 = 4;

/// How long after the deadline the parses may end that request_generation the model's text into an answer.
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
    let may_be_shown = completions.workspace.may_be_shown_now(&request.document);
    may_be_shown.await.map_err(NothingOffered::Withheld)?;
    // Answers of another engine are dropped before one of them is found.
    let engine = completions.engine();
    if let Some(edit) = request_generation.unless_superseded(first(deadline)).await? {
        session.state().offered = None;
        return Ok(Completion { edit, cursor: None });
    }
    if !trigger::wanted(&request, session.state().latest.deleted()) {
        // The next key may make a completion wanted.
        neural::warm(completions, request.document, request.cursor);
        return Err(NothingOffered::NotWantedHere);
    }
    let query =
        Query { completions: completions.clone(), session, request, request_generation, limits, deadline };
    let answered = async {
        match engine {
            None => ngram::offer(&query).await,
            Some(_) if completions.models.ngram().is_none() => neural::offer(query.clone(), None).await,
            Some(_) => of_both(&query).await,
        }
    };
    let Offer { answer, edit } = query.request_generation.unless_superseded(answered).await??;
    let completion = Completion::new(edit);
    let document = &query.request.document;
    query.session.state().offered = Some((document.clone(), completion.clone()));
    if answer.first_offered() && limits.prefetch {
        let (accepted, behind) = as_if_accepted(document, &completion);
        neural::warm(completions, Arc::new(accepted), behind);
    }
    Ok(completion)
}

/// A request on its way to an answer. Cheap to clone.
#[derive(Clone)]
struct Query {
    completions: Completions,
    session: Arc<DocumentSession>,
    request: CompletionRequest,
    request_generation: RequestGeneration,
    limits: Limits,
    deadline: Instant,
}

/// What a model offers: its answer, and the verified edit made of it.
struct Offer {
    answer: Arc<Answer>,
    edit: Edit,
}

/// How long an answer of the n-gram model waits for a better one of the neural model. The latter is there by then if it is
/// kept, and takes hundreds of milliseconds if it is not.
const AT_ONCE: Duration = Duration::from_millis(15);

/// The neural model's offer if it is there at once or the user asks for it; otherwise the n-gram model's, if it is sure. What
/// the user reads does not change under their eyes: an offer of the n-gram model that was drawn gives way only to one that
/// begins with it, and a drawn offer of the neural model does not give way.
async fn of_both(query: &Query) -> Result<Offer, NothingOffered> {
    let is_drawn = query.session.known(&query.request, Store::Neural).iter().any(|kept| kept.was_offered());
    let copied = if is_drawn { None } else { ngram::offer(query).await.ok() };
    let Some(copied) = copied else {
        return match neural::offer(query.clone(), None).await {
            Err(nothing) if is_drawn => ngram::offer(query).await.map_err(|_| nothing),
            offered => offered,
        };
    };
    let shown = copied.draft();
    let mut written = tokio::spawn(neural::offer(query.clone(), Some(shown.clone())));
    let limit =
        if query.request.trigger == Trigger::Invoked { query.deadline } else { Instant::now() + AT_ONCE };
    match timeout_at(limit, &mut written).await {
        Ok(Ok(Ok(written))) => {
            let may_change = !copied.answer.was_offered() || query.request.trigger == Trigger::Invoked;
            Ok(if may_change || written.continues(&shown) { written } else { copied })
        }
        Ok(_) => Ok(copied),
        Err(_) => {
            let continues = async move { matches!(written.await, Ok(Ok(offer)) if offer.continues(&shown)) };
            query.completions.announce(&query.request_generation, &query.request, continues);
            Ok(copied)
        }
    }
}

impl Offer {
    fn draft(&self) -> Draft {
        Draft { range: self.edit.range(), text: self.edit.new_text().to_owned() }
    }

    /// Whether it begins with what is shown, and goes on.
    fn continues(&self, shown: &Draft) -> bool {
        let text = self.edit.new_text();
        self.edit.range() == shown.range && text.len() > shown.text.len() && text.starts_with(&shown.text)
    }
}

impl Query {
    /// How long to wait for the document's tree.
    fn tree_time(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()) / TREE_SHARE
    }

    /// The edit of a draft, if it may be offered. An edit that the answer has verified for the same text is not verified
    /// again.
    async fn verified(&self, answer: &Answer, draft: Draft) -> Result<Edit, NothingOffered> {
        let document = self.request.document.clone();
        if let Some(edit) = answer.verified(&document, &draft) {
            return Ok(edit);
        }
        let deadline = self.deadline;
        let work = move || {
            let document = document.until(grace(deadline));
            edits::verify(&document, &draft, &Constraints::Completion)
        };
        let verified = blocking::run(work).await.ok_or(NothingOffered::Failed)?;
        verified.map_err(|refusal| NothingOffered::Refused(refusal.to_string()))
    }
}

/// When the parses must end that request_generation the model's text into an answer.
fn grace(deadline: Instant) -> std::time::Instant {
    std::time::Instant::now() + deadline.saturating_duration_since(Instant::now()) + GRACE
}

/// The text and the cursor after a completion is accepted.
fn as_if_accepted(document: &Document, completion: &Completion) -> (Document, usize) {
    let edit = &completion.edit;
    let cursor = completion.cursor.unwrap_or(edit.new_text().len());
    (document.apply(document.version, &[edit.change()]), edit.range().start + cursor)
}
