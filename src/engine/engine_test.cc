// engine_test.cc - the whole engine on a tiny model (tests/golden/hf/llama: random weights, real
// tokenizer): the same bytes in any company, bounds, refusals, cancelling, memory. The real model's
// numbers are in engine_real_test.cc.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "base/str.h"
#include "engine/count_allocations_testing.h"
#include "engine/speculation.h"
#include "formats/gguf/gguf_writer_for_tests.h"
#include "text/grammar/gbnf.h"
#include "text/grammar/json_schema.h"

namespace hearth::engine {
namespace {

const char* const kTiny = HEARTH_SOURCE_DIR "/tests/golden/hf/llama/model.gguf";

std::shared_ptr<const LoadedModel> load_tiny(Engine& engine, const LoadOptions& options = {}) {
  auto model = engine.load("tiny", kTiny, options);
  EXPECT_TRUE(model) << (model ? "" : model.error().message);
  return *model;
}

struct Answered {
  std::vector<TokenId> ids;
  std::string text;
  FinishReason reason = FinishReason::none;
  Usage usage;
  bool operator==(const Answered& o) const {
    return ids == o.ids && text == o.text && reason == o.reason;
  }
};

Answered read_all(Generation& generation) {
  Answered a;
  while (const auto event = generation.next()) {
    if (event->id >= 0) a.ids.push_back(event->id);
    a.text += event->text;
  }
  a.reason = generation.finish_reason();
  a.usage = generation.usage();
  return a;
}

Answered ask(Engine& engine, const std::shared_ptr<const LoadedModel>& model, Request request) {
  auto generation = engine.submit(model, std::move(request));
  EXPECT_TRUE(generation) << (generation ? "" : generation.error().message);
  return read_all(**generation);
}

// Prompts that share beginnings now and then, greedy or seeded, of many lengths.
Request random_request(std::mt19937& random) {
  Request r;
  std::mt19937 words(static_cast<std::uint32_t>(random() % 4));
  const std::size_t n = 1 + random() % 90;
  for (std::size_t i = 0; i < n; ++i) {
    const auto word = i < 40 ? words() : random();
    r.prompt.push_back(static_cast<TokenId>(word % 300));
  }
  r.max_tokens = static_cast<std::int32_t>(1 + random() % 40);
  r.sampling.temperature = random() % 3 == 0 ? 0.0 : 0.9;
  r.sampling.seed = random() % 1000;
  if (random() % 2 == 0) r.sampling.top_p = 0.9;
  if (random() % 3 == 0) r.sampling.repetition_penalty = 1.1;
  r.ignore_eos = random() % 2 == 0;
  return r;
}

TEST(Engine,
     a_hundred_mixes_of_batch_chunk_threads_and_cache_give_the_bytes_of_each_request_alone) {
  std::mt19937 random(2026);
  std::vector<Request> requests;
  for (int i = 0; i < 40; ++i) requests.push_back(random_request(random));
  std::vector<Answered> alone;
  {
    const auto engine = Engine::create({.n_threads = 1, .max_batch = 1, .prefill_chunk = 256});
    const auto model = load_tiny(*engine);
    for (const Request& r : requests) {
      alone.push_back(ask(*engine, model, r));
      ASSERT_TRUE(engine->unload("tiny"));  // nothing cached from the one before
      load_tiny(*engine);
    }
  }
  for (int mix = 0; mix < 100; ++mix) {
    EngineOptions options;
    options.n_threads = static_cast<int>(1 + random() % 3);
    options.max_batch = static_cast<std::int32_t>(1 + random() % 8);
    options.prefill_chunk = static_cast<std::int32_t>(1 + random() % 64);
    const auto engine = Engine::create(options);
    // Often too few blocks for all: sequences are preempted and computed again.
    const auto model = load_tiny(
        *engine,
        {.context = 160, .kv_tokens = static_cast<std::int64_t>(160 + 16 * (random() % 20))});
    std::vector<std::size_t> order(requests.size());
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), random);
    order.resize(12);
    std::vector<std::unique_ptr<Generation>> running;
    for (const std::size_t i : order) running.push_back(*engine->submit(model, requests[i]));
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Answered got = read_all(*running[i]);
      ASSERT_EQ(got, alone[order[i]]) << "mix " << mix << " request " << order[i] << ": "
                                      << got.text << " instead of " << alone[order[i]].text;
    }
  }
}

