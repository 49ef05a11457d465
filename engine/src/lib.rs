//! phi-engine runs a language model in the process of its caller and knows only tokens and tensors:
//! no file of a workspace, no editor.
//!
//! The way of one job: a [`Request`] carries a [`Prompt`] of [`Part`]s. [`Engine::generate`] puts it into the
//! inbox of the one thread that owns the model ([`worker`]). There the parts become tokens ([`tokens`]), the
//! longest prefix that was run before is taken from the [`prefix`] tree with its [`kv`] pages, the rest is run
//! through the model ([`phi`]), and each further token is picked by [`sample`] until a [`StopRule`] holds. Text
//! comes back through the [`Generation`], whole UTF-8 only; dropping it ends the job.
//!
//! Three models answer behind this one interface: Phi-3.5 from [`weights`], the [`lookup`] model that continues
//! text from what it has seen in other text, and a scripted one for tests of what surrounds an engine.
#![deny(missing_docs)]

mod attention;
mod engine;
mod files;
mod generation;
mod inbox;
pub mod kv;
mod linear;
pub mod lookup;
mod model;
mod output;
pub mod phi;
mod prefix;
mod prompt;
mod rope;
mod sample;
mod scripted;
mod sequence;
mod simd;
#[cfg(test)]
mod small_phi;
mod stop;
pub mod tokens;
pub mod weights;
mod worker;

pub use engine::{Engine, EngineError, ModelInfo, ModelKind, Options, Phase, SourceId, Status, Work};
pub use files::open_regular;
pub use generation::{
    Event, Finish, FinishReason, Generation, Origin, Priority, Request, Sampling, StopRule, Usage,
};
pub use prompt::{Markup, Part, Prompt};
