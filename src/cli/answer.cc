// answer.cc - the two ways to wait for tokens: blocking, or in poll() beside Ctrl+C.
#include "cli/answer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/str.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

constexpr std::string_view kDim = "\x1b[2m", kPlain = "\x1b[22m";

// A terminal must not obey what a model writes; a file or pipe gets the exact text.
class AnswerPrinter {
 public:
  void take(const engine::TokenEvent& event) {
    if (!event.reasoning.empty()) think(event.reasoning);
    if (!event.text.empty()) say(event.text);
  }

  // Whatever was shown, in the terminal's usual colours again.
  ShownAnswer finish() {
    end_thinking();
    return std::move(shown_);
  }

 private:
  void think(const std::string& piece) {
    if (!is_thinking_) note(cat(shown_.text.empty() ? "" : "\n\n", dims_ ? kDim : ""));
    is_thinking_ = true;
    note(dims_ ? printable(piece) : piece);
    shown_.reasoning += piece;
  }

  void end_thinking() {
    if (is_thinking_) note(cat(dims_ ? kPlain : "", "\n\n"));
    is_thinking_ = false;
  }

  void say(const std::string& piece) {
    end_thinking();
    print(output_is_terminal() ? printable(piece) : piece);
    std::fflush(stdout);
    shown_.text += piece;
  }

  const bool dims_ = errors_are_terminal();
  bool is_thinking_ = false;
  ShownAnswer shown_;
};

std::string rate(std::int64_t tokens, double seconds) {
  std::array<char, 64> text{};
  const int n = seconds > 0 ? std::snprintf(text.data(), text.size(), "%.2f s (%.1f tok/s)",
                                            seconds, static_cast<double>(tokens) / seconds)
                            : std::snprintf(text.data(), text.size(), "%.2f s", seconds);
  return {text.data(), static_cast<std::size_t>(n)};
}

}  // namespace

ShownAnswer print_answer(engine::Generation& generation, SignalQueue* interrupts) {
  AnswerPrinter printer;
  if (interrupts == nullptr) {
    while (const auto event = generation.next()) printer.take(*event);
    return printer.finish();
  }
  Wakeup wakeup;
  generation.on_ready([&wakeup] { wakeup.raise(); });
  while (true) {
    wakeup.clear();  // before reading: what comes after the last try_next() raises it again
    while (const auto event = generation.try_next()) printer.take(*event);
    if (generation.done()) break;
    if (wait_readable(interrupts->fd(), wakeup.fd()).first) {
      while (interrupts->take()) generation.cancel();
    }
  }
  generation.on_ready({});
  return printer.finish();
}

ShownAnswer collect_answer(engine::Generation& generation) {
  ShownAnswer answer;
  while (const auto event = generation.next()) {
    answer.reasoning += event->reasoning;
    answer.text += event->text;
  }
  return answer;
}

std::string speed_text(const engine::Usage& usage) {
  const std::int64_t computed = usage.prompt_tokens - usage.cached_tokens;
  return cat(usage.prompt_tokens, " prompt tokens",
             usage.cached_tokens > 0 ? cat(" (", usage.cached_tokens, " reused)") : std::string(),
             " in ", rate(computed, usage.prompt_s), ", ", usage.completion_tokens, " tokens in ",
             // The first token is the prompt's work; the others are the speed of generation.
             rate(std::max<std::int64_t>(usage.completion_tokens - 1, 0), usage.decode_s));
}

}  // namespace hearth::cli
