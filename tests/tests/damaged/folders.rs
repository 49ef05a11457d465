//! Damaged Hugging Face folders.

use std::path::PathBuf;

use expect_test::expect;
use serde_json::{Value, json};

use super::{golden, refusal};

const SHARD: &str = "model-00001-of-00002.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// A copy of a sound folder.
struct Folder(tempfile::TempDir);

impl Folder {
    fn sound() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("phi");
        std::fs::create_dir(&copy).unwrap();
        for entry in std::fs::read_dir(golden("gqa/hf")).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        Folder(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("phi").join(name)
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).unwrap();
    }

    fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn cut(&self, name: &str, keep: usize) {
        let content = std::fs::read(self.path(name)).unwrap();
        self.write(name, &content[..keep]);
    }

    fn json(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut value = serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap();
        change(&mut value);
        self.write(name, value.to_string().as_bytes());
    }

    fn config(&self, key: &str, value: Value) {
        self.json("config.json", |config| config[key] = value);
    }

    fn rope(&self, key: &str, value: Value) {
        self.json("config.json", |config| config["rope_parameters"][key] = value);
    }

    /// Changes the header of the first shard; the data stays.
    fn shard(&self, change: impl FnOnce(&mut Value)) {
        let content = std::fs::read(self.path(SHARD)).unwrap();
        let (length, rest) = content.split_at(8);
        let (header, data) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
        let mut header: Value = serde_json::from_slice(header).unwrap();
        change(&mut header);
        let header = header.to_string();
        let parts = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data];
        self.write(SHARD, &parts.concat());
    }
}

/// Each damage: its name, and a function that makes it.
type Case = (&'static str, fn(&Folder));

fn refusals(cases: &[Case]) -> String {
    let refusal = |(name, damage): &Case| {
        let folder = Folder::sound();
        damage(&folder);
        format!("{name}:\n    {}\n", refusal(&folder.0.path().join("phi"), folder.0.path()))
    };
    cases.iter().map(refusal).collect()
}

#[test]
fn files() {
    expect![[r#"
        no folder:
            DIR/phi: No such file or directory (os error 2); check that the file exists and may be read
        an empty folder:
            DIR/phi/config.json: No such file or directory (os error 2); check that the file exists and may be read
        no config.json:
            DIR/phi/config.json: No such file or directory (os error 2); check that the file exists and may be read
        no tokenizer.json:
            DIR/phi/tokenizer.json: there is no such file; download all files of the model's folder
        no index:
            DIR/phi: the folder has neither `model.safetensors` nor `model.safetensors.index.json`; phi-ls runs models of the Phi-3, Llama, Mistral, Qwen2 and Qwen3 families from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors
        a shard is missing:
            DIR/phi/model-00001-of-00002.safetensors: No such file or directory (os error 2); check that the file exists and may be read
        config.json is a folder:
            DIR/phi/config.json: this is not a file; phi-ls runs models of the Phi-3, Llama, Mistral, Qwen2 and Qwen3 families from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors
        an empty config.json:
            DIR/phi/config.json: the file is empty; the file is damaged or incomplete: download it again
        half a config.json:
            DIR/phi/config.json: EOF while parsing a string at line 11 column 10; the file is damaged or incomplete: download it again
        half a tokenizer.json:
            DIR/phi/tokenizer.json: EOF while parsing a value at line 116 column 2; the file is damaged or incomplete: download it again
        the index is no JSON:
            DIR/phi/model.safetensors.index.json: expected value at line 1 column 1; the file is damaged or incomplete: download it again
        the index has no map:
            DIR/phi/model.safetensors.index.json: missing field `weight_map` at line 1 column 2; the file is damaged or incomplete: download it again
        the index names a missing file:
            DIR/phi/model-9.safetensors: No such file or directory (os error 2); check that the file exists and may be read
        the index leads out of the folder:
            DIR/phi/model.safetensors.index.json: `../../secret` is not the name of a file in this folder; the file is damaged or incomplete: download it again
        the index forgets a shard:
            DIR/phi: the tensor `model.embed_tokens.weight` is missing; the file is damaged or incomplete: download it again
    "#]].assert_eq(&refusals(&[
        ("no folder", |folder| std::fs::remove_dir_all(folder.path("")).unwrap()),
        ("an empty folder", |folder| {
            std::fs::remove_dir_all(folder.path("")).unwrap();
            std::fs::create_dir(folder.path("")).unwrap();
        }),
        ("no config.json", |folder| folder.remove("config.json")),
        ("no tokenizer.json", |folder| folder.remove("tokenizer.json")),
        ("no index", |folder| folder.remove(INDEX)),
        ("a shard is missing", |folder| folder.remove(SHARD)),
        ("config.json is a folder", |folder| {
            folder.remove("config.json");
            std::fs::create_dir(folder.path("config.json")).unwrap();
        }),
        ("an empty config.json", |folder| folder.write("config.json", b"")),
        ("half a config.json", |folder| folder.cut("config.json", 200)),
        ("half a tokenizer.json", |folder| folder.cut("tokenizer.json", 2000)),
        ("the index is no JSON", |folder| folder.write(INDEX, b"\x80\x04pickle")),
        ("the index has no map", |folder| folder.write(INDEX, b"{}")),
        ("the index names a missing file", |folder| {
            folder.json(INDEX, |index| index["weight_map"]["lm_head.weight"] = json!("model-9.safetensors"));
        }),
        ("the index leads out of the folder", |folder| {
            folder.json(INDEX, |index| index["weight_map"]["lm_head.weight"] = json!("../../secret"));
        }),
        ("the index forgets a shard", |folder| {
            let rest = json!({"weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors"}});
            folder.write(INDEX, rest.to_string().as_bytes());
        }),
    ]));
}

