// encoder_test.cc - the encoders, from both forms their files come in, against Hugging Face's
// hidden states of a tiny random model, and the promise that neither company, threads nor
// instruction set change a bit of a text's rows. golden_test.cc does this for decoders.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "base/str.h"
#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/isa.h"
#include "kernels/pool.h"
#include "models/registry.h"

namespace hearth::models {
namespace {

using kernels::CpuOps;
using kernels::kPage;
using kernels::Pooling;

const std::string kFolder = HEARTH_SOURCE_DIR "/tests/golden/hf/bert";
const std::string kFile = kFolder + "/model.gguf";

using Matrix = std::vector<std::vector<float>>;

struct Text {
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> types = {};  // empty: all 0
  Pooling pooling = Pooling::none;
  bool normalize = false;
};

struct Encoder {
  Encoder(const std::string& path, bool exact, const kernels::CpuKernels& isa, int n_threads = 2)
      : pool(n_threads),
        ops(isa, pool,
            {.max_rows = 512, .max_output_rows = 1, .max_positions = 256, .exact = exact}) {
    auto opened = formats::open_checkpoint(path);
    CHECK(opened.has_value(), opened ? "" : opened.error().message.c_str());
    checkpoint = *opened;
    auto built = build(*checkpoint, ops);
    CHECK(built.has_value(), built ? "" : built.error().message.c_str());
    model = *std::move(built);
    CHECK(ops.allocate(model->info().kv, 64).has_value(), "it fits");
  }

  // The pooled rows of each text, all computed in one batch.
  std::vector<Matrix> forward(const std::vector<Text>& texts) {
    std::vector<std::int32_t> tokens, positions, types;
    std::vector<std::int32_t> pages(64);
    std::iota(pages.begin(), pages.end(), 0);
    std::vector<kernels::SequenceRows> rows;
    const std::int32_t* next_page = pages.data();
    for (const Text& t : texts) {
      const auto n = static_cast<std::int32_t>(t.tokens.size());
      rows.push_back({.first_row = static_cast<std::int32_t>(tokens.size()),
                      .n_rows = n,
                      .first_position = 0,
                      .pages = next_page,
                      .planned_length = n,
                      .pooling = t.pooling,
                      .normalize = t.normalize});
      next_page += (n + kPage - 1) / kPage;
      for (std::int32_t i = 0; i < n; ++i) positions.push_back(i);
      tokens.insert(tokens.end(), t.tokens.begin(), t.tokens.end());
      std::vector<std::int32_t> own = t.types;
      own.resize(t.tokens.size());
      types.insert(types.end(), own.begin(), own.end());
    }
    const kernels::Batch batch{tokens, positions, rows, {}, types};
    ops.begin(batch);
    model->forward(batch, ops);
    const Rows<float> all = ops.rows(model->embeddings());
    std::vector<Matrix> out;
    std::int64_t row = 0;
    for (const Text& t : texts) {
      Matrix& own = out.emplace_back();
      const auto n = static_cast<std::int64_t>(t.tokens.size());
      for (std::int64_t i = 0; i < kernels::n_pooled_rows(t.pooling, n); ++i, ++row) {
        own.emplace_back(all.row(row), all.row(row) + all.n_cols);
      }
    }
    EXPECT_EQ(row, all.n_rows);
    return out;
  }

  ThreadPool pool;
  CpuOps ops;
  std::shared_ptr<const formats::Checkpoint> checkpoint;
  std::unique_ptr<Model> model;
};

const nlohmann::json& cases() {
  static const nlohmann::json all =
      nlohmann::json::parse(std::ifstream(kFolder + "/expected.json"))["cases"];
  return all;
}

struct Case {
  std::string name;
  Text text;  // without its padding
  const nlohmann::json *hidden, *positions, *mean, *mean_normalized, *first_normalized;
};

// A padded row of a case becomes the text that it is without its padding.
std::vector<Case> golden_texts() {
  std::vector<Case> texts;
  for (const nlohmann::json& c : cases()) {
    for (std::size_t row = 0; row < c["input_ids"].size(); ++row) {
      Case one{.name = cat(c["name"].get<std::string>(), " ", row),
               .text = {c["input_ids"][row].get<std::vector<std::int32_t>>()},
               .hidden = &c["last_hidden_state"][row],
               .positions = c.contains("positions") ? &c["positions"] : nullptr,
               .mean = &c["mean_pooled"][row],
               .mean_normalized = &c["mean_normalised"][row],
               .first_normalized = &c["cls_normalised"][row]};
      std::size_t n = 0;
      for (const nlohmann::json& real : c["attention_mask"][row]) n += real.get<std::size_t>();
      one.text.tokens.resize(n);
      if (c.contains("token_type_ids")) {
        one.text.types = c["token_type_ids"][row].get<std::vector<std::int32_t>>();
      }
      texts.push_back(std::move(one));
    }
  }
  return texts;
}

void expect_close(const std::vector<float>& row, const nlohmann::json& values,
                  const std::string& what) {
  ASSERT_EQ(row.size(), values.size()) << what;
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double want = values[i].get<double>();
    largest = std::max(largest, std::abs(want));
    difference = std::max(difference, std::abs(static_cast<double>(row[i]) - want));
  }
  EXPECT_LE(difference, 2e-5 * largest) << what;
}

class EncoderForm : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, EncoderForm, testing::Values("model.gguf", "."),
                         [](const auto& test) { return test.param[0] == '.' ? "folder" : "gguf"; });

