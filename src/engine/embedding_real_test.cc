// embedding_real_test.cc - all-MiniLM-L6-v2 through the engine, against float32 embeddings of
// Hugging Face (tests/golden/minilm).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/str.h"
#include "engine/engine.h"

namespace hearth::engine {
namespace {

const char* const kMiniLm = HEARTH_SOURCE_DIR "/.model/all-minilm-l6-v2";  // tools/fetch_minilm

const nlohmann::json& texts() {
  static const nlohmann::json all = nlohmann::json::parse(
      std::ifstream(HEARTH_SOURCE_DIR "/tests/golden/minilm/expected.json"))["texts"];
  return all;
}

std::shared_ptr<const LoadedModel> load(Engine& engine, const LoadOptions& options) {
  auto model = engine.load("minilm", kMiniLm, options);
  EXPECT_TRUE(model) << (model ? "" : model.error().message);
  return *model;
}

std::vector<std::vector<float>> embed(Engine& engine,
                                      const std::shared_ptr<const LoadedModel>& model,
                                      std::vector<std::vector<TokenId>> ids) {
  auto embedding = engine.embed(model, {.texts = std::move(ids)});
  EXPECT_TRUE(embedding) << (embedding ? "" : embedding.error().message);
  return (*embedding)->take()->vectors;
}

struct Distance {
  double cosine = 0, largest = 0;
};
Distance distance(const std::vector<float>& got, const nlohmann::json& want) {
  Distance d;
  double got_length = 0, want_length = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double x = double{got[i]}, y = want[i].get<double>();
    d.cosine += x * y;
    got_length += x * x;
    want_length += y * y;
    d.largest = std::max(d.largest, std::abs(x - y));
  }
  d.cosine /= std::sqrt(got_length * want_length);
  return d;
}

std::vector<std::vector<TokenId>> ids_of(const char* key) {
  std::vector<std::vector<TokenId>> all;
  for (const auto& text : texts()) {
    if (text.contains(key)) all.push_back(text[key].get<std::vector<TokenId>>());
  }
  return all;
}

// Float32 weights are multiplied as they are, so `exact` makes no difference to this model.
class MiniLmGolden : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, MiniLmGolden, testing::Bool(),
                         [](const auto& test) { return test.param ? "exact" : "fast"; });

TEST_P(MiniLmGolden, embeddings_are_those_of_the_reference_together_and_alone) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, {.exact = GetParam()});
  EXPECT_EQ(model->context(), 256);
  const auto got = embed(*engine, model, ids_of("ids"));
  ASSERT_EQ(got.size(), texts().size());
  Distance worst{1, 0};
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].size(), 384u);
    const Distance d = distance(got[i], texts()[i]["embedding"]);
    EXPECT_GE(d.cosine, 0.999999) << texts()[i]["text"];
    EXPECT_LE(d.largest, 2e-5) << texts()[i]["text"];
    worst = {std::min(worst.cosine, d.cosine), std::max(worst.largest, d.largest)};
    EXPECT_EQ(embed(*engine, model, {texts()[i]["ids"]})[0], got[i]) << "alone";
  }
  RecordProperty("largest_difference", cat(worst.largest));
  RecordProperty("one_minus_smallest_cosine", cat(1 - worst.cosine));
}

TEST(MiniLm, a_longer_context_gives_the_embeddings_of_longer_texts) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, {.context = 512, .exact = true});
  const auto got = embed(*engine, model, ids_of("ids_512"));
  std::size_t n = 0;
  for (const auto& text : texts()) {
    if (!text.contains("embedding_512")) continue;
    EXPECT_GE(distance(got[n++], text["embedding_512"]).cosine, 0.999999);
  }
  EXPECT_EQ(n, 2u);
}

// The reference reads control tokens in a text as such; a user's text stays text in Hearth. So the
// text is trusted here, for the sake of one of them.
TEST(MiniLm, texts_have_the_reference_s_tokens_and_longer_ones_are_refused) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, {});
  for (const auto& text : texts()) {
    const auto content = text["text"].get<std::string>();
    auto ids = model->tokenizer().encode(content, true, {.add_special = true})->ids;
    if (content.find("[CLS]") == std::string::npos) {
      EXPECT_EQ(*model->text_ids(content), ids) << content;
    }
    if (text.contains("full_length")) {
      EXPECT_EQ(ids.size(), text["full_length"].get<std::size_t>());
      const auto refused = engine->embed(model, {.texts = {ids}});
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().kind, ErrorKind::context_overflow);
      ids.resize(255);
      ids.push_back(102);  // as the reference cuts
    }
    EXPECT_EQ(ids, text["ids"].get<std::vector<TokenId>>()) << content;
  }
}

TEST(MiniLm, sentences_of_one_meaning_are_closer_than_of_two) {
  const auto engine = Engine::create({});
  const auto model = load(*engine, {});
  std::vector<std::vector<TokenId>> ids;
  for (const char* text : {"How do I reset my password?", "Steps to recover a forgotten login",
                           "The stock market fell sharply on Friday."}) {
    ids.push_back(*model->text_ids(text));
  }
  const auto v = embed(*engine, model, ids);
  EXPECT_GT(distance(v[0], v[1]).cosine, distance(v[0], v[2]).cosine + 0.3);
}

}  // namespace
}  // namespace hearth::engine
