// unigram_tokenizer.h - SentencePiece's unigram vocabularies (T5, XLM-R).
//
//   a word -> of all ways to cut it into tokens the one with the greatest sum of scores (Viterbi
//   over a trie) -> ids
//
// A character that no token of its own stands for may be unknown at the score of the least likely
// token minus 10; unknown characters side by side are one unknown token if the vocabulary fuses
// them. Of equal sums the one whose last token is longest wins. Linear in the text.
#pragma once

#include <memory>

#include "text/sentencepiece_parts.h"
#include "text/span_tokenizer.h"
#include "text/token_trie.h"

namespace hearth::text {

class UnigramTokenizer final : public SpanTokenizer {
 public:
  static Result<std::shared_ptr<const Tokenizer>> build(TokenizerSpec spec);

  std::string_view token_bytes(TokenId id, bool keep_control) const override;
  std::string_view first_token_bytes(TokenId id, bool keep_control) const override;

 private:
  class Words;

  explicit UnigramTokenizer(TokenizerSpec spec) : SpanTokenizer(std::move(spec)) {}
  std::unique_ptr<WordEncoder> new_word_encoder() const override;
  Result<void> index_pieces();

  TokenTrie pieces_;
  ByteTokens byte_tokens_;
  PieceTexts texts_of_pieces_;
  double unknown_score_ = 0;
};

}  // namespace hearth::text
