// utf8.h - reading and writing UTF-8, hostile input included.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth {

struct Utf8Char {
  char32_t code;      // U+FFFD when not valid
  std::uint8_t size;  // bytes to step over: 1..4, at least 1 for non-empty input
  bool valid;  // false: a maximal invalid prefix, as Unicode and Rust's lossy decoding count it
};

// The first character of a non-empty text. Overlong forms, surrogates and values above U+10FFFF are
// invalid; an invalid sequence steps over its maximal valid prefix (so ED A0 80 is three
// characters, F0 9F 99 at the end of the text is one).
Utf8Char decode_utf8(std::string_view text);

// Appends a scalar value (not a surrogate, at most U+10FFFF).
void append_utf8(std::string& out, char32_t code);

bool is_valid_utf8(std::string_view text);

// Number of trailing bytes that are the beginning of a character which later bytes may complete;
// 0..3. What precedes them can be shown without ever splitting a character.
std::size_t incomplete_utf8_suffix(std::string_view text);

// The text with each maximal invalid prefix replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

}  // namespace hearth