TEST(Engine, a_prompt_seen_before_is_reused_and_gives_the_same_answer) {
  const auto engine = Engine::create({});
  const auto model = load_tiny(*engine);
  Request r;
  for (int i = 0; i < 100; ++i) r.prompt.push_back(i % 250);
  r.max_tokens = 8;
  r.sampling.temperature = 0;
  const Answered first = ask(*engine, model, r), second = ask(*engine, model, r);
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.usage.cached_tokens, 0);
  EXPECT_EQ(second.usage.cached_tokens, 96);  // six whole pages; the last token is computed
  EXPECT_EQ(second.usage.prompt_tokens, 100);
  r.prompt.resize(96);  // whole pages only: its last token must still be computed
  EXPECT_EQ(ask(*engine, model, r).usage.cached_tokens, 80);
}

TEST(Engine, keys_of_a_short_plan_are_not_reused_by_a_long_one) {
  const char* const phi = HEARTH_SOURCE_DIR "/tests/golden/hf/phi3/model.gguf";
  Request r;  // LongRoPE: other factors for requests that may pass 64 tokens
  for (int i = 0; i < 50; ++i) r.prompt.push_back(i * 7 % 250);
  r.sampling.temperature = 0;
  r.ignore_eos = true;
  const auto with = [&r](std::int32_t max_tokens) {
    Request copy = r;
    copy.max_tokens = max_tokens;
    return copy;
  };
  const auto engine = Engine::create({});
  const auto fresh = *engine->load("fresh", phi, {});
  const Answered long_alone = ask(*engine, fresh, with(15));
  const auto model = *engine->load("phi", phi, {});
  const Answered brief = ask(*engine, model, with(14));
  const Answered after = ask(*engine, model, with(15));
  EXPECT_EQ(after.usage.cached_tokens, 0);
  EXPECT_EQ(after, long_alone);
  EXPECT_NE(std::vector(after.ids.begin(), after.ids.begin() + 14), brief.ids);
  EXPECT_EQ(ask(*engine, model, with(14)).usage.cached_tokens, 48);
  EXPECT_EQ(ask(*engine, model, with(15)).usage.cached_tokens, 48);
}

TEST(Engine, max_tokens_bounds_the_answer_and_is_counted) {
  const auto engine = Engine::create({});
  const auto model = load_tiny(*engine);
  Request r;
  r.prompt = {5, 6, 7};
  r.max_tokens = 3;
  r.ignore_eos = true;
  const Answered a = ask(*engine, model, r);
  EXPECT_EQ(a.reason, FinishReason::length);
  EXPECT_EQ(a.ids.size(), 3u);
  EXPECT_EQ(a.usage.completion_tokens, 3);
}

TEST(Engine, a_stop_text_across_tokens_ends_the_answer_and_never_shows) {
  const auto engine = Engine::create({});
  const auto model = load_tiny(*engine);
  Request r;
  r.prompt = {10, 20, 30, 40};
  r.max_tokens = 30;
  r.sampling.temperature = 0;
  r.ignore_eos = true;
  const std::string whole = ask(*engine, model, r).text;
  ASSERT_GT(whole.size(), 12u);
  std::size_t at = whole.size() / 2;
  while (at > 0 && (static_cast<unsigned char>(whole[at]) & 0xc0) == 0x80) --at;
  std::size_t end = std::min(at + 5, whole.size());
  while (end < whole.size() && (static_cast<unsigned char>(whole[end]) & 0xc0) == 0x80) ++end;
  r.stop = {whole.substr(at, end - at)};
  const Answered a = ask(*engine, model, r);
  EXPECT_EQ(a.reason, FinishReason::stop);
  EXPECT_EQ(a.text, whole.substr(0, whole.find(r.stop[0])));
}

TEST(Engine, log_probabilities_come_with_each_token_and_the_greedy_one_is_the_best) {
  const auto engine = Engine::create({});
  const auto model = load_tiny(*engine);
  Request r;
  r.prompt = {1, 2, 3};
  r.max_tokens = 5;
  r.sampling.temperature = 0;
  r.ignore_eos = true;
  r.logprobs = true;
  r.top_logprobs = 4;
  auto generation = *engine->submit(model, r);
  int n = 0;
  while (const auto event = generation->next()) {
    ++n;
    ASSERT_EQ(event->top_logprobs.size(), 4u);
    EXPECT_EQ(event->top_logprobs[0].id, event->id);
    EXPECT_EQ(event->top_logprobs[0].logprob, event->logprob);
    EXPECT_LT(event->logprob, 0);
    EXPECT_GE(event->top_logprobs[0].logprob, event->top_logprobs[3].logprob);
  }
  EXPECT_EQ(n, 5);
}

