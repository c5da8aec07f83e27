// embedding_test.cc - embeddings through the engine, of a tiny encoder (tests/golden/hf/bert): the
// same bytes in any company, refusals, cancelling. That the numbers are right is shown by
// models/encoder_test.cc and, for a published model, by embedding_real_test.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "base/str.h"
#include "engine/engine.h"

namespace hearth::engine {
namespace {

using kernels::Pooling;

const char* const kTiny = HEARTH_SOURCE_DIR "/tests/golden/hf/bert/model.gguf";
const char* const kFolder = HEARTH_SOURCE_DIR "/tests/golden/hf/bert";
const char* const kDecoder = HEARTH_SOURCE_DIR "/tests/golden/hf/llama/model.gguf";

std::shared_ptr<const LoadedModel> load(Engine& engine, const char* path,
                                        const LoadOptions& options = {}) {
  auto model = engine.load(cat(path, options.context), path, options);
  EXPECT_TRUE(model) << (model ? "" : model.error().message);
  return *model;
}

Embeddings embed(Engine& engine, const std::shared_ptr<const LoadedModel>& model,
                 EmbeddingRequest request) {
  auto embedding = engine.embed(model, std::move(request));
  EXPECT_TRUE(embedding) << (embedding ? "" : embedding.error().message);
  auto result = (*embedding)->take();
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  EXPECT_TRUE((*embedding)->done());
  return *std::move(result);
}

std::vector<std::vector<TokenId>> random_texts(std::size_t n, std::size_t longest) {
  std::mt19937 random(7);
  std::vector<std::vector<TokenId>> texts(n);
  for (auto& text : texts) {
    text.resize(1 + random() % longest);
    for (TokenId& id : text) id = static_cast<TokenId>(random() % 460);
  }
  texts.front().resize(longest, 5);
  return texts;
}

double length_of(const std::vector<float>& x) {
  return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
}

TEST(Embedding, batches_order_requests_and_threads_give_the_bytes_of_each_text_alone) {
  const auto texts = random_texts(150, 256);
  for (const char* path : {kTiny, kFolder}) {
    std::vector<std::vector<float>> alone;
    {
      const auto engine = Engine::create({.n_threads = 1});
      const auto model = load(*engine, path);
      for (const auto& text : texts) {
        alone.push_back(embed(*engine, model, {.texts = {text}}).vectors[0]);
      }
    }
    for (const int n_threads : {1, 3}) {
      const auto engine = Engine::create({.n_threads = n_threads, .max_batch = 5});
      const auto model = load(*engine, path);
      EXPECT_EQ(embed(*engine, model, {.texts = texts}).vectors, alone);
      auto reversed = texts;
      std::reverse(reversed.begin(), reversed.end());
      auto vectors = embed(*engine, model, {.texts = reversed}).vectors;
      std::reverse(vectors.begin(), vectors.end());
      EXPECT_EQ(vectors, alone);
      // Many requests at once share steps.
      std::vector<std::unique_ptr<Embedding>> running;
      for (const auto& text : texts) {
        running.push_back(*engine->embed(model, {.texts = {text, texts[3]}}));
      }
      for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto result = running[i]->take();
        ASSERT_TRUE(result) << result.error().message;
        EXPECT_EQ(result->vectors, (std::vector{alone[i], alone[3]})) << i;
      }
    }
  }
}

TEST(Embedding, usage_counts_the_tokens_of_all_texts) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, kTiny);
  auto embedding = *engine->embed(model, {.texts = {{2, 5, 3}, {2, 3}, {7}}});
  ASSERT_TRUE(embedding->take());
  EXPECT_EQ(embedding->usage().prompt_tokens, 6);
  EXPECT_EQ(embedding->usage().completion_tokens, 0);
  engine->shut_down(std::chrono::seconds(10));
  EXPECT_EQ(engine->stats().prompt_tokens, 6u);
  EXPECT_EQ(engine->stats().running, 0);
}

TEST(Embedding, vectors_have_unit_length_unless_asked_otherwise) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, kTiny);
  const std::vector<TokenId> text{2, 207, 434, 428, 3};
  const auto unit = embed(*engine, model, {.texts = {text}});
  EXPECT_EQ(unit.d_model, 48);
  ASSERT_EQ(unit.vectors[0].size(), 48u);
  EXPECT_NEAR(length_of(unit.vectors[0]), 1, 1e-6);
  const auto raw = embed(*engine, model, {.texts = {text}, .normalize = false}).vectors[0];
  const double length = length_of(raw);
  EXPECT_GT(std::abs(length - 1), 0.1);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    EXPECT_NEAR(double{raw[i]} / length, unit.vectors[0][i], 1e-6);
  }
}

