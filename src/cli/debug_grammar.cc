// hearth debug grammar (--json-schema | --gbnf) TEXT|FILE - what a grammar allows: whether texts
// are of it, or random texts that are.
#include <algorithm>
#include <deque>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <unordered_map>

#include "base/str.h"
#include "cli/command.h"
#include "cli/form.h"
#include "cli/output.h"
#include "text/grammar/grammar_automaton.h"

namespace hearth::cli {

namespace {

using text::GrammarAutomaton;
using State = GrammarAutomaton::State;

constexpr std::size_t kMostStates = 50'000;  // looked at for the way to an end

struct GrammarFlags {
  FormFlags form;
  std::vector<std::string> checked;
  std::optional<std::int64_t> n_samples, seed, length;
  bool json = false;
};

State read(GrammarAutomaton& automaton, std::string_view text) {
  State state = automaton.start();
  for (const char c : text) state = automaton.step(state, static_cast<std::uint8_t>(c));
  return state;
}

// "whole", "beginning" (of one) or "no".
std::string_view fit(GrammarAutomaton& automaton, std::string_view text) {
  const State state = read(automaton, text);
  if (state == GrammarAutomaton::kDead) return "no";
  return automaton.accepts(state) ? "whole" : "beginning";
}

// The shortest way to an end.
Result<std::string> completion(GrammarAutomaton& automaton, State from) {
  struct Step {
    State before;
    char byte;
  };
  std::unordered_map<State, Step> reached = {{from, {from, 0}}};
  std::deque<State> open = {from};
  while (!open.empty() && reached.size() < kMostStates) {
    State state = open.front();
    open.pop_front();
    if (automaton.accepts(state)) {
      std::string text;
      for (; state != from; state = reached.at(state).before) text += reached.at(state).byte;
      std::reverse(text.begin(), text.end());
      return text;
    }
    for (int byte = 0; byte < 256; ++byte) {
      const State next = automaton.step(state, static_cast<std::uint8_t>(byte));
      if (next == GrammarAutomaton::kDead) continue;
      if (reached.try_emplace(next, Step{state, static_cast<char>(byte)}).second) {
        open.push_back(next);
      }
    }
  }
  return Error{ErrorKind::unsupported, "no end was found near a random text of the grammar"};
}

// Random bytes that the grammar allows, letters and foreign characters counting as one choice each,
// then the shortest end.
Result<std::string> sample(GrammarAutomaton& automaton, std::size_t length,
                           std::mt19937_64& random) {
  std::string text;
  State state = automaton.start();
  while (text.size() < length) {
    if (automaton.accepts(state) && random() % 4 == 0) return text;
    std::vector<std::vector<std::uint8_t>> choices(2);
    for (int byte = 0; byte < 256; ++byte) {
      const auto value = static_cast<std::uint8_t>(byte);
      if (automaton.step(state, value) == GrammarAutomaton::kDead) continue;
      const bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
      if (is_letter) {
        choices[0].push_back(value);
      } else if (byte >= 0x80) {
        choices[1].push_back(value);
      } else {
        choices.push_back({value});
      }
    }
    std::erase_if(choices, [](const auto& bytes) { return bytes.empty(); });
    if (choices.empty()) return text;
    const auto& bytes = choices[random() % choices.size()];
    const std::uint8_t byte = bytes[random() % bytes.size()];
    text += static_cast<char>(byte);
    state = automaton.step(state, byte);
  }
  HEARTH_TRY(const std::string end, completion(automaton, state));
  return text + end;
}

Result<int> run(const GrammarFlags& flags) {
  HEARTH_TRY(const auto shape, content_shape(flags.form));
  if (!shape) {
    return Error{ErrorKind::invalid, "expected --json-schema or --gbnf: the grammar to look at"};
  }
  HEARTH_TRY(const auto grammar, compile(*shape));
  GrammarAutomaton automaton(grammar);
  std::mt19937_64 random(static_cast<std::uint64_t>(flags.seed.value_or(0)));
  auto all = nlohmann::ordered_json::array();
  for (const std::string& text : flags.checked) {
    const std::string_view fits = fit(automaton, text);
    all.push_back({{"text", text}, {"fits", fits}});
    if (!flags.json) print(cat(fits, "\n"));
  }
  for (std::int64_t i = 0; i < flags.n_samples.value_or(0); ++i) {
    const auto length = static_cast<std::size_t>(flags.length.value_or(200));
    HEARTH_TRY(const std::string text, sample(automaton, random() % (length + 1), random));
    all.push_back({{"text", text}, {"fits", fit(automaton, text)}});
    if (!flags.json) print(cat(text, "\n"));
  }
  if (automaton.gave_up()) {
    return Error{ErrorKind::unsupported, "the grammar is too ambiguous to be held to; simplify it"};
  }
  if (flags.json) {
    print(all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  }
  return kSuccess;
}

}  // namespace

void add_debug_grammar(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<GrammarFlags>();
  CLI::App& command = *parent.add_subcommand("grammar", "what a schema or grammar allows");
  add_form(command, flags->form);
  add_repeated(command, "--check", flags->checked,
               "prints whole, beginning or no for this text; may be repeated");
  add_integer(command, "--sample", flags->n_samples, 1, 1'000'000, "prints so many random texts");
  add_integer(command, "--seed", flags->seed, 0, std::numeric_limits<std::int64_t>::max(),
              "of the random texts (default: 0)");
  add_integer(command, "--length", flags->length, 0, 1'000'000,
              "at most so many bytes before the way to an end is taken (default: 200)");
  add_output_format(command, flags->json);
  command.callback([&action, flags] { action = [flags] { return run(*flags); }; });
}

}  // namespace hearth::cli
