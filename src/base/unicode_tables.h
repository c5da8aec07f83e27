// unicode_tables.h - the generated data behind unicode.h and grapheme.h
// (tools/make_unicode_tables).
//
// Two-level tables: value of a code point c = Blocks[Index[c / 256] * 256 + c % 256]; equal blocks
// are stored once (about 220 kB in all). Hangul syllables are in no list of decompositions: they
// are arithmetic.
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

struct Compatibility {  // the whole NFKD of a character, where that is not its NFD
  char32_t code;
  std::uint16_t begin;  // in kCompatibilityParts
  std::uint8_t size;
};

struct LowerCase {
  char32_t code;
  char32_t lower;
};

// What the rules of grapheme clusters distinguish (UAX 29).
enum class Break : std::uint8_t {
  other,
  cr,
  lf,
  control,
  extend,
  zwj,
  regional_indicator,
  prepend,
  spacing_mark,
  l,  // Hangul jamo and syllables
  v,
  t,
  lv,
  lvt,
  pictographic,
  consonant,     // Indic_Conjunct_Break: Consonant
  linker,        // an extend that is its Linker
  linked_extend  // an extend that is its Extend
};

extern const std::uint8_t kCategoryIndex[];
extern const std::uint8_t kCategoryBlocks[];  // unicode.h's Category + 32 * Age, by their numbers
extern const std::uint8_t kCombiningIndex[];
extern const std::uint8_t kCombiningBlocks[];  // canonical combining class
extern const std::uint8_t kBreakIndex[];
extern const std::uint8_t kBreakBlocks[];      // Break, by its number
extern const Decomposition kDecompositions[];  // sorted by code
extern const std::size_t kDecompositionCount;
extern const Composition kCompositions[];  // sorted by (first, second)
extern const std::size_t kCompositionCount;
extern const Compatibility kCompatibilities[];  // sorted by code
extern const std::size_t kCompatibilityCount;
extern const char32_t kCompatibilityParts[];
extern const LowerCase kLowerCases[];  // sorted by code; simple mappings
extern const std::size_t kLowerCaseCount;

}  // namespace hearth::unicode_tables
