//! A request to generate text, and the stream of its events.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::error::EngineError;
use crate::prompt::Prompt;

/// One request to generate text.
#[derive(Debug, Clone)]
pub struct Request {
    /// The input of the model.
    pub prompt: Prompt,
    /// Decides which request is served first.
    pub priority: Priority,
    /// The most tokens to generate. Together with the prompt's length it selects the LongRoPE mode at admission.
    pub max_tokens: usize,
    /// How the next token is selected.
    pub sampling: Sampling,
    /// When to stop before `max_tokens`; the first rule that matches ends the generation.
    pub stop: Vec<StopRule>,
    /// Token healing (arXiv 2601.23223): removes up to 4 tokens from a prompt that may end inside a token, and
    /// constrains the answer to begin with their bytes. Those bytes are not part of the answer.
    pub heal: bool,
}

/// The priority of a request. A higher one preempts a lower one between decode steps and between prefill chunks;
/// [`Priority::Typing`] also within a chunk. Among equals the oldest is finished first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Idle prefill: runs if there is no other request.
    Idle,
    /// The user does not wait for it: a repository-wide refactoring, a prefetch.
    Background,
    /// The user waits and sees its progress.
    Interactive,
    /// The user types.
    Typing,
}

/// How the next token is selected from the logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    /// The most likely token.
    Greedy,
    /// Nucleus sampling: the smallest set of tokens whose probability reaches `top_p`.
    Nucleus {
        /// Divides the logits; above 0. Values below 0.001 are raised to 0.001, which is nearly greedy.
        temperature: f64,
        /// In (0, 1].
        top_p: f64,
        /// The same seed and prompt give the same text.
        seed: u64,
    },
}

/// A condition that ends an answer. Rules read the answer character by character, so the result does not depend on
/// the token boundaries. The text that a rule matched is cut and never streamed. A line ends with `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopRule {
    /// This text occurs; it and all text after it are cut. The empty text never matches.
    Text(String),
    /// A line of the answer equals this one, both trimmed; that line is cut. Empty lines never match.
    Line(String),
    /// This number of lines is complete; the last newline is cut. A line that ends in a backslash after white space
    /// continues on the next line and is complete with it.
    Lines(usize),
    /// A second blank line in a row is complete; it and all text after it are cut. The answer's first line does not
    /// count: it continues a line of the prompt.
    BlankLines,
    /// A line other than the first is indented by at most `columns` (a tab counts as 4) while no bracket of the
    /// answer is open; it and all text after it are cut. A line that continues the code above it is kept: it closes a
    /// bracket, or begins with a punctuation mark that starts no expression, or with one of `words`.
    Dedent {
        /// The widest indentation that is cut.
        columns: usize,
        /// Whole words such as `else`.
        words: Vec<String>,
    },
    /// Five near-equal lines in a row (at most one edit for every 20 characters), or a text of 3 to 32 characters
    /// with at least 5 repeats of at least 60 characters in all. The repeats are cut, the original stays. Rulers and
    /// indentation are no repetition.
    Repetition,
}

/// An event of a [`Generation`].
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Prefill progress. Sent before each chunk, so the first event counts the cached prefix.
    Read {
        /// Tokens of the prompt that have KV rows.
        read: usize,
        /// Tokens of the prompt.
        of: usize,
    },
    /// More text, in whole UTF-8 characters. No stop rule cuts it later.
    Text(String),
    /// The end. No event follows.
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
    /// A stop rule matched.
    Stop,
    /// `max_tokens` were generated.
    MaxTokens,
}

/// Tokens and time of one generation. `prompt = cached + prefilled`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Of these, tokens whose KV rows were in the prefix tree.
    pub cached: usize,
    /// Of these, tokens that ran for this request.
    pub prefilled: usize,
    /// Tokens generated.
    pub generated: usize,
    /// From admission to the first generated token, waiting for other requests excluded.
    pub prefill_time: Duration,
    /// From the first generated token to the last.
    pub decode_time: Duration,
}

/// Sums the cost of several generations.
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

/// The stream of events of a [`Request`]: any number of [`Event::Read`] and [`Event::Text`], then exactly one
/// [`Event::Done`] or error. Dropping it cancels the request: the engine notices within one decode step or one layer
/// of prefill.
#[derive(Debug)]
pub struct Generation {
    events: mpsc::UnboundedReceiver<Result<Event, EngineError>>,
    ended: bool,
}

impl Generation {
    /// A generation and the sender of its events.
    pub(crate) fn channel() -> (mpsc::UnboundedSender<Result<Event, EngineError>>, Generation) {
        let (sender, events) = mpsc::unbounded_channel();
        (sender, Generation { events, ended: false })
    }

    /// The next event; `None` after [`Event::Done`] or an error. Cancel-safe: dropping the future loses no event.
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

    /// The next event if it has arrived; `None` otherwise and after the end.
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

    /// A closed channel without a last event means that the engine has stopped.
    fn settle(&mut self, received: Option<Result<Event, EngineError>>) -> Result<Event, EngineError> {
        let event = received.unwrap_or(Err(EngineError::Stopped));
        self.ended = matches!(event, Ok(Event::Done(_)) | Err(_));
        event
    }

    /// Collects the whole answer.
    ///
    /// # Errors
    /// The error that ended the generation; the text received so far is discarded.
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
