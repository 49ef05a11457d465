//! What the n-gram model offers: within a millisecond or two, or nothing.

use std::sync::Arc;

use phi_engine::ngram::{self, Ngram};
use phi_engine::{Usage, apply_stop_rules};

use super::anchor::{Anchor, Reach};
use super::answer::Answer;
use super::matching::Match;
use super::session::Store;
use super::{NothingOffered, Offer, Query, length};
use crate::answer::Draft;
use crate::blocking;
use crate::prompt::text_of;
use crate::workspace::ContextScope;

/// As far as the model reads back, and as the rules that join its text look ahead.
const REACH: Reach = Reach { before: ngram::TAIL, after: ngram::TAIL };

/// The offer of the n-gram model.
///
/// The model is asked with each key: it is free, it is sure of more with each key, and its sources change. But what was
/// offered before stays, unless the new answer begins with it.
pub(super) async fn offer(query: &Query) -> Result<Offer, NothingOffered> {
    let Some(model) = query.completions.models.ngram().cloned() else { return Err(NothingOffered::NoModel) };
    let kept = kept(query).await;
    let newer = generate(query, model).await.ok_or(NothingOffered::Failed)?;
    let found = newer.by(query.deadline, &query.request.document, query.request.cursor).await.draft();
    let (answer, draft) = match (kept, found) {
        (Some((kept, draft)), Some(longer))
            if longer.range == draft.range && longer.text.starts_with(&draft.text) =>
        {
            if kept.was_offered() {
                newer.first_offered();
            }
            (newer, longer)
        }
        (Some((kept, draft)), _) => (kept, draft),
        (None, Some(draft)) => (newer, draft),
        (None, None) => {
            return Err(match newer.why_nothing() {
                NothingOffered::SaidNothing => NothingOffered::NoModel,
                why => why,
            });
        }
    };
    let edit = query.verified(&answer, draft).await?;
    query.session.state().answers(Store::Ngram).keep_only(answer.clone());
    Ok(Offer { answer, edit })
}

/// The answer that was offered before and matches the text typed since, and its draft.
async fn kept(query: &Query) -> Option<(Arc<Answer>, Draft)> {
    for answer in query.session.known(&query.request, Store::Ngram) {
        let found = answer.by(query.deadline, &query.request.document, query.request.cursor).await;
        if let Match::Draft(draft) = found {
            return Some((answer, draft));
        }
    }
    None
}

async fn generate(query: &Query, model: Ngram) -> Option<Arc<Answer>> {
    let query = query.clone();
    let parse_timeout = query.tree_time();
    blocking::run(move || {
        let Query { completions, session, request, limits, .. } = &query;
        let (document, cursor) = (&request.document, request.cursor);
        let origin = (completions.workspace.scope > ContextScope::None)
            .then(|| completions.sources().update(&model, &completions.workspace.shown(), document, cursor));
        let start =
            document.text.char_to_byte(document.text.byte_to_char(cursor.saturating_sub(ngram::TAIL)));
        let tail = text_of(document, &(start..cursor));
        let continuation = model.continue_text(&tail, origin, limits.max_tokens);
        let (text, tokens) = continuation.map(|found| (found.text, found.tokens)).unwrap_or_default();
        let read = document.until(std::time::Instant::now() + parse_timeout);
        let rules = length::stop_rules(&read, cursor, None, limits.max_lines);
        let text = apply_stop_rules(&rules, &text);
        if !completions.models.is_neural() {
            let prompt = ngram::count(&tail);
            let usage = Usage { prompt, generated: tokens, ..Usage::default() };
            session.state().usage = Some(usage);
        }
        let anchor = Anchor::new(&document.text, cursor, REACH);
        Answer::ready(text, anchor, &read, cursor)
    })
    .await
}
