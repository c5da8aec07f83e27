// charsmap.h - SentencePiece's precompiled_charsmap: short texts and what they are replaced by.
//
//   u32 little-endian: bytes of the trie, a multiple of 4
//   the trie: u32 units of a double array (Darts-clone)
//   the replacements, each ended by a byte 0; the trie's values are offsets into them
//
// A unit: bits 0-7 the label, bit 8 whether a key ends here, bits 10-30 the offset to the children,
// which bit 9 multiplies by 256; in a unit that holds a value, bit 31 is set and the rest is the
// value. A node's child for byte b is at (node ^ offset) ^ b; its value is at node ^ offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::text {

class Charsmap {
 public:
  // Hostile bytes: every lookup is bounds-checked, follows at most kMaxKey units and gives at most
  // kMaxReplacement bytes. Errors: corrupt.
  static Result<Charsmap> parse(std::string_view bytes);

  static constexpr std::size_t kMaxKey = 64;           // real maps: 18
  static constexpr std::size_t kMaxReplacement = 256;  // real maps: 33

  struct Match {
    std::size_t size = 0;  // of the key, in bytes; 0: no key is a beginning of the text
    std::string_view replacement;
  };
  Match shortest(std::string_view text) const;
  Match longest(std::string_view text) const;

 private:
  Match match(std::string_view text, bool first) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace hearth::text
