#include "engine/answer.h"

#include <algorithm>

namespace hearth::engine {

Answer::Answer(const Bounds& bounds, std::uint64_t seed) : seed_(seed) {
  // One more for held-back text at the end.
  const auto n = static_cast<std::size_t>(bounds.max_tokens) + 1;
  records_.reserve(n);
  text_.reserve(bounds.text_bytes);
  top_.reserve(n * static_cast<std::size_t>(bounds.n_top));
  if (bounds.with_spans) spans_.reserve(n);
}

void Answer::push(TokenId id, float logprob, std::span<const TokenLogprob> top,
                  const Piece& piece) {
  {
    const std::lock_guard lock(mutex_);
    text_.append(piece.reasoning);
    const std::size_t reasoning_end = text_.size();
    text_.append(piece.text);
    top_.insert(top_.end(), top.begin(), top.end());
    spans_.insert(spans_.end(), piece.spans.begin(), piece.spans.end());
    calls_.insert(calls_.end(), piece.calls.begin(), piece.calls.end());
    records_.push_back(
        {id, logprob, reasoning_end, text_.size(), top_.size(), spans_.size(), calls_.size()});
  }
  notify();
}

void Answer::finish(FinishReason reason, const Usage& usage, std::optional<Error> error) {
  {
    const std::lock_guard lock(mutex_);
    reason_ = reason;
    usage_ = usage;
    error_ = std::move(error);
  }
  notify();
}

void Answer::notify() {
  written_.notify_all();
  const std::lock_guard lock(callback_mutex_);
  if (callback_) callback_();
}

std::optional<TokenEvent> Answer::read(bool wait) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return n_read_ < records_.size() || reason_ != FinishReason::none; };
  if (wait) written_.wait(lock, ready);
  if (n_read_ >= records_.size()) return std::nullopt;
  const Record before = n_read_ == 0 ? Record{} : records_[n_read_ - 1];
  const Record& r = records_[n_read_++];
  const auto part = [](const auto& all, std::size_t begin, std::size_t end) {
    return std::vector(all.begin() + static_cast<std::ptrdiff_t>(begin),
                       all.begin() + static_cast<std::ptrdiff_t>(end));
  };
  return TokenEvent{
      .id = r.id,
      .text = text_.substr(r.reasoning_end, r.text_end - r.reasoning_end),
      .logprob = r.logprob,
      .top_logprobs = part(top_, before.top_end, r.top_end),
      .reasoning = text_.substr(before.text_end, r.reasoning_end - before.text_end),
      .spans = part(spans_, before.spans_end, r.spans_end),
      .calls = part(calls_, before.calls_end, r.calls_end),
  };
}

bool Answer::done() const {
  const std::lock_guard lock(mutex_);
  return reason_ != FinishReason::none && n_read_ == records_.size();
}

void Answer::on_ready(std::function<void()> callback) {
  const std::lock_guard lock(callback_mutex_);
  callback_ = std::move(callback);
  const std::lock_guard state(mutex_);
  if (callback_ && (n_read_ < records_.size() || reason_ != FinishReason::none)) callback_();
}

FinishReason Answer::finish_reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

Usage Answer::usage() const {
  const std::lock_guard lock(mutex_);
  return usage_;
}

}  // namespace hearth::engine
