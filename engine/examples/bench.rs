//! Prefill and decode speed of a model file, and the time of a keystroke, as JSON, for comparison with `llama-bench` on the same file:
//!
//! ```sh
//! cargo run -p phi-engine --release --example bench -- MODEL --threads 2 --repeat 5
//! llama-bench -m MODEL -t 2 -r 5 -p 128,512,2048 -n 32 && llama-bench -m MODEL -t 2 -r 5 -p 0 -n 32 -d 2048
//! ```
//!
//! Like `llama-bench` it runs arbitrary tokens, as the speed does not depend on them. A prefill starts with an empty
//! cache; a decode step runs one token.

mod on;

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use on::On;
use phi_engine::decoder::{Decoder, RopeMode, Workspace};
use phi_engine::kv::{Kv, PAGE_TOKENS};
use serde_json::json;

/// Prefill and decode speed of a model file, as JSON.
#[derive(Parser)]
struct Arguments {
    /// A GGUF file or a Hugging Face folder.
    model: PathBuf,
    /// The device.
    #[arg(long, value_enum, default_value_t = On::Cpu)]
    device: On,
    /// Threads; 0 is one per physical core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Runs of each measurement; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Lengths of the prompts to prefill.
    #[arg(long, value_delimiter = ',', default_values_t = [128, 512, 2048])]
    prompt: Vec<usize>,
    /// Tokens that a forward pass of prefill runs, as in the engine.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    chunk: u32,
    /// Tokens to decode in each run.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    decode: u32,
    /// Tokens that are there before decoding begins.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 2048])]
    depth: Vec<usize>,
    /// Cached tokens before the new ones of a keystroke.
    #[arg(long, value_delimiter = ',', default_values_t = [1000])]
    cached: Vec<usize>,
    /// New tokens of a keystroke; its time ends with the logits of the last one.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    new: u32,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let started = Instant::now();
    let decoder = arguments.device.open(&arguments.model, arguments.threads)?;
    let load = started.elapsed().as_secs_f64();
    let chunk = arguments.chunk as usize;

    // The sequence that decoding starts from, and a longer one beside it.
    let longest =
        arguments.prompt.iter().chain(&arguments.depth).chain(&arguments.cached).max().unwrap_or(&0);
    let pages = 2 * (longest + arguments.decode.max(arguments.new) as usize).div_ceil(PAGE_TOKENS) + 1;
    let mut workspace = decoder.workspace(pages * decoder.kv_shape().bytes_per_page());
    let mut prefill = Vec::new();
    for &length in &arguments.prompt {
        let speeds = repeat(arguments.repeat, || {
            let mut kv = Kv::default();
            let started = Instant::now();
            run(&decoder, &mut workspace, &mut kv, length, chunk)?;
            Ok(length as f64 / started.elapsed().as_secs_f64())
        })?;
        prefill.push(summary(json!({ "tokens": length }), speeds, SPEEDS));
    }
    let mut decode = Vec::new();
    for &depth in &arguments.depth {
        let mut filled = Kv::default();
        run(&decoder, &mut workspace, &mut filled, depth, chunk)?;
        let speeds = repeat(arguments.repeat, || {
            let mut kv = filled.clone();
            // The step that copies the shared page and touches the new one is not counted.
            run(&decoder, &mut workspace, &mut kv, 1, 1)?;
            let started = Instant::now();
            run(&decoder, &mut workspace, &mut kv, arguments.decode as usize, 1)?;
            Ok(f64::from(arguments.decode) / started.elapsed().as_secs_f64())
        })?;
        decode.push(summary(json!({ "tokens": arguments.decode, "depth": depth }), speeds, SPEEDS));
    }

    let mut keystroke = Vec::new();
    for &cached in &arguments.cached {
        let mut filled = Kv::default();
        run(&decoder, &mut workspace, &mut filled, cached, chunk)?;
        let times = repeat(arguments.repeat, || {
            let mut kv = filled.clone();
            let started = Instant::now();
            run(&decoder, &mut workspace, &mut kv, arguments.new as usize, chunk)?;
            Ok(started.elapsed().as_secs_f64() * 1e3)
        })?;
        let unit = "milliseconds to the logits";
        let what = json!({ "tokens": arguments.new, "cached": cached, "unit": unit });
        keystroke.push(summary(what, times, ["fastest", "slowest"]));
    }

    let report = json!({
        "device": format!("{:?}", arguments.device),
        "model": arguments.model,
        "threads": arguments.threads,
        "chunk": chunk,
        "load_seconds": load,
        "unit": "tokens per second, median of the runs",
        "prefill": prefill,
        "decode": decode,
        "keystroke": keystroke,
    });
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, &report)?;
    Ok(writeln!(stdout)?)
}

/// Runs `n` arbitrary tokens after `kv`, `chunk` at once.
fn run(
    decoder: &Decoder,
    workspace: &mut Workspace,
    kv: &mut Kv,
    n: usize,
    chunk: usize,
) -> anyhow::Result<()> {
    let vocabulary = decoder.config().vocabulary as u32;
    let start = kv.len();
    let tokens: Vec<u32> = (start..start + n).map(|i| (i as u32).wrapping_mul(7919) % vocabulary).collect();
    let mode = if start + n <= decoder.config().short_context { RopeMode::Short } else { RopeMode::Long };
    for tokens in tokens.chunks(chunk) {
        let last = tokens.len() - 1..tokens.len();
        decoder.forward(tokens, kv, mode, last, workspace, &|| false)?.context("not cancelled")?;
    }
    Ok(())
}

/// The names of the smallest and the largest speed.
const SPEEDS: [&str; 2] = ["slowest", "fastest"];

fn repeat(times: u32, mut measure: impl FnMut() -> anyhow::Result<f64>) -> anyhow::Result<Vec<f64>> {
    (0..times).map(|_| measure()).collect()
}

/// `what` with the median of the speeds or times, the smallest and the largest.
fn summary(mut what: serde_json::Value, mut speeds: Vec<f64>, ends: [&str; 2]) -> serde_json::Value {
    speeds.sort_by(f64::total_cmp);
    what["median"] = json!(speeds[speeds.len() / 2]);
    what[ends[0]] = json!(speeds[0]);
    what[ends[1]] = json!(speeds[speeds.len() - 1]);
    what
}