TEST(Engine, a_seed_repeats_and_an_absent_one_is_drawn_and_told) {
  const auto engine = Engine::create({});
  const auto model = load_tiny(*engine);
  Request r;
  r.prompt = {9, 8, 7};
  r.max_tokens = 20;
  r.ignore_eos = true;
  auto first = *engine->submit(model, r);
  const Answered a = read_all(*first);
  r.sampling.seed = first->seed();
  EXPECT_EQ(ask(*engine, model, r), a);
}

TEST(Engine, what_does_not_fit_the_context_is_refused_with_the_numbers) {
  const auto engine = Engine::create({});
  const auto model = load_tiny(*engine, {.context = 64});
  EXPECT_EQ(model->context(), 64);
  Request r;
  r.prompt.assign(60, 5);
  r.max_tokens = 5;
  const auto refused = engine->submit(model, r);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::context_overflow);
  EXPECT_NE(refused.error().message.find("64"), std::string::npos);
  EXPECT_NE(refused.error().message.find("60"), std::string::npos);
  r.max_tokens = 4;
  r.ignore_eos = true;
  EXPECT_EQ(ask(*engine, model, r).ids.size(), 4u);
  r.max_tokens = -1;  // as many as fit
  EXPECT_EQ(ask(*engine, model, r).ids.size(), 4u);
  r.prompt.assign(64, 5);
  EXPECT_FALSE(engine->submit(model, r));
}

TEST(Engine, tokens_outside_the_vocabulary_and_empty_prompts_are_refused) {
  const auto engine = Engine::create({});
  const auto model = load_tiny(*engine);
  Request r;
  EXPECT_EQ(engine->submit(model, r).error().kind, ErrorKind::invalid);
  r.prompt = {100000};
  EXPECT_EQ(engine->submit(model, r).error().kind, ErrorKind::invalid);
  r.prompt = {-1};
  EXPECT_EQ(engine->submit(model, r).error().kind, ErrorKind::invalid);
}

TEST(Engine, a_tokenizer_with_more_tokens_than_the_model_has_rows_is_refused) {
  const auto load = [](std::uint32_t n_rows) {
    const std::string path = cat(testing::TempDir(), "engine_test_rows.gguf");
    EXPECT_TRUE(formats::tiny_llama({.n_rows = n_rows}).save(path));
    const auto engine = Engine::create({});
    const auto model = engine->load("tiny", path);
    std::filesystem::remove(path);
    return model ? "it was loaded" : model.error().message;
  };
  for (const std::uint32_t n_rows : {1u, 260u}) {
    EXPECT_NE(load(n_rows).find(cat("the tokenizer has 261 tokens, the model ", n_rows)),
              std::string::npos)
        << load(n_rows);
  }
  EXPECT_EQ(load(261), "it was loaded");
}

TEST(Engine, rows_beyond_the_tokenizers_tokens_are_never_drawn) {
  const std::string path = cat(testing::TempDir(), "engine_test_padding.gguf");
  ASSERT_TRUE(formats::tiny_llama({.n_rows = 5000}).save(path));
  const auto engine = Engine::create({});
  const auto model = engine->load("tiny", path);
  std::filesystem::remove(path);
  ASSERT_TRUE(model) << model.error().message;
  Request r;
  r.prompt = {3};
  r.max_tokens = 200;
  r.ignore_eos = true;
  r.sampling.temperature = 2;
  const Answered answer = ask(*engine, *model, r);
  EXPECT_EQ(answer.ids.size(), 200u);
  for (const TokenId id : answer.ids) EXPECT_LT(id, 261);
}

// The tiny model decodes its 512 tokens within milliseconds, less than a test needs to say
// something to a generation that still runs. This one says of itself that it was made for a longer
// context.
constexpr std::int32_t kLong = 20000;

