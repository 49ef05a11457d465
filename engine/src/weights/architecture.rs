//! The architectures of decoders that are read, as data: the names of their tensors, and what their layers have.

use crate::rope::Pairs;

/// An architecture.
#[derive(Debug)]
pub(super) struct Architecture {
    /// `general.architecture` of a GGUF file.
    pub gguf: &'static str,
    /// `model_type` of a Hugging Face folder.
    pub model_types: &'static [&'static str],
    /// Whether queries, keys and values are one matrix, and gate and up another one.
    pub is_fused: bool,
    /// The elements that RoPE rotates against each other in a GGUF file. In a folder they are always the two halves.
    pub gguf_pairs: Pairs,
    /// Whether queries, keys and values have a bias.
    pub has_qkv_bias: bool,
    /// Whether the heads of queries and keys are normalised.
    pub has_head_norms: bool,
}

const LLAMA: Architecture = Architecture {
    gguf: "llama",
    model_types: &["llama", "mistral"],
    is_fused: false,
    // The converter permutes the rows of the queries and keys.
    gguf_pairs: Pairs::Adjacent,
    has_qkv_bias: false,
    has_head_norms: false,
};

const QWEN2: Architecture = Architecture {
    gguf: "qwen2",
    model_types: &["qwen2"],
    gguf_pairs: Pairs::Halves,
    has_qkv_bias: true,
    ..LLAMA
};

/// The architectures that are read.
static ARCHITECTURES: [Architecture; 4] = [
    Architecture { gguf: "phi3", model_types: &["phi3"], is_fused: true, gguf_pairs: Pairs::Halves, ..LLAMA },
    LLAMA,
    QWEN2,
    Architecture {
        gguf: "qwen3",
        model_types: &["qwen3"],
        has_qkv_bias: false,
        has_head_norms: true,
        ..QWEN2
    },
];

impl Architecture {
    pub(super) fn of_gguf(name: &str) -> Option<&'static Architecture> {
        ARCHITECTURES.iter().find(|known| known.gguf == name)
    }

    pub(super) fn of_model_type(name: &str) -> Option<&'static Architecture> {
        ARCHITECTURES.iter().find(|known| known.model_types.contains(&name))
    }
}

/// The names of the tensors in a format. Those of layer `i` are named `{layer}{i}.{name}.weight`, or `.bias`.
#[derive(Debug)]
pub(super) struct TensorNames {
    pub embedding: &'static str,
    pub norm: &'static str,
    pub output: &'static str,
    pub layer: &'static str,
    pub attention_norm: &'static str,
    /// Queries, keys and values in one matrix.
    pub qkv: &'static str,
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    pub query_norm: &'static str,
    pub key_norm: &'static str,
    pub attention_output: &'static str,
    pub feed_forward_norm: &'static str,
    /// Gate and up in one matrix.
    pub gate_up: &'static str,
    pub gate: &'static str,
    pub up: &'static str,
    pub down: &'static str,
}

impl TensorNames {
    /// The name of a tensor of weights of a layer.
    pub(super) fn in_layer(&self, layer: usize, name: &str) -> String {
        format!("{}{layer}.{name}.weight", self.layer)
    }
}

/// As llama.cpp's converter names them.
pub(super) const GGUF: TensorNames = TensorNames {
    embedding: "token_embd.weight",
    norm: "output_norm.weight",
    output: "output.weight",
    layer: "blk.",
    attention_norm: "attn_norm",
    qkv: "attn_qkv",
    query: "attn_q",
    key: "attn_k",
    value: "attn_v",
    query_norm: "attn_q_norm",
    key_norm: "attn_k_norm",
    attention_output: "attn_output",
    feed_forward_norm: "ffn_norm",
    gate_up: "ffn_up",
    gate: "ffn_gate",
    up: "ffn_up",
    down: "ffn_down",
};

/// As transformers names them.
pub(super) const HUGGING_FACE: TensorNames = TensorNames {
    embedding: "model.embed_tokens.weight",
    norm: "model.norm.weight",
    output: "lm_head.weight",
    layer: "model.layers.",
    attention_norm: "input_layernorm",
    qkv: "self_attn.qkv_proj",
    query: "self_attn.q_proj",
    key: "self_attn.k_proj",
    value: "self_attn.v_proj",
    query_norm: "self_attn.q_norm",
    key_norm: "self_attn.k_norm",
    attention_output: "self_attn.o_proj",
    feed_forward_norm: "post_attention_layernorm",
    gate_up: "mlp.gate_up_proj",
    gate: "mlp.gate_proj",
    up: "mlp.up_proj",
    down: "mlp.down_proj",
};

/// The architectures that are read, for messages.
pub(super) fn names() -> String {
    ARCHITECTURES.each_ref().map(|known| known.gguf).join(", ")
}
