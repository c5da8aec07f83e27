// tensor_test.cc - shapes and rows.
#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace hearth {
namespace {

TEST(Shape, the_last_dimension_is_the_row) {
  const Shape shape{{2, 3, 5}, 3};
  EXPECT_EQ(shape.cols(), 5);
  EXPECT_EQ(shape.rows(), 6);
  EXPECT_EQ(shape.elements(), 30);
  EXPECT_EQ(shape.to_string(), "[2, 3, 5]");
}

TEST(Shape, a_vector_is_one_row_and_a_scalar_one_value) {
  const Shape vector{{7}, 1};
  EXPECT_EQ(vector.rows(), 1);
  EXPECT_EQ(vector.elements(), 7);
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ(Shape{}.to_string(), "[]");
}

TEST(RowBytes, counts_whole_blocks) {
  EXPECT_EQ(row_bytes(DType::f32, 5), 20u);
  EXPECT_EQ(row_bytes(DType::q4_1, 64), 40u);
  EXPECT_EQ(row_bytes(DType::q6_k, 512), 420u);
}

TEST(RowBytesDeathTest, a_part_of_a_block_is_a_broken_invariant) {
  EXPECT_DEATH(row_bytes(DType::q8_0, 33), "whole blocks");
}

TEST(DequantizeRow, returns_the_row_that_was_asked_for) {
  const std::array<std::uint16_t, 6> halves = {0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600};
  const Tensor t{"w", DType::f16, {{3, 2}, 2}, std::as_bytes(std::span(halves))};
  std::vector<float> row(2);
  dequantize_row(t, 2, row);
  EXPECT_EQ(row, (std::vector<float>{5, 6}));
  dequantize_row(t, 0, row);
  EXPECT_EQ(row, (std::vector<float>{1, 2}));
}

TEST(DequantizeRowDeathTest, a_row_beyond_the_last_is_a_broken_invariant) {
  const std::array<float, 2> values = {1, 2};
  const Tensor t{"w", DType::f32, {{1, 2}, 2}, std::as_bytes(std::span(values))};
  std::vector<float> row(2);
  EXPECT_DEATH(dequantize_row(t, 1, row), "a row of the tensor");
}

}  // namespace
}  // namespace hearth
