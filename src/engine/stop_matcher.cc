// stop_matcher.cc - see stop_matcher.h.
//
// n_matched of an automaton is the length of the longest suffix of the text so far that is a prefix
// of its stop text; the largest of them all is what must be held back.
#include "engine/stop_matcher.h"

#include <algorithm>

namespace hearth::engine {

StopMatcher::StopMatcher(std::span<const std::string> stop_texts) {
  for (const std::string& text : stop_texts) {
    if (text.empty()) continue;
    Pattern& pattern = patterns_.emplace_back();
    pattern.text = text;
    pattern.border.assign(text.size(), 0);
    std::uint32_t k = 0;
    for (std::size_t i = 1; i < text.size(); ++i) {
      while (k > 0 && text[i] != text[k]) k = pattern.border[k - 1];
      if (text[i] == text[k]) ++k;
      pattern.border[i] = k;
    }
    longest_ = std::max(longest_, text.size());
  }
}

void StopMatcher::reserve(std::size_t n_bytes) {
  if (!patterns_.empty()) held_.reserve(longest_ + n_bytes);
}

// Never called once a pattern is complete: the answer has ended then.
void StopMatcher::advance(Pattern& pattern, char byte) {
  std::size_t& k = pattern.n_matched;
  while (k > 0 && pattern.text[k] != byte) k = pattern.border[k - 1];
  if (pattern.text[k] == byte) ++k;
}

bool StopMatcher::push(std::string_view piece, std::string& out) {
  if (stopped_) return true;
  if (patterns_.empty()) {
    out.append(piece);
    return false;
  }
  std::size_t n_text = held_.size();  // of held_, up to the byte looked at
  held_.append(piece);
  for (const char byte : piece) {
    ++n_text;
    std::size_t n_complete = 0;  // the longest stop text that ends here
    for (Pattern& pattern : patterns_) {
      advance(pattern, byte);
      if (pattern.n_matched == pattern.text.size())
        n_complete = std::max(n_complete, pattern.n_matched);
    }
    if (n_complete == 0) continue;
    out.append(held_, 0, n_text - n_complete);
    held_.clear();
    stopped_ = true;
    return true;
  }
  std::size_t n_hold = 0;
  for (const Pattern& pattern : patterns_) n_hold = std::max(n_hold, pattern.n_matched);
  out.append(held_, 0, held_.size() - n_hold);
  held_.erase(0, held_.size() - n_hold);
  return false;
}

void StopMatcher::finish(std::string& out) {
  out.append(held_);
  held_.clear();
  for (Pattern& pattern : patterns_) pattern.n_matched = 0;
}

}  // namespace hearth::engine
