#include "text/sentencepiece_parts.h"

#include <algorithm>

namespace hearth::text {

namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

std::string with_metaspaces_as(std::string_view blank, std::string_view text) {
  std::string out;
  while (true) {
    const std::size_t at = text.find(kMetaspace);
    out += text.substr(0, at);
    if (at == text.npos) return out;
    out += blank;
    text.remove_prefix(at + kMetaspace.size());
  }
}

}  // namespace

std::optional<std::uint8_t> byte_of_name(std::string_view token_text) {
  if (token_text.size() != 6 || !token_text.starts_with("<0x") || token_text[5] != '>') {
    return std::nullopt;
  }
  const auto high = hex_digit(token_text[3]);
  const auto low = hex_digit(token_text[4]);
  if (!high || !low) return std::nullopt;
  return static_cast<std::uint8_t>(*high << 4 | *low);
}

std::string bytes_of_piece(std::string_view token_text, TokenKind kind) {
  const auto byte = kind == TokenKind::byte ? byte_of_name(token_text) : std::nullopt;
  return byte ? std::string(1, static_cast<char>(*byte)) : with_metaspaces_as(" ", token_text);
}

PieceTexts::PieceTexts(const TokenizerSpec& spec)
    : strips_(spec.leading_blank == LeadingBlank::strip_in_token) {
  for (std::size_t i = 0; i < spec.tokens.size(); ++i) {
    bytes_.add(bytes_of_piece(spec.tokens[i], spec.kinds[i]));
    if (strips_) first_.add(with_metaspaces_as("", spec.tokens[i]));
  }
}

std::size_t PieceTexts::longest() const {
  constexpr std::size_t kReplacementCharacter = 3;
  return std::max(bytes_.longest(), kReplacementCharacter);
}

ByteTokens::ByteTokens(const TokenizerSpec& spec) : ByteTokens() {
  for (std::size_t i = 0; i < spec.tokens.size(); ++i) {
    if (spec.kinds[i] != TokenKind::byte) continue;
    if (const auto byte = byte_of_name(spec.tokens[i])) ids_[*byte] = static_cast<TokenId>(i);
  }
}

bool ByteTokens::spell(std::string_view bytes, std::vector<TokenId>& ids) const {
  const auto id_of = [this](char byte) { return ids_[static_cast<std::uint8_t>(byte)]; };
  if (!std::all_of(bytes.begin(), bytes.end(), [&](char c) { return id_of(c) >= 0; })) return false;
  for (const char c : bytes) ids.push_back(id_of(c));
  return true;
}

}  // namespace hearth::text
