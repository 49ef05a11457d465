//! The models behind one step function, and the tasks that they work on.

use std::sync::Arc;

use crate::error::EngineError;
use crate::generation::{FinishReason, Priority, Request, Sampling};
use crate::inbox::Inbox;
use crate::output::{Output, Reply};
use crate::prompt::Prompt;
#[cfg(any(test, feature = "scripted"))]
use crate::scripted::{self, ScriptedModel};
#[cfg(any(test, feature = "scripted"))]
use crate::sequence::check_length;
use crate::sequence::{NeuralModel, Sequence};
use crate::status::SharedStatus;

/// The model of an engine.
pub(crate) enum Model {
    Decoder(Box<NeuralModel>),
    #[cfg(any(test, feature = "scripted"))]
    Scripted(ScriptedModel),
}

/// One unfinished generation, or idle prefill.
pub(crate) struct Task {
    pub(crate) request: Request,
    pub(crate) output: Output,
    progress: TaskProgress,
}

/// The model's state of a task.
enum TaskProgress {
    /// Waits for its first step.
    Queued,
    /// The neural model works on it.
    Running(Box<Sequence>),
    /// A scripted answer, of which `sent` bytes were sent.
    #[cfg(any(test, feature = "scripted"))]
    Answered { answer: String, sent: usize },
}

impl Task {
    pub(crate) fn new(request: Request, reply: Reply) -> Task {
        Task { output: Output::new(&request, Some(reply)), request, progress: TaskProgress::Queued }
    }

    /// Idle prefill is a generation of no tokens whose events go nowhere.
    pub(crate) fn idle_prefill(prompt: Prompt, status: &Arc<SharedStatus>) -> Task {
        let request = Request {
            prompt,
            priority: Priority::Idle,
            max_tokens: 0,
            sampling: Sampling::Greedy,
            stop: Vec::new(),
            heal: false,
        };
        Task { output: Output::idle_prefill(&request, status), request, progress: TaskProgress::Queued }
    }

    pub(crate) fn sequence(&mut self) -> Option<&mut Sequence> {
        match &mut self.progress {
            TaskProgress::Running(sequence) => Some(sequence),
            _ => None,
        }
    }
}

impl Model {
    /// Runs one step of `tasks[index]`. Returns the reason if the generation is finished.
    pub(crate) fn step(
        &mut self,
        tasks: &mut [Task],
        index: usize,
        inbox: &Inbox,
    ) -> Result<Option<FinishReason>, EngineError> {
        match self {
            Model::Decoder(model) => step_phi(model, tasks, index, inbox),
            #[cfg(any(test, feature = "scripted"))]
            Model::Scripted(model) => step_scripted(model, &mut tasks[index]),
        }
    }

    /// Keeps the KV rows of a task that is finished or cancelled.
    pub(crate) fn retire(&mut self, mut task: Task) -> Output {
        #[cfg(test)]
        self.panic_if_scripted("retire");
        if let (Model::Decoder(model), Some(sequence)) = (self, task.sequence()) {
            sequence.suspend(&mut model.prefixes);
        }
        task.output
    }

    /// Tokens and bytes in the prefix tree.
    pub(crate) fn cached(&self) -> (usize, usize) {
        match self {
            Model::Decoder(model) => {
                let bytes = model.workspace.pages.shape().bytes_per_page();
                (model.prefixes.tokens(), model.prefixes.pages() * bytes)
            }
            #[cfg(any(test, feature = "scripted"))]
            Model::Scripted(_) => (0, 0),
        }
    }

    /// Discards everything that a panic may have left inconsistent; keeps weights and source texts.
    pub(crate) fn restart(&mut self) {
        match self {
            Model::Decoder(model) => model.prefixes.clear(),
            #[cfg(any(test, feature = "scripted"))]
            Model::Scripted(_) => {}
        }
    }

    /// Panics if a test scripted a panic here.
    #[cfg(test)]
    pub(crate) fn panic_if_scripted(&mut self, point: &str) {
        if let Model::Scripted(model) = self {
            model.panic_if_scripted(point);
        }
    }

    pub(crate) fn clear_prefixes(&mut self) {
        if let Model::Decoder(model) = self {
            model.prefixes.clear();
        }
    }
}

fn step_phi(
    model: &mut NeuralModel,
    tasks: &mut [Task],
    index: usize,
    inbox: &Inbox,
) -> Result<Option<FinishReason>, EngineError> {
    if let Task { request, progress: progress @ TaskProgress::Queued, .. } = &mut tasks[index] {
        *progress = TaskProgress::Running(Box::new(model.admit(request)?));
    }
    if let Task { output, progress: TaskProgress::Running(sequence), .. } = &mut tasks[index] {
        sequence.resume(&mut model.prefixes);
        if let Some((read, of)) = sequence.prefill_progress() {
            output.prefill_progress(read, of);
        }
    }
    make_room(model, tasks, index);
    let Task { request, output, progress: TaskProgress::Running(sequence) } = &mut tasks[index] else {
        return Ok(None);
    };
    let priority = request.priority;
    sequence.step(model, output, &|| inbox.interrupts(priority))
}

/// Makes room for the next step of `tasks[index]`: evicts from the prefix tree, then takes the rows of other tasks,
/// the least urgent and newest first, which run those tokens again later. Admission ensures that one sequence alone
/// fits.
fn make_room(model: &mut NeuralModel, tasks: &mut [Task], index: usize) {
    let needed = tasks[index].sequence().map_or(0, |sequence| sequence.pages_needed(model.chunk));
    loop {
        if model.prefixes.make_room(&model.workspace.pages, needed) {
            return;
        }
        let others = tasks.iter_mut().enumerate().rev().filter(|(other, _)| *other != index);
        let holders = others.filter_map(|(_, task)| {
            let priority = task.request.priority;
            task.sequence().filter(|sequence| sequence.has_rows()).map(|sequence| (priority, sequence))
        });
        match holders.min_by_key(|(priority, _)| *priority) {
            Some((_, sequence)) => sequence.suspend(&mut model.prefixes),
            None => return,
        }
    }
}

#[cfg(any(test, feature = "scripted"))]
fn step_scripted(model: &mut ScriptedModel, task: &mut Task) -> Result<Option<FinishReason>, EngineError> {
    let Task { request, output, progress } = task;
    let TaskProgress::Answered { answer, sent } = progress else {
        let (prompt, cached) = model.admit(&request.prompt);
        check_length(prompt, request.max_tokens, scripted::CONTEXT)?;
        (output.usage.prompt, output.usage.cached, output.usage.prefilled) =
            (prompt, cached, prompt - cached);
        if output.is_full() {
            return Ok(Some(FinishReason::MaxTokens));
        }
        output.prefill_progress(cached, prompt);
        *progress = TaskProgress::Answered { answer: model.answer(&request.prompt), sent: 0 };
        return Ok(None);
    };
    let Some(piece) = scripted::pieces(&answer[*sent..]).next() else {
        return Ok(Some(FinishReason::EndOfTurn));
    };
    *sent += piece.len();
    Ok(output.token(piece))
}
