// stop_matcher.h - finds stop texts in an answer that arrives in pieces, and never lets a part of
// one out. Part of the portable core.
//
//   StopMatcher stops(request.stop);
//   if (stops.push(piece, event.text)) … the answer ends here
//   stops.finish(event.text)             the answer ended for another reason: what was held back
//
// Text is held back while it may still become a stop text: the longest suffix of what came that is
// a prefix of any of them. The answer ends with the first byte that completes a stop text; when it
// completes several, the longest is cut off. Both depend on the bytes only, not on where the pieces
// were split. ("abcd" and "bc" as stops, "abcde" as text: "bc" is complete first, the answer is
// "a".)
//
// When pieces are whole UTF-8 characters and the stop texts are valid UTF-8, so is what comes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::engine {

class StopMatcher {
 public:
  // Empty stop texts are ignored (validate() refuses them); none at all lets everything through.
  explicit StopMatcher(std::span<const std::string> stop_texts);

  // Pieces of up to n_bytes do not allocate (but the caller's `out` may).
  void reserve(std::size_t n_bytes);

  // Appends to `out` what became safe to show. True: a stop text is complete, the answer ends
  // before it; what follows in the piece, and all later pieces, are dropped.
  bool push(std::string_view piece, std::string& out);

  // Appends what was held back, unless a stop text was found. Text that comes later begins afresh.
  void finish(std::string& out);

  bool stopped() const { return stopped_; }
  std::size_t n_held_back() const { return held_.size(); }

 private:
  // One Knuth-Morris-Pratt automaton a stop text.
  struct Pattern {
    std::string text;
    std::vector<std::uint32_t> border;  // of text[0 … i]: longest proper prefix that is a suffix
    std::size_t n_matched = 0;
  };
  static void advance(Pattern& pattern, char byte);

  std::vector<Pattern> patterns_;
  std::string held_;
  std::size_t longest_ = 0;
  bool stopped_ = false;
};

}  // namespace hearth::engine