TEST(Embedding, another_pooling_can_be_asked_for) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, kTiny);
  const std::vector<TokenId> text{2, 207, 434, 428, 3};
  const auto with = [&](Pooling pooling) {
    return embed(*engine, model, {.texts = {text}, .pooling = pooling, .normalize = false})
        .vectors[0];
  };
  const auto rows = embed(*engine, model, {.texts = {text}, .pooling = Pooling::none}).vectors[0];
  ASSERT_EQ(rows.size(), 5u * 48);
  EXPECT_EQ(with(Pooling::first), std::vector(rows.begin(), rows.begin() + 48));
  EXPECT_EQ(with(Pooling::last), std::vector(rows.end() - 48, rows.end()));
  const auto mean = with(Pooling::mean);
  for (std::size_t i = 0; i < 48; ++i) {
    double sum = 0;
    for (std::size_t t = 0; t < 5; ++t) sum += double{rows[t * 48 + i]};
    EXPECT_NEAR(mean[i], sum / 5, 1e-6);
  }
}

TEST(Embedding, a_text_s_tokens_are_framed_and_its_control_tokens_stay_text) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, kTiny);
  EXPECT_EQ(*model->text_ids(""), (std::vector<TokenId>{2, 3}));
  const auto ids = *model->text_ids("the [SEP]");
  EXPECT_EQ(ids.front(), 2);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 3), 1) << "the one at the end";
}

TEST(Embedding, what_cannot_be_embedded_is_refused) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, kTiny);
  const auto fault = [&](EmbeddingRequest request) {
    auto embedding = engine->embed(model, std::move(request));
    EXPECT_FALSE(embedding);
    return embedding ? Error{} : embedding.error();
  };
  EXPECT_EQ(fault({}).kind, ErrorKind::invalid);
  EXPECT_EQ(fault({.texts = {{}}}).kind, ErrorKind::invalid);
  const Error outside = fault({.texts = {{1}, {464}}});
  EXPECT_EQ(outside.kind, ErrorKind::invalid);
  EXPECT_NE(outside.message.find("token 0 of text 1 is 464"), std::string::npos) << outside.message;
  EXPECT_EQ(fault({.texts = {{-1}}}).kind, ErrorKind::invalid);
  const Error longer = fault({.texts = {{1}, std::vector<TokenId>(257, 5)}});
  EXPECT_EQ(longer.kind, ErrorKind::context_overflow);
  EXPECT_NE(longer.message.find("256"), std::string::npos) << longer.message;
  EXPECT_NE(longer.message.find("Text 1 has 257"), std::string::npos) << longer.message;
}

TEST(Embedding, each_kind_of_model_refuses_the_other_s_work) {
  const auto engine = Engine::create({});
  const auto encoder = load(*engine, kTiny), decoder = load(*engine, kDecoder);
  EXPECT_EQ(encoder->kind(), models::ModelKind::encoder);
  EXPECT_EQ(decoder->kind(), models::ModelKind::decoder);
  const auto expect_refusal = [](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::unsupported);
    EXPECT_NE(result.error().message.find("embedding model"), std::string::npos)
        << result.error().message;
  };
  const std::vector<TokenId> ids{1, 2, 3};
  expect_refusal(engine->embed(decoder, {.texts = {ids}}));
  expect_refusal(engine->submit(encoder, {.prompt = ids}));
  expect_refusal(engine->logits(encoder, ids, true, 0));
  expect_refusal(engine->score(encoder, ids));
  expect_refusal(encoder->render_chat({}, {}, {}, true));
}

TEST(Embedding, the_context_bounds_a_text_and_may_not_pass_the_model_s) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, kTiny, {.context = 20});
  EXPECT_TRUE(engine->embed(model, {.texts = {std::vector<TokenId>(20, 5)}}));
  EXPECT_FALSE(engine->embed(model, {.texts = {std::vector<TokenId>(21, 5)}}));
  const auto longer = engine->load("longer", kTiny, {.context = 257});
  ASSERT_FALSE(longer);
  EXPECT_NE(longer.error().message.find("256"), std::string::npos) << longer.error().message;
}

class EmbeddingFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::copy(kFolder, folder_, std::filesystem::copy_options::recursive);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, std::string_view content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  std::filesystem::path folder_;
};

