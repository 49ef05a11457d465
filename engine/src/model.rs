//! What answers: the three models behind one step, and the generations they work on.

use std::sync::Arc;

use crate::inbox::Inbox;
use crate::lookup::{self, Lookup};
use crate::output::{Output, Reply};
use crate::scripted::{self, Scripted};
use crate::{EngineError, FinishReason, Priority, Prompt, Request, Sampling, SourceId};

/// The model of an engine.
pub(crate) enum Model {
    Lookup(Box<Lookup>),
    Scripted(Scripted),
}

/// One generation, or idle prefill, that is not over.
pub(crate) struct Live {
    pub(crate) request: Request,
    pub(crate) output: Output,
    progress: Progress,
}

/// How far it is.
enum Progress {
    /// It waits for its first step.
    New,
    /// A scripted answer, of which `at` bytes were handed out.
    Known { answer: String, at: usize },
}

impl Live {
    pub(crate) fn new(request: Request, reply: Reply) -> Live {
        Live { output: Output::new(&request, Some(reply)), request, progress: Progress::New }
    }

    /// Idle prefill is a generation of no tokens that nobody listens to.
    pub(crate) fn warm(prompt: Prompt) -> Live {
        let request = Request {
            prompt,
            priority: Priority::Warm,
            max_tokens: 0,
            sampling: Sampling::Greedy,
            stop: Vec::new(),
            heal: false,
            origin: None,
        };
        Live { output: Output::new(&request, None), request, progress: Progress::New }
    }
}

impl Model {
    /// One step of `live[index]`: says why it is over, if it is.
    pub(crate) fn step(
        &mut self,
        live: &mut [Live],
        index: usize,
        _inbox: &Inbox,
    ) -> Result<Option<FinishReason>, EngineError> {
        match self {
            Model::Lookup(model) => Ok(Some(answer_by_lookup(model, &mut live[index]))),
            Model::Scripted(model) => step_scripted(model, &mut live[index]),
        }
    }

    /// Keeps what a generation computed, whether it is over or cancelled.
    pub(crate) fn retire(&mut self, live: Live) -> Output {
        live.output
    }

    /// Tokens and bytes in the prefix tree.
    pub(crate) fn cached(&self) -> (usize, usize) {
        match self {
            _ => (0, 0),
        }
    }

    pub(crate) fn forget_prefixes(&mut self) {}

    pub(crate) fn remember(&mut self, source: SourceId, text: Arc<str>) {
        if let Model::Lookup(model) = self {
            model.remember(source, text);
        }
    }

    pub(crate) fn forget(&mut self, source: SourceId) {
        if let Model::Lookup(model) = self {
            model.forget(source);
        }
    }
}

/// The lookup model needs one step: it knows the whole answer, or says nothing.
fn answer_by_lookup(model: &Lookup, live: &mut Live) -> FinishReason {
    let Live { request, output, .. } = live;
    if output.is_full() {
        return FinishReason::MaxTokens;
    }
    let tail = request.prompt.tail();
    let prompt = lookup::count(&tail);
    (output.usage.prompt, output.usage.prefilled) = (prompt, prompt);
    match model.continue_text(&tail, request.origin, request.max_tokens) {
        Some(answer) => output.answer(&answer.text, answer.tokens),
        None => FinishReason::Unsure,
    }
}

fn step_scripted(model: &mut Scripted, live: &mut Live) -> Result<Option<FinishReason>, EngineError> {
    let Live { request, output, progress } = live;
    let Progress::Known { answer, at } = progress else {
        let (prompt, cached) = model.admit(&request.prompt);
        admissible(prompt, request.max_tokens, scripted::CONTEXT)?;
        (output.usage.prompt, output.usage.cached, output.usage.prefilled) =
            (prompt, cached, prompt - cached);
        if output.is_full() {
            return Ok(Some(FinishReason::MaxTokens));
        }
        *progress = Progress::Known { answer: model.answer(&request.prompt), at: 0 };
        return Ok(None);
    };
    let Some(piece) = scripted::pieces(&answer[*at..]).next() else {
        return Ok(Some(FinishReason::EndOfTurn));
    };
    *at += piece.len();
    Ok(output.token(piece))
}

/// Whether a sequence can be run at all.
pub(crate) fn admissible(prompt: usize, max_tokens: usize, context: usize) -> Result<(), EngineError> {
    match prompt {
        0 => Err(EngineError::EmptyPrompt),
        _ if prompt.saturating_add(max_tokens) > context => {
            Err(EngineError::TooLong { prompt, max_tokens, context })
        }
        _ => Ok(()),
    }
}
