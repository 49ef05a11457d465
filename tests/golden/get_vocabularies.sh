#!/usr/bin/env bash
# Fetches the vocabularies of llama.cpp and their test vectors (MIT) into a folder. They are in the source package of
# llama-cpp-python on PyPI, which holds llama.cpp. With --check, also compares the tokens that phi-ls makes with all
# vectors of the families that it reads.
#
#   tests/golden/get_vocabularies.sh DIR [--check]
set -euo pipefail
dir=$(mkdir -p "$1" && cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
package=llama-cpp-python==0.3.36
families="phi-3 llama-spm deepseek-coder deepseek-llm gpt-2 llama-bpe qwen2 refact starcoder command-r"

if [ ! -e "$dir/ggml-vocab-qwen2.gguf" ]; then
  archive=$(mktemp -d)
  trap 'rm -rf "$archive"' EXIT
  python3 -m pip download --quiet --no-deps --no-binary llama-cpp-python --dest "$archive" "$package"
  tar -xzf "$archive"/llama_cpp_python-*.tar.gz -C "$dir" --wildcards --strip-components=4 '*/vendor/llama.cpp/models/ggml-vocab-*'
fi
if [ "${2-}" = --check ]; then
  cd "$root"
  for family in $families; do
    model=$dir/ggml-vocab-$family.gguf
    cargo run --quiet -p phi-engine --example tokens -- "$model" --expect "$model.inp"
  done
fi
