// sentencepiece_parts.h - what SentencePiece's two kinds of vocabulary (BPE and unigram) share: how
// they write blanks and bytes, and what becomes of a character that has no token.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/span_tokenizer.h"

namespace hearth::text {

inline constexpr std::string_view kMetaspace = "▁";  // U+2581 stands for a blank

// The byte that a token named "<0x0A>" stands for.
std::optional<std::uint8_t> byte_of_name(std::string_view token_text);

// The bytes that a token stands for.
std::string bytes_of_piece(std::string_view token_text, TokenKind kind);

// What the tokens stand for, in the middle of a text and at its start.
class PieceTexts {
 public:
  PieceTexts() = default;
  explicit PieceTexts(const TokenizerSpec& spec);

  std::string_view of(TokenId id) const { return bytes_.of(id); }
  std::string_view of_first(TokenId id) const { return strips_ ? first_.of(id) : bytes_.of(id); }
  // The most bytes of text that a token may become: a byte can become U+FFFD.
  std::size_t longest() const;

 private:
  TokenBytes bytes_;
  TokenBytes first_;  // filled where the blanks of a text's first token are left out
  bool strips_ = false;
};

// The tokens of single bytes.
class ByteTokens {
 public:
  ByteTokens() { ids_.fill(-1); }
  explicit ByteTokens(const TokenizerSpec& spec);

  // Appends the tokens of all bytes; changes nothing and returns false when one has none.
  bool spell(std::string_view bytes, std::vector<TokenId>& ids) const;

 private:
  std::array<TokenId, 256> ids_;
};

}  // namespace hearth::text
