//! Prints the logits after a sequence of tokens, for the whole vocabulary, as one JSON array: for comparison with
//! other implementations.
//!
//! ```text
//! cargo run -p phi-engine --release --example logits -- MODEL [--long] [--threads N] TOKEN...
//! ```

mod on;

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use on::On;
use phi_engine::decoder::RopeMode;
use phi_engine::kv::{Kv, KvFormat, PAGE_TOKENS};

/// Prints the last token's logits as one JSON array. KV rows are kept in f32, so that nothing is rounded that the
/// model does not round itself.
#[derive(Parser)]
struct Args {
    /// A GGUF file or a Hugging Face folder.
    model: PathBuf,
    /// Rotate with LongRoPE's long factors instead of the short ones.
    #[arg(long)]
    long: bool,
    /// The device.
    #[arg(long, value_enum, default_value_t = On::Cpu)]
    device: On,
    /// Threads for arithmetic; 0 is one per physical core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Keep KV rows in f16, as the engine does by default.
    #[arg(long)]
    f16: bool,
    /// Print to stderr the time of loading, of the prompt, and of decoding this many tokens greedily.
    #[arg(long, value_name = "TOKENS")]
    time: Option<usize>,
    /// The tokens, as numbers.
    #[arg(required = true)]
    tokens: Vec<u32>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let start = Instant::now();
    let mut decoder = args.device.open(&args.model, args.threads)?;
    let load = start.elapsed();
    if !args.f16 {
        decoder.set_kv_format(KvFormat::F32);
    }
    let mode = if args.long { RopeMode::Long } else { RopeMode::Short };
    let mut kv = Kv::default();
    let tokens = args.tokens.len() + args.time.unwrap_or(0);
    let pages = tokens.div_ceil(PAGE_TOKENS);
    let mut workspace = decoder.workspace(pages * decoder.kv_shape().bytes_per_page());
    let mut run = |tokens: &[u32]| -> anyhow::Result<Vec<f32>> {
        let last = tokens.len().saturating_sub(1)..tokens.len();
        let logits = decoder.forward(tokens, &mut kv, mode, last, &mut workspace, &|| false)?;
        Ok(logits.expect("a forward pass that nothing cancels ends").to_vec())
    };

    let start = Instant::now();
    let mut logits = run(&args.tokens)?;
    if let Some(tokens) = args.time {
        let prefill = start.elapsed();
        let start = Instant::now();
        for _ in 0..tokens {
            let (likely, _) =
                logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).expect("a vocabulary");
            logits = run(&[likely as u32])?;
        }
        let decode = start.elapsed();
        eprintln!(
            "load {:.2} s; prefill {} tokens, {:.1} tokens/s; decode {tokens} tokens, {:.2} tokens/s",
            load.as_secs_f64(),
            args.tokens.len(),
            args.tokens.len() as f64 / prefill.as_secs_f64(),
            tokens as f64 / decode.as_secs_f64(),
        );
    }
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &logits)?;
    writeln!(out)?;
    Ok(())
}
