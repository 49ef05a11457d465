//! What answers: the three models behind one step, and the generations they work on.

use std::sync::Arc;

use crate::inbox::Inbox;
use crate::lookup::{self, Lookup};
use crate::output::{Gauges, Output, Reply};
use crate::scripted::{self, Scripted};
use crate::sequence::{Neural, Sequence, admissible};
use crate::{EngineError, FinishReason, Priority, Prompt, Request, Sampling, SourceId};

/// The model of an engine.
pub(crate) enum Model {
    Phi(Box<Neural>),
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
    /// The neural model works on it.
    Running(Box<Sequence>),
    /// A scripted answer, of which `at` bytes were handed out.
    Known { answer: String, at: usize },
}

impl Live {
    pub(crate) fn new(request: Request, reply: Reply) -> Live {
        Live { output: Output::new(&request, Some(reply)), request, progress: Progress::New }
    }

    /// Idle prefill is a generation of no tokens that nobody listens to.
    pub(crate) fn warm(prompt: Prompt, gauges: &Arc<Gauges>) -> Live {
        let request = Request {
            prompt,
            priority: Priority::Warm,
            max_tokens: 0,
            sampling: Sampling::Greedy,
            stop: Vec::new(),
            heal: false,
            origin: None,
        };
        Live { output: Output::warm(&request, gauges), request, progress: Progress::New }
    }

    pub(crate) fn sequence(&mut self) -> Option<&mut Sequence> {
        match &mut self.progress {
            Progress::Running(sequence) => Some(sequence),
            _ => None,
        }
    }
}

impl Model {
    /// One step of `live[index]`: says why it is over, if it is.
    pub(crate) fn step(
        &mut self,
        live: &mut [Live],
        index: usize,
        inbox: &Inbox,
    ) -> Result<Option<FinishReason>, EngineError> {
        match self {
            Model::Phi(model) => step_phi(model, live, index, inbox),
            Model::Lookup(model) => Ok(Some(answer_by_lookup(model, &mut live[index]))),
            Model::Scripted(model) => step_scripted(model, &mut live[index]),
        }
    }

    /// Keeps what a generation computed, whether it is over or cancelled.
    pub(crate) fn retire(&mut self, mut live: Live) -> Output {
        #[cfg(test)]
        self.may_panic("retire");
        if let (Model::Phi(model), Some(sequence)) = (self, live.sequence()) {
            sequence.suspend(&mut model.prefixes);
        }
        live.output
    }

    /// Tokens and bytes in the prefix tree.
    pub(crate) fn cached(&self) -> (usize, usize) {
        match self {
            Model::Phi(model) => (model.prefixes.tokens(), model.prefixes.bytes()),
            _ => (0, 0),
        }
    }

    /// Keeps only what no panic can have left half changed: weights, and texts as they were given.
    pub(crate) fn begin_again(&mut self) {
        match self {
            Model::Phi(model) => model.prefixes.clear(),
            Model::Lookup(model) => **model = model.made_anew(),
            Model::Scripted(_) => {}
        }
    }

    /// Where a test wants a panic.
    #[cfg(test)]
    pub(crate) fn may_panic(&mut self, place: &str) {
        if let Model::Scripted(model) = self {
            model.may_panic(place);
        }
    }

    pub(crate) fn forget_prefixes(&mut self) {
        if let Model::Phi(model) = self {
            model.prefixes.clear();
        }
    }

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

fn step_phi(
    model: &mut Neural,
    live: &mut [Live],
    index: usize,
    inbox: &Inbox,
) -> Result<Option<FinishReason>, EngineError> {
    if let Live { request, progress: progress @ Progress::New, .. } = &mut live[index] {
        *progress = Progress::Running(Box::new(model.admit(request)?));
    }
    if let Live { output, progress: Progress::Running(sequence), .. } = &mut live[index] {
        sequence.resume(&mut model.prefixes);
        if let Some((read, of)) = sequence.reading() {
            output.has_read(read, of);
        }
    }
    make_room(model, live, index);
    let Live { request, output, progress: Progress::Running(sequence) } = &mut live[index] else {
        return Ok(None);
    };
    let priority = request.priority;
    sequence.step(model, output, &|| inbox.interrupts(priority))
}

/// Makes room for the next step of `live[index]`: evicts from the prefix tree, then takes the rows of other
/// generations, the least urgent and newest first; they will run those tokens again. Admission saw to it that one
/// sequence alone fits.
fn make_room(model: &mut Neural, live: &mut [Live], index: usize) {
    let wanted = live[index].sequence().map_or(0, |sequence| sequence.wanted_pages(model.chunk));
    loop {
        let private =
            live.iter_mut().filter_map(Live::sequence).map(|sequence| sequence.private_pages()).sum();
        if model.prefixes.make_room(wanted, private) {
            return;
        }
        let others = live.iter_mut().enumerate().rev().filter(|(other, _)| *other != index);
        let holders = others.filter_map(|(_, live)| {
            let priority = live.request.priority;
            live.sequence().filter(|sequence| sequence.has_rows()).map(|sequence| (priority, sequence))
        });
        match holders.min_by_key(|(priority, _)| *priority) {
            Some((_, sequence)) => sequence.suspend(&mut model.prefixes),
            None => return,
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
        output.has_read(cached, prompt);
        *progress = Progress::Known { answer: model.answer(&request.prompt), at: 0 };
        return Ok(None);
    };
    let Some(piece) = scripted::pieces(&answer[*at..]).next() else {
        return Ok(Some(FinishReason::EndOfTurn));
    };
    *at += piece.len();
    Ok(output.token(piece))
}
