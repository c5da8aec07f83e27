#include "text/answer/tag_scanner.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace hearth::text {

TagScanner::TagScanner(std::vector<std::string> tags) : tags_(std::move(tags)) {
  std::size_t longest = 0;
  for (const std::string& tag : tags_) {
    CHECK(!tag.empty() && tag.find(tag.front(), 1) == tag.npos,
          "a tag's first character occurs in it once");
    longest = std::max(longest, tag.size());
  }
  half_.reserve(longest);
}

int TagScanner::push(char c, std::string& released) {
  half_ += c;
  for (int attempt = 0; attempt < 2; ++attempt) {
    for (std::size_t i = 0; i < tags_.size(); ++i) {
      if (!tags_[i].starts_with(half_)) continue;
      if (half_.size() < tags_[i].size()) return kNone;
      half_.clear();
      return static_cast<int>(i);
    }
    // What was half-read is text; the byte that showed it may begin another tag.
    released.append(half_, 0, half_.size() - 1);
    half_.assign(1, c);
  }
  released += c;
  half_.clear();
  return kNone;
}

int TagScanner::index_of(std::string_view tag) const {
  const auto it = std::find(tags_.begin(), tags_.end(), tag);
  return it == tags_.end() ? kNone : static_cast<int>(it - tags_.begin());
}

void TagScanner::finish(std::string& released) {
  released += half_;
  half_.clear();
}

}  // namespace hearth::text
