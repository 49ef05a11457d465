//! Prints the tokens of a text as one JSON array: for comparison with other implementations. Text never becomes a
//! special token.
//!
//! ```text
//! cargo run -p phi-engine --release --example tokens -- MODEL < TEXT
//! cargo run -p phi-engine --release --example tokens -- ggml-vocab-NAME.gguf --expect ggml-vocab-NAME.gguf.inp
//! cargo run -p phi-engine --release --example tokens -- MODEL --expect tokens_of_llama_cpp.jsonl
//! ```

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use candle_core::quantized::gguf_file::Content;
use clap::Parser;
use phi_engine::tokens::Tokenizer;

/// Prints the tokens of the text on standard input as one JSON array. Nothing is added before the text.
#[derive(Parser)]
struct Args {
    /// A GGUF file, which needs no tensors, or a Hugging Face folder.
    model: PathBuf,
    /// Read no text: compare with the tokens in this file, of tests/golden/tokens_of_llama_cpp.py or a test vector of
    /// llama.cpp (NAME.inp, beside NAME.out).
    #[arg(long, value_name = "FILE", conflicts_with = "special")]
    expect: Option<PathBuf>,
    /// Spelled special tokens count as such.
    #[arg(long)]
    special: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let tokenizer = open(&args.model)?;
    if let Some(file) = args.expect {
        let cases =
            if file.extension().is_some_and(|end| end == "inp") { vectors(&file) } else { lines(&file) };
        return compare(&file, &cases?, &tokenizer);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let tokens = match args.special {
        true => tokenizer.encode_with_special(&text),
        false => tokenizer.encode_start(&text),
    };
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &tokens)?;
    writeln!(out)?;
    Ok(())
}

fn open(model: &Path) -> anyhow::Result<Tokenizer> {
    if model.is_dir() {
        return Ok(Tokenizer::from_tokenizer_json(&model.join("tokenizer.json"))?);
    }
    let named = || model.display().to_string();
    let mut file = std::fs::File::open(model).with_context(named)?;
    let content = Content::read(&mut file).with_context(named)?;
    Tokenizer::from_gguf(&content.metadata).with_context(named)
}

/// A text, whether spelled special tokens count as such, and its tokens.
struct Case {
    text: String,
    special: bool,
    tokens: Vec<u32>,
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// Test vectors of llama.cpp.
fn vectors(path: &Path) -> anyhow::Result<Vec<Case>> {
    let (texts, tokens) = (read(path)?, read(&path.with_extension("out"))?);
    let texts: Vec<&str> = texts.split_terminator("\n__ggml_vocab_test__\n").collect();
    let lines: Vec<&str> = tokens.lines().collect();
    if texts.len() != lines.len() {
        bail!("{} texts, but {} lines of tokens", texts.len(), lines.len());
    }
    let case = |(text, line): (&&str, &str)| {
        let tokens = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Case { text: (*text).to_owned(), special: true, tokens })
    };
    texts.iter().zip(lines).map(case).collect()
}

/// The lines of `tokens_of_llama_cpp.py`.
fn lines(path: &Path) -> anyhow::Result<Vec<Case>> {
    #[derive(serde::Deserialize)]
    struct Line {
        text: String,
        plain: Vec<u32>,
        special: Option<Vec<u32>>,
    }
    let mut cases = Vec::new();
    for line in read(path)?.lines() {
        let Line { text, plain, special } = serde_json::from_str(line)?;
        let special = special.unwrap_or_else(|| plain.clone());
        cases.push(Case { text: text.clone(), special: false, tokens: plain });
        cases.push(Case { text, special: true, tokens: special });
    }
    Ok(cases)
}

/// Fails if a text has other tokens than in the file.
fn compare(path: &Path, cases: &[Case], tokenizer: &Tokenizer) -> anyhow::Result<()> {
    let mut wrong = 0;
    for Case { text, special, tokens: expected } in cases {
        let tokens =
            if *special { tokenizer.encode_with_special(text) } else { tokenizer.encode_start(text) };
        if tokens != *expected {
            wrong += 1;
            eprintln!("{text:?}\n  {tokens:?}\n  instead of\n  {expected:?}");
        }
    }
    let agree = cases.len() - wrong;
    writeln!(std::io::stdout(), "{}: {agree} of {} agree", path.display(), cases.len())?;
    if wrong > 0 {
        bail!("{wrong} texts have other tokens");
    }
    Ok(())
}
