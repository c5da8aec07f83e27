// unicode_tables.h - the generated data behind unicode.h (tools/make_unicode_tables).
//
// Two-level tables: value of a code point c = Blocks[Index[c / 256] * 256 + c % 256]; equal blocks
// are stored once (about 100 kB in all). Hangul syllables are in neither list: they are arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hearth::unicode_tables {

struct Decomposition {  // canonical, one step; second is 0 for a singleton
  char32_t code;
  char32_t first;
  char32_t second;
};

struct Composition {
  char32_t first;
  char32_t second;
  char32_t code;
};

extern const std::uint8_t kCategoryIndex[];
extern const std::uint8_t kCategoryBlocks[];  // unicode.h's Category, by its number
extern const std::uint8_t kCombiningIndex[];
extern const std::uint8_t kCombiningBlocks[];  // canonical combining class
extern const Decomposition kDecompositions[];  // sorted by code
extern const std::size_t kDecompositionCount;
extern const Composition kCompositions[];  // sorted by (first, second)
extern const std::size_t kCompositionCount;

}  // namespace hearth::unicode_tables
