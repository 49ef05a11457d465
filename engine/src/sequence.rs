//! One generation of the neural model: admission, prefill in chunks, decoding.
//!
//! A [`Sequence`] holds the tokens of prompt and answer, and the KV rows of the first of them. A step runs the tokens
//! that have no row yet, at most one chunk. If these were the last tokens, it samples the next one. So prefill and
//! decoding are the same step, a sequence can pause after any step, and a sequence whose rows were evicted runs those
//! tokens again. The last sampled token never has a row.

use std::sync::Arc;

use crate::decoder::{Decoder, RopeMode, Workspace};
use crate::error::EngineError;
use crate::generation::{FinishReason, Request};
use crate::kv::{Kv, PAGE_TOKENS};
use crate::output::Output;
use crate::prefix::{PrefixKey, Prefixes};
use crate::sample::{Sampler, mask};
use crate::tokens::{TextStream, Tokenizer};

/// A decoder with the state that its sequences share.
pub(crate) struct NeuralModel {
    pub(crate) decoder: Decoder,
    pub(crate) workspace: Workspace,
    pub(crate) tokenizer: Arc<Tokenizer>,
    pub(crate) prefixes: Prefixes,
    /// Identifies the adapters of the decoder; 0 without any.
    adapter: u64,
    /// The most tokens of a sequence.
    pub(crate) context: usize,
    /// Tokens of one prefill chunk, and the most tokens whose work a cancelled chunk discards; at least a page.
    pub(crate) chunk: usize,
}

/// One generation; see the module documentation.
pub(crate) struct Sequence {
    tokens: Vec<u32>,
    /// How many of `tokens` are the prompt.
    prompt: usize,
    key: PrefixKey,
    kv: Kv,
    sampler: Sampler,
    /// Bytes that the answer must begin with, because token healing removed them from the prompt.
    required: Vec<u8>,
    text: TextStream,
}

impl NeuralModel {
    /// `kv_bytes` bounds the KV pages of all sequences and of the prefix tree. The context shrinks to what fits.
    pub(crate) fn new(
        decoder: Decoder,
        tokenizer: Arc<Tokenizer>,
        kv_bytes: usize,
        context: usize,
        adapter: u64,
    ) -> NeuralModel {
        let workspace = decoder.workspace(kv_bytes);
        let context = context.min(decoder.config().context).min(workspace.pages.longest_sequence());
        let (prefixes, chunk) = (Prefixes::default(), decoder.chunk());
        NeuralModel { decoder, workspace, tokenizer, prefixes, adapter, context, chunk }
    }

    /// Tokenizes a prompt and selects the LongRoPE mode. Runs no token yet.
    ///
    /// # Errors
    /// The prompt is empty or too long, or the sampling parameters are out of range.
    pub(crate) fn admit(&self, request: &Request) -> Result<Sequence, EngineError> {
        let sampler = Sampler::new(request.sampling)?;
        let mut tokens = self.tokenizer.encode(&request.prompt);
        let mut required = Vec::new();
        if request.heal {
            let (kept, bytes) = self.tokenizer.heal(&tokens);
            tokens.truncate(kept);
            required = bytes;
        }
        check_length(tokens.len(), request.max_tokens, self.context)?;
        let mode = match tokens.len() + request.max_tokens <= self.decoder.config().short_context {
            true => RopeMode::Short,
            false => RopeMode::Long,
        };
        let key = PrefixKey { mode, adapter: self.adapter };
        let text = self.tokenizer.stream(&request.prompt);
        let (prompt, kv) = (tokens.len(), Kv::default());
        Ok(Sequence { tokens, prompt, key, kv, sampler, required, text })
    }
}

impl Sequence {
    /// Takes rows from the prefix tree that this sequence lacks: before its first step, after its rows were evicted,
    /// or because another sequence has run the same tokens in the meantime. The last token always runs, to get its
    /// logits.
    pub(crate) fn resume(&mut self, prefixes: &mut Prefixes) {
        let before_last = self.tokens.len() - 1;
        if self.kv.len() < before_last {
            let found = prefixes.longest(self.key, &self.tokens[..before_last]);
            if found.len() > self.kv.len() {
                self.kv = found;
            }
        }
    }

