#include "text/byte_spelling.h"

#include <array>

#include "base/utf8.h"

namespace hearth::text {

namespace {

constexpr bool is_own_spelling(unsigned byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

constexpr char32_t kFirstSubstitute = 0x100;
constexpr std::size_t kSubstitutes = 68;

struct Tables {
  std::array<char32_t, 256> spelling{};
  std::array<std::uint8_t, kSubstitutes> substituted{};
};

constexpr Tables make_tables() {
  Tables tables;
  std::size_t n = 0;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (is_own_spelling(byte)) {
      tables.spelling[byte] = byte;
    } else {
      tables.spelling[byte] = static_cast<char32_t>(kFirstSubstitute + n);
      tables.substituted[n++] = static_cast<std::uint8_t>(byte);
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

char32_t spelling_of(std::uint8_t byte) { return kTables.spelling[byte]; }

std::optional<std::string> bytes_of_spelling(std::string_view token_text) {
  std::string bytes;
  while (!token_text.empty()) {
    const Utf8Char c = decode_utf8(token_text);
    if (!c.valid) return std::nullopt;
    if (c.code < 256 && is_own_spelling(c.code)) {
      bytes.push_back(static_cast<char>(c.code));
    } else if (c.code >= kFirstSubstitute && c.code < kFirstSubstitute + kSubstitutes) {
      bytes.push_back(static_cast<char>(kTables.substituted[c.code - kFirstSubstitute]));
    } else {
      return std::nullopt;
    }
    token_text.remove_prefix(c.size);
  }
  return bytes;
}

}  // namespace hearth::text
