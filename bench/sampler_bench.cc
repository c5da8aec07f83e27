// sampler_bench.cc - what choosing a token costs, and turning it into text: the part of a decode
// step that is not the model. Vocabularies of SmolLM2 (49 152) and phi-4-mini (200 064).
//
// Logits are normally distributed with a deviation of 2, and eight stand out and hold nearly all of
// the probability, as in a text that goes on plainly. The column CPU is what counts: other programs
// may run.
#include <benchmark/benchmark.h>

#include <random>

#include "engine/answer_text.h"
#include "engine/sampler.h"
#include "text/answer_parser.h"
#include "text/tokenizer.h"

namespace {

using namespace hearth;

std::vector<float> some_logits(std::int64_t n) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 2);
  std::vector<float> logits(static_cast<std::size_t>(n));
  for (float& logit : logits) logit = normal(random);
  for (int i = 0; i < 8; ++i) logits[random() % logits.size()] += 16;
  return logits;
}

void choose(benchmark::State& state, const engine::SamplingParams& params, std::int32_t n_top) {
  const std::int64_t n = state.range(0);
  const std::vector<float> logits = some_logits(n);
  engine::SamplerScratch scratch(n);
  std::vector<engine::TokenId> seen;
  for (engine::TokenId id = 0; id < 1000; ++id) seen.push_back(id * 37);
  engine::Sampler sampler(params, 1, n, seen);
  std::vector<engine::TokenLogprob> top(static_cast<std::size_t>(n_top));
  const engine::SampleOptions options{.logprob = n_top > 0, .top = top, .allowed = {}};
  for (auto _ : state) {
    const engine::SampledToken token = sampler.sample(logits, scratch, options);
    benchmark::DoNotOptimize(token);
    sampler.accept(token.id);
  }
}

#define CHOICE(name, n_top, ...)                                             \
  BENCHMARK_CAPTURE(choose, name, engine::SamplingParams __VA_ARGS__, n_top) \
      ->Arg(49152)                                                           \
      ->Arg(200064)                                                          \
      ->Unit(benchmark::kMicrosecond)
CHOICE(greedy, 0, {.temperature = 0});
CHOICE(greedy_repetition_penalty, 0, {.temperature = 0, .repetition_penalty = 1.1});
CHOICE(greedy_top_logprobs, 5, {.temperature = 0});
CHOICE(temperature, 0, {.temperature = 0.8});
CHOICE(top_k, 0, {.temperature = 0.8, .top_k = 40});
CHOICE(top_p, 0, {.temperature = 0.8, .top_p = 0.95});
CHOICE(min_p, 0, {.temperature = 0.8, .min_p = 0.05});
CHOICE(typical_p, 0, {.temperature = 0.8, .typical_p = 0.95});
CHOICE(everything, 0,
       {.temperature = 0.8, .top_k = 40, .top_p = 0.95, .min_p = 0.05, .repetition_penalty = 1.1});

// A token of a vocabulary of single bytes and short words, to text that may be shown, with a stop
// text to watch for.
void show(benchmark::State& state) {
  text::TokenizerSpec spec;
  for (int i = 0; i < 1000; ++i) spec.tokens.push_back("word" + std::to_string(i));
  spec.kinds.assign(spec.tokens.size(), text::TokenKind::normal);
  const auto tokenizer = *text::Tokenizer::build(spec);
  const std::vector<std::string> stops = {"\n\nUser:"};
  engine::AnswerText shown(*text::make_answer_parser(*tokenizer, {}, false), stops, false, false);
  shown.reserve(tokenizer->longest_token_bytes());
  engine::TokenId id = 0;
  for (auto _ : state) {
    shown.clear();
    shown.push(id = (id + 7) % 1000);
    benchmark::DoNotOptimize(shown.text().data());
  }
}
BENCHMARK(show);

}  // namespace

BENCHMARK_MAIN();