std::shared_ptr<const LoadedModel> load_long(Engine& engine) {
  std::ifstream in(kTiny, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  constexpr std::string_view kKey = "llama.context_length";
  const std::size_t value = bytes.find(kKey) + kKey.size() + 4;  // behind the value's type, a u32
  const std::uint32_t length = kLong;
  bytes.replace(value, sizeof length, reinterpret_cast<const char*>(&length), sizeof length);
  const std::string path =
      cat(testing::TempDir(), "engine_test_",
          testing::UnitTest::GetInstance()->current_test_info()->name(), ".gguf");
  std::ofstream(path, std::ios::binary) << bytes;
  auto model = engine.load("long", path, {.context = kLong});
  std::filesystem::remove(path);  // what is mapped stays
  EXPECT_TRUE(model) << (model ? "" : model.error().message);
  return *model;
}

TEST(Engine, cancelling_and_dropping_a_generation_frees_its_place) {
  const auto engine = Engine::create({.max_batch = 1});
  const auto model = load_long(*engine);
  Request r;
  r.prompt = {5};
  r.max_tokens = kLong - 1;
  r.ignore_eos = true;
  auto running = *engine->submit(model, r);
  ASSERT_TRUE(running->next());
  {
    const auto dropped = *engine->submit(model, r);
  }  // while it waits
  r.max_tokens = 3;
  auto next = *engine->submit(model, r);
  running->cancel();
  EXPECT_EQ(read_all(*running).reason, FinishReason::cancelled);
  EXPECT_EQ(read_all(*next).reason, FinishReason::length);
  EXPECT_EQ(engine->stats().queued, 0);
}

// What a client that goes away still costs: the step of that moment.
TEST(Engine, a_cancelled_answer_grows_by_one_step_at_most) {
  for (const auto& [speculation, tokens_of_a_step] :
       {std::pair(Speculation::off, std::int64_t{1}), {Speculation::always, kSpeculatedRows}}) {
    const auto engine = Engine::create({.max_batch = 1, .speculation = speculation});
    const auto model = load_long(*engine);
    Request r;
    r.prompt = {5, 6, 7};
    r.max_tokens = kLong - 3;
    r.sampling.temperature = 0;  // it soon repeats itself, so that guesses are right
    r.ignore_eos = true;
    for (int i = 0; i < 60; ++i) {
      const auto running = *engine->submit(model, r);
      for (int n = 0; n <= i; ++n) ASSERT_TRUE(running->next());
      running->cancel();
      while (running->try_next()) continue;  // what was there already
      std::int64_t n_after = 0;
      while (running->next()) ++n_after;
      EXPECT_LE(n_after, tokens_of_a_step) << i;
      EXPECT_EQ(running->finish_reason(), FinishReason::cancelled);
    }
  }
}

TEST(Engine, an_answer_keeps_to_its_grammar_whatever_else_runs) {
  const auto schema = nlohmann::ordered_json::parse(R"({"properties": {
      "n": {"type": "integer", "minimum": 5, "maximum": 300},
      "kind": {"enum": ["tide", "storm"]},
      "words": {"type": "array", "items": {"type": "string", "maxLength": 8}, "maxItems": 3}},
    "required": ["n", "kind", "words"]})");
  const auto grammar = *text::compile_json_schema(schema);
  std::vector<Request> requests;
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    Request r;
    r.prompt = {1, 2, static_cast<TokenId>(3 + seed)};
    r.max_tokens = 150;
    r.sampling.temperature = seed % 4 == 0 ? 0.0 : 1.5;
    r.sampling.seed = seed;
    r.grammar = grammar;
    requests.push_back(r);
  }
  const auto engine = Engine::create({.max_batch = 8});
  const auto model = load_tiny(*engine, {.context = 160, .kv_tokens = 480});
  std::vector<Answered> alone;
  for (const Request& r : requests) alone.push_back(ask(*engine, model, r));
  std::vector<std::unique_ptr<Generation>> running;
  for (const Request& r : requests) running.push_back(*engine->submit(model, r));
  for (std::size_t i = 0; i < requests.size(); ++i) {
    ASSERT_EQ(read_all(*running[i]), alone[i]);
    ASSERT_EQ(alone[i].reason, FinishReason::stop) << alone[i].text;
    const auto value = nlohmann::ordered_json::parse(alone[i].text, nullptr, false);
    ASSERT_TRUE(value.is_object()) << alone[i].text;
    EXPECT_TRUE(value["n"] >= 5 && value["n"] <= 300) << alone[i].text;
    EXPECT_TRUE(value["kind"] == "tide" || value["kind"] == "storm") << alone[i].text;
    EXPECT_TRUE(value["words"].is_array() && value["words"].size() <= 3) << alone[i].text;
  }
}

