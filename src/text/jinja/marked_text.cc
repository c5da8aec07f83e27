// marked_text.cc - see marked_text.h.
#include "text/jinja/marked_text.h"

#include <algorithm>

#include "base/check.h"

namespace hearth::jinja {

MarkedText::MarkedText(std::string text, bool trusted) : text_(std::move(text)) {
  if (!text_.empty()) runs_.push_back({text_.size(), trusted});
}

std::size_t MarkedText::run_of(std::size_t byte) const {
  DCHECK(byte < text_.size(), "a byte of the text");
  const auto it = std::upper_bound(runs_.begin(), runs_.end(), byte,
                                   [](std::size_t b, const Run& run) { return b < run.end; });
  return static_cast<std::size_t>(it - runs_.begin());
}

void MarkedText::append(std::string_view text, bool trusted) {
  if (text.empty()) return;
  text_.append(text);
  if (!runs_.empty() && runs_.back().trusted == trusted) {
    runs_.back().end = text_.size();
  } else {
    runs_.push_back({text_.size(), trusted});
  }
}

void MarkedText::append(const MarkedText& other, std::size_t from, std::size_t n) {
  DCHECK(from <= other.size() && n <= other.size() - from, "a part of the text");
  if (&other == this) {
    const MarkedText copy = other.substr(from, n);
    return append(copy, 0, n);
  }
  const std::size_t end = from + n;
  for (std::size_t run = n == 0 ? 0 : other.run_of(from); from < end; ++run) {
    const std::size_t stop = std::min(end, other.runs_[run].end);
    append(std::string_view(other.text_).substr(from, stop - from), other.runs_[run].trusted);
    from = stop;
  }
}

MarkedText MarkedText::substr(std::size_t from, std::size_t n) const {
  MarkedText part;
  part.append(*this, from, n);
  return part;
}

}  // namespace hearth::jinja