TEST_F(EmbeddingFolder, texts_end_where_the_makers_cut_them_unless_a_longer_context_is_asked_for) {
  write("sentence_bert_config.json", R"({"max_seq_length": 40})");
  const auto engine = Engine::create({});
  const auto model = load(*engine, folder_.c_str());
  EXPECT_EQ(model->context(), 40);
  EXPECT_FALSE(engine->embed(model, {.texts = {std::vector<TokenId>(41, 5)}}));
  const auto longer = load(*engine, folder_.c_str(), {.context = 256});
  EXPECT_TRUE(engine->embed(longer, {.texts = {std::vector<TokenId>(256, 5)}}));
}

TEST_F(EmbeddingFolder, without_the_step_normalize_lengths_stay_as_they_are) {
  write("modules.json", R"([{"path":"","type":"sentence_transformers.models.Transformer"},
                            {"path":"1_Pooling","type":"sentence_transformers.models.Pooling"}])");
  const auto engine = Engine::create({});
  const auto model = load(*engine, folder_.c_str());
  const EmbeddingRequest request{.texts = {{2, 207, 434, 3}}};
  const auto vector = embed(*engine, model, request).vectors[0];
  EXPECT_GT(std::abs(length_of(vector) - 1), 0.1);
}

TEST_F(EmbeddingFolder, without_a_pooling_one_must_be_asked_for) {
  std::filesystem::remove_all(folder_ / "1_Pooling");
  std::filesystem::remove(folder_ / "modules.json");
  const auto engine = Engine::create({});
  const auto model = load(*engine, folder_.c_str());
  const auto refused = engine->embed(model, {.texts = {{2, 3}}});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("pooling"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(engine->embed(model, {.texts = {{2, 3}}, .pooling = Pooling::mean}));
}

TEST(Embedding, cancelled_and_dropped_requests_free_their_place) {
  const auto engine = Engine::create({.n_threads = 1});
  const auto model = load(*engine, kTiny);
  auto long_list = *engine->embed(model, {.texts = random_texts(5000, 256)});
  {
    const auto dropped = *engine->embed(model, {.texts = random_texts(5000, 256)});
  }
  // A short list is not kept waiting by the long one.
  ASSERT_TRUE((*engine->embed(model, {.texts = {{2, 3}}}))->take());
  EXPECT_FALSE(long_list->done());
  long_list->cancel();
  const auto result = long_list->take();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::cancelled);
  engine->shut_down(std::chrono::seconds(10));
  EXPECT_EQ(engine->stats().running + engine->stats().queued, 0);
  EXPECT_EQ(engine->embed(model, {.texts = {{2, 3}}}).error().kind, ErrorKind::busy);
}

TEST(Embedding, the_end_is_told_once_it_is_there) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, kTiny);
  std::promise<void> told;
  auto embedding = *engine->embed(model, {.texts = random_texts(300, 200)});
  embedding->on_ready([&told] { told.set_value(); });
  ASSERT_EQ(told.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  EXPECT_TRUE(embedding->done());
  bool at_once = false;
  embedding->on_ready([&at_once] { at_once = true; });
  EXPECT_TRUE(at_once);
}

TEST(Embedding, destroying_the_engine_ends_what_runs) {
  std::unique_ptr<Embedding> embedding;
  {
    const auto engine = Engine::create({.n_threads = 1});
    embedding = *engine->embed(load(*engine, kTiny), {.texts = random_texts(5000, 256)});
  }
  EXPECT_FALSE(embedding->take());
}

TEST(Embedding, weights_that_are_no_numbers_are_an_error_and_not_a_vector) {
  std::ifstream in(kTiny, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::fill(bytes.end() - 64, bytes.end(), '\xff');  // NaN
  const std::string path = cat(testing::TempDir(), "embedding_test_nan.gguf");
  std::ofstream(path, std::ios::binary) << bytes;
  const auto engine = Engine::create({});
  const auto result =
      (*engine->embed(load(*engine, path.c_str()), {.texts = {{2, 5, 3}, {2, 3}}}))->take();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::corrupt);
  EXPECT_NE(result.error().message.find("text 0"), std::string::npos) << result.error().message;
  std::filesystem::remove(path);
}

TEST(Embedding, an_encoder_that_does_not_fit_is_refused_with_the_numbers) {
  const auto engine = Engine::create({.memory_budget_bytes = 400'000});
  const auto refused = engine->load("tiny", kTiny);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::too_large);
  EXPECT_NE(refused.error().message.find("400 kB are free"), std::string::npos)
      << refused.error().message;
}

}  // namespace
}  // namespace hearth::engine
