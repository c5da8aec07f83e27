// convert_test.cc - what each quantisation makes of each tensor, and that the new file is the
// model. That it computes the same is shown by models/golden_test.cc and tests/cli/convert_test.py.
#include "formats/convert.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/str.h"
#include "formats/gguf/gguf.h"
#include "formats/synthetic.h"

namespace hearth::formats {
namespace {

const std::string kGolden = HEARTH_SOURCE_DIR "/tests/golden/hf/";

struct Converted {
  std::vector<std::byte> file;
  Checkpoint checkpoint;
};

std::unique_ptr<Converted> convert_to(const Checkpoint& from, std::string_view quant) {
  auto out = std::make_unique<Converted>();
  const auto plan = plan_conversion(from, quant);
  EXPECT_TRUE(plan) << plan.error().message;
  ThreadPool pool(2);
  std::uint64_t told = 0;
  const auto done = convert(
      from, *plan, pool,
      [&](std::span<const std::byte> bytes) {
        out->file.insert(out->file.end(), bytes.begin(), bytes.end());
        return Result<void>();
      },
      [&](std::uint64_t now, std::uint64_t total) {
        EXPECT_GE(now, told);
        EXPECT_EQ(total, plan->file_bytes);
        told = now;
      });
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(out->file.size(), plan->file_bytes);
  EXPECT_EQ(told, plan->file_bytes);
  auto parsed = parse_gguf(out->file);
  EXPECT_TRUE(parsed) << parsed.error().message;
  out->checkpoint = *std::move(parsed);
  return out;
}

// A model of one layer with rows of the given width.
Checkpoint of_width(std::int64_t width, bool tied) {
  Checkpoint c;
  c.architecture = "llama";
  c.metadata = {{"general.architecture", std::string("llama")},
                {"llama.block_count", std::int64_t{1}}};
  static std::vector<float> values(1 << 16);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = std::sin(static_cast<float>(i));
  }
  const auto add = [&](const char* name, std::int64_t rows) {
    const auto n = static_cast<std::size_t>(rows * width);
    c.tensors.push_back(
        {name, DType::f32, {{rows, width}, 2}, std::as_bytes(std::span(values).first(n))});
  };
  add("token_embd.weight", 8);
  add("blk.0.attn_q.weight", 4);
  add("blk.0.attn_v.weight", 4);
  add("blk.0.ffn_gate_inp.weight", 4);
  if (!tied) add("output.weight", 8);
  c.tensors.push_back({"output_norm.weight",
                       DType::f32,
                       {{width}, 1},
                       std::as_bytes(std::span(values).first(static_cast<std::size_t>(width)))});
  EXPECT_TRUE(c.index());
  return c;
}

std::string types_of(const Checkpoint& c) {
  std::string out;
  for (const Tensor& t : c.tensors) out += cat(dtype_info(t.dtype).name, " ");
  return out;
}

TEST(Convert, each_quantisation_gives_each_tensor_its_type) {
  struct Case {
    const char* quant;
    const char* wide;  // embedding, q, v, router, output, norm: rows of 256
  };
  for (const Case& c : {Case{"f32", "f32 f32 f32 f32 f32 f32 "},
                        {"f16", "f16 f16 f16 f32 f16 f32 "},
                        {"bf16", "bf16 bf16 bf16 f32 bf16 f32 "},
                        {"q8_0", "q8_0 q8_0 q8_0 f32 q8_0 f32 "},
                        {"q4_0", "q4_0 q4_0 q4_0 f32 q6_k f32 "},
                        {"Q4_1", "q4_1 q4_1 q4_1 f32 q6_k f32 "},
                        {"q5_0", "q5_0 q5_0 q5_0 f32 q6_k f32 "},
                        {"q4_K_M", "q4_k q4_k q6_k f32 q6_k f32 "},
                        {"q6_K", "q6_k q6_k q6_k f32 q6_k f32 "}}) {
    EXPECT_EQ(types_of(convert_to(of_width(256, false), c.quant)->checkpoint), c.wide) << c.quant;
  }
  EXPECT_EQ(types_of(convert_to(of_width(256, true), "q4_0")->checkpoint),
            "q6_k q4_0 q4_0 f32 f32 ");
}

TEST(Convert, rows_that_are_no_whole_blocks_take_a_finer_type) {
  EXPECT_EQ(types_of(convert_to(of_width(96, false), "q4_k_m")->checkpoint),
            "q5_0 q5_0 q8_0 f32 q8_0 f32 ");
  EXPECT_EQ(types_of(convert_to(of_width(40, false), "q4_0")->checkpoint),
            "f16 f16 f16 f32 f16 f32 ");
}

TEST(Convert, an_unknown_quantisation_is_answered_with_the_known_ones) {
  const auto plan = plan_conversion(of_width(32, true), "q3");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::invalid);
  EXPECT_NE(plan.error().message.find("q4_k_m"), std::string::npos);
}

TEST(Convert, mxfp4_is_for_experts) {
  const auto plan = plan_conversion(of_width(32, true), "mxfp4");
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message.find("this model has none"), std::string::npos);
  const auto from = open_checkpoint(kGolden + "gpt_oss");
  ASSERT_TRUE(from);
  const auto made = convert_to(**from, "mxfp4");
  for (const Tensor& t : made->checkpoint.tensors) {
    if (t.name.ends_with("_exps.weight")) {
      EXPECT_EQ(t.dtype, DType::mxfp4) << t.name;
    }
  }
  // Blocks that are MXFP4 already keep their bytes.
  const auto gguf = open_checkpoint(kGolden + "gpt_oss/model.gguf");
  const Tensor& ours = *made->checkpoint.find("blk.1.ffn_up_exps.weight");
  const Tensor& theirs = *(*gguf)->find("blk.1.ffn_up_exps.weight");
  EXPECT_TRUE(std::equal(ours.bytes.begin(), ours.bytes.end(), theirs.bytes.begin()));
}

