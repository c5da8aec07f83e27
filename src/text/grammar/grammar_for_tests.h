// grammar_for_tests.h - whether a text is of a grammar, for tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "text/byte_spelling.h"
#include "text/grammar/gbnf.h"
#include "text/grammar/grammar_automaton.h"
#include "text/grammar/json_schema.h"
#include "text/tokenizer.h"

namespace hearth::text {

// "whole": a text of the grammar; "beginning": one may begin like this; "no" otherwise.
inline std::string fit(GrammarAutomaton& automaton, std::string_view text) {
  auto state = automaton.start();
  for (const char c : text) state = automaton.step(state, static_cast<std::uint8_t>(c));
  if (state == GrammarAutomaton::kDead) return "no";
  return automaton.accepts(state) ? "whole" : "beginning";
}

inline std::string fit(const std::shared_ptr<const Grammar>& grammar, std::string_view text) {
  GrammarAutomaton automaton(grammar);
  return fit(automaton, text);
}

inline std::string gbnf_fit(std::string_view grammar, std::string_view text) {
  const auto compiled = compile_gbnf(grammar);
  return compiled ? fit(*compiled, text) : compiled.error().message;
}

inline std::string schema_fit(std::string_view schema, std::string_view text) {
  const auto compiled = compile_json_schema(nlohmann::ordered_json::parse(schema));
  return compiled ? fit(*compiled, text) : compiled.error().message;
}

// A vocabulary of all bytes (id = byte), then `words`, then control tokens: <|end|>, which ends an
// answer, and `tags`.
inline std::shared_ptr<const Tokenizer> byte_vocabulary(const std::vector<std::string>& words = {},
                                                        const std::vector<std::string>& tags = {}) {
  TokenizerSpec spec;
  for (int byte = 0; byte < 256; ++byte) {
    append_utf8(spec.tokens.emplace_back(), spelling_of(static_cast<std::uint8_t>(byte)));
  }
  for (const std::string& word : words) {
    std::string spelt;
    for (const char c : word) append_utf8(spelt, spelling_of(static_cast<std::uint8_t>(c)));
    spec.tokens.push_back(spelt);
  }
  spec.kinds.assign(spec.tokens.size(), TokenKind::normal);
  const auto add_control = [&](const std::string& text) {
    spec.tokens.push_back(text);
    spec.kinds.push_back(TokenKind::control);
    return static_cast<TokenId>(spec.tokens.size() - 1);
  };
  spec.eos = add_control("<|end|>");
  spec.end_of_generation = {*spec.eos};
  for (const std::string& tag : tags) add_control(tag);
  auto built = Tokenizer::build(std::move(spec));
  EXPECT_TRUE(built) << (built ? "" : built.error().message);
  return *built;
}

}  // namespace hearth::text
