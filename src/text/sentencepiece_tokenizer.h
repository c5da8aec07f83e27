// sentencepiece_tokenizer.h - SentencePiece-style BPE (Llama 2, Mistral, Gemma).
//
//   a word, which may be the whole text -> its characters, those without a token as byte tokens or
//   as the unknown token -> merges (bpe.h) -> ids
#pragma once

#include <memory>

#include "text/bpe.h"
#include "text/sentencepiece_parts.h"
#include "text/span_tokenizer.h"

namespace hearth::text {

class SentencePieceTokenizer final : public SpanTokenizer {
 public:
  static Result<std::shared_ptr<const Tokenizer>> build(TokenizerSpec spec);

  std::string_view token_bytes(TokenId id, bool keep_control) const override;
  std::string_view first_token_bytes(TokenId id, bool keep_control) const override;

 private:
  class Words;

  explicit SentencePieceTokenizer(TokenizerSpec spec) : SpanTokenizer(std::move(spec)) {}
  std::unique_ptr<WordEncoder> new_word_encoder() const override;
  std::optional<TokenId> find_plain(std::string_view text) const;

  BytePairMerges merges_;
  ByteTokens byte_tokens_;
  PieceTexts texts_of_pieces_;
};

}  // namespace hearth::text
