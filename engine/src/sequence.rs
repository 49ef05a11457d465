//! One generation of the neural model: admission, prefill in chunks, decoding.
//!
//! A [`Sequence`] is the tokens of prompt and answer and the KV rows of the first of them. A step runs the tokens
//! that have no row yet, at most a chunk; if they were the last ones it picks the next token. So prefill and
//! decoding are the same step, a sequence can stop after any step and go on later, and one whose rows were taken away
//! just runs them again. The last token picked never has a row.

use std::sync::Arc;

use crate::kv::{Kv, PAGE_TOKENS};
use crate::output::Output;
use crate::phi::{Phi, RopeMode, Rows};
use crate::prefix::Prefixes;
use crate::sample::{Sampler, mask};
use crate::tokens::{TextStream, Tokenizer};
use crate::{EngineError, FinishReason, Request};

/// Tokens that prefill runs at once, and what is lost at most when a chunk is given up. Matrix products gain little
/// above it.
const CHUNK: usize = 128;

/// A Phi model with everything that its sequences share.
pub(crate) struct Neural {
    pub(crate) phi: Phi,
    pub(crate) tokenizer: Arc<Tokenizer>,
    pub(crate) prefixes: Prefixes,
    /// The most tokens of a sequence.
    pub(crate) context: usize,
    /// Tokens that prefill runs at once; at least a page.
    pub(crate) chunk: usize,
}

/// See the module.
pub(crate) struct Sequence {
    tokens: Vec<u32>,
    /// Tokens of the prompt, the first ones.
    prompt: usize,
    mode: RopeMode,
    kv: Kv,
    sampler: Sampler,
    /// Bytes with which the answer must begin, because the prompt was backed up over them (token healing).
    required: Vec<u8>,
    text: TextStream,
}

impl Neural {
    /// A model ready to serve. `kv_bytes` bounds the KV pages of all sequences and of the prefix tree; the context
    /// shrinks to what fits.
    pub(crate) fn new(phi: Phi, tokenizer: Arc<Tokenizer>, kv_bytes: usize, context: usize) -> Neural {
        let prefixes = Prefixes::new(phi.kv_shape(), kv_bytes);
        let context = context.min(phi.config().context).min(prefixes.longest_sequence());
        Neural { phi, tokenizer, prefixes, context, chunk: CHUNK }
    }

    /// Makes tokens of a prompt and chooses its mode. Nothing is run yet.
    ///
    /// # Errors
    /// If there is nothing to run, or too much, or the sampling is impossible.
    pub(crate) fn admit(&self, request: &Request) -> Result<Sequence, EngineError> {
        let sampler = Sampler::new(request.sampling)?;
        let mut tokens = self.tokenizer.encode(&request.prompt);
        let mut required = Vec::new();
        if request.heal {
            let (kept, bytes) = self.tokenizer.heal(&tokens);
            tokens.truncate(kept);
            required = bytes;
        }
        admissible(tokens.len(), request.max_tokens, self.context)?;
        let mode = match tokens.len() + request.max_tokens <= self.phi.config().short_context {
            true => RopeMode::Short,
            false => RopeMode::Long,
        };
        let text = self.tokenizer.stream(&request.prompt);
        let (prompt, kv) = (tokens.len(), Kv::new(self.phi.kv_shape()));
        Ok(Sequence { tokens, prompt, mode, kv, sampler, required, text })
    }
}

impl Sequence {
    /// Takes from the prefix tree what this sequence still lacks: at its beginning, after its rows were taken away, or
    /// because another one has run the same tokens meanwhile. The last token is left to be run: only that gives logits.
    pub(crate) fn resume(&mut self, prefixes: &mut Prefixes) {
        let before_last = self.tokens.len() - 1;
        if self.kv.len() < before_last {
            let found = prefixes.longest(self.mode, &self.tokens[..before_last]);
            if found.len() > self.kv.len() {
                self.kv = found;
            }
        }
    }

