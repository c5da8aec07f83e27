// engine_bench.cc - times the whole engine, one line of standard input at a time, so that a script
// can take turns with a peer (bench/compare) within the same minute.
//
//   engine_bench MODEL.gguf [N_THREADS [CONTEXT]]
//   prefill N      -> seconds from submitting N new prompt tokens to the first answer token
//   decode D N     -> seconds of N tokens decoded after a prompt of D, the first one not counted
//
// Prompts are random ids of a fresh seed each time: nothing is found in the prefix cache.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <random>
#include <sstream>
#include <string>

#include "engine/engine.h"

namespace {

using Clock = std::chrono::steady_clock;
using namespace hearth;

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "engine_bench: %s\n", message.c_str());
  std::exit(1);
}

double seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

struct Times {
  double first = 0, rest = 0;
};

class Bench {
 public:
  Bench(engine::Engine& engine, std::shared_ptr<const engine::LoadedModel> model)
      : engine_(engine), model_(std::move(model)) {}

  Times run(int n_prompt, int n_answer) {
    engine::Request request;
    // Above 300: no control tokens in the vocabularies that are measured.
    std::uniform_int_distribution<text::TokenId> any(
        300, static_cast<text::TokenId>(model_->n_vocab()) - 300);
    for (int i = 0; i < n_prompt; ++i) request.prompt.push_back(any(random_));
    request.max_tokens = n_answer;
    request.ignore_eos = true;
    const auto start = Clock::now();
    auto generation = engine_.submit(model_, std::move(request));
    if (!generation) die(generation.error().message);
    if (!(*generation)->next()) die("the answer has no first token");
    const auto first = Clock::now();
    while ((*generation)->next()) {
    }
    const auto last = Clock::now();
    if ((*generation)->error()) die((*generation)->error()->message);
    return {seconds(start, first), seconds(first, last)};
  }

 private:
  engine::Engine& engine_;
  std::shared_ptr<const engine::LoadedModel> model_;
  std::mt19937 random_{1};
};

int argument(int argc, char** argv, int i) { return i < argc ? std::atoi(argv[i]) : 0; }

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) die("usage: engine_bench MODEL.gguf [N_THREADS [CONTEXT]]");
  const auto engine = engine::Engine::create({.n_threads = argument(argc, argv, 2)});
  auto model = engine->load("model", argv[1], {.context = argument(argc, argv, 3)});
  if (!model) die(model.error().message);
  Bench bench(*engine, *model);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string what;
    int n = 0, more = 0;
    words >> what >> n >> more;
    if (what == "prefill" && n > 0) {
      std::printf("%.6f\n", bench.run(n, 1).first);
    } else if (what == "decode" && n > 0 && more > 0) {
      std::printf("%.6f\n", bench.run(n, more + 1).rest);
    } else {
      die("expected `prefill N` or `decode D N`, got: " + line);
    }
    std::fflush(stdout);
  }
}
