// engine_real_test.cc - SmolLM2-135M-Instruct through the engine, against float32 logits of Hugging
// Face (tests/golden/smollm2): exact, and with the fast kernels within that folder's tolerances.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/str.h"
#include "engine/engine.h"

namespace hearth::engine {
namespace {

const char* const kModel = HEARTH_SOURCE_DIR "/.model/smollm2-135m.gguf";

const nlohmann::json& golden() {
  static const nlohmann::json data = [] {
    std::ifstream file(HEARTH_SOURCE_DIR "/tests/golden/smollm2/expected.json");
    return nlohmann::json::parse(file);
  }();
  return data;
}

std::shared_ptr<const LoadedModel> load(Engine& engine, bool exact) {
  auto model = engine.load("smollm2-135m", kModel, {.exact = exact});
  EXPECT_TRUE(model) << (model ? "" : model.error().message);
  return *model;
}

std::vector<TokenId> ids_of(const nlohmann::json& list) { return list.get<std::vector<TokenId>>(); }

std::vector<TokenId> greedy(Engine& engine, const std::shared_ptr<const LoadedModel>& model,
                            std::vector<TokenId> prompt, std::int32_t n) {
  Request r;
  r.prompt = std::move(prompt);
  r.max_tokens = n;
  r.sampling.temperature = 0;
  r.ignore_eos = true;
  auto generation = *engine.submit(model, std::move(r));
  std::vector<TokenId> ids;
  while (const auto event = generation->next()) {
    if (event->id >= 0) ids.push_back(event->id);
  }
  return ids;
}

struct Distance {
  double mean = 0, largest = 0;
};

TEST(RealModel, exact_logits_of_every_prompt_are_those_of_the_reference) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, true);
  for (const auto& prompt : golden()["prompts"]) {
    const auto row = (*engine->logits(model, ids_of(prompt["ids"]), true, 0))[0];
    Distance d;
    std::size_t n = 0;
    const auto compare = [&](std::size_t id, double want) {
      const double difference = std::abs(double{row[id]} - want);
      d.mean += difference;
      d.largest = std::max(d.largest, difference);
      ++n;
    };
    for (const auto& entry : prompt["top20"])
      compare(entry[0].get<std::size_t>(), entry[1].get<double>());
    for (std::size_t i = 0; i < prompt["every_512th"].size(); ++i) {
      compare(512 * i, prompt["every_512th"][i].get<double>());
    }
    EXPECT_LE(d.mean / static_cast<double>(n), 1e-4) << prompt["text"];
    EXPECT_LE(d.largest, 1e-3) << prompt["text"];
  }
}

TEST(RealModel, exact_greedy_continuations_are_equal_to_the_end) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, true);
  for (const auto& prompt : golden()["prompts"]) {
    const auto want = ids_of(prompt["greedy"]["ids"]);
    EXPECT_EQ(greedy(*engine, model, ids_of(prompt["ids"]), static_cast<std::int32_t>(want.size())),
              want);
  }
}

TEST(RealModel, fast_log_probabilities_stay_within_the_tolerance_of_int8_activations) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, false);
  for (const auto& prompt : golden()["prompts"]) {
    const auto row = (*engine->logits(model, ids_of(prompt["ids"]), true, 0))[0];
    const float best = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const float x : row) sum += std::exp(double{x} - double{best});
    const double logsumexp = std::log(sum) + double{best};
    std::vector<std::size_t> order(row.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::partial_sort(order.begin(), order.begin() + 20, order.end(),
                      [&](std::size_t a, std::size_t b) { return row[a] > row[b]; });
    Distance d;
    int shared = 0;
    for (const auto& entry : prompt["top20"]) {
      const auto id = entry[0].get<std::size_t>();
      const double want = entry[1].get<double>() - prompt["logsumexp"].get<double>();
      const double difference = std::abs(double{row[id]} - logsumexp - want);
      d.mean += difference / 20;
      d.largest = std::max(d.largest, difference);
      shared += std::find(order.begin(), order.begin() + 20, id) != order.begin() + 20;
    }
    EXPECT_LE(d.mean, 0.25) << prompt["text"];
    EXPECT_LE(d.largest, 0.6) << prompt["text"];
    EXPECT_GE(shared, 16) << prompt["text"];
  }
}

