// llama_test.cc - the Llama graph against Hugging Face's logits of two tiny random models, and the
// promise that cutting and mixing batches changes no bit.
#include "models/llama.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "base/str.h"
#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/isa.h"
#include "models/registry.h"

namespace hearth::models {
namespace {

using kernels::CpuOps;
using kernels::kPage;

constexpr std::int32_t kMaxRows = 256;

struct TinyModel {
  explicit TinyModel(const std::string& name, bool exact, const kernels::CpuKernels& isa,
                     int n_threads = 2)
      : pool(n_threads),
        ops(isa, pool,
            {.max_rows = kMaxRows,
             .max_output_rows = kMaxRows,
             .max_positions = 256,
             .exact = exact}) {
    checkpoint =
        *formats::open_checkpoint(cat(HEARTH_SOURCE_DIR "/tests/golden/hf/", name, "/model.gguf"));
    auto built = build(*checkpoint, ops);
    CHECK(built.has_value(), "the golden model loads");
    model = *std::move(built);
    CHECK(ops.allocate(model->info().kv, 64).has_value(), "it fits");
  }

  // Logits of every given row; sequences are {tokens, first position, pages}.
  struct Piece {
    std::vector<std::int32_t> tokens;
    std::int32_t first_position;
    const std::vector<std::int32_t>* pages;
  };
  std::vector<std::vector<float>> forward(const std::vector<Piece>& pieces) {
    std::vector<std::int32_t> tokens, positions, outputs;
    std::vector<kernels::SequenceRows> rows;
    for (const Piece& p : pieces) {
      const auto n = static_cast<std::int32_t>(p.tokens.size());
      rows.push_back(
          {static_cast<std::int32_t>(tokens.size()), n, p.first_position, p.pages->data()});
      for (std::int32_t i = 0; i < n; ++i) {
        outputs.push_back(static_cast<std::int32_t>(tokens.size()));
        tokens.push_back(p.tokens[static_cast<std::size_t>(i)]);
        positions.push_back(p.first_position + i);
      }
    }
    const kernels::Batch batch{tokens, positions, rows, outputs};
    ops.begin(batch);
    model->forward(batch, ops);
    const Rows<float> logits = ops.rows(model->logits());
    std::vector<std::vector<float>> out;
    for (std::int64_t i = 0; i < logits.n_rows; ++i) {
      out.emplace_back(logits.row(i), logits.row(i) + logits.n_cols);
    }
    return out;
  }

  ThreadPool pool;
  CpuOps ops;
  std::shared_ptr<const formats::Checkpoint> checkpoint;
  std::unique_ptr<Model> model;
};

nlohmann::json expected(const std::string& name) {
  std::ifstream file(cat(HEARTH_SOURCE_DIR "/tests/golden/hf/", name, "/expected.json"));
  return nlohmann::json::parse(file);
}

std::vector<std::int32_t> pages_from(std::int32_t first, std::int32_t n) {
  std::vector<std::int32_t> pages(static_cast<std::size_t>(n));
  std::iota(pages.begin(), pages.end(), first);
  return pages;
}

class Golden : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, Golden, testing::Values("llama", "llama_tied"),
                         [](const auto& test) { return std::string(test.param); });

void expect_close(const std::vector<float>& row, const nlohmann::json& values,
                  const nlohmann::json& ids) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double want = values[i].get<double>();
    const std::size_t id = ids.is_null() ? i : ids[i].get<std::size_t>();
    ASSERT_NEAR(row[id], want, 1e-4 + 1e-4 * std::abs(want)) << "token " << id;
  }
}

TEST_P(Golden, exact_logits_match_hugging_face_at_every_position) {
  const nlohmann::json e = expected(GetParam());
  TinyModel tiny(GetParam(), true, **kernels::choose_kernels(""));
  const auto pages = pages_from(3, 16);
  const auto short_ids = e["short"]["ids"].get<std::vector<std::int32_t>>();
  const auto rows = tiny.forward({{short_ids, 0, &pages}});
  for (std::size_t p = 0; p < rows.size(); ++p) {
    expect_close(rows[p], e["short"]["probe_logits"][p], e["probe_ids"]);
  }
  expect_close(rows.back(), e["short"]["last_logits"], {});
  const auto long_ids = e["long"]["ids"].get<std::vector<std::int32_t>>();
  const auto long_rows = tiny.forward({{long_ids, 0, &pages}});
  for (std::size_t i = 0; i < e["long"]["positions"].size(); ++i) {
    const auto p = e["long"]["positions"][i].get<std::size_t>();
    expect_close(long_rows[p], e["long"]["probe_logits"][i], e["probe_ids"]);
  }
  expect_close(long_rows.back(), e["long"]["last_logits"], {});
}

TEST_P(Golden, greedy_continuations_are_equal) {
  const nlohmann::json e = expected(GetParam());
  TinyModel tiny(GetParam(), true, **kernels::choose_kernels(""));
  const auto pages = pages_from(0, 16);
  for (const auto& item : e["greedy"]) {
    auto next = item["ids"].get<std::vector<std::int32_t>>();
    std::int32_t position = 0;
    for (const auto& want : item["new_ids"]) {
      const std::vector<float> last = tiny.forward({{next, position, &pages}}).back();
      position += static_cast<std::int32_t>(next.size());
      const auto best =
          static_cast<std::int32_t>(std::max_element(last.begin(), last.end()) - last.begin());
      ASSERT_EQ(best, want.get<std::int32_t>()) << "position " << position;
      next = {best};
    }
  }
}

