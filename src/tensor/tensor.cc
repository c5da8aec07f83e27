// tensor.cc - shapes as text and numbers, and rows as floats.
#include "tensor/tensor.h"

#include "base/check.h"
#include "base/str.h"

namespace hearth {

std::int64_t Shape::rows() const {
  std::int64_t n = 1;
  for (std::size_t i = 0; i + 1 < rank; ++i) n *= dims[i];
  return n;
}

std::int64_t Shape::elements() const { return rows() * cols(); }

std::string Shape::to_string() const {
  std::string out = "[";
  for (std::size_t i = 0; i < rank; ++i) out += cat(i == 0 ? "" : ", ", dims[i]);
  return out + "]";
}

std::size_t row_bytes(DType dtype, std::int64_t cols) {
  const DTypeInfo& info = dtype_info(dtype);
  const auto n = static_cast<std::size_t>(cols);
  CHECK(cols >= 0 && n % info.block_values == 0, "a row is whole blocks");
  return n / info.block_values * info.block_bytes;
}

void dequantize_row(const Tensor& t, std::int64_t row, std::span<float> out) {
  const std::int64_t cols = t.shape.cols();
  CHECK(row >= 0 && row < t.shape.rows(), "a row of the tensor");
  CHECK(out.size() == static_cast<std::size_t>(cols), "out holds one row");
  const std::size_t size = row_bytes(t.dtype, cols);
  dtype_info(t.dtype).dequantize(t.bytes.subspan(static_cast<std::size_t>(row) * size, size), out);
}

}  // namespace hearth
