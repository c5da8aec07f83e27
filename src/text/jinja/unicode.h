// unicode.h - Python's view of characters: case, classes, and text indexed by character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "text/jinja/marked_text.h"

namespace hearth::jinja {

enum class CharClass { alphabetic, decimal, digit, numeric, printable, space, cased };
bool is_class(char32_t c, CharClass what);

// Python's str.upper, str.lower (with the Greek final sigma) and the letter-by-letter title case.
enum class CaseMap { upper, lower, title };
// The characters of `text` from byte `from` on, n bytes, mapped and appended with their marks.
void append_mapped(MarkedText& out, const MarkedText& text, std::size_t from, std::size_t n,
                   CaseMap map);
MarkedText map_case(const MarkedText& text, CaseMap map);
// First character in title case, the rest in lower case.
MarkedText capitalize(const MarkedText& text);
bool is_upper_char(char32_t c);
bool is_lower_char(char32_t c);

std::size_t count_chars(std::string_view text);
// Byte offset of character `index`, the size when there are not so many.
std::size_t char_offset(std::string_view text, std::size_t index);

// What Python's strip() removes, as lengths at both ends.
std::size_t leading_space(std::string_view text);
std::size_t trailing_space(std::string_view text);
// The last character of a non-empty text.
char32_t last_char(std::string_view text, std::size_t* size);

}  // namespace hearth::jinja
