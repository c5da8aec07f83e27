// byte_spelling.h - how byte-level vocabularies write bytes as printable characters ("Ġthe" is "
// the").
//
// Bytes 33–126, 161–172 and 174–255 are written as the character of that number; the other 68, in
// increasing order, as U+0100, U+0101, … So a space is U+0120 "Ġ" and a newline U+010A "Ċ".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::text {

// The character that stands for a byte.
char32_t spelling_of(std::uint8_t byte);

// The bytes that a token's text stands for; nullopt when a character of it stands for no byte.
std::optional<std::string> bytes_of_spelling(std::string_view token_text);

}  // namespace hearth::text
