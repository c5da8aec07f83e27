// answer.h - one running answer on its way to standard output, its reasoning to standard error.
#pragma once

#include <string>

#include "cli/signals.h"
#include "engine/engine.h"

namespace hearth::cli {

struct ShownAnswer {
  std::string text, reasoning;
};

// Prints the answer as it comes, and what the model thinks before it, dimmed on a terminal.
// interrupts: when not null, a signal that arrives there cancels the answer (finish_reason()
// tells).
ShownAnswer print_answer(engine::Generation& generation, SignalQueue* interrupts);

// Waits for the whole answer and prints nothing.
ShownAnswer collect_answer(engine::Generation& generation);

// "37 prompt tokens in 0.21 s (176 tok/s), 8 tokens in 0.19 s (36.8 tok/s)".
std::string speed_text(const engine::Usage& usage);

}  // namespace hearth::cli
