//! A request to generate text, and the stream that answers it.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::{EngineError, Prompt, SourceId};

/// Everything the engine needs to know about one generation.
#[derive(Debug, Clone)]
pub struct Request {
    /// What the model reads.
    pub prompt: Prompt,
    /// Which job goes first.
    pub priority: Priority,
    /// The most tokens to generate; with the prompt's tokens it decides the LongRoPE mode at admission.
    pub max_tokens: usize,
    /// How the next token is picked.
    pub sampling: Sampling,
    /// When to stop before `max_tokens`; the first rule that holds ends the generation.
    pub stop: Vec<StopRule>,
    /// Whether a prompt that may end inside a token is backed up by up to 4 tokens, the answer then being held
    /// to the bytes backed up over (token healing, arXiv 2601.23223). Those bytes are not part of the answer.
    pub heal: bool,
    /// Where the prompt's end stands in a text that the engine remembers, if it stands in one: the lookup model
    /// does not continue from that very place.
    pub origin: Option<Origin>,
}

/// A place in a text given to [`crate::Engine::remember`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The text.
    pub source: SourceId,
    /// Byte offset.
    pub offset: usize,
}

/// Order of jobs; a higher one preempts a lower one between two decode steps or prefill chunks, [`Priority::Typing`]
/// even within a chunk. Among equals the oldest is finished first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Idle prefill: runs when nothing else does.
    Warm,
    /// Work nobody waits for at the keyboard, such as a repository-wide refactoring or a prefetch.
    Background,
    /// A user waits, with progress shown.
    Interactive,
    /// A user types.
    Typing,
}

/// How the next token is picked from the logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    /// The most likely token.
    Greedy,
    /// Nucleus sampling: the smallest set of tokens whose probability reaches `top_p`.
    Nucleus {
        /// Divides the logits; above 0. Below 0.001 it counts as that, which is as good as greedy.
        temperature: f64,
        /// In (0, 1].
        top_p: f64,
        /// The same seed and prompt give the same text.
        seed: u64,
    },
}

/// A reason to stop. Rules read the answer character by character, so what holds does not depend on how the model cuts
/// text into tokens; what made a rule hold is cut off and was never streamed. A line ends with `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopRule {
    /// This text occurs; it and what follows are cut. The empty text never holds.
    Text(String),
    /// A line of the answer equals this one, both trimmed; that line is cut. Empty lines never match.
    Line(String),
    /// So many lines are complete; the last newline is cut. A line that ends in a backslash of its own is complete
    /// where the line that continues it is.
    Lines(usize),
    /// A second blank line in a row is complete; it and what follows are cut. The answer's first line does not count:
    /// it continues a line of the prompt.
    BlankLines,
    /// A line, not the first, is indented by at most `columns` (a tab counts as 4) while no bracket of the answer is
    /// open; it and what follows are cut. It is kept where it continues what is above: it closes a bracket, begins
    /// with a mark that no expression begins with, or with one of `words`.
    Dedent {
        /// The widest indentation that is cut.
        columns: usize,
        /// Whole words such as `else`.
        words: Vec<String>,
    },
    /// Five near-equal lines in a row (at most one edit for every 20 characters), or a text of 3 to 32 characters that
    /// fills 60 more characters with at least 5 repeats. The repeats are cut, the original stays. Rulers and
    /// indentation are no repetition.
    Repetition,
}

/// What a [`Generation`] yields.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// So many tokens of the prompt are read (prefilled). Sent before each chunk, so the first one counts what the prefix
    /// cache holds.
    Read {
        /// Tokens read.
        read: usize,
        /// Tokens of the prompt.
        of: usize,
    },
    /// Further text: whole UTF-8, never anything that a stop rule cuts later.
    Text(String),
    /// The end; nothing follows.
    Done(Finish),
}

/// How a generation ended and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// Why it ended.
    pub reason: FinishReason,
    /// What it cost.
    pub usage: Usage,
}

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model ended its turn.
    EndOfTurn,
    /// A stop rule held.
    Stop,
    /// `max_tokens` were generated.
    MaxTokens,
    /// The lookup model has nothing to say with enough confidence.
    Unsure,
}

/// Tokens and time of one generation. `prompt = cached + prefilled`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Of these, tokens whose KV rows were found in the prefix tree.
    pub cached: usize,
    /// Of these, tokens that were run for this request.
    pub prefilled: usize,
    /// Tokens generated.
    pub generated: usize,
    /// From admission to the first token picked, waiting for other jobs excluded.
    pub prefill_time: Duration,
    /// From the first token picked to the last.
    pub decode_time: Duration,
}

/// The cost of several generations together.
impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Usage) {
        self.prompt += other.prompt;
        self.cached += other.cached;
        self.prefilled += other.prefilled;
        self.generated += other.generated;
        self.prefill_time += other.prefill_time;
        self.decode_time += other.decode_time;
    }
}

/// The answer to a [`Request`], as it is made: [`Event::Read`] and [`Event::Text`] any number of times, then exactly one
/// [`Event::Done`] or error. Dropping it cancels the job: the engine notices within one decode step or one layer
/// of prefill.
#[derive(Debug)]
pub struct Generation {
    events: mpsc::UnboundedReceiver<Result<Event, EngineError>>,
    ended: bool,
}

impl Generation {
    /// A generation, and where its events go.
    pub(crate) fn channel() -> (mpsc::UnboundedSender<Result<Event, EngineError>>, Generation) {
        let (sender, events) = mpsc::unbounded_channel();
        (sender, Generation { events, ended: false })
    }

    /// The next event; `None` after [`Event::Done`] or an error. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Event, EngineError>> {
        if self.ended {
            return None;
        }
        let received = self.events.recv().await;
        Some(self.settle(received))
    }

    /// [`Generation::next`] for threads outside a runtime.
    pub fn blocking_next(&mut self) -> Option<Result<Event, EngineError>> {
        if self.ended {
            return None;
        }
        let received = self.events.blocking_recv();
        Some(self.settle(received))
    }

    /// The next event if it is there already; `None` also after the end.
    pub fn try_next(&mut self) -> Option<Result<Event, EngineError>> {
        if self.ended {
            return None;
        }
        match self.events.try_recv() {
            Ok(event) => Some(self.settle(Some(event))),
            Err(mpsc::error::TryRecvError::Empty) => None,
            Err(mpsc::error::TryRecvError::Disconnected) => Some(self.settle(None)),
        }
    }

    /// An engine that ends without a word leaves an error behind.
    fn settle(&mut self, received: Option<Result<Event, EngineError>>) -> Result<Event, EngineError> {
        let event = received.unwrap_or(Err(EngineError::Stopped));
        self.ended = matches!(event, Ok(Event::Done(_)) | Err(_));
        event
    }

    /// The whole answer and how it ended.
    ///
    /// # Errors
    /// What ended the generation early; the text up to then is lost.
    pub async fn collect(mut self) -> Result<(String, Finish), EngineError> {
        let mut text = String::new();
        while let Some(event) = self.next().await {
            match event? {
                Event::Read { .. } => {}
                Event::Text(piece) => text.push_str(&piece),
                Event::Done(finish) => return Ok((text, finish)),
            }
        }
        Err(EngineError::Stopped)
    }
}
