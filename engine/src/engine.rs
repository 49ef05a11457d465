//! The handle to a running engine: cheap to clone, safe to share.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use crate::device::{self, DeviceChoice};
use crate::generation::{Generation, Request};
use crate::inbox::{Inbox, Job};
use crate::model::Model;
use crate::output::Reply;
use crate::prompt::{Prompt, PromptFormats};
#[cfg(any(test, feature = "scripted"))]
use crate::scripted::{self, ScriptedModel};
use crate::sequence::NeuralModel;
use crate::status::{SharedStatus, Status};
use crate::tokens::Tokenizer;
use crate::weights::{self, Adapter, LoadError, LoadedModel};
use crate::worker::Worker;

/// A running engine: one thread that owns one model. The thread ends when the last handle is dropped; unfinished
/// generations then end with [`EngineError::Stopped`](crate::EngineError::Stopped).
#[derive(Clone, Debug)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: u64,
    model: ModelInfo,
    counter: TokenCounter,
    inbox: mpsc::Sender<Job>,
    status: Arc<SharedStatus>,
}

/// Counts tokens on the caller's thread.
#[derive(Debug)]
enum TokenCounter {
    Tokenizer(Arc<Tokenizer>),
    #[cfg(any(test, feature = "scripted"))]
    Scripted,
}

/// How to run a neural model.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// LoRA adapters to run the model with; their effects add up.
    pub adapters: Vec<Adapter>,
    /// The device to run it on.
    pub device: DeviceChoice,
    /// Threads for arithmetic on the processor; 0 means one per physical core.
    pub threads: usize,
    /// Bytes of KV pages, for all sequences and the prefix tree together.
    pub kv_bytes: usize,
    /// The most tokens of one sequence, prompt and answer; capped at the model's own limit.
    pub context: usize,
}

/// The model of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// Display name, such as `Phi-3.5-mini-instruct`.
    pub name: String,
    /// The file or folder that it was loaded from.
    pub path: Option<PathBuf>,
    /// `phi3`, `llama`...; empty for a scripted model.
    pub architecture: String,
    /// `Q4_K_M`, `F16`...; may be empty.
    pub quantization: String,
    /// Equal for files with equal metadata and tensor tables; depends on the adapters.
    pub fingerprint: u64,
    /// The names of the files or folders of its LoRA adapters.
    pub adapters: Vec<String>,
    /// The device that it runs on, such as `CUDA device 0`; `None` is the processor.
    pub device: Option<String>,
    /// The most tokens of one sequence.
    pub context: usize,
    /// LongRoPE's short factors apply to sequences of up to this many tokens.
    pub short_context: usize,
    /// The formats of prompts that it was trained on.
    pub formats: PromptFormats,
}

impl ModelInfo {
    /// Name, number format, adapters and device, for display: `Phi-3.5-mini-instruct Q4_K_M with mine on CUDA device 0`.
    pub fn title(&self) -> String {
        let Self { name, quantization, adapters, device, .. } = self;
        let device = device.as_ref().map_or(String::new(), |device| format!(" on {device}"));
        let format = if quantization.is_empty() { "" } else { " " };
        let with = if adapters.is_empty() { "" } else { " with " };
        format!("{name}{format}{quantization}{with}{}{device}", adapters.join(", "))
    }

    /// The most tokens of a sequence that LongRoPE's short factors apply to.
    pub fn window(&self) -> usize {
        self.short_context.min(self.context)
    }

    /// Whether it follows instructions in a chat.
    pub fn follows_instructions(&self) -> bool {
        self.formats.chat
    }
}

impl Engine {
    /// Loads a model from a GGUF file or a Hugging Face folder and starts the engine thread. Blocks while it
    /// loads; calls `progress` with the share of the weights loaded so far, from 0 to 1.
    ///
    /// [`ModelInfo::context`] is the requested context, or less if the model or the KV memory holds less.
    ///
    /// # Errors
    /// The error names the file, the tensor or key, and what to do.
    pub fn open(path: &Path, options: &Options, mut progress: impl FnMut(f32)) -> Result<Engine, LoadError> {
        // Before the weights are read, which takes long.
        let device = options.device.open().map_err(LoadError::Device)?;
        let loaded = weights::open(path, &options.adapters, options.threads, &mut progress)?;
        let LoadedModel { decoder, tokenizer, name, quantization, architecture, fingerprint, adapters } =
            loaded;
        let decoder = match &device {
            Some(device) => {
                let on = device::name(device);
                decoder.on_device(device).map_err(|error| LoadError::OnDevice(on, error.to_string()))?
            }
            None => decoder,
        };
        let (tokenizer, short_context) = (Arc::new(tokenizer), decoder.config().short_context);
        let requested = options.context.min(decoder.config().context);
        let neural = NeuralModel::new(decoder, tokenizer.clone(), options.kv_bytes, requested, adapters);
        let context = neural.context;
        if context < requested {
            let bytes = options.kv_bytes;
            tracing::warn!(
                "{bytes} bytes of KV hold sequences of {context} tokens; {requested} were asked for"
            );
        }
        let path = Some(path.into());
        let formats = tokenizer.formats();
        let architecture = architecture.to_owned();
        let model = ModelInfo {
            name,
            path,
            architecture,
            quantization,
            fingerprint: fingerprint ^ adapters,
            adapters: options.adapters.iter().map(Adapter::name).collect(),
            device: device.as_ref().map(device::name),
            context,
            short_context,
            formats,
        };
        Ok(Engine::start(model, TokenCounter::Tokenizer(tokenizer), Model::Decoder(Box::new(neural))))
    }

