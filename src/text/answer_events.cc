#include "text/answer_events.h"

namespace hearth::text {

void AnswerEvents::reserve(std::size_t n_events, std::size_t n_bytes) {
  entries_.reserve(n_events);
  text_.reserve(n_bytes);
}

void AnswerEvents::clear() {
  entries_.clear();
  text_.clear();
}

AnswerEvent AnswerEvents::operator[](std::size_t i) const {
  const Entry& entry = entries_[i];
  const std::size_t begin = i == 0 ? 0 : entries_[i - 1].text_end;
  return {entry.kind, entry.call, std::string_view(text_).substr(begin, entry.text_end - begin),
          entry.n_source_bytes};
}

void AnswerEvents::add(const AnswerEvent& event) {
  text_.append(event.text);
  const bool is_piece = event.kind != AnswerEventKind::tool_call_begin &&
                        event.kind != AnswerEventKind::tool_call_end;
  if (is_piece && !entries_.empty()) {
    Entry& last = entries_.back();
    // Made-up text stays apart, so that each event is all source or none.
    const bool is_source = event.n_source_bytes > 0, was_source = last.n_source_bytes > 0;
    if (last.kind == event.kind && last.call == event.call && is_source == was_source) {
      last.text_end = text_.size();
      last.n_source_bytes += event.n_source_bytes;
      return;
    }
  }
  entries_.push_back({event.kind, event.call, text_.size(), event.n_source_bytes});
}

}  // namespace hearth::text
