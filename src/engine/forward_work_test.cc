#include "engine/forward_work.h"

#include <gtest/gtest.h>

#include "formats/synthetic.h"

namespace hearth::engine {
namespace {

// A model's shapes. Its embedding would have to be bytes for loading; counting reads none.
formats::Checkpoint shapes_of(const char* name) {
  auto checkpoint = formats::make_synthetic(name);
  EXPECT_TRUE(checkpoint) << checkpoint.error().message;
  for (Tensor& tensor : checkpoint->tensors) {
    if (tensor.name == "token_embd.weight") tensor.source = nullptr;
  }
  return *std::move(checkpoint);
}

ForwardWork work_of(const char* name, std::int32_t n_rows, std::int32_t first_position) {
  const auto work = forward_work(shapes_of(name), n_rows, first_position);
  EXPECT_TRUE(work) << work.error().message;
  return *work;
}

double bytes_of(const char* name, const char* tensor) {
  return static_cast<double>(shapes_of(name).find(tensor)->byte_size());
}

// Phi-4-mini: 32 layers of width 3072, 24 query and 8 key heads of 128, 8192 wide inside, a
// vocabulary of 200064.
constexpr double kPhiLayer = 3072.0 * (5120 + 3072 + 2 * 8192 + 8192);
constexpr double kPhiOutput = 3072.0 * 200064;

TEST(ForwardWork, a_prompt_costs_its_matrices_once_a_row_the_output_once_and_causal_attention) {
  const ForwardWork work = work_of("phi-4-mini", 512, 0);
  const double attention = 4.0 * 32 * 24 * 128 * (512 * 513 / 2);
  EXPECT_DOUBLE_EQ(work.operations, 2 * (512 * 32 * kPhiLayer + kPhiOutput) + attention);
  EXPECT_DOUBLE_EQ(work.kv_positions, 512);
}

TEST(ForwardWork, a_decoded_token_reads_every_matrix_and_all_positions_before_it) {
  const ForwardWork work = work_of("phi-4-mini", 1, 4095);
  EXPECT_DOUBLE_EQ(work.operations, 2 * (32 * kPhiLayer + kPhiOutput) + 4.0 * 32 * 24 * 128 * 4096);
  EXPECT_DOUBLE_EQ(work.kv_positions, 4096);
  const double bytes_a_weight = bytes_of("phi-4-mini", "blk.0.ffn_down.weight") / (3072.0 * 8192);
  EXPECT_DOUBLE_EQ(work.weight_bytes, (32 * kPhiLayer + kPhiOutput) * bytes_a_weight);
}

TEST(ForwardWork, of_a_mixture_four_experts_and_of_a_window_its_positions) {
  const ForwardWork one = work_of("gpt-oss-20b", 1, 4095);
  // Of 24 layers every other one sees 128 positions.
  EXPECT_DOUBLE_EQ(one.kv_positions, (12 * 128 + 12 * 4096) / 24.0);
  // Eight rows reach all 32 experts at most, as many rows as there may be do not reach more.
  const ForwardWork eight = work_of("gpt-oss-20b", 8, 0);
  const double experts = 3 * bytes_of("gpt-oss-20b", "blk.0.ffn_down_exps.weight") * 24;
  EXPECT_DOUBLE_EQ(eight.weight_bytes - one.weight_bytes, experts * 28 / 32);
  EXPECT_DOUBLE_EQ(work_of("gpt-oss-20b", 64, 0).weight_bytes, eight.weight_bytes);
}

}  // namespace
}  // namespace hearth::engine
