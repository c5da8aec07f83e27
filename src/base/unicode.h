// unicode.h - properties of characters, normalization forms and lower case. Part of the portable
// core.
//
// Token ids depend on the version of Unicode, so every version is pinned on purpose to the one that
// the reference implementation (Hugging Face tokenizers) has in that place: categories are 16.0's,
// normalization forms 9.0's (a character that came later neither decomposes, composes nor is
// reordered), lower case is 17.0's. Every char32_t is allowed; values above U+10FFFF are `cn`.
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

// Since when a code point is assigned; `later` also when it is not.
enum class Age : std::uint8_t { unicode_8, unicode_9, later };
Age age_of(char32_t code);

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

// Normalization forms. Bytes that are not valid UTF-8 stay as they are and separate what is around
// them. O(n log n) in the worst case (one run of marks), without recursion.
enum class NormalForm : std::uint8_t { nfc, nfd, nfkc, nfkd };
std::string to_normal_form(std::string_view text, NormalForm form);
inline std::string to_nfc(std::string_view text) { return to_normal_form(text, NormalForm::nfc); }

// Each character's own lower case, whatever stands around it (a sigma at the end of a word is like
// any other). Bytes that are not valid UTF-8 stay.
std::string to_lower_case(std::string_view text);

}  // namespace hearth