#[test]
fn configuration() {
    expect![[r#"
        not an object:
            DIR/phi/config.json: invalid length 2, expected struct ConfigJson with 23 elements at line 1 column 2; the file is damaged or incomplete: download it again
        no width:
            DIR/phi/config.json: missing field `hidden_size` at line 1 column 765; the file is damaged or incomplete: download it again
        a width in words:
            DIR/phi/config.json: `hidden_size`: invalid type: string "64", expected u64 at line 1 column 171; the file is damaged or incomplete: download it again
        a negative width:
            DIR/phi/config.json: `hidden_size`: invalid value: integer `-64`, expected u64 at line 1 column 170; the file is damaged or incomplete: download it again
        a width of 2^60:
            DIR/phi/config.json: `hidden_size` is 1152921504606846976; the file is damaged or incomplete: download it again
        another width:
            DIR/phi/config.json: there are 8 LongRoPE factors (short) for 16 pairs of a head's elements; the file is damaged or incomplete: download it again
        no layers:
            DIR/phi/config.json: `num_hidden_layers` is 0; the file is damaged or incomplete: download it again
        10^15 layers:
            DIR/phi/config.json: `num_hidden_layers` is 1000000000000000; the file is damaged or incomplete: download it again
        3 KV heads for 4:
            DIR/phi/config.json: 4 query heads cannot share 3 KV heads; the file is damaged or incomplete: download it again
        another model:
            DIR/phi: the tensor `model.layers.0.self_attn.q_proj.weight` is missing; the file is damaged or incomplete: download it again
        another activation:
            DIR/phi/config.json: `hidden_act` is `gelu`, not `silu`; phi-ls runs models of the Phi-3, Llama, Mistral, Qwen2 and Qwen3 families from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors
        a context of 0:
            DIR/phi/config.json: `max_position_embeddings` is 0; the file is damaged or incomplete: download it again
        fewer rows than tokens:
            DIR/phi: the vocabulary has 320 tokens, but the embedding only 300 rows; the file is damaged or incomplete: download it again
        tied is a word:
            DIR/phi/config.json: `tie_word_embeddings`: invalid type: string "yes", expected a boolean at line 1 column 747; the file is damaged or incomplete: download it again
        an unknown rotation:
            DIR/phi/config.json: `rope_scaling.factor` is missing; the file is damaged or incomplete: download it again
        too few factors:
            DIR/phi/config.json: there are 2 LongRoPE factors (short) for 8 pairs of a head's elements; the file is damaged or incomplete: download it again
        no long factors:
            DIR/phi/config.json: `rope_scaling` lacks `short_factor` or `long_factor`; the file is damaged or incomplete: download it again
        a negative factor:
            DIR/phi/config.json: a LongRoPE factor (long) is -1; the file is damaged or incomplete: download it again
        a rotation of twice the head:
            DIR/phi/config.json: RoPE over 32 of a head's 16 elements is not possible; the file is damaged or incomplete: download it again
        an end that is no token:
            DIR/phi/config.json: `eos_token_id` is 320, but the vocabulary has 320 tokens; the file is damaged or incomplete: download it again
    "#]].assert_eq(&refusals(&[
        ("not an object", |folder| folder.write("config.json", b"[]")),
        ("no width", |folder| {
            folder.json("config.json", |config| {
                config.as_object_mut().unwrap().remove("hidden_size");
            });
        }),
        ("a width in words", |folder| folder.config("hidden_size", json!("64"))),
        ("a negative width", |folder| folder.config("hidden_size", json!(-64))),
        ("a width of 2^60", |folder| folder.config("hidden_size", json!(1u64 << 60))),
        ("another width", |folder| folder.config("hidden_size", json!(128))),
        ("no layers", |folder| folder.config("num_hidden_layers", json!(0))),
        ("10^15 layers", |folder| folder.config("num_hidden_layers", json!(1_000_000_000_000_000u64))),
        ("3 KV heads for 4", |folder| folder.config("num_key_value_heads", json!(3))),
        ("another model", |folder| folder.config("model_type", json!("llama"))),
        ("another activation", |folder| folder.config("hidden_act", json!("gelu"))),
        ("a context of 0", |folder| folder.config("max_position_embeddings", json!(0))),
        ("fewer rows than tokens", |folder| folder.config("vocab_size", json!(300))),
        ("tied is a word", |folder| folder.config("tie_word_embeddings", json!("yes"))),
        ("an unknown rotation", |folder| folder.rope("rope_type", json!("llama3"))),
        ("too few factors", |folder| folder.rope("short_factor", json!([1.0, 2.0]))),
        ("no long factors", |folder| folder.rope("long_factor", Value::Null)),
        ("a negative factor", |folder| folder.rope("long_factor", json!([1, 1, 1, 1, 1, 1, 1, -1]))),
        ("a rotation of twice the head", |folder| folder.rope("partial_rotary_factor", json!(2.0))),
        ("an end that is no token", |folder| folder.config("eos_token_id", json!(320))),
    ]));
}

