// unicode_tables.h - case and class tables of Unicode, as sorted ranges.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hearth::jinja {

// first, first + step, … last: each has its counterpart delta away.
struct CaseRange {
  char32_t first, last;
  std::uint8_t step;
  std::int32_t delta;
};
// A character whose counterpart is two or three characters (the third may be 0).
struct SpecialCase {
  char32_t code;
  char32_t text[3];
};
struct ClassRange {
  char32_t first, last;
};

extern const CaseRange kUpper[], kLower[], kTitle[];
extern const std::size_t kUpperSize, kLowerSize, kTitleSize;
extern const SpecialCase kUpperSpecial[], kLowerSpecial[], kTitleSpecial[];
extern const std::size_t kUpperSpecialSize, kLowerSpecialSize, kTitleSpecialSize;
extern const ClassRange kAlphabetic[], kDecimal[], kDigit[], kNumeric[], kUnprintable[],
    kCaseIgnorable[];
extern const std::size_t kAlphabeticSize, kDecimalSize, kDigitSize, kNumericSize, kUnprintableSize,
    kCaseIgnorableSize;

}  // namespace hearth::jinja
