#include "formats/hugging_face/row_sources.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace hearth::formats {
namespace {

std::vector<std::byte> read(const RowSource& source, std::int64_t first, std::int64_t n,
                            std::size_t row_size) {
  std::vector<std::byte> out(static_cast<std::size_t>(n) * row_size);
  source.read(first, n, out);
  return out;
}

// Any cut into ranges gives the rows that one read gives.
void expect_any_range(const RowSource& source, std::int64_t n_rows, std::size_t row_size) {
  const auto all = read(source, 0, n_rows, row_size);
  for (std::int64_t first = 0; first < n_rows; ++first) {
    for (std::int64_t n = 1; first + n <= n_rows; ++n) {
      const auto from = all.begin() + first * static_cast<std::ptrdiff_t>(row_size);
      ASSERT_TRUE(std::equal(from, from + n * static_cast<std::ptrdiff_t>(row_size),
                             read(source, first, n, row_size).begin()))
          << first << " " << n;
    }
  }
}

TEST(AdjacentPairs, halves_of_a_head_are_interleaved) {
  const std::vector<float> rows = {0, 1, 2, 3, 4, 5, 6, 7};  // two heads of four rows of one value
  const Tensor t{"q", DType::f32, {{8, 1}, 2}, std::as_bytes(std::span(rows))};
  const auto source = adjacent_pairs(t, 4);
  const auto got = read(*source, 0, 8, 4);
  std::vector<float> values(8);
  std::memcpy(values.data(), got.data(), got.size());
  EXPECT_EQ(values, (std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7}));
  expect_any_range(*source, 8, 4);
}

TEST(Mxfp4Rows, nibbles_and_scales_become_blocks_of_every_second_row) {
  // 2 matrices of 4 rows of 2 blocks: byte = 16 * block + its place, scale = 100 + block.
  std::vector<std::byte> blocks(2 * 4 * 2 * 16), scales(2 * 4 * 2);
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = static_cast<std::byte>(i);
  for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = static_cast<std::byte>(100 + i);
  const auto source = mxfp4_rows({blocks, scales, 4, 2}, 1, 2);
  const auto got = read(*source, 0, 4, 34);
  for (std::size_t r = 0; r < 4; ++r) {
    for (std::size_t b = 0; b < 2; ++b) {
      const std::size_t stored = (r / 2 * 4 + r % 2 * 2 + 1) * 2 + b;
      const std::byte* block = &got[34 * r + 17 * b];
      EXPECT_EQ(block[0], scales[stored]);
      for (std::size_t i = 0; i < 32; ++i) {
        const std::byte ours = block[1 + i % 16] >> (i < 16 ? 0 : 4) & std::byte{15};
        const std::byte theirs = blocks[16 * stored + i / 2] >> (i % 2 * 4) & std::byte{15};
        EXPECT_EQ(ours, theirs) << r << " " << b << " " << i;
      }
    }
  }
  expect_any_range(*source, 4, 34);
}

TEST(TransposedRows, columns_of_each_matrix_become_rows) {
  std::vector<std::uint16_t> stored(2 * 3 * 4);  // 2 matrices [3, 4]
  std::iota(stored.begin(), stored.end(), std::uint16_t{0});
  const auto source = transposed_rows({std::as_bytes(std::span(stored)), 3, 4, 2}, 1, 2);
  const auto got = read(*source, 0, 4, 6);
  std::vector<std::uint16_t> values(12);
  std::memcpy(values.data(), got.data(), got.size());
  EXPECT_EQ(values, (std::vector<std::uint16_t>{1, 5, 9, 3, 7, 11, 13, 17, 21, 15, 19, 23}));
  expect_any_range(*source, 4, 6);
}

}  // namespace
}  // namespace hearth::formats
