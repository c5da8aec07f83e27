// span_tokenizer.h - what the tokenizers of all kinds of vocabulary share.
//
//   spans -> one text (joined_text.h) -> added tokens cut out (added_tokens.h) -> each text between
//         them normalised (normalizer.h) -> words (pretokenizer.h) -> ids, which each kind does its
//         own way
//
// Nothing is written after build: any thread may encode. There is no cache of words: one made 12 MB
// of mixed English 1.5 times as fast, but a prompt of a few kilobytes no faster than the 20 MB/s
// and more that it has without.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/token_index.h"
#include "text/tokenizer.h"

namespace hearth::text {

// The bytes of many tokens, one after the other.
class TokenBytes {
 public:
  void add(std::string_view bytes);
  std::string_view of(TokenId id) const;
  std::size_t longest() const { return longest_; }

 private:
  std::string bytes_;
  std::vector<std::size_t> begins_ = {0};  // of token id in bytes_, and the end of the last
  std::size_t longest_ = 0;
};

class SpanTokenizer : public Tokenizer {
 public:
  using Tokenizer::encode;
  Result<Encoding> encode(std::span<const TextSpan> spans,
                          const EncodeOptions& options) const final;
  std::optional<TokenId> find(std::string_view token_text) const final;

 protected:
  explicit SpanTokenizer(TokenizerSpec spec) : Tokenizer(std::move(spec)) {}

  // Checks the spec and fills what the functions below use. Errors: corrupt, unsupported.
  Result<void> build_shared();

  // The ids of one call.
  class Output {
   public:
    Output(const SpanTokenizer& tokenizer, bool exact) : tokenizer_(tokenizer), exact_(exact) {}

    std::vector<TokenId> ids;

    // bytes: a part of the current word that has no token, `begin` bytes into it. Counted, and an
    // error when exactness was asked for. Writes no id.
    Result<void> note_unspellable(std::string_view bytes, std::size_t begin);

   private:
    friend class SpanTokenizer;
    const SpanTokenizer& tokenizer_;
    bool exact_;
    std::size_t word_begin_ = 0;  // of the current word, in the (normalised) text
    std::size_t n_unspellable_bytes_ = 0;
  };

  // Turns words into ids; holds what it needs besides the tables from word to word.
  class WordEncoder {
   public:
    virtual ~WordEncoder() = default;
    virtual Result<void> add_word(std::string_view word, Output& out) = 0;
  };
  virtual std::unique_ptr<WordEncoder> new_word_encoder() const = 0;

  std::string_view text_of(TokenId id) const { return spec_.tokens[static_cast<std::size_t>(id)]; }
  TokenKind kind_of(TokenId id) const { return spec_.kinds[static_cast<std::size_t>(id)]; }
  bool has(TokenId id) const {
    return id >= 0 && static_cast<std::size_t>(id) < spec_.tokens.size();
  }
  // Whether a reader sees the token at all.
  bool is_visible(TokenId id, bool keep_control) const {
    return has(id) && (keep_control || !is_control(kind_of(id)));
  }
  // Whether ordinary text may become the token.
  bool is_plain(TokenId id) const { return is_plain_token(kind_of(id), text_of(id)); }

  TokenIndex texts_;                    // by the vocabulary's own spelling
  std::optional<TokenId> replacement_;  // for what has no token

 private:
  Result<void> check_spec() const;
  Result<void> index_texts();
  void choose_replacement();
  Result<void> add_text(std::string_view text, std::size_t offset, WordEncoder& words,
                        Output& out) const;

  AddedTokens added_;
  Normalizer normalizer_;
};

}  // namespace hearth::text
