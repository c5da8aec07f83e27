// speculation_test.cc - guessing, what a guess costs and brings, and that no byte of an answer
// depends on it: guesses that are right, wrong and both, for requests of every kind, in company.
#include "engine/speculation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "base/str.h"
#include "engine/count_allocations_testing.h"
#include "engine/engine.h"
#include "text/grammar/json_schema.h"

namespace hearth::engine {

static bool operator==(const TokenLogprob& a, const TokenLogprob& b) {
  return a.id == b.id && a.logprob == b.logprob;
}
static bool operator==(const SourceSpan& a, const SourceSpan& b) {
  return a.n_source_bytes == b.n_source_bytes && a.n_text_bytes == b.n_text_bytes;
}
static bool operator==(const TokenEvent& a, const TokenEvent& b) {
  return a.id == b.id && a.text == b.text && a.logprob == b.logprob &&
         a.top_logprobs == b.top_logprobs && a.reasoning == b.reasoning && a.spans == b.spans;
}

namespace {

std::vector<TokenId> guess(NgramDrafter& drafter, const std::vector<TokenId>& tokens,
                           std::size_t n) {
  std::vector<TokenId> draft(n);
  draft.resize(drafter.propose(tokens, draft));
  return draft;
}

TEST(NgramDrafter, guesses_what_followed_the_same_three_tokens) {
  NgramDrafter drafter(64);
  EXPECT_EQ(guess(drafter, {1, 2, 3, 4, 5, 6, 1, 2}, 4), std::vector<TokenId>());
  EXPECT_EQ(guess(drafter, {1, 2, 3, 4, 5, 6, 1, 2, 3}, 2), (std::vector<TokenId>{4, 5}));
  EXPECT_EQ(guess(drafter, {1, 2, 3, 4, 5, 6, 1, 2, 3, 4}, 2), (std::vector<TokenId>{5, 6}));
}

TEST(NgramDrafter, says_nothing_of_a_sequence_that_is_new_or_short) {
  NgramDrafter drafter(64);
  EXPECT_EQ(guess(drafter, {7}, 4), std::vector<TokenId>());
  EXPECT_EQ(guess(drafter, {7, 7, 7}, 4), std::vector<TokenId>());
  EXPECT_EQ(guess(drafter, {7, 7, 7, 1, 2, 3, 4}, 4), std::vector<TokenId>());
}

TEST(NgramDrafter, prefers_the_place_that_agrees_furthest_back_and_then_the_latest) {
  NgramDrafter drafter(64);
  EXPECT_EQ(guess(drafter, {9, 1, 2, 3, 50, 8, 1, 2, 3, 60, 9, 1, 2, 3}, 1),
            std::vector<TokenId>{50});
  NgramDrafter other(64);
  EXPECT_EQ(guess(other, {9, 1, 2, 3, 50, 8, 1, 2, 3, 60, 7, 1, 2, 3}, 1),
            std::vector<TokenId>{60});
}

TEST(NgramDrafter, goes_on_with_a_loop_beyond_the_end) {
  NgramDrafter drafter(64);
  EXPECT_EQ(guess(drafter, {5, 6, 5, 6, 5}, 5), (std::vector<TokenId>{6, 5, 6, 5, 6}));
}

TEST(StepTimes, a_row_costs_what_was_measured_and_nothing_is_known_before) {
  StepTimes times;
  EXPECT_FALSE(times.row_share(1));
  times.add(1, 0, 0.1);
  EXPECT_NEAR(*times.row_share(1), 0.25, 1e-9);  // a guess of its own
  EXPECT_FALSE(times.row_share(2));
  const auto guess_for = [&times](int n_steps, double plain, double guessing) {
    for (int i = 0; i < n_steps; ++i) {
      if (times.row_share(1)) {
        times.add(1, 4, guessing);
      } else {
        times.add(1, 0, plain);
      }
    }
    times.add(1, 0, plain);
  };
  guess_for(100, 0.1, 0.12);
  EXPECT_NEAR(*times.row_share(1), 0.05, 3e-3);
  guess_for(100, 0.1, 60);  // held up by something else
  EXPECT_LE(*times.row_share(1), 1);
  for (int i = 0; i < 1000; ++i) times.add(1, 0, 0.1);  // and forgotten again
  EXPECT_NEAR(*times.row_share(1), 0.25, 1e-3);
  guess_for(1000, 0.05, 0.07);  // plain steps became faster meanwhile, as in a shorter text
  EXPECT_NEAR(*times.row_share(1), 0.1, 0.01);
}

class Ones final : public Drafter {
 public:
  std::size_t propose(std::span<const TokenId>, std::span<TokenId> draft) override {
    std::ranges::fill(draft, 1);
    return draft.size();
  }
};

TEST(Speculation, checks_as_many_guesses_as_bring_more_than_they_cost) {
  Draft draft(std::make_unique<Ones>());
  draft.propose({}, 15);
  ASSERT_EQ(draft.tokens.size(), 15U);
  const auto worth = [&draft](double chance, double row_share, double n_sequences) {
    draft.chance = chance;
    double cost = 1;
    return worth_checking(draft, row_share, n_sequences, cost);
  };
  EXPECT_EQ(worth(0.99, 0.05, 1), 15);
  EXPECT_EQ(worth(0.2, 0.25, 1), 0);
  EXPECT_EQ(worth(0.5, 0.25, 1), 1);    // 1.5 / 1.25, and a second would give 1.75 / 1.5
  EXPECT_EQ(worth(0.99, 0.125, 8), 0);  // eight sequences: a row costs what it brings
}

TEST(Speculation, a_guess_that_is_not_checked_teaches_too) {
  Draft draft(std::make_unique<Ones>());
  for (int i = 0; i < 40; ++i) {
    draft.propose({}, 3);
    EXPECT_FALSE(draft.confirms(0, 2));
  }
  EXPECT_LT(draft.chance, 0.01);
  for (int i = 0; i < 40; ++i) {
    draft.propose({}, 3);
    EXPECT_FALSE(draft.confirms(0, 1));  // right, but there are no logits behind it
  }
  EXPECT_GT(draft.chance, 0.9);
  draft.n_checked = 3;
  EXPECT_TRUE(draft.confirms(0, 1));
  draft.forget();
  EXPECT_FALSE(draft.confirms(0, 1));
}

// ---- in the engine ----

const char* const kTiny = HEARTH_SOURCE_DIR "/tests/golden/hf/llama/model.gguf";

// Knows what will be said, and errs now and then.
class WellRead final : public Drafter {
 public:
  using Sequences = std::vector<std::vector<TokenId>>;
  WellRead(std::shared_ptr<const Sequences> known, std::uint32_t seed)
      : known_(std::move(known)), random_(seed) {}

