// real_checkpoint_test.cc - the default model's file, as other tools see it.
#include <gtest/gtest.h>

#include <cmath>

#include "formats/checkpoint.h"
#include "formats/describe.h"

namespace hearth::formats {
namespace {

TEST(RealCheckpoint, smollm2_opens_with_its_known_contents) {
  const auto opened = open_checkpoint(HEARTH_SOURCE_DIR "/.model/smollm2-135m.gguf");
  ASSERT_TRUE(opened) << opened.error().message;
  const Checkpoint& c = **opened;
  EXPECT_EQ(c.architecture, "llama");
  EXPECT_EQ(c.tensors.size(), 272u);
  EXPECT_EQ(n_parameters(c), 134515008u);
  EXPECT_EQ(*c.meta_int("block_count"), 30);
  EXPECT_EQ(*c.meta_float("rope.freq_base"), 100000.0);
  ASSERT_NE(c.find("token_embd.weight"), nullptr);
  EXPECT_EQ(c.find("token_embd.weight")->shape, (Shape{{49152, 576}, 2}));
  EXPECT_EQ(c.find("blk.0.ffn_down.weight")->dtype, DType::q4_1);
  ASSERT_TRUE(c.tokenizer) << c.tokenizer_problem;
  EXPECT_EQ(c.tokenizer->tokens.size(), 49152u);
  EXPECT_EQ(c.tokenizer->merges.size(), 48900u);
  EXPECT_EQ(c.tokenizer->pretokenizer, text::Pretokenizer::smollm);
  EXPECT_EQ(c.tokenizer->end_of_generation, (std::vector<text::TokenId>{0, 2}));
  EXPECT_FALSE(c.chat_template.empty());
}

TEST(RealCheckpoint, every_weight_of_smollm2_is_finite) {
  const auto opened = open_checkpoint(HEARTH_SOURCE_DIR "/.model/smollm2-135m.gguf");
  ASSERT_TRUE(opened) << opened.error().message;
  std::vector<float> row;
  for (const Tensor& t : (*opened)->tensors) {
    row.resize(static_cast<std::size_t>(t.shape.cols()));
    float largest = 0;
    for (std::int64_t r = 0; r < t.shape.rows(); r += 61) {
      dequantize_row(t, r, row);
      for (const float v : row) {
        ASSERT_TRUE(std::isfinite(v)) << t.name << " row " << r;
        largest = std::max(largest, std::abs(v));
      }
    }
    EXPECT_GT(largest, 0.0f) << t.name;
    EXPECT_LT(largest, 1000.0f) << t.name;
  }
}

}  // namespace
}  // namespace hearth::formats
