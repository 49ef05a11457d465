//! The handle that the rest of a program holds: cheap to clone, safe to share.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use crate::inbox::{Inbox, Job};
use crate::model::Model;
use crate::output::{Gauges, Reply};
use crate::scripted::{self, Scripted};
use crate::sequence::Neural;
use crate::tokens::Tokenizer;
use crate::weights::{self, LoadError, Loaded};
use crate::worker::Worker;
use crate::{Generation, Priority, Prompt, Request, lookup};

/// A running engine: one thread that owns one model. The thread ends when the last handle is dropped; generations
/// that are not over then end with [`EngineError::Stopped`].
#[derive(Clone, Debug)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: u64,
    model: ModelInfo,
    counter: Counter,
    inbox: mpsc::Sender<Job>,
    gauges: Arc<Gauges>,
}

/// Counts tokens on the caller's thread.
#[derive(Debug)]
enum Counter {
    Phi(Arc<Tokenizer>),
    Lookup,
    Scripted,
}

/// How to run a neural model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Threads for arithmetic; 0 means one per physical core.
    pub threads: usize,
    /// Bytes that KV pages may take together.
    pub kv_bytes: usize,
    /// The most tokens of one sequence, prompt and answer; at most the model's own limit.
    pub context: usize,
}

/// What is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// Which of the three kinds.
    pub kind: ModelKind,
    /// For a person: `Phi-3.5-mini-instruct`, or `n-gram`.
    pub name: String,
    /// The file or folder that it was read from.
    pub path: Option<PathBuf>,
    /// `Q4_K_M`, `F16`...; empty where weights have none.
    pub quantization: String,
    /// The most tokens of one sequence.
    pub context: usize,
    /// Up to this many tokens LongRoPE's short factors hold.
    pub short_context: usize,
}

/// The three models behind [`Engine`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// Phi-3 and Phi-3.5, dense.
    Phi,
    /// No neural model: continues text from text.
    Lookup,
    /// A closure; for tests.
    Scripted,
}

/// Names one text that the engine remembers (see [`Engine::remember`]); what it stands for is the caller's affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u64);

/// What the engine is doing, for a status line.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Status {
    /// Jobs waiting or running, idle prefill excluded.
    pub jobs: usize,
    /// Decode speed of the latest generation; 0 before the first.
    pub tokens_per_second: f32,
    /// Tokens whose KV rows the prefix tree holds.
    pub cached_tokens: usize,
    /// Bytes that these rows take.
    pub cached_bytes: usize,
    /// What a neural model works on now; `None` while it waits for a job.
    pub work: Option<Work>,
    /// How often the engine has begun again after a panic.
    pub restarts: usize,
}

/// The generation that the engine's thread works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Of the request; [`Priority::Warm`] for idle prefill.
    pub priority: Priority,
    /// How far it is.
    pub phase: Phase,
}

/// How far a generation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Prefill.
    Reading {
        /// Tokens of the prompt that have their KV rows, those found in the prefix tree among them.
        read: usize,
        /// Tokens of the prompt.
        of: usize,
    },
    /// Decode.
    Writing {
        /// Generated so far.
        tokens: usize,
    },
}

/// Why the engine could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// Prompt and answer together do not fit the context.
    #[error(
        "the prompt has {prompt} tokens and the answer may take {max_tokens}, but the context holds {context}; shorten the prompt or raise the context"
    )]
    TooLong {
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens asked for.
        max_tokens: usize,
        /// Tokens that fit.
        context: usize,
    },
    /// There is nothing to run.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// Nothing can be sampled like that.
    #[error(
        "temperature {temperature} with top_p {top_p}: the temperature must be above 0, top_p above 0 and at most 1"
    )]
    Sampling {
        /// As asked for.
        temperature: f64,
        /// As asked for.
        top_p: f64,
    },
    /// The model could not be run, or its numbers make no sense.
    #[error("the model failed: {0}")]
    Model(Arc<str>),
    /// The engine's thread has ended.
    #[error("the engine has stopped")]
    Stopped,
}

impl Engine {
    /// Loads a Phi-3 model from a GGUF file or a Hugging Face folder and starts its thread. Blocks while it
    /// reads; `progress` is told how much of the weights is there, from 0 to 1.
    ///
    /// [`ModelInfo::context`] is what was asked for, or less where the model, or the memory for KV, holds less.
    ///
    /// # Errors
    /// Names the file, the tensor or key, and what to do.
    pub fn phi(path: &Path, options: &Options, mut progress: impl FnMut(f32)) -> Result<Engine, LoadError> {
        let Loaded { phi, tokenizer, name, quantization } = weights::open(path, options, &mut progress)?;
        let (tokenizer, short_context) = (Arc::new(tokenizer), phi.config().short_context);
        let wanted = options.context.min(phi.config().context);
        let neural = Neural::new(phi, tokenizer.clone(), options.kv_bytes, wanted);
        let context = neural.context;
        if context < wanted {
            let bytes = options.kv_bytes;
            tracing::warn!("{bytes} bytes of KV hold sequences of {context} tokens; {wanted} were asked for");
        }
        let path = Some(path.into());
        let model = ModelInfo { kind: ModelKind::Phi, name, path, quantization, context, short_context };
        Ok(Engine::start(model, Counter::Phi(tokenizer), Model::Phi(Box::new(neural))))
    }