    /// Changes the display name of the model. Has no effect on an engine that was cloned.
    pub fn called(mut self, name: &str) -> Engine {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.model.name = name.to_owned();
        }
        self
    }

    /// Starts an engine whose answers come from a closure, which gets the prompt as [`Prompt`]'s `Display` writes it.
    /// Stop rules, priorities and cancelling work as for any model. The closure runs on the engine thread and blocks
    /// it; a panic in it is the error of that one generation.
    ///
    /// A token is 4 bytes of a part (more, if that would split a character), markup is one token, the context is
    /// 4096. [`Usage::cached`](crate::Usage::cached) counts the leading tokens shared with any of the latest 64
    /// prompts, idle prefill included.
    #[cfg(any(test, feature = "scripted"))]
    pub fn scripted(answer: impl FnMut(&str) -> String + Send + 'static) -> Engine {
        let model = ModelInfo {
            name: "scripted".into(),
            path: None,
            architecture: String::new(),
            quantization: String::new(),
            fingerprint: 0,
            adapters: Vec::new(),
            device: None,
            context: scripted::CONTEXT,
            short_context: scripted::CONTEXT,
            formats: PromptFormats { chat: true, fim: None },
        };
        let scripted = ScriptedModel::new(Box::new(answer));
        Engine::start(model, TokenCounter::Scripted, Model::Scripted(scripted))
    }

    /// The same engine with prompts in other formats. Has no effect on an engine that was cloned.
    #[cfg(any(test, feature = "scripted"))]
    pub fn with_formats(mut self, formats: PromptFormats) -> Engine {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.model.formats = formats;
        }
        self
    }

    fn start(info: ModelInfo, counter: TokenCounter, model: Model) -> Engine {
        let (sender, receiver) = mpsc::channel();
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let id = STARTED.fetch_add(1, Ordering::Relaxed);
        let status = Arc::new(SharedStatus::default());
        let shared = Shared { id, model: info, counter, inbox: sender, status: status.clone() };
        std::thread::Builder::new()
            .name("phi-engine".into())
            .spawn(move || Worker::new(model, Inbox::new(receiver), status).run())
            .expect("the operating system starts a thread");
        Engine { shared: Arc::new(shared) }
    }

    /// Identifies this engine among all engines of the process.
    pub fn id(&self) -> u64 {
        self.shared.id
    }

    /// The model that is running.
    pub fn model(&self) -> &ModelInfo {
        &self.shared.model
    }

    /// Counts the tokens of `text` as one [`crate::Part::Text`]. Does not wait for the engine thread.
    pub fn count(&self, text: &str) -> usize {
        match &self.shared.counter {
            TokenCounter::Tokenizer(tokenizer) => tokenizer.count(text),
            #[cfg(any(test, feature = "scripted"))]
            TokenCounter::Scripted => scripted::pieces(text).count(),
        }
    }

    /// Starts a generation.
    pub fn generate(&self, request: Request) -> Generation {
        let (events, generation) = Generation::channel();
        self.send(Job::Generate(request, Reply::new(events, self.shared.status.clone())));
        generation
    }

    /// Prefills a prompt while the engine is idle, so that a later request with the same prefix finds its KV rows
    /// cached. A newer call replaces an older one that has not run.
    pub fn warm(&self, prompt: Prompt) {
        if !prompt.parts.is_empty() {
            self.send(Job::Warm(prompt));
        }
    }

    /// A snapshot of what the engine is doing. Does not wait for the engine thread.
    pub fn status(&self) -> Status {
        self.shared.status.read()
    }

    fn send(&self, job: Job) {
        // If the thread has ended, the job's reply is dropped here, which ends its generation with an error.
        let _ = self.shared.inbox.send(job);
    }
}
