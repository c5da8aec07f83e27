// tag_scanner.h - finds tags in a stream, and lets through at once what cannot become one.
//
// Only for tags whose first character occurs in them nowhere else ("<think>", "[TOOL_CALLS]"): then
// a half-read tag that fails cannot hold the beginning of another one, except in the byte that
// broke it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

class TagScanner {
 public:
  static constexpr int kNone = -1;

  TagScanner() = default;
  // No tag may be the beginning of another one.
  explicit TagScanner(std::vector<std::string> tags);

  // The next byte. Returns the index of the tag that it completes, or kNone. released: bytes that
  // are no tag's, appended.
  int push(char c, std::string& released);
  // The end: a half-read tag is text.
  void finish(std::string& released);

  bool is_within_tag() const { return !half_.empty(); }
  const std::string& tag(int index) const { return tags_[static_cast<std::size_t>(index)]; }
  int index_of(std::string_view tag) const;  // or kNone

 private:
  std::vector<std::string> tags_;
  std::string half_;  // the beginning of a tag
};

}  // namespace hearth::text
