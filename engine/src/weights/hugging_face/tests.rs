//! Folders: a valid one gives a model, each kind of damage its error.

use safetensors::tensor::{TensorView, serialize};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::decoder::Decoder;
use crate::weights::open_decoder;

/// Two layers of width 8, zeros for weights.
fn config() -> Value {
    json!({
        "model_type": "phi3", "vocab_size": 10, "hidden_size": 8, "intermediate_size": 6, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64, "hidden_act": "silu",
        "original_max_position_embeddings": 16, "rms_norm_eps": 1e-5, "tie_word_embeddings": false,
        "rope_scaling": {
            "type": "longrope", "rope_type": "longrope", "short_factor": [1, 1.5], "long_factor": [2, 3],
        },
        "sliding_window": 262_144,
    })
}

fn shapes() -> Vec<(String, Vec<usize>)> {
    let mut shapes = vec![
        ("model.embed_tokens.weight".to_owned(), vec![10, 8]),
        ("model.norm.weight".to_owned(), vec![8]),
        ("lm_head.weight".to_owned(), vec![10, 8]),
    ];
    for i in 0..2 {
        let mut add =
            |name: &str, shape: &[usize]| shapes.push((format!("model.layers.{i}.{name}"), shape.into()));
        add("input_layernorm.weight", &[8]);
        add("self_attn.qkv_proj.weight", &[16, 8]);
        add("self_attn.o_proj.weight", &[8, 8]);
        add("post_attention_layernorm.weight", &[8]);
        add("mlp.gate_up_proj.weight", &[12, 8]);
        add("mlp.down_proj.weight", &[8, 6]);
    }
    shapes
}

fn safetensors(shapes: &[(String, Vec<usize>)], dtype: Dtype) -> Vec<u8> {
    let zeros = vec![0; 4096];
    let view = |shape: &[usize]| {
        let len = shape.iter().product::<usize>() * dtype.bitsize() / 8;
        TensorView::new(dtype, shape.to_vec(), &zeros[..len]).unwrap()
    };
    serialize(shapes.iter().map(|(name, shape)| (name, view(shape))), None).unwrap()
}

struct Folder(TempDir);

impl Folder {
    fn new(config: &Value) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.write("config.json", config.to_string());
        folder
    }

    fn sound() -> Folder {
        let folder = Folder::new(&config());
        folder.write("model.safetensors", safetensors(&shapes(), Dtype::BF16));
        folder
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    fn open(&self) -> Result<Decoder, LoadError> {
        open_decoder(self.0.path(), 1)
    }

    #[track_caller]
    fn fails(&self, expected: &str) {
        let found = self.open().unwrap_err().to_string();
        assert!(found.contains(expected), "{found:?} does not say {expected:?}");
    }
}

#[test]
fn a_sound_folder_opens() {
    let decoder = Folder::sound().open().unwrap();
    let config = decoder.config();
    assert_eq!((config.heads, config.kv_heads, config.head_dim, config.rotary_dim), (2, 1, 4, 4));
    assert_eq!((config.context, config.short_context, config.sliding_window), (64, 16, None));
}

#[test]
fn shards_are_found_by_the_index() {
    let folder = Folder::new(&config());
    let shapes = shapes();
    let (a, b) = shapes.split_at(7);
    folder.write("a.safetensors", safetensors(a, Dtype::F32));
    folder.write("b.safetensors", safetensors(b, Dtype::F16));
    let index = |b_file: &str| {
        let in_a = a.iter().map(|(name, _)| (name.clone(), json!("a.safetensors")));
        let in_b = b.iter().map(|(name, _)| (name.clone(), json!(b_file)));
        json!({ "weight_map": in_a.chain(in_b).collect::<serde_json::Map<_, _>>() }).to_string()
    };
    folder.write("model.safetensors.index.json", index("b.safetensors"));
    folder.open().unwrap();
    folder.write("model.safetensors.index.json", index("../b.safetensors"));
    folder.fails("`../b.safetensors` is not the name of a file in this folder");
    folder.write("model.safetensors.index.json", index("c.safetensors"));
    folder.fails("check that the file exists");
    folder.write("model.safetensors.index.json", "{");
    folder.fails("model.safetensors.index.json: EOF while parsing");
}

#[test]
fn what_config_json_cannot_mean_is_named() {
    let cases = [
        (
            "model_type",
            json!("bert"),
            "`model_type` is `bert`, which is none of phi3, llama, qwen2, qwen3, mistral",
        ),
        ("hidden_act", json!("gelu"), "`hidden_act` is `gelu`"),
        ("hidden_size", json!(0), "`hidden_size` is 0"),
        ("hidden_size", json!(9), "`hidden_size` is 9, which 2 heads cannot share evenly"),
        ("hidden_size", json!(-8), "invalid value: integer `-8`"),
        ("vocab_size", json!(1u64 << 60), "`vocab_size` is 1152921504606846976"),
        (
            "vocab_size",
            json!(11),
            "`model.embed_tokens.weight` has the shape [10, 8] where the model needs [11, 8]",
        ),
        ("num_hidden_layers", json!(3), "`model.layers.2.input_layernorm.weight` is missing"),
        ("num_key_value_heads", json!(3), "2 query heads cannot share 3 KV heads"),
        ("rms_norm_eps", json!(0), "epsilon is 0"),
        ("rope_theta", json!(-1), "RoPE's base is -1"),
        ("partial_rotary_factor", json!(0.3), "RoPE over 1 of a head's 4 elements"),
        ("partial_rotary_factor", json!(1e300), "RoPE over"),
        ("rope_scaling", json!({ "type": "spiral" }), "`rope_scaling` is of type `spiral`"),
        (
            "rope_scaling",
            json!({ "type": "su", "short_factor": [1, 1] }),
            "lacks `short_factor` or `long_factor`",
        ),
        (
            "rope_scaling",
            json!({ "type": "su", "short_factor": [1], "long_factor": [1] }),
            "1 LongRoPE factors (short) for 2",
        ),
        ("quantization_config", json!({ "bits": 4 }), "`quantization_config`"),
    ];
    for (key, value, expected) in cases {
        let mut config = config();
        config[key] = value;
        let folder = Folder::new(&config);
        folder.write("model.safetensors", safetensors(&shapes(), Dtype::BF16));
        folder.fails(expected);
    }
}

#[test]
fn damaged_files_are_named() {
    let folder = Folder(tempfile::tempdir().unwrap());
    folder.fails("check that the file exists");
    folder.write("config.json", r#"{ "model_type": "phi3" }"#);
    folder.fails("config.json: missing field `vocab_size`");
    Folder::new(&config()).fails("neither `model.safetensors` nor `model.safetensors.index.json`");

    let folder = Folder::sound();
    let whole = safetensors(&shapes(), Dtype::BF16);
    for cut in [0, 5, 100, whole.len() - 1] {
        folder.write("model.safetensors", &whole[..cut]);
        folder.fails("model.safetensors: th");
    }
    folder.write("model.safetensors", [&[0xff; 8], &whole[8..]].concat());
    folder.fails("model.safetensors: this is not a whole safetensors file");
    folder.write("model.safetensors", safetensors(&shapes(), Dtype::F64));
    folder.fails("is of type F64");
}
