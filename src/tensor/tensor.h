// tensor.h - a named, typed view of bytes that somebody else owns (a mapped file), or of rows that
// are made when they are read, because a file keeps them in another order or encoding.
//
// Shapes are written outermost first, the order in memory: a weight matrix is [out, in], its rows
// contiguous. (GGUF lists dimensions the other way round; its reader reverses them.)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

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

// Makes the rows of a tensor on demand; any thread may call it.
class RowSource {
 public:
  virtual ~RowSource() = default;
  // Rows [first, first + n), out.size() = n * row_bytes. Neighbouring rows together cost less.
  virtual void read(std::int64_t first, std::int64_t n, std::span<std::byte> out) const = 0;
};

struct Tensor {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  // Exactly byte_size() bytes, inside the owner's mapping; formats/ guarantees it. Alignment is not
  // guaranteed: read through memcpy or unaligned loads. Empty when there is a source.
  std::span<const std::byte> bytes = {};
  std::shared_ptr<const RowSource> source = {};

  std::size_t byte_size() const;  // rows * cols / block_values * block_bytes
};

std::size_t row_bytes(DType dtype, std::int64_t cols);  // cols must be a multiple of block_values

// Rows [first, first + n) of t as a tensor [n, cols]; shares t's bytes or source.
Tensor row_range(const Tensor& t, std::int64_t first, std::int64_t n);

// The bytes of all rows of t: its own, or made into `made`, which must outlive the result.
std::span<const std::byte> read_bytes(const Tensor& t, std::vector<std::byte>& made);

// Row `row` of t as float32; out has cols() elements.
void dequantize_row(const Tensor& t, std::int64_t row, std::span<float> out);

}  // namespace hearth
