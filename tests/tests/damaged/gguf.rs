//! Damaged GGUF files.

use std::path::Path;

use expect_test::expect;

use super::{golden, refusal};

/// The bytes of a sound file, and where things are in it.
pub(super) struct Gguf(pub(super) Vec<u8>);

impl Gguf {
    fn sound() -> Gguf {
        Gguf(std::fs::read(golden("dense/model.gguf")).unwrap())
    }

    /// Where the bytes after the length-prefixed `name` begin: a key's type, or a tensor's number of dimensions.
    fn after(&self, name: &str) -> usize {
        let mut needle = (name.len() as u64).to_le_bytes().to_vec();
        needle.extend_from_slice(name.as_bytes());
        let found = self.0.windows(needle.len()).position(|window| window == needle);
        found.unwrap_or_else(|| panic!("{name} is in the file")) + needle.len()
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Overwrites the value of a key, its type left as it is.
    pub(super) fn value(&mut self, key: &str, bytes: &[u8]) {
        self.put(self.after(key) + 4, bytes);
    }

    fn number(&mut self, key: &str, number: u32) {
        self.value(key, &number.to_le_bytes());
    }

    /// Gives a key, a tensor or a token another name of the same length.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        assert_eq!(from.len(), to.len());
        self.put(self.after(from) - to.len(), to.as_bytes());
    }

    /// Overwrites in the description of a matrix: dimension count (u32), two dimensions (u64), type (u32), offset.
    pub(super) fn tensor(&mut self, name: &str, at: usize, bytes: &[u8]) {
        self.put(self.after(name) + at, bytes);
    }

    /// Where element `index` of an array of 4-byte values lies.
    fn element(&self, key: &str, index: usize) -> usize {
        self.after(key) + 4 + 4 + 8 + 4 * index
    }
}

pub(super) const FIRST_DIMENSION: usize = 4;
pub(super) const TYPE: usize = 4 + 16;
const OFFSET: usize = TYPE + 4;

fn refused(folder: &Path, file: &Gguf) -> String {
    let path = folder.join("model.gguf");
    std::fs::write(&path, &file.0).unwrap();
    refusal(&path, folder)
}

