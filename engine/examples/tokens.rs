//! Prints the tokens of a text as one JSON array: for comparison with other implementations. Text never becomes a
//! special token.
//!
//! ```text
//! cargo run -p phi-engine --release --example tokens -- MODEL < TEXT
//! cargo run -p phi-engine --release --example tokens -- ggml-vocab-NAME.gguf --vectors
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
    /// Read no text: compare with the test vectors of llama.cpp, MODEL.inp and MODEL.out.
    #[arg(long, conflicts_with = "special")]
    vectors: bool,
    /// Spelled special tokens count as such.
    #[arg(long)]
    special: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let tokenizer = open(&args.model)?;
    if args.vectors {
        return compare(&args.model, &tokenizer);
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

/// Fails if a text has other tokens than in the file.
fn compare(model: &Path, tokenizer: &Tokenizer) -> anyhow::Result<()> {
    let read = |ending: &str| {
        let path = format!("{}.{ending}", model.display());
        std::fs::read_to_string(&path).context(path)
    };
    let (texts, expected) = (read("inp")?, read("out")?);
    let texts: Vec<&str> = texts.split_terminator("\n__ggml_vocab_test__\n").collect();
    let expected: Vec<&str> = expected.lines().collect();
    if texts.len() != expected.len() {
        bail!("{} texts, but {} lines of tokens", texts.len(), expected.len());
    }
    let mut wrong = 0;
    for (text, expected) in texts.iter().zip(&expected) {
        let expected = expected.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>()?;
        let tokens = tokenizer.encode_with_special(text);
        if tokens != expected {
            wrong += 1;
            eprintln!("{text:?}\n  {tokens:?}\n  instead of\n  {expected:?}");
        }
    }
    println!("{}: {} of {} texts agree", model.display(), texts.len() - wrong, texts.len());
    if wrong > 0 {
        bail!("{wrong} texts have other tokens");
    }
    Ok(())
}
