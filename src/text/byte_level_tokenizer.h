// byte_level_tokenizer.h - the byte-level BPE behind Tokenizer::build (GPT-2, Llama 3, Qwen,
// o200k).
//
//   spans -> one text -> added tokens cut out (added_tokens.h) -> [NFC] -> words (pretokenizer.h)
//         -> bytes -> merges (bpe.h) -> ids
//
// Nothing is written after build: any thread may encode. There is no cache of words: one made 12 MB
// of mixed English 1.5 times as fast, but a prompt of a few kilobytes no faster than the 20 MB/s
// and more that it has without.
#pragma once

#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/token_index.h"
#include "text/tokenizer.h"

namespace hearth::text {

class ByteLevelTokenizer final : public Tokenizer {
 public:
  static Result<std::shared_ptr<const Tokenizer>> build(TokenizerSpec spec);

  using Tokenizer::encode;
  Result<Encoding> encode(std::span<const TextSpan> spans,
                          const EncodeOptions& options) const override;
  std::string_view token_bytes(TokenId id, bool keep_control) const override;
  std::optional<TokenId> find(std::string_view token_text) const override;

 private:
  class Encoder;  // the state of one call

  explicit ByteLevelTokenizer(TokenizerSpec spec) : Tokenizer(std::move(spec)) {}
  Result<void> index_texts();
  void set_bytes();
  void index_words();
  std::string_view bytes_of(TokenId id) const;
  std::optional<TokenId> find_word(std::string_view word) const;

  AddedTokens added_;
  BytePairMerges merges_;
  TokenIndex texts_;                    // by the vocabulary's own spelling
  TokenIndex words_;                    // by bytes; filled when whole words need no merging
  std::string bytes_;                   // what every token stands for, one after the other
  std::vector<std::size_t> begins_;     // of token id in bytes_; one more for the end
  std::optional<TokenId> replacement_;  // for a byte that has no token
};

}  // namespace hearth::text
