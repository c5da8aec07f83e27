// code_point_set.h - a set of characters, as ranges. Part of the portable core.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace hearth::text {

class CodePointSet {
 public:
  struct Range {
    char32_t low, high;  // both in it
    bool operator==(const Range&) const = default;
  };
  static constexpr char32_t kLast = 0x10FFFF;

  CodePointSet() = default;
  CodePointSet(std::initializer_list<Range> ranges);
  static CodePointSet all() { return {{0, kLast}}; }

  void add(char32_t low, char32_t high);
  void add(char32_t code) { add(code, code); }
  void add(const CodePointSet& other);
  CodePointSet inverted() const;
  CodePointSet without(const CodePointSet& other) const;
  bool contains(char32_t code) const;
  bool empty() const { return ranges_.empty(); }
  // Ascending, with a gap between any two.
  const std::vector<Range>& ranges() const { return ranges_; }

 private:
  std::vector<Range> ranges_;
};

// A sequence of byte ranges: each byte of a character lies in its own.
struct Utf8Sequence {
  struct Bytes {
    std::uint8_t low, high;
  };
  Bytes bytes[4];
  std::uint8_t size = 0;
};

// The characters from low to high but surrogates, as their UTF-8: every character's bytes match
// exactly one of the sequences, and nothing else does.
std::vector<Utf8Sequence> utf8_sequences(char32_t low, char32_t high);

}  // namespace hearth::text
