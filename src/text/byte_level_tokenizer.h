// byte_level_tokenizer.h - byte-level BPE (GPT-2, Llama 3, Qwen, o200k).
//
//   a word -> its bytes -> merges (bpe.h) -> ids
#pragma once

#include <array>
#include <memory>

#include "text/bpe.h"
#include "text/span_tokenizer.h"

namespace hearth::text {

class ByteLevelTokenizer final : public SpanTokenizer {
 public:
  static Result<std::shared_ptr<const Tokenizer>> build(TokenizerSpec spec);

  std::string_view token_bytes(TokenId id, bool keep_control) const override;

 private:
  class Words;

  explicit ByteLevelTokenizer(TokenizerSpec spec) : SpanTokenizer(std::move(spec)) {}
  std::unique_ptr<WordEncoder> new_word_encoder() const override;
  void find_byte_tokens();
  void set_bytes();
  void index_words();
  std::optional<TokenId> find_word(std::string_view word) const;

  BytePairMerges merges_;
  std::array<TokenId, 256> byte_tokens_{};  // negative: the vocabulary cannot spell the byte
  TokenBytes bytes_;
  TokenIndex words_;  // by bytes; filled when whole words need no merging
};

}  // namespace hearth::text