    /// The same engine under another name: the one that a user knows its model by.
    pub fn called(mut self, name: &str) -> Engine {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.model.name = name.to_owned();
        }
        self
    }

    /// Starts the lookup model, which knows only what [`Engine::remember`] gives it. It reads the end of a prompt
    /// ([`Prompt::tail`]), answers in one step, and ends with [`FinishReason::Unsure`](crate::FinishReason::Unsure)
    /// where it has nothing to say. Its tokens are words, marks and line breaks.
    pub fn lookup() -> Engine {
        let model = ModelInfo {
            kind: ModelKind::Lookup,
            name: "n-gram".into(),
            path: None,
            quantization: String::new(),
            context: scripted::CONTEXT,
            short_context: scripted::CONTEXT,
        };
        Engine::start(model, Counter::Lookup, Model::Lookup(Box::default()))
    }

    /// Starts an engine whose answers come from a closure: it gets the prompt as [`Prompt`]'s `Display` shows
    /// it. Stop rules, priorities and cancelling hold as for any model; the closure runs on the engine's thread, so
    /// while it blocks nothing else goes on, and its panic is an error of that one generation.
    ///
    /// A token is 4 bytes of a part (more where a character would be torn), markup is one token, the context is
    /// 4096. [`Usage::cached`](crate::Usage::cached) counts the leading tokens that one of the latest 64 prompts,
    /// warmed ones included, has as well.
    pub fn scripted(answer: impl FnMut(&str) -> String + Send + 'static) -> Engine {
        let model = ModelInfo {
            kind: ModelKind::Scripted,
            name: "scripted".into(),
            path: None,
            quantization: String::new(),
            context: scripted::CONTEXT,
            short_context: scripted::CONTEXT,
        };
        Engine::start(model, Counter::Scripted, Model::Scripted(Scripted::new(Box::new(answer))))
    }

    fn start(model: ModelInfo, counter: Counter, answers: Model) -> Engine {
        let (sender, receiver) = mpsc::channel();
        let gauges = Arc::new(Gauges::default());
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let id = STARTED.fetch_add(1, Ordering::Relaxed);
        let shared = Shared { id, model, counter, inbox: sender, gauges: gauges.clone() };
        std::thread::Builder::new()
            .name("phi-engine".into())
            .spawn(move || Worker::new(answers, Inbox::new(receiver), gauges).run())
            .expect("the operating system starts a thread");
        Engine { shared: Arc::new(shared) }
    }

    /// Tells this engine from all others of the process.
    pub fn id(&self) -> u64 {
        self.shared.id
    }

    /// What is running.
    pub fn model(&self) -> &ModelInfo {
        &self.shared.model
    }

    /// Tokens that `text` takes as one [`crate::Part::Text`]. Does not wait for the engine's thread.
    pub fn count(&self, text: &str) -> usize {
        match &self.shared.counter {
            Counter::Phi(tokenizer) => tokenizer.count(text),
            Counter::Lookup => lookup::count(text),
            Counter::Scripted => scripted::pieces(text).count(),
        }
    }

    /// Starts a generation.
    pub fn generate(&self, request: Request) -> Generation {
        let (events, generation) = Generation::channel();
        self.send(Job::Generate(request, Reply::new(events, self.shared.gauges.clone())));
        generation
    }

    /// Prefills a prompt while the engine has nothing else to do, so that a later request that begins with it
    /// finds its KV rows. A newer call replaces an older one that has not run.
    pub fn warm(&self, prompt: Prompt) {
        self.send(Job::Warm(prompt));
    }

    /// Lets the engine continue text from this one: the lookup model answers from it. The same id again
    /// replaces the text.
    pub fn remember(&self, source: SourceId, text: Arc<str>) {
        self.send(Job::Remember(source, text));
    }

    /// Takes a text back.
    pub fn forget(&self, source: SourceId) {
        self.send(Job::Forget(source));
    }

    /// Waits until the engine has taken in all texts that it was told of before. Who has many to tell waits after
    /// each, so that they do not queue up in front of a keystroke.
    pub fn catch_up(&self) {
        let (waiting, done) = mpsc::sync_channel(0);
        self.send(Job::CatchUp(waiting));
        // Dropped unanswered when its turn has come, or with the engine.
        let _ = done.recv();
    }

    /// What the engine is doing; a snapshot that costs nothing.
    pub fn status(&self) -> Status {
        self.shared.gauges.read()
    }

    fn send(&self, job: Job) {
        // If the thread has ended, the job's reply is dropped here, and its generation says so.
        let _ = self.shared.inbox.send(job);
    }
}
