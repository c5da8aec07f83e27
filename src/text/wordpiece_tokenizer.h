// wordpiece_tokenizer.h - WordPiece vocabularies (BERT).
//
//   a word -> the longest token that it begins with, then the longest continuation of the rest, and
//   so on -> ids; a word that cannot be cut so, or is too long, is the unknown token
//
// Decoding puts a blank before every token but continuations and the first, and takes some away
// again ("hello , i ' m" -> "hello, i ' m").
#pragma once

#include <memory>

#include "text/span_tokenizer.h"
#include "text/token_trie.h"

namespace hearth::text {

class WordPieceTokenizer final : public SpanTokenizer {
 public:
  static Result<std::shared_ptr<const Tokenizer>> build(TokenizerSpec spec);

  std::string_view token_bytes(TokenId id, bool keep_control) const override;
  std::string_view first_token_bytes(TokenId id, bool keep_control) const override;

 private:
  class Words;

  explicit WordPieceTokenizer(TokenizerSpec spec) : SpanTokenizer(std::move(spec)) {}
  std::unique_ptr<WordEncoder> new_word_encoder() const override;
  Result<void> index_pieces();
  bool is_continuation(TokenId id) const;
  void set_bytes();

  TokenTrie beginnings_;
  TokenTrie continuations_;
  TokenBytes bytes_;
  TokenBytes first_bytes_;
};

}  // namespace hearth::text
