// golden_test.cc - every architecture, from every form its files come in, against Hugging Face's
// logits of a tiny random model, and the promise that cutting and mixing batches changes no bit. A
// model is one name in the table below and one folder of tests/golden/hf/.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
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

const std::filesystem::path kGolden = HEARTH_SOURCE_DIR "/tests/golden/hf";

std::string gguf_of(const std::string& name) { return kGolden / name / "model.gguf"; }

// `path` is a model file or folder.
struct TinyModel {
  explicit TinyModel(const std::string& path, bool exact, const kernels::CpuKernels& isa,
                     int n_threads = 2)
      : pool(n_threads),
        ops(isa, pool,
            {.max_rows = kMaxRows,
             .max_output_rows = kMaxRows,
             .max_positions = 256,
             .exact = exact}) {
    auto opened = formats::open_checkpoint(path);
    CHECK(opened.has_value(), opened ? "" : opened.error().message.c_str());
    checkpoint = *opened;
    auto built = build(*checkpoint, ops);
    CHECK(built.has_value(), built ? "" : built.error().message.c_str());
    model = *std::move(built);
    CHECK(ops.allocate(model->info().kv, 64).has_value(), "it fits");
  }

  // Logits of every given row; a piece is of a sequence that will have `planned` tokens.
  struct Piece {
    std::vector<std::int32_t> tokens;
    std::int32_t first_position;
    const std::vector<std::int32_t>* pages;
    std::size_t planned;
  };
  std::vector<std::vector<float>> forward(const std::vector<Piece>& pieces) {
    std::vector<std::int32_t> tokens, positions, outputs;
    std::vector<kernels::SequenceRows> rows;
    for (const Piece& p : pieces) {
      const auto n = static_cast<std::int32_t>(p.tokens.size());
      rows.push_back({static_cast<std::int32_t>(tokens.size()), n, p.first_position,
                      p.pages->data(), static_cast<std::int64_t>(p.planned)});
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
  std::ifstream file(kGolden / name / "expected.json");
  return nlohmann::json::parse(file);
}

std::vector<std::int32_t> pages_from(std::int32_t first, std::int32_t n) {
  std::vector<std::int32_t> pages(static_cast<std::size_t>(n));
  std::iota(pages.begin(), pages.end(), first);
  return pages;
}

constexpr const char* kNames[] = {
    // clang-format off
    "gemma3",
    "gpt_oss",
    "llama",
    "llama_tied",
    "mistral",
    "phi3",
    "qwen2",
    "qwen3",
    // clang-format on
};

// Bits: of the GGUF file.
class Golden : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, Golden, testing::ValuesIn(kNames),
                         [](const auto& test) { return std::string(test.param); });

struct Form {
  std::string name;    // of the folder with expected.json
  std::string folder;  // of the model's files
  std::string config;  // "": the GGUF file; else the folder, with this file as its config.json
};

std::vector<Form> forms() {
  std::vector<Form> all;
  for (const std::string name : kNames) {
    for (const char* config : {"", "config.json", "config.v5.json"}) {
      all.push_back({name, name, config});
    }
  }
  all.push_back({"gpt_oss", "gpt_oss_dequant", "config.json"});
  return all;
}

class GoldenForm : public testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              cat("hearth-golden-", ::getpid(), "-", GetParam().folder, GetParam().config);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path() const {
    const Form& form = GetParam();
    if (form.config.empty()) return gguf_of(form.folder);
    for (const char* file : {"model.safetensors", "generation_config.json", "tokenizer.json",
                             "tokenizer_config.json", "chat_template.jinja"}) {
      const auto from = kGolden / form.folder / file;
      if (std::filesystem::exists(from)) link(from, file);
    }
    link(kGolden / form.folder / form.config, "config.json");
    return folder_;
  }

 private:
  void link(const std::filesystem::path& from, const char* as) const {
    std::filesystem::create_symlink(from, folder_ / as);
  }
  std::filesystem::path folder_;
};
INSTANTIATE_TEST_SUITE_P(, GoldenForm, testing::ValuesIn(forms()), [](const auto& test) {
  const Form& form = test.param;
  const bool v5 = form.config == "config.v5.json";
  return form.folder + (form.config.empty() ? "_gguf" : v5 ? "_folder_v5" : "_folder");
});

// Compares a row with `values`, of all ids or of the given ones; keeps the worst difference
// relative to the largest of them.
void expect_close(const std::vector<float>& row, const nlohmann::json& values,
                  const nlohmann::json& ids, double& worst) {
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double want = values[i].get<double>();
    const std::size_t id = ids.is_null() ? i : ids[i].get<std::size_t>();
    ASSERT_NEAR(row[id], want, 1e-4 + 1e-4 * std::abs(want)) << "token " << id;
    largest = std::max(largest, std::abs(want));
    difference = std::max(difference, std::abs(static_cast<double>(row[id]) - want));
  }
  worst = std::max(worst, difference / largest);
}