#[test]
fn weights() {
    expect![[r#"
        an empty shard:
            DIR/phi/model-00001-of-00002.safetensors: the file is empty; the file is damaged or incomplete: download it again
        a pointer of git-lfs:
            DIR/phi/model-00001-of-00002.safetensors: this is not a whole safetensors file (header too large); the file is damaged or incomplete: download it again
        a header of 2^60 bytes:
            DIR/phi/model-00001-of-00002.safetensors: this is not a whole safetensors file (header too large); the file is damaged or incomplete: download it again
        half a shard:
            DIR/phi/model-00001-of-00002.safetensors: this is not a whole safetensors file (incomplete metadata, file not fully covered); the file is damaged or incomplete: download it again
        a header that is no JSON:
            DIR/phi/model-00001-of-00002.safetensors: this is not a whole safetensors file (invalid JSON in header: key must be a string at line 1 column 2); the file is damaged or incomplete: download it again
        a tensor of integers:
            DIR/phi/model-00001-of-00002.safetensors: the tensor `model.embed_tokens.weight` is of type I16; phi-ls runs models of the Phi-3, Llama, Mistral, Qwen2 and Qwen3 families from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors
        a tensor is missing:
            DIR/phi: the tensor `model.embed_tokens.weight` is missing; the file is damaged or incomplete: download it again
        a tensor has another shape:
            DIR/phi/model-00001-of-00002.safetensors: the tensor `model.embed_tokens.weight` has the shape [64, 320] where the model needs [320, 64]; the file is damaged or incomplete: download it again
        a tensor of 2^60 rows:
            DIR/phi/model-00001-of-00002.safetensors: this is not a whole safetensors file (overflow computing buffer size from shape and/or element type); the file is damaged or incomplete: download it again
        a tensor behind the end:
            DIR/phi/model-00001-of-00002.safetensors: this is not a whole safetensors file (invalid offset for tensor `model.layers.0.input_layernorm.weight`); the file is damaged or incomplete: download it again
        a tensor in two shards:
            DIR/phi/model-00002-of-00002.safetensors: the tensor `lm_head.weight` is in two files; the file is damaged or incomplete: download it again
    "#]].assert_eq(&refusals(&[
        ("an empty shard", |folder| folder.write(SHARD, b"")),
        ("a pointer of git-lfs", |folder| folder.write(SHARD, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")),
        ("a header of 2^60 bytes", |folder| folder.write(SHARD, &(1u64 << 60).to_le_bytes())),
        ("half a shard", |folder| folder.cut(SHARD, 50_000)),
        ("a header that is no JSON", |folder| folder.write(SHARD, b"\x04\0\0\0\0\0\0\0{{{{")),
        ("a tensor of integers", |folder| {
            folder.shard(|header| header["model.embed_tokens.weight"]["dtype"] = json!("I16"));
        }),
        ("a tensor is missing", |folder| {
            folder.shard(|header| {
                let tensor = header.as_object_mut().unwrap().remove("model.embed_tokens.weight").unwrap();
                header["model.embed_tokens.weights"] = tensor;
            });
        }),
        ("a tensor has another shape", |folder| {
            folder.shard(|header| header["model.embed_tokens.weight"]["shape"] = json!([64, 320]));
        }),
        ("a tensor of 2^60 rows", |folder| {
            folder.shard(|header| header["model.embed_tokens.weight"]["shape"] = json!([1u64 << 60, 64]));
        }),
        ("a tensor behind the end", |folder| {
            folder.shard(|header| {
                header["model.embed_tokens.weight"]["data_offsets"] = json!([1u64 << 50, (1u64 << 50) + 40960]);
            });
        }),
        ("a tensor in two shards", |folder| {
            folder.shard(|header| {
                let tensor = header.as_object_mut().unwrap().remove("model.embed_tokens.weight").unwrap();
                header["lm_head.weight"] = tensor;
            });
        }),
    ]));
}

/// A file without read permission: the message says so.
#[cfg(unix)]
#[test]
fn unreadable_files_are_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::sound();
    let config = folder.path("config.json");
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&config).is_err() {
        let message = refusal(&folder.path(""), folder.0.path());
        assert!(message.starts_with("DIR/phi/config.json: Permission denied"), "{message}");
    }
    let message = refusal("/dev/null".as_ref(), "/dev".as_ref()).replace("DIR", "/dev");
    assert!(message.starts_with("/dev/null: this is not a file"), "{message}");
}
