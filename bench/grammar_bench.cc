// grammar_bench.cc - what it costs to hold an answer to a form: microseconds a token for masks,
// over a real vocabulary.
//
//   grammar_bench TOKENIZER.json
//
// An answer's tokens are read as the engine would: for each a mask (needed when tokens are drawn)
// and the question whether the drawn one is allowed (all that is needed at temperature 0). "first"
// is the first answer of a form, "again" one after it.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "text/grammar/json_schema.h"
#include "text/grammar/token_grammar.h"
#include "text/tokenizer_json.h"

namespace {

using Clock = std::chrono::steady_clock;
using namespace hearth;

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "grammar_bench: %s\n", message.c_str());
  std::exit(1);
}

template <class T>
T take(Result<T> result) {
  if (!result) die(result.error().message);
  return *std::move(result);
}

double microseconds(Clock::time_point from) {
  return std::chrono::duration<double, std::micro>(Clock::now() - from).count();
}

struct Case {
  const char* name;
  const char* schema;
  const char* answer;
};

constexpr const char* kPerson = R"({"type": "object", "properties": {
  "name": {"type": "string"}, "age": {"type": "integer", "minimum": 0, "maximum": 150},
  "email": {"type": "string", "format": "email"},
  "address": {"type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"},
    "country": {"enum": ["Japan", "Peru", "Norway"]}}, "required": ["street", "city", "country"]},
  "hobbies": {"type": "array", "items": {"type": "string", "maxLength": 40}}},
  "required": ["name", "age", "email", "address", "hobbies"]})";
constexpr const char* kPersonAnswer = R"({
  "name": "Kenji Tanaka", "age": 42, "email": "kenji.tanaka@example.org",
  "address": {"street": "4-2-8 Shibakoen, Minato City", "city": "Tokyo", "country": "Japan"},
  "hobbies": ["collecting old maps of harbours", "swimming", "the history of lighthouses"]
})";
constexpr const char* kFreeAnswer = R"({"forecast": [{"day": 1, "text": "Clear skies, then a slow
 swell from the west; bring a warm coat.", "wind": [3.5, 4.25, null]}, {"day": 2, "text": "\"Rain\" \u2013 at
 last\n", "flags": {"storm": false, "tide": {"high": "06:12", "low": "12:40"}}}]})";

constexpr Case kCases[] = {{"person", kPerson, kPersonAnswer},
                           {"any object", R"({"type": "object"})", kFreeAnswer}};

struct Cost {
  double masks = 0, worst_mask = 0, questions = 0;
};

Cost read(const std::shared_ptr<text::TokenGrammar>& grammar,
          const std::vector<text::TokenId>& ids) {
  Cost cost;
  text::GrammarMatcher matcher(grammar);
  for (const text::TokenId id : ids) {
    auto start = Clock::now();
    if (!matcher.allowed()) die("too ambiguous");
    const double mask = microseconds(start);
    cost.masks += mask;
    cost.worst_mask = std::max(cost.worst_mask, mask);
    start = Clock::now();
    if (!matcher.allows(id)) die("the answer is not allowed");
    cost.questions += microseconds(start);
    matcher.accept(id);
  }
  const auto n = static_cast<double>(ids.size());
  return {cost.masks / n, cost.worst_mask, cost.questions / n};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) die("expected the path of a tokenizer.json");
  std::ifstream file(argv[1], std::ios::binary);
  std::stringstream source;
  source << file.rdbuf();
  auto tokenizer = take(text::Tokenizer::build(take(text::parse_tokenizer_json(source.str()))));
  auto start = Clock::now();
  const auto vocabulary = std::make_shared<const text::GrammarVocabulary>(tokenizer);
  std::printf("%zu tokens, %zu nodes, built in %.1f ms\n", tokenizer->n_vocab(),
              vocabulary->nodes().size(), microseconds(start) / 1000);
  for (const Case& c : kCases) {
    start = Clock::now();
    const auto compiled = take(text::compile_json_schema(nlohmann::ordered_json::parse(c.schema)));
    const double compile_us = microseconds(start);
    std::string answer = c.answer;
    std::erase(answer, '\r');
    if (std::string_view(c.name) == "any object") std::erase(answer, '\n');
    const auto ids = take(tokenizer->encode(answer, false)).ids;
    const auto grammar = std::make_shared<text::TokenGrammar>(compiled, vocabulary);
    std::printf("%s: compiled in %.0f us, %zu tokens\n", c.name, compile_us, ids.size());
    for (const char* round : {"first", "again"}) {
      const Cost cost = read(grammar, ids);
      std::printf("  %s: mask %.1f us a token, %.0f at worst; question %.2f us a token\n", round,
                  cost.masks, cost.worst_mask, cost.questions);
    }
  }
}
