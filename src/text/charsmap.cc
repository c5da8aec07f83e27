#include "text/charsmap.h"

#include <algorithm>

#include "base/str.h"

namespace hearth::text {

namespace {

std::uint32_t read_u32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return value;
}

bool ends_key(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
std::uint32_t label(std::uint32_t unit) { return unit & 0x800000ff; }
std::uint32_t offset(std::uint32_t unit) { return unit >> 10 << ((unit & 0x200) >> 6); }
std::uint32_t value(std::uint32_t unit) { return unit & 0x7fffffff; }

Error corrupt(std::string_view what) {
  return {ErrorKind::corrupt, cat("tokenizer: precompiled_charsmap ", what)};
}

}  // namespace

Result<Charsmap> Charsmap::parse(std::string_view bytes) {
  if (bytes.size() < 4) return corrupt(cat("has ", bytes.size(), " bytes, expected at least 4"));
  const std::size_t trie_bytes = read_u32(bytes, 0);
  if (trie_bytes > bytes.size() - 4 || trie_bytes % 4 != 0 || trie_bytes == 0) {
    return corrupt(cat("promises a trie of ", trie_bytes, " bytes, expected a multiple of 4 up to ",
                       bytes.size() - 4));
  }
  Charsmap made;
  made.units_.resize(trie_bytes / 4);
  for (std::size_t i = 0; i < made.units_.size(); ++i) {
    made.units_[i] = read_u32(bytes, 4 + 4 * i);
  }
  made.replacements_ = bytes.substr(4 + trie_bytes);
  const bool is_ended = made.replacements_.empty() || made.replacements_.back() == '\0';
  if (!is_ended) return corrupt("does not end its last replacement with a byte 0");
  return made;
}

Charsmap::Match Charsmap::match(std::string_view text, bool first) const {
  Match found;
  std::size_t node = offset(units_[0]);
  for (std::size_t n = 0; n < std::min(text.size(), kMaxKey); ++n) {
    const auto byte = static_cast<unsigned char>(text[n]);
    node ^= byte;
    if (node >= units_.size() || label(units_[node]) != byte) break;
    const std::uint32_t unit = units_[node];
    node ^= offset(unit);
    if (!ends_key(unit) || node >= units_.size()) continue;
    const std::size_t begin = value(units_[node]);
    if (begin >= replacements_.size()) continue;
    const std::string_view rest = std::string_view(replacements_).substr(begin, kMaxReplacement);
    found = {n + 1, rest.substr(0, rest.find('\0'))};
    if (first) break;
  }
  return found;
}

Charsmap::Match Charsmap::shortest(std::string_view text) const { return match(text, true); }
Charsmap::Match Charsmap::longest(std::string_view text) const { return match(text, false); }

}  // namespace hearth::text