/// Each damage: its name, and a function that makes it.
type Case = (&'static str, fn(&mut Gguf));

fn refusals(cases: &[Case]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |(name, damage): &Case| {
        let mut file = Gguf::sound();
        damage(&mut file);
        format!("{name}:\n    {}\n", refused(folder.path(), &file))
    };
    cases.iter().map(refusal).collect()
}

#[test]
fn the_beginning() {
    expect![[r#"
        empty:
            DIR/model.gguf: the file is empty; the file is damaged or incomplete: download it again
        a web page:
            DIR/model.gguf: this is not a GGUF file: it begins with `<!DO` instead of `GGUF`; phi-ls runs models of the Phi-3, Llama, Mistral, Qwen2 and Qwen3 families from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors
        the magic number alone:
            DIR/model.gguf: `version` needs 4 bytes at byte 4, but only 0 are left; the file is damaged or incomplete: download it again
        version 1:
            DIR/model.gguf: GGUF version 1 is not one of 2 and 3; phi-ls runs models of the Phi-3, Llama, Mistral, Qwen2 and Qwen3 families from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors
        version 99:
            DIR/model.gguf: GGUF version 99 is not one of 2 and 3; phi-ls runs models of the Phi-3, Llama, Mistral, Qwen2 and Qwen3 families from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors
        big-endian:
            DIR/model.gguf: this GGUF file is for big-endian machines; phi-ls runs models of the Phi-3, Llama, Mistral, Qwen2 and Qwen3 families from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors
        2^63 tensors:
            DIR/model.gguf: the header promises 9223372036854775808 tensors; the file is damaged or incomplete: download it again
        2^63 keys:
            DIR/model.gguf: `name of metadata key 29 of 9223372036854775808` needs 7036874417766400 bytes at byte 8172, but only 229300 are left; the file is damaged or incomplete: download it again
        a key of 2^60 bytes:
            DIR/model.gguf: `name of metadata key 0 of 27` needs 1152921504606846976 bytes at byte 32, but only 237440 are left; the file is damaged or incomplete: download it again
        cut in the vocabulary:
            DIR/model.gguf: `tokenizer.ggml.tokens` needs 8 bytes at byte 908, but only 6 are left; the file is damaged or incomplete: download it again
        cut in the weights:
            DIR/model.gguf: tensor `blk.0.ffn_up.weight` ends at byte 138784, but the file has only 118736; the file is damaged or incomplete: download it again
        the last byte missing:
            DIR/model.gguf: tensor `blk.1.ffn_down.weight` ends at byte 237472, but the file has only 237471; the file is damaged or incomplete: download it again
    "#]].assert_eq(&refusals(&[
        ("empty", |file| file.0.clear()),
        ("a web page", |file| file.0 = b"<!DOCTYPE html><html>Not found</html>".to_vec()),
        ("the magic number alone", |file| file.0.truncate(4)),
        ("version 1", |file| file.put(4, &1u32.to_le_bytes())),
        ("version 99", |file| file.put(4, &99u32.to_le_bytes())),
        ("big-endian", |file| file.put(4, &3u32.to_be_bytes())),
        ("2^63 tensors", |file| file.put(8, &(1u64 << 63).to_le_bytes())),
        ("2^63 keys", |file| file.put(16, &(1u64 << 63).to_le_bytes())),
        ("a key of 2^60 bytes", |file| file.put(24, &(1u64 << 60).to_le_bytes())),
        ("cut in the vocabulary", |file| file.0.truncate(file.after("tokenizer.ggml.tokens") + 100)),
        ("cut in the weights", |file| file.0.truncate(file.0.len() / 2)),
        ("the last byte missing", |file| file.0.truncate(file.0.len() - 1)),
    ]));
}