    /// Moves the rows to the prefix tree, which may evict them.
    pub(crate) fn suspend(&mut self, prefixes: &mut Prefixes) {
        let kv = std::mem::take(&mut self.kv);
        prefixes.insert(self.key, &self.tokens, &kv);
    }

    /// Tokens of the prompt that have a row, and all tokens of the prompt; `None` once decoding has begun.
    pub(crate) fn prefill_progress(&self) -> Option<(usize, usize)> {
        (self.tokens.len() == self.prompt).then(|| (self.kv.len(), self.prompt))
    }

    /// Whether it holds any rows.
    pub(crate) fn has_rows(&self) -> bool {
        !self.kv.is_empty()
    }

    /// Pages that the next step allocates, including the copy of a shared page.
    pub(crate) fn pages_needed(&self, chunk: usize) -> usize {
        self.chunk_end(chunk).div_ceil(PAGE_TOKENS) - self.kv.len() / PAGE_TOKENS
    }

    /// Chunks end at page boundaries, so that the tree and the sequence share whole pages without copying.
    fn chunk_end(&self, chunk: usize) -> usize {
        let end = (self.kv.len() + chunk) / PAGE_TOKENS * PAGE_TOKENS;
        end.min(self.tokens.len())
    }

    /// Runs one chunk, or the last token, and samples the next token once all have run. Returns the reason if the
    /// generation is finished. `interrupted` is called before each layer of a chunk; a cancelled chunk leaves the
    /// sequence unchanged.
    pub(crate) fn step(
        &mut self,
        model: &mut NeuralModel,
        output: &mut Output,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<FinishReason>, EngineError> {
        let NeuralModel { decoder, workspace, tokenizer, prefixes, chunk, .. } = model;
        let logits = self.run(decoder, *chunk, workspace, output, interrupted)?;
        let Some(logits) = logits else { return Ok(None) };
        match self.kv.len() == self.tokens.len() {
            true if output.is_full() => Ok(Some(FinishReason::MaxTokens)),
            true => self.sample(logits, tokenizer, output),
            false => {
                prefixes.insert(self.key, &self.tokens, &self.kv);
                Ok(None)
            }
        }
    }

    /// Runs the next tokens that have no row. Returns the logits of the last one, none if others follow it, or `None` if
    /// interrupted.
    fn run<'w>(
        &mut self,
        decoder: &Decoder,
        chunk: usize,
        workspace: &'w mut Workspace,
        output: &mut Output,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<&'w mut [f32]>, EngineError> {
        let (start, end) = (self.kv.len(), self.chunk_end(chunk));
        // Cancelling the forward pass of a single token would gain nothing.
        let cancelled = || output.is_cancelled() || end - start > 1 && interrupted();
        let run = &self.tokens[start..end];
        // Only the last token of all needs logits.
        let logits = if end == self.tokens.len() { run.len() - 1..run.len() } else { 0..0 };
        let logits = decoder.forward(run, &mut self.kv, self.key.mode, logits, workspace, &cancelled);
        let logits = logits.map_err(|error| EngineError::Model(error.to_string().into()))?;
        if logits.is_some() {
            output.add_prefilled(self.prompt, end.min(self.prompt) - start.min(self.prompt));
        }
        Ok(logits)
    }

    fn sample(
        &mut self,
        logits: &mut [f32],
        tokenizer: &Tokenizer,
        output: &mut Output,
    ) -> Result<Option<FinishReason>, EngineError> {
        if !self.required.is_empty() {
            mask(logits, tokenizer.allowed(&self.required));
        }
        let token = self.sampler.sample(logits)?;
        if tokenizer.is_end(token) {
            return Ok(Some(FinishReason::EndOfTurn));
        }
        self.tokens.push(token);
        let bytes = tokenizer.bytes(token);
        let healed = bytes.len().min(self.required.len());
        self.required.drain(..healed);
        // If the answer ends inside a character, the bytes of that character are dropped.
        Ok(output.token(&self.text.push(&bytes[healed..])))
    }
}

/// Checks that prompt and answer fit the context.
pub(crate) fn check_length(prompt: usize, max_tokens: usize, context: usize) -> Result<(), EngineError> {
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
