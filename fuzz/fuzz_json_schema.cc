// fuzz_json_schema.cc - a JSON schema, then (behind a NUL) bytes that choose a way through its
// grammar. What the grammar calls a whole text must be JSON.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/strict_json.h"
#include "text/grammar/grammar_automaton.h"
#include "text/grammar/json_schema.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth::text;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), size);
  const auto schema = hearth::parse_strict_json(input.substr(0, end), "the schema");
  if (!schema) return 0;
  const auto grammar = compile_json_schema(*schema);
  if (!grammar) {
    CHECK(!grammar.error().message.empty(), "an error says what is wrong");
    return 0;
  }
  GrammarAutomaton automaton(*grammar);
  auto state = automaton.start();
  std::string text;
  for (const char c : input.substr(end)) {
    if (automaton.work() > 100'000) break;
    // The first byte from c on that is allowed.
    for (int i = 0; i < 256; ++i) {
      const auto byte = static_cast<std::uint8_t>(static_cast<std::uint8_t>(c) + i);
      const auto next = automaton.step(state, byte);
      if (next == GrammarAutomaton::kDead) continue;
      state = next;
      text += static_cast<char>(byte);
      break;
    }
    if (automaton.accepts(state)) {
      CHECK(nlohmann::ordered_json::accept(text), "what a schema's grammar accepts is JSON");
    }
  }
  return 0;
}
