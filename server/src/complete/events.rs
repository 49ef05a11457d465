//! What happens to documents, as far as completions depend on it.

use std::sync::Arc;

use phi_engine::Priority;

use super::as_if_accepted;
use super::limits::Limits;
use super::neural::start;
use super::session::{Completions, DocumentSession, Store};
use crate::documents::{Change, Document, DocumentId};
use crate::prompt;

/// A document was opened.
pub fn opened(completions: &Completions, document: &Document) {
    completions.remove(&document.id);
    completions.session(&document.id).note(document);
    if let Some(engine) = completions.engine() {
        engine.warm(prompt::completion_rules(&engine.model().formats));
    }
}

/// A document has changed. Cheap enough for the read loop; must be called within a runtime.
///
/// Ends the requests for older texts and the generations that the new text does not match. If the new text contains all of
/// the latest completion, what follows it is prefetched.
pub fn changed(completions: &Completions, document: &Arc<Document>, changes: &[Change]) {
    let session = completions.session(&document.id);
    session.note(document);
    let Some(Change::Splice { range, text }) = changes.last() else { return };
    let cursor = range.start + text.len();
    let typed = {
        let mut state = session.state();
        state.drop_mismatches(document, cursor);
        [Store::Neural, Store::Ngram].iter().any(|&of| state.answers(of).is_typed(document, cursor))
    };
    if typed {
        prefetch(completions, session, document.clone(), cursor);
    }
}

/// The client accepted the latest completion of a document. Must be called within a runtime.
pub fn accepted(completions: &Completions, document: &DocumentId) {
    let session = completions.session(document);
    let offered = session.state().offered.take();
    if let Some((document, completion)) = offered {
        let (document, cursor) = as_if_accepted(&document, &completion);
        prefetch(completions, session, Arc::new(document), cursor);
    }
}

/// Generates what follows an accepted completion, unless an answer for it is kept.
fn prefetch(
    completions: &Completions,
    session: Arc<DocumentSession>,
    document: Arc<Document>,
    cursor: usize,
) {
    if !Limits::of(&completions.workspace).prefetch || !completions.models.is_neural() {
        return;
    }
    let completions = completions.clone();
    tokio::task::spawn_blocking(move || {
        let _only = session.starting.clone().blocking_lock_owned();
        let known = session.state().answers(Store::Neural).candidates(&document, cursor);
        // The text typed last may be a secret.
        if known.is_empty() && completions.workspace.may_be_shown(&document).is_ok() {
            start(&completions, &session, &document, cursor, Priority::Background, None);
        }
    });
}

/// The path of a document is canonical now. `before` is the document with its earlier path, which names its source.
pub fn resolved(completions: &Completions, before: &Document) {
    close_source(completions, before);
}

/// A document was closed: its generations end.
pub fn closed(completions: &Completions, document: &Document) {
    completions.remove(&document.id);
    close_source(completions, document);
}

fn close_source(completions: &Completions, document: &Document) {
    if let Some(ngram) = completions.models.ngram() {
        completions.sources().close(ngram, document);
    }
}