#[test]
fn keys() {
    expect![[r#"
        another architecture:
            DIR/model.gguf: `general.architecture` is `bert`, which is none of phi3, llama, qwen2, qwen3; phi-ls runs models of the Phi-3, Llama, Mistral, Qwen2 and Qwen3 families from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors
        no architecture:
            DIR/model.gguf: the metadata key `general.architecture` is missing; the file is damaged or incomplete: download it again
        an unknown type:
            DIR/model.gguf: `phi3.block_count` has the unknown type 77; the file is damaged or incomplete: download it again
        a float for a count:
            DIR/model.gguf: the metadata key `phi3.block_count` is F32(3e-45) instead of a whole number up to 1048576; the file is damaged or incomplete: download it again
        no width:
            DIR/model.gguf: the metadata key `phi3.embedding_length` is missing; the file is damaged or incomplete: download it again
        no layers:
            DIR/model.gguf: the metadata key `phi3.block_count` is 0; the file is damaged or incomplete: download it again
        2^31 layers:
            DIR/model.gguf: the metadata key `phi3.block_count` is U32(2147483648) instead of a whole number up to 1048576; the file is damaged or incomplete: download it again
        one layer too many:
            DIR/model.gguf: the tensor `blk.2.attn_norm.weight` is missing; the file is damaged or incomplete: download it again
        heads that do not divide the width:
            DIR/model.gguf: `phi3.embedding_length` is 48, which 5 heads cannot share evenly; the file is damaged or incomplete: download it again
        heads that cannot share KV heads:
            DIR/model.gguf: 2 query heads cannot share 4 KV heads; the file is damaged or incomplete: download it again
        another width:
            DIR/model.gguf: the tensor `token_embd.weight` has the shape [320, 48] where the model needs [320, 96]; the file is damaged or incomplete: download it again
        an odd rotation:
            DIR/model.gguf: RoPE over 23 of a head's 24 elements is not possible; the file is damaged or incomplete: download it again
        a rotation beyond the head:
            DIR/model.gguf: RoPE over 4096 of a head's 24 elements is not possible; the file is damaged or incomplete: download it again
        no context:
            DIR/model.gguf: the metadata key `phi3.context_length` is 0; the file is damaged or incomplete: download it again
        epsilon is NaN:
            DIR/model.gguf: the norm's epsilon is NaN; the file is damaged or incomplete: download it again
        a negative base:
            DIR/model.gguf: RoPE's base is -1; the file is damaged or incomplete: download it again
        an infinite scale:
            DIR/model.gguf: RoPE's attention factor is inf; the file is damaged or incomplete: download it again
        twice the same key:
            DIR/model.gguf: the metadata key `tokenizer.ggml.add_bos_token` occurs twice; the file is damaged or incomplete: download it again
    "#]].assert_eq(&refusals(&[
        ("another architecture", |file| file.value("general.architecture", b"\x04\0\0\0\0\0\0\0bert")),
        ("no architecture", |file| file.rename("general.architecture", "general.architectura")),
        ("an unknown type", |file| file.put(file.after("phi3.block_count"), &77u32.to_le_bytes())),
        ("a float for a count", |file| file.put(file.after("phi3.block_count"), &6u32.to_le_bytes())),
        ("no width", |file| file.rename("phi3.embedding_length", "phi3.embedding_lengtx")),
        ("no layers", |file| file.number("phi3.block_count", 0)),
        ("2^31 layers", |file| file.number("phi3.block_count", 1 << 31)),
        ("one layer too many", |file| file.number("phi3.block_count", 3)),
        ("heads that do not divide the width", |file| file.number("phi3.attention.head_count", 5)),
        ("heads that cannot share KV heads", |file| file.number("phi3.attention.head_count_kv", 4)),
        ("another width", |file| file.number("phi3.embedding_length", 96)),
        ("an odd rotation", |file| file.number("phi3.rope.dimension_count", 23)),
        ("a rotation beyond the head", |file| file.number("phi3.rope.dimension_count", 4096)),
        ("no context", |file| file.number("phi3.context_length", 0)),
        ("epsilon is NaN", |file| file.value("phi3.attention.layer_norm_rms_epsilon", &f32::NAN.to_le_bytes())),
        ("a negative base", |file| file.value("phi3.rope.freq_base", &(-1f32).to_le_bytes())),
        ("an infinite scale", |file| file.value("phi3.rope.scaling.attn_factor", &f32::INFINITY.to_le_bytes())),
        ("twice the same key", |file| file.rename("tokenizer.ggml.add_eos_token", "tokenizer.ggml.add_bos_token")),
    ]));
}

#[test]
fn vocabulary() {
    expect![[r#"
        no tokens:
            DIR/model.gguf: `tokenizer.ggml.tokens` is missing: the vocabulary is incomplete; download or convert the model again
        no scores:
            DIR/model.gguf: `tokenizer.ggml.scores` is missing: the vocabulary is incomplete; download or convert the model again
        no types:
            DIR/model.gguf: `tokenizer.ggml.token_type` is missing: the vocabulary is incomplete; download or convert the model again
        another tokenizer:
            DIR/model.gguf: `tokenizer.ggml.model` is `other`, which phi-ls does not read; it reads `llama` and `gpt2` vocabularies
        2^61 tokens:
            DIR/model.gguf: `tokenizer.ggml.tokens` needs 25769803785 bytes at byte 5235, but only 232237 are left; the file is damaged or incomplete: download it again
        an id out of range:
            DIR/model.gguf: `tokenizer.ggml.eos_token_id` is 4000000000, but the vocabulary has 320 tokens; download or convert the model again
        a score that is NaN:
            DIR/model.gguf: the score of token 260 (`he`) is not a number; download or convert the model again
        a type that is none:
            DIR/model.gguf: `tokenizer.ggml.token_type` of token 260 is 9; download or convert the model again
        no byte 0x41:
            DIR/model.gguf: only 255 of the 256 bytes have a token (`<0x00>` to `<0xFF>`); download or convert the model again
        twice the same piece:
            DIR/model.gguf: tokens 260 and 261 are both `in`; download or convert the model again
    "#]].assert_eq(&refusals(&[
        ("no tokens", |file| file.rename("tokenizer.ggml.tokens", "tokenizer.ggml.tokenz")),
        ("no scores", |file| file.rename("tokenizer.ggml.scores", "tokenizer.ggml.scorez")),
        ("no types", |file| file.rename("tokenizer.ggml.token_type", "tokenizer.ggml.token_tipe")),
        ("another tokenizer", |file| file.value("tokenizer.ggml.model", b"\x05\0\0\0\0\0\0\0other")),
        ("2^61 tokens", |file| file.put(file.after("tokenizer.ggml.tokens") + 8, &(1u64 << 61).to_le_bytes())),
        ("an id out of range", |file| file.number("tokenizer.ggml.eos_token_id", 4_000_000_000)),
        ("a score that is NaN", |file| file.put(file.element("tokenizer.ggml.scores", 260), &f32::NAN.to_le_bytes())),
        ("a type that is none", |file| file.put(file.element("tokenizer.ggml.token_type", 260), &9i32.to_le_bytes())),
        ("no byte 0x41", |file| file.put(file.element("tokenizer.ggml.token_type", 3 + 0x41), &1i32.to_le_bytes())),
        ("twice the same piece", |file| file.rename("he", "in")),
    ]));
}

