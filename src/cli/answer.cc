// answer.cc - the two ways to wait for tokens: blocking, or in poll() beside Ctrl+C.
#include "cli/answer.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/str.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

// A terminal must not obey what a model writes; a file or pipe gets the exact text.
void show(const std::string& piece) {
  print(output_is_terminal() ? printable(piece) : piece);
  std::fflush(stdout);
}

std::string rate(std::int64_t tokens, double seconds) {
  std::array<char, 64> text{};
  const int n = seconds > 0 ? std::snprintf(text.data(), text.size(), "%.2f s (%.1f tok/s)",
                                            seconds, static_cast<double>(tokens) / seconds)
                            : std::snprintf(text.data(), text.size(), "%.2f s", seconds);
  return {text.data(), static_cast<std::size_t>(n)};
}

}  // namespace

std::string print_answer(engine::Generation& generation, SignalQueue* interrupts) {
  std::string text;
  const auto take = [&](const engine::TokenEvent& event) {
    if (event.text.empty()) return;
    show(event.text);
    text += event.text;
  };
  if (interrupts == nullptr) {
    while (const auto event = generation.next()) take(*event);
    return text;
  }
  Wakeup wakeup;
  generation.on_ready([&wakeup] { wakeup.raise(); });
  while (true) {
    wakeup.clear();  // before reading: what comes after the last try_next() raises it again
    while (const auto event = generation.try_next()) take(*event);
    if (generation.done()) break;
    if (wait_readable(interrupts->fd(), wakeup.fd()).first) {
      while (interrupts->take()) generation.cancel();
    }
  }
  generation.on_ready({});
  return text;
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