    /// Gives the rows to the prefix tree, which may evict them.
    pub(crate) fn suspend(&mut self, prefixes: &mut Prefixes) {
        let kv = std::mem::replace(&mut self.kv, Kv::new(prefixes.shape()));
        prefixes.insert(self.mode, &self.tokens, &kv);
    }

    /// Tokens of the prompt that have a row, and all of them; `None` where the answer has begun.
    pub(crate) fn reading(&self) -> Option<(usize, usize)> {
        (self.tokens.len() == self.prompt).then(|| (self.kv.len(), self.prompt))
    }

    /// Pages that nobody else holds.
    pub(crate) fn private_pages(&self) -> usize {
        self.kv.pages().iter().filter(|page| Arc::strong_count(page) == 1).count()
    }

    /// Whether it holds rows at all.
    pub(crate) fn has_rows(&self) -> bool {
        !self.kv.is_empty()
    }

    /// Pages that the next step takes, the copy of a shared one included.
    pub(crate) fn wanted_pages(&self, chunk: usize) -> usize {
        self.chunk_end(chunk).div_ceil(PAGE_TOKENS) - self.kv.len() / PAGE_TOKENS
    }

    /// Chunks end where pages end, so that the tree and the sequence share whole pages and nothing is copied.
    fn chunk_end(&self, chunk: usize) -> usize {
        let end = (self.kv.len() + chunk) / PAGE_TOKENS * PAGE_TOKENS;
        end.min(self.tokens.len())
    }

    /// Runs one chunk, or the last token, and picks the next one when all were run. Says why the generation is over,
    /// if it is. `interrupted` is asked before each layer of a chunk; a chunk given up leaves the sequence as it was.
    pub(crate) fn step(
        &mut self,
        model: &mut Neural,
        output: &mut Output,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<FinishReason>, EngineError> {
        let Some(logits) = self.run(model, output, interrupted)? else { return Ok(None) };
        match self.kv.len() == self.tokens.len() {
            true if output.is_full() => Ok(Some(FinishReason::MaxTokens)),
            true => self.pick(logits, &model.tokenizer, output),
            false => {
                model.prefixes.insert(self.mode, &self.tokens, &self.kv);
                Ok(None)
            }
        }
    }

    /// Runs the next tokens that have no row. The logits of the last one, or `None` if it was interrupted.
    fn run(
        &mut self,
        model: &Neural,
        output: &mut Output,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<f32>>, EngineError> {
        let (start, end) = (self.kv.len(), self.chunk_end(model.chunk));
        // A single token is over before giving it up would gain anything.
        let cancelled = || output.is_cancelled() || end - start > 1 && interrupted();
        let run = &self.tokens[start..end];
        let logits = model.phi.forward(run, &mut self.kv, self.mode, Rows::Last, &cancelled);
        let logits = logits.map_err(|error| EngineError::Model(error.to_string().into()))?;
        if logits.is_some() {
            output.ran(self.prompt, end.min(self.prompt) - start.min(self.prompt));
        }
        Ok(logits)
    }

    fn pick(
        &mut self,
        mut logits: Vec<f32>,
        tokenizer: &Tokenizer,
        output: &mut Output,
    ) -> Result<Option<FinishReason>, EngineError> {
        if !self.required.is_empty() {
            mask(&mut logits, tokenizer.allowed(&self.required));
        }
        let token = self.sampler.pick(&logits)?;
        if tokenizer.is_end(token) {
            return Ok(Some(FinishReason::EndOfTurn));
        }
        self.tokens.push(token);
        let bytes = tokenizer.bytes(token);
        let healed = bytes.len().min(self.required.len());
        self.required.drain(..healed);
        // Should the answer end inside a character, its first bytes are no text.
        Ok(output.token(&self.text.push(&bytes[healed..])))
    }
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

#[cfg(test)]
pub(crate) mod tests;