TEST(Engine, a_grammar_that_cannot_be_written_or_is_too_ambiguous_ends_in_an_error) {
  const auto engine = Engine::create({});
  const auto model = load_tiny(*engine);
  Request r;
  r.prompt = {1, 2, 3};
  r.ignore_eos = true;
  r.grammar = *text::compile_gbnf("root ::= \"a\"");
  const auto refused = engine->submit(model, r);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("ignore_eos"), std::string::npos);
  r.ignore_eos = false;
  text::GrammarBuilder builder;
  const auto root = builder.declare("root");
  builder.define(root, builder.tag("<|no such token|>"));
  r.grammar = *builder.build(root);
  const auto generation = *engine->submit(model, r);
  EXPECT_EQ(read_all(*generation).reason, FinishReason::error);
  EXPECT_NE(generation->error()->message.find("vocabulary cannot write"), std::string::npos);
}

TEST(Engine, a_full_queue_says_busy) {
  const auto engine = Engine::create({.max_queue = 2, .max_batch = 1});
  const auto model = load_long(*engine);
  Request r;
  r.prompt = {5};
  r.max_tokens = kLong - 1;
  r.ignore_eos = true;
  std::vector<std::unique_ptr<Generation>> held;
  bool busy = false;
  for (int i = 0; i < 10 && !busy; ++i) {
    auto g = engine->submit(model, r);
    if (g) {
      held.push_back(*std::move(g));
    } else {
      busy = g.error().kind == ErrorKind::busy;
    }
  }
  EXPECT_TRUE(busy);
}

TEST(Engine, logits_and_scores_agree_with_each_other) {
  const auto engine = Engine::create({});
  const auto model = load_tiny(*engine, {.exact = true});
  std::vector<TokenId> ids;
  for (int i = 0; i < 50; ++i) ids.push_back((i * 37) % 300);
  const auto rows = *engine->logits(model, ids, false, 0);
  ASSERT_EQ(rows.size(), ids.size());
  const auto last = *engine->logits(model, ids, true, 0);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0], rows.back());
  const auto nll = *engine->score(model, ids);
  ASSERT_EQ(nll.size(), ids.size() - 1);
  for (std::size_t i = 0; i < nll.size(); ++i) {
    double sum = 0;
    for (const float x : rows[i]) sum += std::exp(double{x});
    EXPECT_NEAR(nll[i], std::log(sum) - double{rows[i][static_cast<std::size_t>(ids[i + 1])]},
                1e-5);
  }
  EXPECT_EQ(engine->logits(model, ids, true, 10).error().kind, ErrorKind::invalid);
}