TEST(Convert, a_folder_becomes_the_same_model_and_tokenizer) {
  for (const char* name : {"llama", "qwen2", "phi3", "gpt_oss"}) {
    const auto from = open_checkpoint(kGolden + name);
    ASSERT_TRUE(from) << from.error().message;
    const auto made = convert_to(**from, "f32");
    const Checkpoint& to = made->checkpoint;
    EXPECT_EQ(to.architecture, (*from)->architecture);
    EXPECT_EQ(to.chat_template, (*from)->chat_template);
    ThreadPool pool(2);
    const auto errors = compare_tensors(**from, to, pool);
    ASSERT_TRUE(errors) << errors.error().message;
    EXPECT_EQ(errors->size(), to.tensors.size());
    for (const TensorError& e : *errors) EXPECT_EQ(e.largest, 0) << e.name;
    ASSERT_TRUE(to.tokenizer) << name << ": " << to.tokenizer_problem;
    EXPECT_EQ(to.tokenizer->tokens, (*from)->tokenizer->tokens);
    EXPECT_EQ(to.tokenizer->kinds, (*from)->tokenizer->kinds);
    EXPECT_EQ(to.tokenizer->merges, (*from)->tokenizer->merges);
    EXPECT_EQ(to.tokenizer->pretokenizer, (*from)->tokenizer->pretokenizer);
    EXPECT_EQ(to.tokenizer->bos, (*from)->tokenizer->bos);
    EXPECT_EQ(to.tokenizer->eos, (*from)->tokenizer->eos);
    EXPECT_EQ(to.tokenizer->end_of_generation, (*from)->tokenizer->end_of_generation);
    EXPECT_EQ(to.tokenizer->add_bos, (*from)->tokenizer->add_bos);
  }
}

TEST(Convert, errors_are_those_of_the_type) {
  const Checkpoint from = of_width(256, false);
  ThreadPool pool(2);
  const auto error = [&](const char* quant) {
    const auto made = convert_to(from, quant);
    return (*compare_tensors(from, made->checkpoint, pool))[1].relative_rms;
  };
  // Values of a sine: the step of q8_0 is 1/127 of the largest, that of q4_0 1/8.
  EXPECT_LT(error("q8_0"), 0.004);
  EXPECT_GT(error("q8_0"), 0.001);
  EXPECT_LT(error("q4_0"), 0.08);
  EXPECT_GT(error("q4_0"), 0.03);
  EXPECT_LT(error("q4_k_m"), error("q4_0"));
}

TEST(Convert, a_weight_that_is_no_number_is_named) {
  Checkpoint from = of_width(32, true);
  std::vector<float> bad(32 * 4, 1);
  bad[70] = std::nanf("");
  from.tensors[1].bytes = std::as_bytes(std::span(bad));
  const auto plan = plan_conversion(from, "q8_0");
  ASSERT_TRUE(plan);
  ThreadPool pool(2);
  const auto done =
      convert(from, *plan, pool, [](std::span<const std::byte>) { return Result<void>(); }, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::corrupt);
  EXPECT_NE(done.error().message.find("tensor \"blk.0.attn_q.weight\", row 2"), std::string::npos)
      << done.error().message;
}

TEST(Convert, a_fault_of_the_writer_ends_it) {
  const Checkpoint from = of_width(32, true);
  ThreadPool pool(2);
  const auto done = convert(
      from, *plan_conversion(from, "f16"), pool,
      [](std::span<const std::byte>) -> Result<void> { return Error{ErrorKind::io, "disk full"}; },
      {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "disk full");
}

TEST(Synthetic, every_name_gives_a_whole_checkpoint_and_the_same_numbers_each_time) {
  for (const std::string_view name : synthetic_models()) {
    const auto c = make_synthetic(name);
    ASSERT_TRUE(c) << c.error().message;
    ASSERT_TRUE(c->tokenizer) << c->tokenizer_problem;
    const auto again = make_synthetic(name);
    std::vector<float> row, other;
    for (std::size_t i = 0; i < c->tensors.size(); i += 7) {
      const Tensor& t = c->tensors[i];
      row.resize(static_cast<std::size_t>(t.shape.cols()));
      other.resize(row.size());
      dequantize_row(t, t.shape.rows() - 1, row);
      dequantize_row(again->tensors[i], t.shape.rows() - 1, other);
      EXPECT_EQ(row, other) << name << " " << t.name;
    }
  }
}

TEST(Synthetic, matrices_have_the_variance_that_keeps_activations_their_size) {
  const auto c = make_synthetic("qwen3-0.6b");
  const Tensor& t = *c->find("blk.3.ffn_up.weight");
  std::vector<float> row(1024);
  double sum = 0, squares = 0;
  for (std::int64_t r = 0; r < 512; ++r) {
    dequantize_row(t, r, row);
    for (const float x : row) {
      sum += static_cast<double>(x);
      squares += static_cast<double>(x) * static_cast<double>(x);
    }
  }
  const double n = 512 * 1024;
  EXPECT_NEAR(sum / n, 0, 3 / std::sqrt(n * 1024));
  EXPECT_NEAR(squares / n * 1024, 1, 0.01);
}

TEST(Synthetic, an_unknown_name_is_answered_with_the_known_ones) {
  const auto c = make_synthetic("phi");
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().kind, ErrorKind::not_found);
  EXPECT_NE(c.error().message.find("phi-4-mini"), std::string::npos);
}

}  // namespace
}  // namespace hearth::formats