TEST_P(GoldenForm, exact_logits_match_hugging_face_at_every_position) {
  const nlohmann::json e = expected(GetParam().name);
  TinyModel tiny(path(), true, **kernels::choose_kernels(""));
  const auto pages = pages_from(3, 16);
  double worst = 0;
  const auto short_ids = e["short"]["ids"].get<std::vector<std::int32_t>>();
  const auto rows = tiny.forward({{short_ids, 0, &pages, short_ids.size()}});
  for (std::size_t p = 0; p < rows.size(); ++p) {
    expect_close(rows[p], e["short"]["probe_logits"][p], e["probe_ids"], worst);
  }
  expect_close(rows.back(), e["short"]["last_logits"], {}, worst);
  const auto long_ids = e["long"]["ids"].get<std::vector<std::int32_t>>();
  const auto long_rows = tiny.forward({{long_ids, 0, &pages, long_ids.size()}});
  for (std::size_t i = 0; i < e["long"]["positions"].size(); ++i) {
    const auto p = e["long"]["positions"][i].get<std::size_t>();
    expect_close(long_rows[p], e["long"]["probe_logits"][i], e["probe_ids"], worst);
  }
  expect_close(long_rows.back(), e["long"]["last_logits"], {}, worst);
  EXPECT_LT(worst, 1e-4);
  RecordProperty("worst_relative", cat(worst));
}

TEST_P(GoldenForm, greedy_continuations_are_equal) {
  const nlohmann::json e = expected(GetParam().name);
  TinyModel tiny(path(), true, **kernels::choose_kernels(""));
  const auto pages = pages_from(0, 16);
  for (const auto& item : e["greedy"]) {
    auto next = item["ids"].get<std::vector<std::int32_t>>();
    const std::size_t planned = next.size() + item["new_ids"].size();
    std::int32_t position = 0;
    for (const auto& want : item["new_ids"]) {
      const std::vector<float> last = tiny.forward({{next, position, &pages, planned}}).back();
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
  TinyModel reference(gguf_of(GetParam()), false, **kernels::choose_kernels(""));
  const auto want = reference.forward({{ids, 0, &pages, ids.size()}});
  for (const int n_threads : {1, 3}) {
    TinyModel tiny(gguf_of(GetParam()), false, **kernels::choose_kernels(""), n_threads);
    std::mt19937 random(5);
    std::size_t done = 0;
    while (done < ids.size()) {
      // Of any size, then token by token.
      const std::size_t size = n_threads == 1 ? 1 + random() % 37 : 1;
      const std::size_t n = std::min<std::size_t>(size, ids.size() - done);
      const auto from = ids.begin() + static_cast<std::ptrdiff_t>(done);
      const std::vector<std::int32_t> cut(from, from + static_cast<std::ptrdiff_t>(n));
      const auto got = tiny.forward({{other, 0, &far, other.size()},
                                     {cut, static_cast<std::int32_t>(done), &pages, ids.size()}});
      for (std::size_t i = 0; i < n; ++i)
        ASSERT_EQ(got[other.size() + i], want[done + i]) << done + i;
      done += n;
    }
  }
}

TEST_P(Golden, every_isa_gives_the_same_bits) {
  const auto ids = expected(GetParam())["short"]["ids"].get<std::vector<std::int32_t>>();
  const auto pages = pages_from(0, 16);
  TinyModel generic(gguf_of(GetParam()), false, kernels::generic_kernels());
  const auto want = generic.forward({{ids, 0, &pages, ids.size()}});
  for (const kernels::CpuKernels* isa : kernels::runnable_kernels()) {
    TinyModel tiny(gguf_of(GetParam()), false, *isa);
    EXPECT_EQ(tiny.forward({{ids, 0, &pages, ids.size()}}), want) << isa->isa;
  }
}

TEST(LongRope, the_factors_are_those_of_the_planned_length) {
  const nlohmann::json e = expected("phi3");
  TinyModel tiny(gguf_of("phi3"), true, **kernels::choose_kernels(""));
  const auto pages = pages_from(0, 16), far = pages_from(16, 16);
  const auto ids = e["long"]["ids"].get<std::vector<std::int32_t>>();
  double worst = 0;
  for (const auto& item : e["at_original_context"]) {
    const std::vector<std::int32_t> some(ids.begin(), ids.begin() + item["n_tokens"].get<int>());
    const auto rows = tiny.forward({{some, 0, &pages, some.size()}});
    expect_close(rows.back(), item["last_logits"], {}, worst);
  }
  // A short and a long plan in one batch: each has its own factors.
  const auto prompt = e["short"]["ids"].get<std::vector<std::int32_t>>();
  const auto rows = tiny.forward({{prompt, 0, &pages, 64}, {prompt, 0, &far, 65}});
  expect_close(rows[prompt.size() - 1], e["short"]["last_logits"], {}, worst);
  expect_close(rows.back(), e["short_with_long_factors"]["last_logits"], {}, worst);
  // Hugging Face computes a sequence anew when it grows past the original context.
  auto growing = e["greedy_crossing"]["ids"].get<std::vector<std::int32_t>>();
  for (const auto& want : e["greedy_crossing"]["new_ids"]) {
    const auto last = tiny.forward({{growing, 0, &pages, growing.size()}}).back();
    growing.push_back(
        static_cast<std::int32_t>(std::max_element(last.begin(), last.end()) - last.begin()));
    ASSERT_EQ(growing.back(), want.get<std::int32_t>()) << growing.size();
  }
}

}  // namespace
}  // namespace hearth::models
