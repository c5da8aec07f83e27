// fuzz_gbnf.cc - a grammar in GBNF, then (behind a NUL) a text that is read by it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "text/grammar/gbnf.h"
#include "text/grammar/grammar_automaton.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth::text;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), size);
  const auto grammar = compile_gbnf(input.substr(0, end));
  if (!grammar) {
    CHECK(!grammar.error().message.empty(), "an error says what is wrong");
    return 0;
  }
  GrammarAutomaton automaton(*grammar);
  auto state = automaton.start();
  CHECK(state != GrammarAutomaton::kDead, "a grammar has a text");
  for (const char c : input.substr(end)) {
    if (automaton.work() > 100'000) break;  // an ambiguous one may be slow: TokenGrammar counts
    const auto next = automaton.step(state, static_cast<std::uint8_t>(c));
    if (next == GrammarAutomaton::kDead) continue;
    state = next;
    GrammarAutomaton::State* const in_use[] = {&state};
    if (c == 'f') automaton.forget_all_but(in_use);
  }
  return 0;
}
