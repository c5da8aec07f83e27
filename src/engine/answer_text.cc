#include "engine/answer_text.h"

#include <utility>

namespace hearth::engine {

AnswerText::AnswerText(std::unique_ptr<text::AnswerParser> parser,
                       std::span<const std::string> stop_texts, bool with_spans, bool one_call)
    : parser_(std::move(parser)),
      stops_(stop_texts),
      with_spans_(with_spans),
      one_call_(one_call) {}

void AnswerText::reserve(std::size_t longest_token_bytes) {
  const std::size_t n = 4 * longest_token_bytes;
  stops_.reserve(n);
  events_.reserve(8, n);
  reasoning_.reserve(n);
  text_.reserve(2 * n + 4096);  // held-back stop texts (validate(): at most 1 KiB each) may add
  spans_.reserve(8);
}

void AnswerText::clear() {
  text_.clear();
  reasoning_.clear();
  spans_.clear();
  calls_.clear();
}

void AnswerText::push(TokenId id) {
  ++n_undecided_;
  events_.clear();
  parser_->push(id, events_);
  take_events();
}

void AnswerText::finish(std::optional<TokenId> ended_by) {
  events_.clear();
  parser_->finish(events_, ended_by);
  take_events();
  stops_.finish(text_);
}

void AnswerText::take_events() {
  for (std::size_t i = 0; i < events_.size() && !stopped_; ++i) {
    const text::AnswerEvent event = events_[i];
    const bool is_text = event.kind == text::AnswerEventKind::content;
    if (with_spans_) spans_.push_back({event.n_source_bytes, is_text ? event.text.size() : 0});
    switch (event.kind) {
      case text::AnswerEventKind::content:
        take_text(event.text);
        break;
      case text::AnswerEventKind::reasoning:
        reasoning_.append(event.text);
        n_reasoning_tokens_ += std::exchange(n_undecided_, 0);
        break;
      case text::AnswerEventKind::markup:
        break;
      default:
        take_call(event);
    }
  }
}

void AnswerText::take_text(std::string_view text) {
  n_undecided_ = 0;
  stopped_ = stops_.push(text, text_);
}

void AnswerText::take_call(const text::AnswerEvent& event) {
  n_undecided_ = 0;
  if (event.kind == text::AnswerEventKind::tool_call_begin) {
    stops_.finish(text_);
    calls_.push_back({.call = event.call, .name = std::string(event.text)});
  } else if (event.kind == text::AnswerEventKind::tool_call_end) {
    stopped_ = one_call_;
  } else if (!calls_.empty() && calls_.back().call == event.call) {
    calls_.back().arguments += event.text;
  } else {
    calls_.push_back({.call = event.call, .arguments = std::string(event.text)});
  }
}

}  // namespace hearth::engine
