// unicode.h - properties of characters and NFC, by Unicode 16.0. Part of the portable core.
//
// The version is pinned on purpose: where a tokenizer cuts a text into words depends on it,
// and 16.0 is what the regular expressions of the reference implementation match by. A code point
// that a later version assigns stays `cn` here. Every char32_t is allowed; values above U+10FFFF
// are `cn`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth {

// General categories, in the standard's abbreviations and order.
// clang-format off
enum class Category : std::uint8_t {
  lu, ll, lt, lm, lo,          // letters
  mn, mc, me,                  // marks
  nd, nl, no,                  // numbers
  pc, pd, ps, pe, pi, pf, po,  // punctuation
  sm, sc, sk, so,              // symbols
  zs, zl, zp,                  // separators
  cc, cf, cs, co, cn,          // control, format, surrogate, private, unassigned
};
// clang-format on

Category category_of(char32_t code);

inline bool is_letter(Category c) { return c <= Category::lo; }
inline bool is_mark(Category c) { return c >= Category::mn && c <= Category::me; }
inline bool is_number(Category c) { return c >= Category::nd && c <= Category::no; }
inline bool is_punctuation(Category c) { return c >= Category::pc && c <= Category::po; }
inline bool is_symbol(Category c) { return c >= Category::sm && c <= Category::so; }
inline bool is_separator(Category c) { return c >= Category::zs && c <= Category::zp; }

// The property White_Space, `\s` of a Unicode regular expression: has U+0085, has not U+FEFF.
bool is_white_space(char32_t code);

// `\w` of a Unicode regular expression: Alphabetic, marks, decimal digits, connectors, joiners.
bool is_word_character(char32_t code);

// Canonical combining class; 0 for a starter.
std::uint8_t combining_class(char32_t code);

// Normalization Form C. Bytes that are not valid UTF-8 stay as they are and separate what is around
// them. O(n log n) in the worst case (one run of marks), without recursion.
std::string to_nfc(std::string_view text);

}  // namespace hearth