#[test]
fn tensors() {
    expect![[r#"
        renamed:
            DIR/model.gguf: the tensor `blk.1.ffn_up.weight` is missing; the file is damaged or incomplete: download it again
        no embedding:
            DIR/model.gguf: the tensor `token_embd.weight` is missing; the file is damaged or incomplete: download it again
        half of LongRoPE:
            DIR/model.gguf: the tensor `rope_factors_long.weight` is missing; the file is damaged or incomplete: download it again
        twice:
            DIR/model.gguf: the tensor `blk.0.attn_norm.weight` occurs twice; the file is damaged or incomplete: download it again
        9 dimensions:
            DIR/model.gguf: tensor `blk.0.attn_qkv.weight` has 9 dimensions instead of 1 to 4; the file is damaged or incomplete: download it again
        no dimensions:
            DIR/model.gguf: tensor `blk.0.attn_qkv.weight` has 0 dimensions instead of 1 to 4; the file is damaged or incomplete: download it again
        a width of 2^62:
            DIR/model.gguf: tensor `blk.0.attn_qkv.weight` has the impossible shape 144 x 4611686018427387904; the file is damaged or incomplete: download it again
        a width of 0:
            DIR/model.gguf: tensor `blk.0.attn_qkv.weight` has the empty shape 144 x 0; the file is damaged or incomplete: download it again
        another shape:
            DIR/model.gguf: the tensor `blk.0.attn_qkv.weight` has the shape [144, 24] where the model needs [144, 48]; the file is damaged or incomplete: download it again
        an embedding without rows:
            DIR/model.gguf: tensor `token_embd.weight` has the empty shape 0 x 48; the file is damaged or incomplete: download it again
        an embedding with fewer rows than tokens:
            DIR/model.gguf: the vocabulary has 320 tokens, but the embedding only 300 rows; the file is damaged or incomplete: download it again
        an unknown type:
            DIR/model.gguf: tensor `blk.0.ffn_down.weight` is of ggml type 200, which is not read here (IQ and other newer types are not); phi-ls runs models of the Phi-3, Llama, Mistral, Qwen2 and Qwen3 families from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors
        a quantised type that the width does not fit:
            DIR/model.gguf: tensor `blk.0.ffn_down.weight` has rows of 80 elements, which Q4K cannot hold: its blocks have 256; the file is damaged or incomplete: download it again
        behind the end:
            DIR/model.gguf: tensor `blk.0.ffn_down.weight` ends at byte 1099511652192, but the file has only 237472; the file is damaged or incomplete: download it again
        behind all memory:
            DIR/model.gguf: tensor `blk.0.ffn_down.weight` lies at the impossible offset 18446744073709551584; the file is damaged or incomplete: download it again
        at an odd place:
            DIR/model.gguf: tensor `blk.0.ffn_down.weight` lies at offset 1, which is no multiple of the alignment 32; the file is damaged or incomplete: download it again
    "#]].assert_eq(&refusals(&[
        ("renamed", |file| file.rename("blk.1.ffn_up.weight", "blk.1.ffn_uq.weight")),
        ("no embedding", |file| file.rename("token_embd.weight", "token_embx.weight")),
        ("half of LongRoPE", |file| file.rename("rope_factors_long.weight", "rope_factors_wide.weight")),
        ("twice", |file| file.rename("blk.1.attn_norm.weight", "blk.0.attn_norm.weight")),
        ("9 dimensions", |file| file.tensor("blk.0.attn_qkv.weight", 0, &9u32.to_le_bytes())),
        ("no dimensions", |file| file.tensor("blk.0.attn_qkv.weight", 0, &0u32.to_le_bytes())),
        ("a width of 2^62", |file| file.tensor("blk.0.attn_qkv.weight", FIRST_DIMENSION, &(1u64 << 62).to_le_bytes())),
        ("a width of 0", |file| file.tensor("blk.0.attn_qkv.weight", FIRST_DIMENSION, &0u64.to_le_bytes())),
        ("another shape", |file| file.tensor("blk.0.attn_qkv.weight", FIRST_DIMENSION, &24u64.to_le_bytes())),
        ("an embedding without rows", |file| file.tensor("token_embd.weight", FIRST_DIMENSION + 8, &0u64.to_le_bytes())),
        ("an embedding with fewer rows than tokens", |file| {
            file.tensor("token_embd.weight", FIRST_DIMENSION + 8, &300u64.to_le_bytes());
        }),
        ("an unknown type", |file| file.tensor("blk.0.ffn_down.weight", TYPE, &200u32.to_le_bytes())),
        ("a quantised type that the width does not fit", |file| file.tensor("blk.0.ffn_down.weight", TYPE, &12u32.to_le_bytes())),
        ("behind the end", |file| file.tensor("blk.0.ffn_down.weight", OFFSET, &(1u64 << 40).to_le_bytes())),
        ("behind all memory", |file| file.tensor("blk.0.ffn_down.weight", OFFSET, &(u64::MAX - 31).to_le_bytes())),
        ("at an odd place", |file| file.tensor("blk.0.ffn_down.weight", OFFSET, &1u64.to_le_bytes())),
    ]));
}