  std::size_t propose(std::span<const TokenId> tokens, std::span<TokenId> draft) override {
    for (const auto& whole : *known_) {
      if (whole.size() <= tokens.size()) continue;
      if (!std::ranges::equal(tokens, std::span(whole).first(tokens.size()))) continue;
      const std::size_t n = std::min(draft.size(), whole.size() - tokens.size());
      for (std::size_t i = 0; i < n; ++i) {
        draft[i] =
            random_() % 5 == 0 ? static_cast<TokenId>(random_() % 300) : whole[tokens.size() + i];
      }
      return n;
    }
    return 0;
  }

 private:
  std::shared_ptr<const Sequences> known_;
  std::mt19937 random_;
};

struct Answered {
  std::vector<TokenEvent> events;
  FinishReason reason = FinishReason::none;
  Usage usage;
  bool operator==(const Answered& o) const { return events == o.events && reason == o.reason; }
  std::string text() const {
    std::string all;
    for (const TokenEvent& event : events) all += event.text;
    return all;
  }
};

Answered read_all(Generation& generation) {
  Answered a;
  while (auto event = generation.next()) a.events.push_back(*std::move(event));
  a.reason = generation.finish_reason();
  a.usage = generation.usage();
  return a;
}

Request request_of_any_kind(std::mt19937& random) {
  static const auto grammar = *text::compile_json_schema(nlohmann::ordered_json::parse(
      R"({"properties": {"n": {"type": "integer"}, "kind": {"enum": ["tide", "storm"]}},
          "required": ["n", "kind"]})"));
  Request r;
  const std::size_t n = 1 + random() % 60;
  for (std::size_t i = 0; i < n; ++i) {
    r.prompt.push_back(static_cast<TokenId>(random() % (random() % 2 == 0 ? 300 : 4)));
  }
  r.max_tokens = static_cast<std::int32_t>(1 + random() % 60);
  SamplingParams& s = r.sampling;
  s.temperature = random() % 3 == 0 ? 0.0 : 0.7;
  s.seed = random();
  if (random() % 3 == 0) s.top_k = 20;
  if (random() % 3 == 0) s.top_p = 0.9;
  if (random() % 4 == 0) s.min_p = 0.05;
  if (random() % 4 == 0) s.repetition_penalty = 1.2;
  if (random() % 4 == 0) s.presence_penalty = 0.5;
  if (random() % 4 == 0) s.frequency_penalty = 0.5;
  if (random() % 4 == 0) s.logit_bias = {{7, 2.0F}, {9, -100.0F}};
  if (random() % 3 == 0) {
    r.logprobs = true;
    r.top_logprobs = static_cast<std::int32_t>(random() % 4);
  }
  if (random() % 3 == 0) r.stop = {"e", "th", "ing "};
  if (random() % 3 == 0) {
    r.grammar = grammar;
  } else {
    r.ignore_eos = random() % 2 == 0;
  }
  return r;
}

Answered ask(Engine& engine, const std::shared_ptr<const LoadedModel>& model, Request request) {
  auto generation = engine.submit(model, std::move(request));
  EXPECT_TRUE(generation) << (generation ? "" : generation.error().message);
  return read_all(**generation);
}

void expect_no_block_in_use(const Engine& engine) {
  const auto is_idle = [&engine] {
    const EngineStats stats = engine.stats();
    return stats.running + stats.queued == 0;
  };
  while (!is_idle()) std::this_thread::yield();
  EXPECT_EQ(engine.stats().kv_blocks_used, 0);
}

TEST(Speculation, no_byte_of_an_answer_depends_on_it) {
  std::mt19937 random(626);
  std::vector<Request> requests;
  for (int i = 0; i < 80; ++i) requests.push_back(request_of_any_kind(random));
  const auto known = std::make_shared<WellRead::Sequences>();
  std::vector<Answered> plain;
  {
    const auto engine = Engine::create({.n_threads = 1, .speculation = Speculation::off});
    const auto model = *engine->load("tiny", kTiny);
    for (const Request& r : requests) {
      plain.push_back(ask(*engine, model, r));
      EXPECT_EQ(plain.back().usage.checked_guesses, 0);
      std::vector<TokenId> whole = r.prompt;
      for (const TokenEvent& event : plain.back().events) {
        if (event.id >= 0) whole.push_back(event.id);
      }
      known->push_back(std::move(whole));
    }
  }
  Usage sum;
  for (int mix = 0; mix < 60; ++mix) {
    EngineOptions options;
    options.n_threads = static_cast<int>(1 + random() % 2);
    options.max_batch = static_cast<std::int32_t>(1 + random() % 8);
    options.prefill_chunk = static_cast<std::int32_t>(1 + random() % 64);
    options.speculation = mix % 4 == 3 ? Speculation::paying : Speculation::always;
    if (mix % 2 == 0) {
      options.make_drafter = [&known, seed = random()](std::int64_t) {
        return std::make_unique<WellRead>(known, static_cast<std::uint32_t>(seed));
      };
    }
    const auto engine = Engine::create(options);
    // Sometimes too few blocks for all: guesses then have none, and sequences are preempted.
    const auto model = *engine->load(
        "tiny", kTiny,
        {.context = 128, .kv_tokens = static_cast<std::int64_t>(128 + 16 * (random() % 20))});
    std::vector<std::size_t> order(requests.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::shuffle(order, random);
    order.resize(16);
    std::vector<std::unique_ptr<Generation>> running;
    for (const std::size_t i : order) running.push_back(*engine->submit(model, requests[i]));
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Answered got = read_all(*running[i]);
      ASSERT_TRUE(got == plain[order[i]]) << "mix " << mix << ", request " << order[i] << ": "
                                          << got.text() << " for " << plain[order[i]].text();
      EXPECT_EQ(got.usage.completion_tokens, plain[order[i]].usage.completion_tokens);
      EXPECT_LE(got.usage.right_guesses, got.usage.checked_guesses);
      sum.checked_guesses += got.usage.checked_guesses;
      sum.right_guesses += got.usage.right_guesses;
    }
    expect_no_block_in_use(*engine);
  }
  EXPECT_GT(sum.right_guesses, 1000);
  EXPECT_GT(sum.checked_guesses - sum.right_guesses, 1000);
}

Request long_loop() {
  Request r;  // the most likely token, again and again: the tiny model soon repeats itself
  r.prompt = {5, 6, 7};
  r.max_tokens = 400;
  r.sampling.temperature = 0;
  r.ignore_eos = true;
  return r;
}

// Never what the tiny model says with this request.
class Wrong final : public Drafter {
 public:
  std::size_t propose(std::span<const TokenId>, std::span<TokenId> draft) override {
    std::ranges::fill(draft, 0);
    return draft.size();
  }
};

TEST(Speculation, guesses_that_come_true_are_checked_and_others_soon_are_not) {
  const auto answer = [](Speculation how, auto make_drafter) {
    const auto engine = Engine::create({.speculation = how, .make_drafter = make_drafter});
    return ask(*engine, *engine->load("tiny", kTiny), long_loop());
  };
  const Answered whole = answer(Speculation::off, nullptr);
  auto known = std::make_shared<WellRead::Sequences>(1, long_loop().prompt);
  for (const TokenEvent& event : whole.events) {
    if (event.id >= 0) known->front().push_back(event.id);
  }
  ASSERT_FALSE(std::ranges::count(known->front(), 0));
  const auto right = [&](std::int64_t) { return std::make_unique<WellRead>(known, 1U); };
  const auto wrong = [](std::int64_t) { return std::make_unique<Wrong>(); };
  // The first guess is worth it whatever a step takes; one that comes true one time in fifty is
  // not.
  EXPECT_GT(answer(Speculation::paying, right).usage.right_guesses, 0);
  const Usage usage = answer(Speculation::paying, wrong).usage;
  EXPECT_GT(usage.checked_guesses, 0);
  EXPECT_LT(usage.checked_guesses, 100);
}

TEST(Speculation, a_loop_is_guessed) {
  const auto engine = Engine::create({.speculation = Speculation::always});
  const auto model = *engine->load("tiny", kTiny);
  const Usage usage = ask(*engine, model, long_loop()).usage;
  EXPECT_EQ(usage.completion_tokens, 400);
  EXPECT_GT(usage.right_guesses, 50);
}

TEST(Speculation, an_answer_that_is_cancelled_between_its_guesses_leaves_nothing_behind) {
  const auto engine = Engine::create({.speculation = Speculation::always});
  const auto model = *engine->load("tiny", kTiny);
  const Answered whole = ask(*engine, model, long_loop());
  for (int i = 0; i < 40; ++i) {
    const auto cancelled = *engine->submit(model, long_loop());
    for (int n = 0; n <= 7 * i; ++n) ASSERT_TRUE(cancelled->next());
    cancelled->cancel();
    const auto after = read_all(*cancelled);
    if (after.reason == FinishReason::length) continue;  // it was faster
    EXPECT_EQ(after.reason, FinishReason::cancelled);
  }
  expect_no_block_in_use(*engine);
  EXPECT_EQ(ask(*engine, model, long_loop()), whole);
}

// From the first token on, until the last is about to come.
TEST(Speculation, allocates_nothing) {
  const auto engine = Engine::create({.n_threads = 2, .speculation = Speculation::always});
  const auto model = *engine->load("tiny", kTiny);
  // Only this thread reads, and only before and after: what is written stays in the answer.
  for (int attempt = 0; attempt < 50; ++attempt) {
    const std::uint64_t before = engine->stats().generated_tokens;
    const auto running = *engine->submit(model, long_loop());
    while (engine->stats().generated_tokens < before + 20) std::this_thread::yield();
    const std::int64_t allocations = n_allocations();
    const std::uint64_t begun = engine->stats().generated_tokens;
    while (engine->stats().generated_tokens < before + 300) std::this_thread::yield();
    ASSERT_EQ(n_allocations(), allocations);
    const Answered a = read_all(*running);
    EXPECT_GT(a.usage.right_guesses, 50);
    if (begun < before + 200) return;  // enough of it was watched
  }
  FAIL() << "the answer was always over before it could be watched";
}

}  // namespace
}  // namespace hearth::engine