TEST_P(Golden, cutting_a_prompt_mixing_sequences_and_threads_change_no_bit) {
  const nlohmann::json e = expected(GetParam());
  const auto ids = e["long"]["ids"].get<std::vector<std::int32_t>>();
  const auto other = e["short"]["ids"].get<std::vector<std::int32_t>>();
  const auto pages = pages_from(0, 16), far = pages_from(20, 16);
  TinyModel reference(GetParam(), false, **kernels::choose_kernels(""));
  const auto want = reference.forward({{ids, 0, &pages}});
  for (const int n_threads : {1, 3}) {
    TinyModel tiny(GetParam(), false, **kernels::choose_kernels(""), n_threads);
    std::mt19937 random(5);
    std::size_t done = 0;
    while (done < ids.size()) {
      const std::size_t n = std::min<std::size_t>(1 + random() % 37, ids.size() - done);
      const auto from = ids.begin() + static_cast<std::ptrdiff_t>(done);
      const std::vector<std::int32_t> cut(from, from + static_cast<std::ptrdiff_t>(n));
      const auto got =
          tiny.forward({{other, 0, &far}, {cut, static_cast<std::int32_t>(done), &pages}});
      for (std::size_t i = 0; i < n; ++i)
        ASSERT_EQ(got[other.size() + i], want[done + i]) << done + i;
      done += n;
    }
  }
}

TEST_P(Golden, every_isa_gives_the_same_bits) {
  const auto ids = expected(GetParam())["short"]["ids"].get<std::vector<std::int32_t>>();
  const auto pages = pages_from(0, 16);
  TinyModel generic(GetParam(), false, kernels::generic_kernels());
  const auto want = generic.forward({{ids, 0, &pages}});
  for (const kernels::CpuKernels* isa : kernels::runnable_kernels()) {
    TinyModel tiny(GetParam(), false, *isa);
    EXPECT_EQ(tiny.forward({{ids, 0, &pages}}), want) << isa->isa;
  }
}

// What a damaged or foreign checkpoint is refused with.
std::string fault(const std::function<void(formats::Checkpoint&)>& damage) {
  const auto original =
      *formats::open_checkpoint(HEARTH_SOURCE_DIR "/tests/golden/hf/llama/model.gguf");
  formats::Checkpoint file = *original;
  damage(file);
  EXPECT_TRUE(file.index());
  ThreadPool pool(1);
  CpuOps ops(
      kernels::generic_kernels(), pool,
      {.max_rows = 1, .max_output_rows = 1, .max_positions = 16, .measure = kernels::Measure::yes});
  const auto built = build(file, ops);
  return built ? "it was accepted" : built.error().message;
}

Tensor& tensor(formats::Checkpoint& file, const std::string& name) {
  const auto at = std::find_if(file.tensors.begin(), file.tensors.end(),
                               [&](const Tensor& t) { return t.name == name; });
  CHECK(at != file.tensors.end(), "the golden file has it");
  return *at;
}

TEST(Llama, a_missing_tensor_is_named) {
  const std::string message =
      fault([](auto& file) { tensor(file, "blk.1.attn_k.weight").name = "spare"; });
  EXPECT_NE(message.find("blk.1.attn_k.weight is missing"), std::string::npos) << message;
}

TEST(Llama, a_tensor_of_another_shape_is_named_with_both_shapes) {
  const std::string message = fault([](auto& file) {
    Tensor& t = tensor(file, "blk.0.ffn_down.weight");
    std::swap(t.shape.dims[0], t.shape.dims[1]);
  });
  EXPECT_NE(message.find("blk.0.ffn_down.weight is [72, 64]; expected [64, 72]"), std::string::npos)
      << message;
}

TEST(Llama, a_tensor_without_a_place_is_refused) {
  const std::string message = fault([](auto& file) {
    Tensor extra = tensor(file, "blk.0.attn_norm.weight");
    extra.name = "blk.0.attn_q.bias";
    file.tensors.push_back(extra);
  });
  EXPECT_NE(message.find("blk.0.attn_q.bias"), std::string::npos) << message;
}

TEST(Llama, impossible_sizes_are_refused_by_key) {
  const auto set = [](const char* key, std::int64_t value) {
    return fault([=](auto& file) { file.metadata[key] = value; });
  };
  EXPECT_NE(set("llama.block_count", 0).find("block_count is 0"), std::string::npos);
  EXPECT_NE(set("llama.block_count", 1 << 20).find("block_count"), std::string::npos);
  EXPECT_NE(set("llama.attention.head_count_kv", 3).find("multiple"), std::string::npos);
  EXPECT_NE(set("llama.rope.dimension_count", 15).find("rope.dimension_count is 15"),
            std::string::npos);
  EXPECT_NE(set("llama.embedding_length", -4).find("embedding_length is -4"), std::string::npos);
  EXPECT_NE(set("llama.expert_count", 8).find("experts"), std::string::npos);
  EXPECT_NE(fault([](auto& file) { file.metadata.erase("llama.block_count"); }).find("block_count"),
            std::string::npos);
}

TEST(Registry, an_unknown_architecture_is_refused_with_the_known_ones) {
  const std::string message = fault([](auto& file) { file.architecture = "frobnicator"; });
  EXPECT_NE(message.find("frobnicator"), std::string::npos);
  EXPECT_NE(message.find("llama"), std::string::npos);
}

}  // namespace
}  // namespace hearth::models
