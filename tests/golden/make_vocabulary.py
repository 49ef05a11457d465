"""A vocabulary of 320 tokens with the layout of Phi-3's: `<unk>`, `<s>`, `</s>`, the 256 bytes, pieces, and the special
tokens of the chat format at the end. Written as the keys of a GGUF and as a tokenizer.json, so that both readers can be
compared."""
import json

import gguf

PIECES = ["▁t", "he", "in", "re", "▁a", "▁the", "er", "on", "at", "or", "▁f", "▁re", "▁▁", "▁▁▁▁", "()", "▁ret", "ur", "▁retur",
          "▁return", "en", "fn", "▁fn", "tur", "</", "s>", "▁b"]
SINGLE = "▁etaoinsrhdlu().;{}</>fb="
SPECIAL = ["<|endoftext|>", "<|assistant|>", "<|placeholder1|>", "<|system|>", "<|end|>", "<|user|>", "<|placeholder2|>",
           "<|placeholder3|>", "<|placeholder4|>", "<|placeholder5|>"]

FIRST = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
TOKENS = FIRST + BYTES + PIECES + list(SINGLE) + SPECIAL
VOCABULARY = len(TOKENS)
ID = {token: id for id, token in enumerate(TOKENS)}
END = [ID["<|end|>"], ID["<|endoftext|>"]]
# As in the tokenizer that Phi-3 was published with.
KEEP_SPACE_BEHIND = ["<unk>", "<s>", "<|endoftext|>"]

assert VOCABULARY == 320 and len(ID) == VOCABULARY, (VOCABULARY, len(ID))
assert all(character in SINGLE for piece in PIECES for character in piece)


def gguf_vocabulary(writer):
    kinds = gguf.TokenType
    normal = PIECES + list(SINGLE)
    scores = {token: -float(rank) for rank, token in enumerate(normal)}
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([scores.get(token, -1000.0 if token not in BYTES else 0.0) for token in TOKENS])
    writer.add_token_types([kinds.BYTE if token in BYTES else kinds.NORMAL if token in scores else kinds.CONTROL
                            for token in TOKENS])
    writer.add_bos_token_id(ID["<s>"])
    writer.add_eos_token_id(ID["<|endoftext|>"])
    writer.add_unk_token_id(ID["<unk>"])
    writer.add_pad_token_id(ID["<|endoftext|>"])
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)


def merges():
    """The pairs of each piece, best piece first: as transformers converts a SentencePiece model."""
    ordinary = {token: id for token, id in ID.items() if token not in SPECIAL}
    for piece in ["</s>"] + PIECES:
        pairs = [(piece[:i], piece[i:]) for i in range(1, len(piece))]
        pairs = [pair for pair in pairs if all(part in ordinary for part in pair)]
        yield from sorted(pairs, key=lambda pair: (ID[pair[0]], ID[pair[1]]))


def hugging_face_vocabulary(folder):
    added = [{"id": ID[token], "content": token, "single_word": False, "lstrip": False, "normalized": False,
              "rstrip": token not in KEEP_SPACE_BEHIND, "special": token != "</s>"} for token in FIRST + SPECIAL]
    begin = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "pre_tokenizer": None,
        "post_processor": {"type": "TemplateProcessing", "single": [begin, text], "pair": [begin, text],
                           "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": {token: id for token, id in ID.items() if token not in SPECIAL},
                  "merges": [" ".join(pair) for pair in merges()]},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, indent=1) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "add_bos_token": False, "add_eos_token": False, "bos_token": "<s>", "eos_token": "<|endoftext|>",
        "tokenizer_class": "LlamaTokenizer"}) + "\n")
