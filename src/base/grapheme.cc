#include "base/grapheme.h"

#include "base/unicode_tables.h"
#include "base/utf8.h"

namespace hearth {

namespace {

using unicode_tables::Break;

Break break_of(char32_t code) {
  constexpr char32_t kBlock = 256;
  const std::size_t block = unicode_tables::kBreakIndex[code / kBlock];
  return static_cast<Break>(unicode_tables::kBreakBlocks[block * kBlock + code % kBlock]);
}

bool is_extend(Break b) {
  return b == Break::extend || b == Break::linker || b == Break::linked_extend;
}

bool is_control(Break b) { return b == Break::cr || b == Break::lf || b == Break::control; }

// The rules by their numbers in UAX 29; `add` is told every character of a cluster in turn.
class Cluster {
 public:
  explicit Cluster(Break first) { note(first); }

  bool joins(Break next) const {
    if (last_ == Break::cr && next == Break::lf) return true;            // GB3
    if (is_control(last_) || is_control(next)) return false;             // GB4, GB5
    if (joins_hangul(next)) return true;                                 // GB6 to GB8
    if (is_extend(next) || next == Break::zwj) return true;              // GB9
    if (next == Break::spacing_mark) return true;                        // GB9a
    if (last_ == Break::prepend) return true;                            // GB9b
    if (next == Break::consonant && linked_) return true;                // GB9c
    if (next == Break::pictographic && pictograph_joined_) return true;  // GB11
    return next == Break::regional_indicator && odd_indicators_;         // GB12, GB13
  }

  void add(Break next) { note(next); }

 private:
  bool joins_hangul(Break next) const {
    const bool vowel_or_tail = next == Break::v || next == Break::t;
    if (last_ == Break::l) {
      return next == Break::l || next == Break::v || next == Break::lv || next == Break::lvt;
    }
    if (last_ == Break::lv || last_ == Break::v) return vowel_or_tail;
    return (last_ == Break::lvt || last_ == Break::t) && next == Break::t;
  }

  void note(Break b) {
    pictograph_joined_ = b == Break::zwj && pictograph_;
    pictograph_ = b == Break::pictographic || (pictograph_ && is_extend(b));
    const bool keeps_consonant = b == Break::linker || b == Break::linked_extend || b == Break::zwj;
    linked_ = consonant_ && keeps_consonant && (linked_ || b == Break::linker);
    consonant_ = b == Break::consonant || (consonant_ && keeps_consonant);
    odd_indicators_ = b == Break::regional_indicator && !odd_indicators_;
    last_ = b;
  }

  Break last_ = Break::other;
  bool pictograph_ = false;         // Extended_Pictographic Extend*
  bool pictograph_joined_ = false;  // and then ZWJ
  bool consonant_ = false;          // a consonant, then only characters that may link
  bool linked_ = false;             // a linker among them
  bool odd_indicators_ = false;
};

}  // namespace

std::size_t grapheme_end(std::string_view text, std::size_t begin) {
  Utf8Char c = decode_utf8(text.substr(begin, 4));
  std::size_t end = begin + c.size;
  if (!c.valid) return end;
  Cluster cluster(break_of(c.code));
  while (end < text.size()) {
    c = decode_utf8(text.substr(end, 4));
    if (!c.valid) break;
    const Break next = break_of(c.code);
    if (!cluster.joins(next)) break;
    cluster.add(next);
    end += c.size;
  }
  return end;
}

}  // namespace hearth
