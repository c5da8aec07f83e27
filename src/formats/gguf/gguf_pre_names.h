// gguf_pre_names.h - what tokenizer.ggml.pre says of a byte-level vocabulary: the name of a model
// that split text so first, and the habits that came with it. Part of the portable core.
#pragma once

#include <string_view>

#include "text/tokenizer.h"

namespace hearth::formats {

struct PreName {
  std::string_view name;
  text::Pretokenizer pretokenizer;
  bool ignore_merges = false;
  bool add_bos = false;  // when the file has no add_bos_token
  bool nfc = false;
};
inline constexpr PreName kPreNames[] = {
    {"gpt-2", text::Pretokenizer::gpt2},
    {"phi-2", text::Pretokenizer::gpt2},
    {"roberta-bpe", text::Pretokenizer::gpt2},
    {"smollm", text::Pretokenizer::smollm},
    {"llama-bpe", text::Pretokenizer::llama3, true, true},
    {"llama3", text::Pretokenizer::llama3, true, true},
    {"llama-v3", text::Pretokenizer::llama3, true, true},
    {"qwen2", text::Pretokenizer::qwen2, false, false, true},
    {"deepseek-r1-qwen", text::Pretokenizer::qwen2},
    {"qwen35", text::Pretokenizer::qwen35, false, false, true},
    {"gpt-4o", text::Pretokenizer::o200k},
    {"llama4", text::Pretokenizer::o200k},
    {"tekken", text::Pretokenizer::tekken, true, true},
};

}  // namespace hearth::formats
