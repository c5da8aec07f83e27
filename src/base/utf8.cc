#include "base/utf8.h"

#include <algorithm>

namespace hearth {

namespace {

struct LeadByte {
  std::uint8_t size;  // bytes of the whole character, 0: not a lead byte
  unsigned char low;  // bounds of the second byte
  unsigned char high;
};

// The table of well-formed byte sequences of the Unicode standard (3.9, table 3-7).
LeadByte classify(unsigned char c) {
  if (c < 0x80) return {1, 0, 0};
  if (c < 0xc2) return {0, 0, 0};
  if (c < 0xe0) return {2, 0x80, 0xbf};
  if (c == 0xe0) return {3, 0xa0, 0xbf};
  if (c == 0xed) return {3, 0x80, 0x9f};
  if (c < 0xf0) return {3, 0x80, 0xbf};
  if (c == 0xf0) return {4, 0x90, 0xbf};
  if (c < 0xf4) return {4, 0x80, 0xbf};
  if (c == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

// How many bytes of text (at most lead.size) are a prefix of a well-formed character.
std::size_t well_formed_prefix(std::string_view text, LeadByte lead) {
  std::size_t n = 1;
  while (n < lead.size && n < text.size()) {
    const auto c = static_cast<unsigned char>(text[n]);
    const unsigned char low = n == 1 ? lead.low : 0x80;
    const unsigned char high = n == 1 ? lead.high : 0xbf;
    if (c < low || c > high) break;
    ++n;
  }
  return n;
}

}  // namespace

Utf8Char decode_utf8(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const LeadByte lead = classify(first);
  if (lead.size == 1) return {first, 1, true};
  if (lead.size == 0) return {0xfffd, 1, false};
  const std::size_t n = well_formed_prefix(text, lead);
  if (n < lead.size) return {0xfffd, static_cast<std::uint8_t>(n), false};
  auto code = static_cast<char32_t>(first & (0x7f >> lead.size));
  for (std::size_t i = 1; i < n; ++i) {
    code = (code << 6) | static_cast<char32_t>(static_cast<unsigned char>(text[i]) & 0x3f);
  }
  return {code, lead.size, true};
}

void append_utf8(std::string& out, char32_t code) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char c = decode_utf8(text);
    if (!c.valid) return false;
    text.remove_prefix(c.size);
  }
  return true;
}

std::size_t incomplete_utf8_suffix(std::string_view text) {
  for (std::size_t n = 1; n <= std::min<std::size_t>(3, text.size()); ++n) {
    const std::string_view tail = text.substr(text.size() - n);
    const LeadByte lead = classify(static_cast<unsigned char>(tail[0]));
    if (lead.size == 0) continue;  // a continuation byte: its lead byte stands further left
    return lead.size > n && well_formed_prefix(tail, lead) == n ? n : 0;
  }
  return 0;
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char c = decode_utf8(text);
    if (c.valid) {
      out.append(text.substr(0, c.size));
    } else {
      append_utf8(out, 0xfffd);
    }
    text.remove_prefix(c.size);
  }
  return out;
}

}  // namespace hearth
