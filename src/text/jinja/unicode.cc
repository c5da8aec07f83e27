// unicode.cc - see unicode.h.
#include "text/jinja/unicode.h"

#include <algorithm>
#include <span>

#include "base/utf8.h"
#include "text/jinja/unicode_tables.h"

namespace hearth::jinja {

namespace {

bool in_ranges(char32_t c, std::span<const ClassRange> ranges) {
  const auto it = std::upper_bound(ranges.begin(), ranges.end(), c,
                                   [](char32_t x, const ClassRange& r) { return x < r.first; });
  return it != ranges.begin() && c <= (it - 1)->last;
}

char32_t counterpart(char32_t c, std::span<const CaseRange> ranges) {
  // Ranges with step 2 may interleave, so the last few that begin at or before c are looked at.
  auto it = std::upper_bound(ranges.begin(), ranges.end(), c,
                             [](char32_t x, const CaseRange& r) { return x < r.first; });
  for (int tries = 0; it != ranges.begin() && tries < 4; ++tries) {
    --it;
    if (c <= it->last && (c - it->first) % it->step == 0) {
      return static_cast<char32_t>(static_cast<std::int64_t>(c) + it->delta);
    }
  }
  return c;
}

const SpecialCase* special(char32_t c, std::span<const SpecialCase> table) {
  const auto it = std::lower_bound(table.begin(), table.end(), c,
                                   [](const SpecialCase& s, char32_t x) { return s.code < x; });
  return it != table.end() && it->code == c ? &*it : nullptr;
}

struct CaseTables {
  std::span<const CaseRange> simple;
  std::span<const SpecialCase> special;
};

CaseTables tables_of(CaseMap map) {
  switch (map) {
    case CaseMap::upper:
      return {{kUpper, kUpperSize}, {kUpperSpecial, kUpperSpecialSize}};
    case CaseMap::lower:
      return {{kLower, kLowerSize}, {kLowerSpecial, kLowerSpecialSize}};
    case CaseMap::title:
      break;
  }
  return {{kTitle, kTitleSize}, {kTitleSpecial, kTitleSpecialSize}};
}

bool is_cased(char32_t c) {
  return counterpart(c, {kLower, kLowerSize}) != c || counterpart(c, {kUpper, kUpperSize}) != c ||
         special(c, {kUpperSpecial, kUpperSpecialSize}) != nullptr ||
         special(c, {kLowerSpecial, kLowerSpecialSize}) != nullptr;
}

bool ignorable(char32_t c) { return in_ranges(c, {kCaseIgnorable, kCaseIgnorableSize}); }

// A capital sigma at `at` is final when a cased letter stands before it and none after it.
bool is_final_sigma(std::string_view text, std::size_t at) {
  constexpr std::size_t kSigmaBytes = 2;
  std::string_view before = text.substr(0, at);
  std::size_t size = 0;
  while (!before.empty() && ignorable(last_char(before, &size))) before.remove_suffix(size);
  if (before.empty() || !is_cased(last_char(before, &size))) return false;
  std::string_view after = text.substr(at + kSigmaBytes);
  while (!after.empty() && ignorable(decode_utf8(after).code)) {
    after.remove_prefix(decode_utf8(after).size);
  }
  return after.empty() || !is_cased(decode_utf8(after).code);
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

}  // namespace

bool is_class(char32_t c, CharClass what) {
  switch (what) {
    case CharClass::alphabetic:
      return in_ranges(c, {kAlphabetic, kAlphabeticSize});
    case CharClass::decimal:
      return in_ranges(c, {kDecimal, kDecimalSize});
    case CharClass::digit:
      return in_ranges(c, {kDigit, kDigitSize});
    case CharClass::numeric:
      return in_ranges(c, {kNumeric, kNumericSize});
    case CharClass::printable:
      return !in_ranges(c, {kUnprintable, kUnprintableSize});
    case CharClass::space:
      return is_space(c);
    case CharClass::cased:
      return is_cased(c);
  }
  return false;
}

bool is_upper_char(char32_t c) {
  const bool has_lower = counterpart(c, {kLower, kLowerSize}) != c ||
                         special(c, {kLowerSpecial, kLowerSpecialSize}) != nullptr;
  return has_lower && counterpart(c, {kTitle, kTitleSize}) == c &&
         counterpart(c, {kUpper, kUpperSize}) == c;
}

bool is_lower_char(char32_t c) {
  return is_cased(c) && counterpart(c, {kLower, kLowerSize}) == c &&
         special(c, {kLowerSpecial, kLowerSpecialSize}) == nullptr;
}

void append_mapped(MarkedText& out, const MarkedText& text, std::size_t from, std::size_t n,
                   CaseMap map) {
  constexpr char32_t kSigma = 0x3a3, kFinalSigma = 0x3c2;
  const CaseTables tables = tables_of(map);
  std::string mapped;
  for (std::size_t at = from; at < from + n;) {
    const Utf8Char c = decode_utf8(text.view().substr(at));
    mapped.clear();
    if (const SpecialCase* s = special(c.code, tables.special)) {
      for (const char32_t part : s->text) {
        if (part != 0) append_utf8(mapped, part);
      }
    } else if (map == CaseMap::lower && c.code == kSigma && is_final_sigma(text.view(), at)) {
      append_utf8(mapped, kFinalSigma);
    } else {
      append_utf8(mapped, counterpart(c.code, tables.simple));
    }
    out.append(mapped, text.trusted_at(at));
    at += c.size;
  }
}

MarkedText map_case(const MarkedText& text, CaseMap map) {
  MarkedText out;
  append_mapped(out, text, 0, text.size(), map);
  return out;
}

MarkedText capitalize(const MarkedText& text) {
  MarkedText out;
  if (text.empty()) return out;
  const std::size_t first = decode_utf8(text.view()).size;
  append_mapped(out, text, 0, first, CaseMap::title);
  append_mapped(out, text, first, text.size() - first, CaseMap::lower);
  return out;
}

std::size_t count_chars(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::size_t char_offset(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  while (at < text.size()) {
    if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80 && index-- == 0) break;
    ++at;
  }
  return at;
}

char32_t last_char(std::string_view text, std::size_t* size) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  *size = text.size() - at;
  return decode_utf8(text.substr(at)).code;
}

std::size_t leading_space(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size()) {
    const Utf8Char c = decode_utf8(text.substr(n));
    if (!is_space(c.code)) break;
    n += c.size;
  }
  return n;
}

std::size_t trailing_space(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size()) {
    std::size_t size = 0;
    if (!is_space(last_char(text.substr(0, text.size() - n), &size))) break;
    n += size;
  }
  return n;
}

}  // namespace hearth::jinja
