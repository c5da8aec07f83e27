// row_sources.h - rows that Hugging Face checkpoints keep in another order or encoding than the
// Checkpoint's. Part of the portable core. Each makes rows from bytes that must outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace hearth::formats {

// Of every head, rows i and i + head_dim / 2 become neighbours 2i and 2i + 1, as files of the llama
// architecture have them. in: [heads * head_dim, cols].
std::shared_ptr<const RowSource> adjacent_pairs(const Tensor& in, std::int64_t head_dim);

// MXFP4 as gpt-oss publishes it: blocks [n, rows, cols / 32, 16] with values 2i and 2i + 1 in byte
// i, scales [n, rows, cols / 32] apart. Row r of matrix e is the stored row step * r + first.
struct StoredMxfp4 {
  std::span<const std::byte> blocks, scales;
  std::int64_t stored_rows = 0, n_blocks = 0;  // of one matrix; of one row
};
std::shared_ptr<const RowSource> mxfp4_rows(const StoredMxfp4& in, std::int64_t first,
                                            std::int64_t step);

// The columns of stored matrices [n, rows, cols] as rows: row r of matrix e is the stored column
// step * r + first. The values are of `size` bytes each.
struct StoredColumns {
  std::span<const std::byte> bytes;
  std::int64_t rows = 0, cols = 0;
  std::size_t size = 0;
};
std::shared_ptr<const RowSource> transposed_rows(const StoredColumns& in, std::int64_t first,
                                                 std::int64_t step);

// FP8 weights times their scales, as bfloat16 (what transformers makes of them): the scale of row r
// and column c is scales[r / block_rows][c / block_cols], of ceil(cols / block_cols) columns.
struct BlockScales {
  std::vector<float> scales;
  std::int64_t block_rows = 1, block_cols = 1;
};
std::shared_ptr<const RowSource> scaled_rows(const Tensor& in, BlockScales scales);

}  // namespace hearth::formats
