#include "text/joined_text.h"

namespace hearth::text {

JoinedText::JoinedText(std::span<const TextSpan> spans) {
  std::size_t size = 0;
  for (const TextSpan& span : spans) {
    if (span.trusted && !span.text.empty()) add_trusted({size, size + span.text.size()});
    size += span.text.size();
  }
  if (spans.size() == 1) {
    text_ = spans[0].text;
    return;
  }
  joined_.reserve(size);
  for (const TextSpan& span : spans) joined_ += span.text;
  text_ = joined_;
}

void JoinedText::add_trusted(TextRange range) {
  if (!trusted_.empty() && trusted_.back().end == range.begin) {
    trusted_.back().end = range.end;
  } else {
    trusted_.push_back(range);
  }
}

}  // namespace hearth::text
