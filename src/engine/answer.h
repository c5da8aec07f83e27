// answer.h - the channel between the engine's thread, which writes an answer, and its one reader.
//
// What is written is kept until the reader is gone, in vectors that were given their full size at
// the start: writing a token neither allocates nor waits for the reader.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace hearth::engine {

class Answer {
 public:
  // max_tokens, text_bytes, n_top: upper bounds of what will be written. with_spans: usually one a
  // token.
  struct Bounds {
    std::int64_t max_tokens = 0;
    std::size_t text_bytes = 0;
    std::int32_t n_top = 0;
    bool with_spans = false;
  };
  Answer(const Bounds& bounds, std::uint64_t seed);

  // ---- the engine's thread ----
  // What became certain since the last piece.
  struct Piece {
    std::string_view text, reasoning = {};
    std::span<const SourceSpan> spans = {};
    std::span<const ToolCallPart> calls = {};  // these are copied with an allocation
  };
  // id -1: no token, only text that was held back.
  void push(TokenId id, float logprob, std::span<const TokenLogprob> top, const Piece& piece);
  void finish(FinishReason reason, const Usage& usage, std::optional<Error> error);
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  // ---- the reader ----
  std::optional<TokenEvent> read(bool wait);
  bool done() const;
  void on_ready(std::function<void()> callback);
  void cancel() { cancelled_ = true; }
  FinishReason finish_reason() const;
  Usage usage() const;
  const std::optional<Error>& error() const { return error_; }  // fixed once done()
  std::uint64_t seed() const { return seed_; }

 private:
  struct Record {
    TokenId id = -1;
    float logprob = 0;
    // Where this token's parts end in text_ (the reasoning comes first), top_, spans_ and calls_.
    std::size_t reasoning_end = 0, text_end = 0, top_end = 0, spans_end = 0, calls_end = 0;
  };
  void notify();

  const std::uint64_t seed_;
  mutable std::mutex mutex_;
  std::condition_variable written_;
  std::vector<Record> records_;
  std::string text_;
  std::vector<TokenLogprob> top_;
  std::vector<SourceSpan> spans_;
  std::vector<ToolCallPart> calls_;
  std::size_t n_read_ = 0;
  FinishReason reason_ = FinishReason::none;
  Usage usage_;
  std::optional<Error> error_;
  std::atomic<bool> cancelled_{false};

  std::mutex callback_mutex_;  // held while the callback runs
  std::function<void()> callback_;
};

}  // namespace hearth::engine
