#include "engine/answer.h"

#include <algorithm>

namespace hearth::engine {

Answer::Answer(std::int64_t max_tokens, std::size_t text_bytes, std::int32_t n_top,
               std::uint64_t seed)
    : seed_(seed) {
  const auto n =
      static_cast<std::size_t>(max_tokens) + 1;  // one more for held-back text at the end
  records_.reserve(n);
  text_.reserve(text_bytes);
  top_.reserve(n * static_cast<std::size_t>(n_top));
}

void Answer::push(TokenId id, float logprob, std::span<const TokenLogprob> top,
                  std::string_view text) {
  {
    const std::lock_guard lock(mutex_);
    text_.append(text);
    top_.insert(top_.end(), top.begin(), top.end());
    records_.push_back({id, logprob, text_.size(), top_.size()});
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
  const Record& r = records_[n_read_];
  const std::size_t text_begin = n_read_ == 0 ? 0 : records_[n_read_ - 1].text_end;
  const std::size_t top_begin = n_read_ == 0 ? 0 : records_[n_read_ - 1].top_end;
  ++n_read_;
  return TokenEvent{.id = r.id,
                    .text = text_.substr(text_begin, r.text_end - text_begin),
                    .logprob = r.logprob,
                    .top_logprobs = {top_.begin() + static_cast<std::ptrdiff_t>(top_begin),
                                     top_.begin() + static_cast<std::ptrdiff_t>(r.top_end)}};
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