TEST(RealModel, fast_greedy_continuations_are_equal_until_the_reference_itself_hesitates) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, false);
  for (const auto& prompt : golden()["prompts"]) {
    const auto want = ids_of(prompt["greedy"]["ids"]);
    const auto got =
        greedy(*engine, model, ids_of(prompt["ids"]), static_cast<std::int32_t>(want.size()));
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (prompt["greedy"]["margin"][i].get<double>() < 0.5) break;
      ASSERT_EQ(got[i], want[i]) << "step " << i << " of " << prompt["text"];
    }
  }
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

TEST(RealModel, likelihood_of_a_text_exact_and_fast) {
  const auto engine = Engine::create({});
  const auto& text = golden()["perplexity"];
  const auto ids = ids_of(text["ids"]);
  EXPECT_NEAR(mean(*engine->score(load(*engine, false), ids)), text["mean_nll"].get<double>(),
              0.01);
  ASSERT_TRUE(engine->unload("smollm2-135m"));
  EXPECT_NEAR(mean(*engine->score(load(*engine, true), ids)), text["mean_nll"].get<double>(), 1e-4);
}

// Prompts that repeat themselves, with "paying" too: which rows share a step then depends on the
// clock, and no byte does.
TEST(RealModel, guessing_changes_no_byte_of_an_answer) {
  std::vector<Request> requests;
  for (const auto& p : golden()["prompts"]) {
    Request r;
    for (int copy = 0; copy < 2; ++copy) {
      for (const TokenId id : ids_of(p["ids"])) {
        if (r.prompt.size() < 160) r.prompt.push_back(id);
      }
    }
    r.max_tokens = 40;
    r.sampling.temperature = requests.size() % 2 == 0 ? 0.0 : 0.8;
    r.sampling.repetition_penalty = requests.size() % 3 == 0 ? 1.05 : 1.0;
    r.sampling.seed = requests.size();
    r.logprobs = true;
    r.ignore_eos = true;
    requests.push_back(std::move(r));
  }
  Usage sum;
  const auto answers = [&requests, &sum](Speculation speculation) {
    const auto engine = Engine::create({.speculation = speculation});
    const auto model = load(*engine, false);
    std::vector<std::vector<std::pair<TokenId, float>>> all;
    for (const Request& r : requests) {
      const auto running = *engine->submit(model, r);
      all.emplace_back();
      while (const auto event = running->next()) all.back().emplace_back(event->id, event->logprob);
      sum.checked_guesses += running->usage().checked_guesses;
      sum.right_guesses += running->usage().right_guesses;
    }
    return all;
  };
  const auto plain = answers(Speculation::off);
  EXPECT_EQ(sum.checked_guesses, 0);
  EXPECT_EQ(answers(Speculation::always), plain);
  EXPECT_GT(sum.right_guesses, 30);
  EXPECT_GT(sum.checked_guesses, sum.right_guesses);
  EXPECT_EQ(answers(Speculation::paying), plain);
}

TEST(RealModel, sixteen_streams_give_the_bytes_of_sixteen_runs_alone) {
  std::vector<std::vector<TokenId>> prompts;
  for (const auto& p : golden()["prompts"]) prompts.push_back(ids_of(p["ids"]));
  const auto request = [&](std::size_t i) {
    Request r;
    r.prompt = prompts[i % prompts.size()];
    if (r.prompt.size() > 200) r.prompt.resize(200);
    r.max_tokens = 24;
    r.sampling.temperature = i % 2 == 0 ? 0.0 : 1.0;
    r.sampling.seed = i;
    return r;
  };
  const auto read = [](Generation& g) {
    std::string text;
    while (const auto event = g.next()) text += event->text;
    return text;
  };
  const auto engine = Engine::create({});
  const auto model = load(*engine, false);
  std::vector<std::string> alone;
  for (std::size_t i = 0; i < 16; ++i) alone.push_back(read(**engine->submit(model, request(i))));
  std::vector<std::unique_ptr<Generation>> together;
  for (std::size_t i = 0; i < 16; ++i) together.push_back(*engine->submit(model, request(i)));
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(read(*together[i]), alone[i]) << i;
}

}  // namespace
}  // namespace hearth::engine