TEST_P(EncoderForm, hidden_states_and_embeddings_match_hugging_face) {
  Encoder tiny(kFolder + "/" + GetParam(), true, **kernels::choose_kernels(""));
  for (const Case& c : golden_texts()) {
    const auto as = [&](Pooling pooling, bool normalize) {
      Text text = c.text;
      text.pooling = pooling;
      text.normalize = normalize;
      return tiny.forward({text})[0];
    };
    const Matrix hidden = as(Pooling::none, false);
    const std::size_t n_known = c.hidden->size();
    if (c.positions == nullptr) {
      ASSERT_EQ(n_known, hidden.size()) << c.name;
    }
    for (std::size_t i = 0; i < n_known; ++i) {
      const auto position = c.positions == nullptr ? i : (*c.positions)[i].get<std::size_t>();
      expect_close(hidden[position], (*c.hidden)[i], cat(c.name, ", position ", position));
    }
    expect_close(as(Pooling::mean, false)[0], *c.mean, c.name + ", mean");
    expect_close(as(Pooling::mean, true)[0], *c.mean_normalized, c.name + ", mean, unit length");
    expect_close(as(Pooling::first, true)[0], *c.first_normalized, c.name + ", first, unit length");
    EXPECT_EQ(as(Pooling::last, false)[0], hidden.back()) << c.name;
  }
}

std::vector<Text> mixed_texts() {
  std::vector<Text> texts;
  const Pooling ways[] = {Pooling::mean, Pooling::none, Pooling::first, Pooling::last};
  for (const Case& c : golden_texts()) {
    Text text = c.text;
    text.pooling = ways[texts.size() % std::size(ways)];
    text.normalize = texts.size() % 3 == 0;
    texts.push_back(std::move(text));
  }
  texts.push_back({.tokens = {7}, .pooling = Pooling::mean});
  return texts;
}

TEST(Encoder, company_order_and_threads_change_no_bit) {
  for (const bool exact : {false, true}) {
    std::vector<Text> texts = mixed_texts();
    Encoder one(kFile, exact, **kernels::choose_kernels(""), 1);
    std::vector<Matrix> alone;
    for (const Text& text : texts) alone.push_back(one.forward({text})[0]);
    for (const int n_threads : {1, 3}) {
      Encoder tiny(kFile, exact, **kernels::choose_kernels(""), n_threads);
      EXPECT_EQ(tiny.forward(texts), alone) << n_threads;
      std::vector<Text> backwards(texts.rbegin(), texts.rend());
      std::vector<Matrix> got = tiny.forward(backwards);
      std::reverse(got.begin(), got.end());
      EXPECT_EQ(got, alone) << n_threads;
    }
  }
}

TEST(Encoder, every_isa_gives_the_same_bits) {
  const std::vector<Text> texts = mixed_texts();
  Encoder generic(kFile, false, kernels::generic_kernels());
  const auto want = generic.forward(texts);
  for (const kernels::CpuKernels* isa : kernels::runnable_kernels()) {
    Encoder tiny(kFile, false, *isa);
    EXPECT_EQ(tiny.forward(texts), want) << isa->isa;
  }
}

TEST(Encoder, the_file_says_how_rows_become_an_embedding) {
  for (const std::string& path : {kFile, kFolder}) {
    const Encoder tiny(path, false, **kernels::choose_kernels(""));
    const ModelInfo& info = tiny.model->info();
    EXPECT_EQ(info.kind, ModelKind::encoder);
    EXPECT_EQ(info.pooling, Pooling::mean) << path;
    EXPECT_TRUE(info.normalize) << path;
    EXPECT_EQ(info.d_model, 48);
    EXPECT_EQ(info.context_length, 256);
  }
}

}  // namespace
}  // namespace hearth::models