TEST(Engine, a_model_that_does_not_fit_is_refused_with_the_numbers) {
  const auto engine = Engine::create({.memory_budget_bytes = 100'000});
  const auto refused = engine->load("tiny", kTiny);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::too_large);
  EXPECT_NE(refused.error().message.find("weights"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("100 kB are free"), std::string::npos)
      << refused.error().message;
}

TEST(Engine, an_idle_model_makes_room_and_a_held_one_does_not) {
  const auto probe = Engine::create({});
  const std::uint64_t size = load_tiny(*probe, {.context = 64, .kv_tokens = 64})->memory().total();
  const auto engine = Engine::create({.memory_budget_bytes = size + size / 2});
  const LoadOptions options{.context = 64, .kv_tokens = 64};
  ASSERT_TRUE(engine->load("a", kTiny, options));
  ASSERT_TRUE(engine->load("b", kTiny, options));  // a was idle
  EXPECT_EQ(engine->find("a"), nullptr);
  const auto held = engine->find("b");
  ASSERT_NE(held, nullptr);
  EXPECT_EQ(engine->load("c", kTiny, options).error().kind, ErrorKind::too_large);
}

TEST(Engine, the_least_recently_used_of_three_makes_room) {
  const LoadOptions options{.context = 64, .kv_tokens = 64};
  const std::uint64_t size = load_tiny(*Engine::create({}), options)->memory().total();
  const auto engine = Engine::create({.memory_budget_bytes = 3 * size + size / 2});
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(engine->load(id, kTiny, options)) << id;
  EXPECT_EQ(engine->loaded().size(), 3U);
  ASSERT_NE(engine->find("a"), nullptr);  // which is a use
  ASSERT_TRUE(engine->load("d", kTiny, options));
  std::set<std::string> left;
  for (const auto& model : engine->loaded()) left.insert(model->id());
  EXPECT_EQ(left, (std::set<std::string>{"a", "c", "d"}));
}

TEST(Engine, unused_models_leave_after_their_time) {
  const auto engine = Engine::create({});
  ASSERT_TRUE(engine->load("tiny", kTiny));
  engine->set_time_to_live(std::chrono::seconds(1));
  for (int i = 0; i < 200 && !engine->loaded().empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_TRUE(engine->loaded().empty());
}

TEST(Engine, one_model_may_have_its_own_time) {
  const auto engine = Engine::create({});
  ASSERT_TRUE(engine->load("short", kTiny));
  ASSERT_TRUE(engine->load("kept", kTiny));
  engine->set_time_to_live(std::chrono::seconds(1));
  ASSERT_TRUE(engine->set_time_to_live("kept", std::chrono::seconds(0)));
  EXPECT_EQ(engine->set_time_to_live("nobody", std::chrono::seconds(1)).error().kind,
            ErrorKind::not_found);
  for (int i = 0; i < 200 && engine->loaded().size() > 1; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ASSERT_EQ(engine->loaded().size(), 1U);
  EXPECT_EQ(engine->loaded().front()->id(), "kept");
}

TEST(Engine, unloading_a_running_model_lets_its_answers_end) {
  const auto engine = Engine::create({});
  auto model = load_tiny(*engine);
  Request r;
  r.prompt = {5};
  r.max_tokens = 50;
  r.ignore_eos = true;
  auto running = *engine->submit(model, r);
  model.reset();
  ASSERT_TRUE(engine->unload("tiny"));
  EXPECT_EQ(engine->unload("tiny").error().kind, ErrorKind::not_found);
  EXPECT_EQ(read_all(*running).reason, FinishReason::length);
}

TEST(Engine, shutting_down_lets_running_answers_end_and_refuses_new_ones) {
  const auto engine = Engine::create({});
  const auto model = load_tiny(*engine);
  Request r;
  r.prompt = {5};
  r.max_tokens = 30;
  r.ignore_eos = true;
  auto running = *engine->submit(model, r);
  engine->shut_down(std::chrono::seconds(60));
  EXPECT_EQ(read_all(*running).reason, FinishReason::length);
  EXPECT_EQ(engine->submit(model, r).error().kind, ErrorKind::busy);
}

TEST(Engine, destroying_it_ends_what_runs) {
  auto engine = Engine::create({});
  auto model = load_long(*engine);
  Request r;
  r.prompt = {5};
  r.max_tokens = kLong - 1;
  r.ignore_eos = true;
  auto running = *engine->submit(model, r);
  engine.reset();
  EXPECT_EQ(read_all(*running).reason, FinishReason::cancelled);
}

// From the first token on, until the last is about to come: nothing in the process allocates but
// this thread's reading, which it leaves for later.
TEST(Engine, decoding_allocates_nothing) {
  const auto engine = Engine::create({.n_threads = 2});
  const auto model = load_long(*engine);
  Request r;
  r.prompt = {5, 6, 7};
  r.max_tokens = kLong - 3;
  r.ignore_eos = true;
  r.logprobs = true;
  r.top_logprobs = 5;
  r.sampling.repetition_penalty = 1.1;
  r.sampling.top_p = 0.9;
  r.stop = {"never in the text \x01"};
  auto first = *engine->submit(model, r);
  auto second = *engine->submit(model, r);
  ASSERT_TRUE(first->next());
  ASSERT_TRUE(second->next());
  const std::uint64_t before = engine->stats().generated_tokens;
  const std::int64_t allocations = n_allocations();
  while (engine->stats().generated_tokens < before + 300) std::this_thread::yield();
  EXPECT_EQ(n_allocations(), allocations);
}

}  // namespace
}  // namespace hearth::engine
