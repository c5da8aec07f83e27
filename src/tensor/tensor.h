// tensor.h - a named, typed view of bytes that somebody else owns (a mapped file).
//
// Shapes are written outermost first, the order in memory: a weight matrix is [out, in], its rows
// contiguous. (GGUF lists dimensions the other way round; its reader reverses them.)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "tensor/dtype.h"

namespace hearth {

struct Shape {
  static constexpr std::size_t kMaxRank = 4;
  std::array<std::int64_t, kMaxRank> dims{};  // dims[0 … rank-1], each >= 1
  std::size_t rank = 0;

  std::int64_t cols() const { return rank == 0 ? 1 : dims[rank - 1]; }
  std::int64_t rows() const;      // product of all but the last
  std::int64_t elements() const;  // product of all
  bool operator==(const Shape&) const = default;
  std::string to_string() const;  // "[49152, 576]"
};

struct Tensor {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  // Exactly rows * cols / block_values * block_bytes bytes, inside the owner's mapping; formats/
  // guarantees it. Alignment is not guaranteed: read through memcpy or unaligned loads.
  std::span<const std::byte> bytes;
};

std::size_t row_bytes(DType dtype, std::int64_t cols);  // cols must be a multiple of block_values

// Row `row` of t as float32; out has cols() elements.
void dequantize_row(const Tensor& t, std::int64_t row, std::span<float> out);

}  // namespace hearth
