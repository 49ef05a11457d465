//! phi-engine runs a language model in the process of its caller. It knows tokens and tensors; it knows no editor, no
//! protocol and no file of a workspace.
//!
//! # Request path
//!
//! 1. The caller passes a [`Request`] with a [`Prompt`] of [`Part`]s to [`Engine::generate`], which queues it in the
//!    `inbox` of the engine thread. That thread owns the model.
//! 2. The `worker` picks the task of the highest [`Priority`] and runs one step of it at a time.
//! 3. The first step tokenizes the parts ([`tokens`]) and takes the longest cached prefix from the `prefix` tree with
//!    its KV pages ([`kv`]).
//! 4. Prefill runs the remaining tokens through the decoder ([`decoder`]) in chunks; decoding samples one token per step
//!    until a [`StopRule`] matches.
//! 5. Text comes back through the [`Generation`], in whole UTF-8 characters. Dropping the generation cancels the task.
//!
//! # Models
//!
//! Decoders from [`weights`]: Phi-3 and Phi-3.5, Llama, Mistral, Qwen2 and Qwen3. With the feature `scripted`, which is for tests, also one whose answers come from a
//! closure. The [`ngram`] copy model, which continues text from the sources it was given, needs no engine.
//!
//! # Modules
//!
//! A module imports only modules further down this list: `engine` → `worker` → `model` → `inbox`, `sequence`,
//! `scripted` → `output`, `prefix`, `sample`, `weights` → `tokens`, `decoder`, `stop`, `status`, `ngram` → `attention`,
//! `rope`, `linear`, `chat`, `device` → `kv`, `tensor`, `per_thread` → `widen` → `simd` → `generation` → `error`, `prompt`, `source`, `files`.
#![deny(missing_docs)]

mod attention;
mod chat;
pub mod decoder;
mod device;
mod engine;
mod error;
mod files;
mod generation;
mod inbox;
pub mod kv;
mod linear;
mod model;
pub mod ngram;

mod output;
mod per_thread;
mod prefix;
mod prompt;
mod rope;
mod sample;
#[cfg(any(test, feature = "scripted"))]
mod scripted;
mod sequence;
mod simd;
#[cfg(test)]
mod small_phi;
mod source;
mod status;
mod stop;
mod tensor;
pub mod tokens;
pub mod weights;
mod widen;
mod worker;

pub use device::{DeviceChoice, DeviceError};
pub use engine::{Engine, ModelInfo, Options};
pub use error::EngineError;
pub use files::open_regular;
pub use generation::{Event, Finish, FinishReason, Generation, Priority, Request, Sampling, StopRule, Usage};
pub use prompt::{FimFormat, FimOrder, Marker, Part, Prompt, PromptFormats, Role};
pub use source::{Origin, SourceId};
pub use status::{Phase, Status, Work};
pub use stop::apply_stop_rules;
pub use weights::Adapter;