/// A file cut off at any length gives the error for truncated files.
#[test]
fn cut_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let sound = Gguf::sound();
    let header = sound.after("blk.1.ffn_down.weight") + OFFSET + 8;
    let cuts = (0..header).step_by(97).chain((header..sound.0.len()).step_by(4801)).chain(0..64);
    for cut in cuts {
        let message = refused(folder.path(), &Gguf(sound.0[..cut].to_vec()));
        assert!(
            message.contains("download it again") || message.contains("not a GGUF file"),
            "{cut}: {message}"
        );
    }
}

/// With any byte of the header changed, the file opens or is refused, without a panic.
#[test]
fn any_byte_of_the_header_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let mut file = Gguf::sound();
    let header = file.after("blk.1.ffn_down.weight") + OFFSET + 8;
    let mut refused = 0;
    for at in (0..header).step_by(31) {
        for change in [0xFF, 0x80, 0x01] {
            file.0[at] ^= change;
            std::fs::write(&path, &file.0).unwrap();
            let before = super::memory::start();
            let opened = phi_engine::weights::open(&path, &[], 1, &mut |_| {});
            assert!(super::memory::peak_since(before) < super::MOST_MEMORY, "byte {at} ^ {change:#x}");
            refused += usize::from(opened.is_err());
            file.0[at] ^= change;
        }
    }
    assert!(refused > 100, "{refused}");
}
