//! Damaged LoRA adapters, and adapters of another model.

use std::path::{Path, PathBuf};

use expect_test::expect;
use phi_engine::weights::Adapter;
use serde_json::{Value, json};

use super::gguf::{FIRST_DIMENSION, Gguf, TYPE};
use super::{golden, refusal_of};

/// A folder with copies of the sound adapters of the model `gqa`: `lora.gguf` and `lora`.
struct Adapters(tempfile::TempDir);

const WEIGHTS: &str = "lora/adapter_model.safetensors";
const CONFIG: &str = "lora/adapter_config.json";

impl Adapters {
    fn sound() -> Adapters {
        let folder = Adapters(tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path("lora")).unwrap();
        for name in ["lora.gguf", WEIGHTS, CONFIG] {
            std::fs::copy(golden("gqa").join(name), folder.path(name)).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn config(&self, key: &str, value: Value) {
        let mut config: Value = serde_json::from_slice(&std::fs::read(self.path(CONFIG)).unwrap()).unwrap();
        config[key] = value;
        std::fs::write(self.path(CONFIG), config.to_string()).unwrap();
    }

    /// Changes bytes of the PEFT weights; the new ones are as many.
    fn replace(&self, from: &str, to: &str) {
        assert_eq!(from.len(), to.len());
        let mut bytes = std::fs::read(self.path(WEIGHTS)).unwrap();
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        std::fs::write(self.path(WEIGHTS), bytes).unwrap();
    }

    fn gguf(&self, change: impl FnOnce(&mut Gguf)) {
        let mut file = Gguf(std::fs::read(self.path("lora.gguf")).unwrap());
        change(&mut file);
        std::fs::write(self.path("lora.gguf"), file.0).unwrap();
    }

    fn refusal(&self, name: &str) -> String {
        let adapter = Adapter { path: self.path(name), scale: 1.0 };
        refusal_of(&golden("gqa/model.gguf"), &[adapter], self.0.path())
    }
}

/// Each damage: its name, and a function that makes it.
type Case = (&'static str, fn(&Adapters));

fn refusals(adapter: &str, cases: &[Case]) -> String {
    let refusal = |(name, damage): &Case| {
        let folder = Adapters::sound();
        damage(&folder);
        let message = folder.refusal(adapter);
        // What `model.adapters` takes is said with each.
        format!("{name}:\n    {}\n", message.split("; `model.adapters` takes").next().unwrap_or_default())
    };
    cases.iter().map(refusal).collect()
}

#[test]
fn peft_folders() {
    expect![[r#"
        no folder:
            DIR/lora: No such file or directory (os error 2)
        no configuration:
            DIR/lora/adapter_config.json: No such file or directory (os error 2); check that the file exists and may be read
        no weights:
            DIR/lora/adapter_model.safetensors: No such file or directory (os error 2); check that the file exists and may be read
        pickled weights:
            DIR/lora: it has adapter_model.bin, which may run code, but no adapter_model.safetensors
        empty weights:
            DIR/lora/adapter_model.safetensors: the file is empty; the file is damaged or incomplete: download it again
        half of the weights:
            DIR/lora/adapter_model.safetensors: this is not a whole safetensors file (incomplete metadata, file not fully covered); the file is damaged or incomplete: download it again
        the configuration is no object:
            DIR/lora/adapter_config.json: invalid type: sequence, expected a map at line 1 column 0; the file is damaged or incomplete: download it again
        another method:
            DIR/lora/adapter_config.json: `peft_type` is "IA3", not "LORA"
        DoRA:
            DIR/lora/adapter_config.json: `use_dora` is true, which is not read
        whole modules:
            DIR/lora/adapter_config.json: `modules_to_save` is ["embed_tokens"], which is not read
        biases:
            DIR/lora/adapter_config.json: `bias` is "lora_only": biases of adapters are not read
        ranks by module:
            DIR/lora/adapter_config.json: `rank_pattern` is {"o_proj":8}, which is not read
        PiSSA:
            DIR/lora/adapter_config.json: `init_lora_weights` is "pissa_niter_16", which changes the model too (convert it to plain LoRA when you save it)
        rsLoRA in words:
            DIR/lora/adapter_config.json: `use_rslora` is "yes", not true or false; the file is damaged or incomplete: download it again
        a rank of 0:
            DIR/lora/adapter_config.json: `r` is 0, not a number above 0; the file is damaged or incomplete: download it again
        a negative rank:
            DIR/lora/adapter_config.json: `r` is -4, not a number above 0; the file is damaged or incomplete: download it again
        another rank:
            DIR/lora/adapter_model.safetensors: the tensor `base_model.model.model.layers.0.self_attn.qkv_proj.lora_A.weight` has the shape [4, 64] where the model needs [8, 64]
        no alpha:
            DIR/lora/adapter_config.json: `lora_alpha` is null, not a number above 0; the file is damaged or incomplete: download it again
        one factor alone:
            DIR/lora/adapter_model.safetensors: `model.layers.9.mlp.down_proj` has only one of LoRA's two factors
        a magnitude:
            DIR/lora/adapter_model.safetensors: the tensor `base_model.model.model.layers.0.mlp.down_proj.lora_A.vector` is none of LoRA's two factors
        a shape turned around:
            DIR/lora/adapter_model.safetensors: the tensor `base_model.model.model.layers.0.self_attn.qkv_proj.lora_B.weight` has the shape [4, 128] where the model needs [128, 4]
    "#]].assert_eq(&refusals(
        "lora",
        &[
            ("no folder", |folder| std::fs::remove_dir_all(folder.path("lora")).unwrap()),
            ("no configuration", |folder| std::fs::remove_file(folder.path(CONFIG)).unwrap()),
            ("no weights", |folder| std::fs::remove_file(folder.path(WEIGHTS)).unwrap()),
            ("pickled weights", |folder| {
                std::fs::rename(folder.path(WEIGHTS), folder.path("lora/adapter_model.bin")).unwrap();
            }),
            ("empty weights", |folder| std::fs::write(folder.path(WEIGHTS), b"").unwrap()),
            ("half of the weights", |folder| {
                let bytes = std::fs::read(folder.path(WEIGHTS)).unwrap();
                std::fs::write(folder.path(WEIGHTS), &bytes[..bytes.len() / 2]).unwrap();
            }),
            ("the configuration is no object", |folder| std::fs::write(folder.path(CONFIG), b"[]").unwrap()),
            ("another method", |folder| folder.config("peft_type", json!("IA3"))),
            ("DoRA", |folder| folder.config("use_dora", json!(true))),
            ("whole modules", |folder| folder.config("modules_to_save", json!(["embed_tokens"]))),
            ("biases", |folder| folder.config("bias", json!("lora_only"))),
            ("ranks by module", |folder| folder.config("rank_pattern", json!({"o_proj": 8}))),
            ("PiSSA", |folder| folder.config("init_lora_weights", json!("pissa_niter_16"))),
            ("rsLoRA in words", |folder| folder.config("use_rslora", json!("yes"))),
            ("a rank of 0", |folder| folder.config("r", json!(0))),
            ("a negative rank", |folder| folder.config("r", json!(-4))),
            ("another rank", |folder| folder.config("r", json!(8))),
            ("no alpha", |folder| folder.config("lora_alpha", Value::Null)),
            ("one factor alone", |folder| {
                folder.replace("layers.0.mlp.down_proj.lora_A", "layers.9.mlp.down_proj.lora_A")
            }),
            ("a magnitude", |folder| {
                folder.replace("mlp.down_proj.lora_A.weight", "mlp.down_proj.lora_A.vector")
            }),
            ("a shape turned around", |folder| folder.replace("[128,4]", "[4,128]")),
        ],
    ));
}

#[test]
fn gguf_files() {
    expect![[r#"
        no file:
            DIR/lora.gguf: No such file or directory (os error 2)
        a model:
            DIR/lora.gguf: the metadata key `general.type` is missing
        half of it:
            DIR/lora.gguf: tensor `blk.0.attn_qkv.weight.lora_b` ends at byte 13056, but the file has only 12416; the file is damaged or incomplete: download it again
        another kind:
            DIR/lora.gguf: `adapter.type` is `ia3!`, not `lora`
        no alpha:
            DIR/lora.gguf: the metadata key `adapter.lora.alpha` is missing; the file is damaged or incomplete: download it again
        an alpha that is NaN:
            DIR/lora.gguf: `adapter.lora.alpha` is NaN; the file is damaged or incomplete: download it again
        another model's layer:
            DIR/lora.gguf: it adapts `blk.7.ffn_down`, which a `phi3` model of 2 layers does not have as a matrix of its own
        a tensor of a model:
            DIR/lora.gguf: the tensor `blk.1.ffn_down.weight.lora_c` is none of LoRA's two factors
        other inputs:
            DIR/lora.gguf: the tensor `blk.0.attn_qkv.weight.lora_a` has the shape [4, 32] where the model needs [4, 64]
        other outputs:
            DIR/lora.gguf: the tensor `blk.0.attn_qkv.weight.lora_b` has the shape [64, 4] where the model needs [128, 4]
        ranks that differ:
            DIR/lora.gguf: the tensor `blk.0.attn_qkv.weight.lora_b` has the shape [128, 2] where the model needs [128, 4]
        an unknown type:
            DIR/lora.gguf: tensor `blk.0.attn_qkv.weight.lora_b` is of ggml type 200, which is not read here (IQ and other newer types are not); phi-ls runs models of the Phi-3, Llama, Mistral, Qwen2 and Qwen3 families from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors
    "#]].assert_eq(&refusals(
        "lora.gguf",
        &[
            ("no file", |folder| std::fs::remove_file(folder.path("lora.gguf")).unwrap()),
            ("a model", |folder| {
                std::fs::write(folder.path("lora.gguf"), std::fs::read(golden("gqa/model.gguf")).unwrap()).unwrap();
            }),
            ("half of it", |folder| {
                folder.gguf(|file| file.0.truncate(file.0.len() / 2));
            }),
            ("another kind", |folder| {
                folder.gguf(|file| file.value("adapter.type", b"\x04\0\0\0\0\0\0\0ia3!"))
            }),
            ("no alpha", |folder| {
                folder.gguf(|file| file.rename("adapter.lora.alpha", "adapter.lora.alphb"))
            }),
            ("an alpha that is NaN", |folder| {
                folder.gguf(|file| file.value("adapter.lora.alpha", &f32::NAN.to_le_bytes()))
            }),
            ("another model's layer", |folder| {
                folder.gguf(|file| {
                    for factor in ["a", "b"] {
                        file.rename(
                            &format!("blk.1.ffn_down.weight.lora_{factor}"),
                            &format!("blk.7.ffn_down.weight.lora_{factor}"),
                        );
                    }
                });
            }),
            ("a tensor of a model", |folder| {
                folder
                    .gguf(|file| file.rename("blk.1.ffn_down.weight.lora_a", "blk.1.ffn_down.weight.lora_c"));
            }),
            ("other inputs", |folder| {
                folder.gguf(|file| {
                    file.tensor("blk.0.attn_qkv.weight.lora_a", FIRST_DIMENSION, &32u64.to_le_bytes())
                });
            }),
            ("other outputs", |folder| {
                folder.gguf(|file| {
                    file.tensor("blk.0.attn_qkv.weight.lora_b", FIRST_DIMENSION + 8, &64u64.to_le_bytes());
                });
            }),
            ("ranks that differ", |folder| {
                folder.gguf(|file| {
                    file.tensor("blk.0.attn_qkv.weight.lora_b", FIRST_DIMENSION, &2u64.to_le_bytes())
                });
            }),
            ("an unknown type", |folder| {
                folder.gguf(|file| file.tensor("blk.0.attn_qkv.weight.lora_b", TYPE, &200u32.to_le_bytes()));
            }),
        ],
    ));
}

/// An adapter of one model with another one, and with a model that shares its embedding with its output.
#[test]
fn adapters_of_other_models() {
    let found = |model: &str, adapter: &str, scale: f32| {
        let adapters = [Adapter { path: golden(adapter), scale }];
        format!("{model} with {adapter}:\n    {}\n", refusal_of(&golden(model), &adapters, &golden("")))
    };
    expect![[r#"
        dense/model.gguf with gqa/lora.gguf:
            DIR/gqa/lora.gguf: the tensor `blk.0.attn_qkv.weight.lora_a` has the shape [4, 64] where the model needs [4, 48]; `model.adapters` takes LoRA adapters that were trained on this model: PEFT folders with adapter_config.json and adapter_model.safetensors, or GGUF files
        dense/hf with gqa/lora:
            DIR/gqa/lora/adapter_model.safetensors: the tensor `base_model.model.model.layers.0.self_attn.qkv_proj.lora_A.weight` has the shape [4, 64] where the model needs [4, 48]; `model.adapters` takes LoRA adapters that were trained on this model: PEFT folders with adapter_config.json and adapter_model.safetensors, or GGUF files
        gqa/model.gguf with llama/lora.gguf:
            DIR/llama/lora.gguf: `general.architecture` is `llama`, not `phi3`; `model.adapters` takes LoRA adapters that were trained on this model: PEFT folders with adapter_config.json and adapter_model.safetensors, or GGUF files
        gqa/model.gguf with llama/lora:
            DIR/llama/lora/adapter_model.safetensors: the tensor `base_model.model.model.layers.0.self_attn.o_proj.lora_A.weight` has the shape [4, 48] where the model needs [4, 64]; `model.adapters` takes LoRA adapters that were trained on this model: PEFT folders with adapter_config.json and adapter_model.safetensors, or GGUF files
        mistral/model.gguf with llama/lora.gguf:
            DIR/llama/lora.gguf: the tensor `blk.0.attn_q.weight.lora_b` has the shape [48, 4] where the model needs [32, 4]; `model.adapters` takes LoRA adapters that were trained on this model: PEFT folders with adapter_config.json and adapter_model.safetensors, or GGUF files
        gqa/model.gguf with gqa/lora.gguf:
            DIR/gqa/lora.gguf: the scale is inf; `model.adapters` takes LoRA adapters that were trained on this model: PEFT folders with adapter_config.json and adapter_model.safetensors, or GGUF files
    "#]].assert_eq(
        &[
            found("dense/model.gguf", "gqa/lora.gguf", 1.0),
            found("dense/hf", "gqa/lora", 1.0),
            found("gqa/model.gguf", "llama/lora.gguf", 1.0),
            found("gqa/model.gguf", "llama/lora", 1.0),
            found("mistral/model.gguf", "llama/lora.gguf", 1.0),
            found("gqa/model.gguf", "gqa/lora.gguf", f32::INFINITY),
        ]
        .concat(),
    );
    let as_model = refusal_of(&golden("gqa/lora.gguf"), &[], &golden(""));
    assert!(as_model.contains("this is an adapter, not a model"), "{as_model}");
}

/// With any byte of the header changed, an adapter opens or is refused, without a panic and with little memory.
#[test]
fn any_byte_of_the_header_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lora.gguf");
    let mut file = std::fs::read(golden("gqa/lora.gguf")).unwrap();
    let adapter = [Adapter { path: path.clone(), scale: 1.0 }];
    let mut refused = 0;
    for at in (0..1800).step_by(7) {
        for change in [0xFF, 0x80, 0x01] {
            file[at] ^= change;
            std::fs::write(&path, &file).unwrap();
            refused += usize::from(open(&golden("gqa/model.gguf"), &adapter).is_err());
            file[at] ^= change;
        }
    }
    assert!(refused > 100, "{refused}");
}

fn open(model: &Path, adapters: &[Adapter]) -> Result<(), phi_engine::weights::LoadError> {
    let before = super::memory::start();
    let opened = phi_engine::weights::open(model, adapters, 1, &mut |_| {}).map(drop);
    assert!(super::memory::peak_since(before) < super::MOST_MEMORY);
    opened
}
