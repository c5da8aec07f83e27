// tensor.cc - shapes as text and numbers, and rows as floats.
#include "tensor/tensor.h"

#include <utility>

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

std::size_t Tensor::byte_size() const {
  return static_cast<std::size_t>(shape.rows()) * row_bytes(dtype, shape.cols());
}

namespace {

class LaterRows final : public RowSource {
 public:
  LaterRows(std::shared_ptr<const RowSource> all, std::int64_t first)
      : all_(std::move(all)), first_(first) {}
  void read(std::int64_t first, std::int64_t n, std::span<std::byte> out) const override {
    all_->read(first_ + first, n, out);
  }

 private:
  std::shared_ptr<const RowSource> all_;
  std::int64_t first_;
};

}  // namespace

Tensor row_range(const Tensor& t, std::int64_t first, std::int64_t n) {
  CHECK(first >= 0 && n >= 1 && first <= t.shape.rows() - n, "rows of the tensor");
  Tensor part{t.name, t.dtype, {{n, t.shape.cols()}, 2}, {}, {}};
  if (t.source != nullptr) {
    part.source = first == 0 ? t.source : std::make_shared<LaterRows>(t.source, first);
  } else {
    const std::size_t size = row_bytes(t.dtype, t.shape.cols());
    part.bytes =
        t.bytes.subspan(static_cast<std::size_t>(first) * size, static_cast<std::size_t>(n) * size);
  }
  return part;
}

std::span<const std::byte> read_bytes(const Tensor& t, std::vector<std::byte>& made) {
  if (t.source == nullptr) return t.bytes;
  made.resize(t.byte_size());
  t.source->read(0, t.shape.rows(), made);
  return made;
}

void dequantize_row(const Tensor& t, std::int64_t row, std::span<float> out) {
  const std::int64_t cols = t.shape.cols();
  CHECK(row >= 0 && row < t.shape.rows(), "a row of the tensor");
  CHECK(out.size() == static_cast<std::size_t>(cols), "out holds one row");
  const std::size_t size = row_bytes(t.dtype, cols);
  if (t.source == nullptr) {
    const auto bytes = t.bytes.subspan(static_cast<std::size_t>(row) * size, size);
    return dtype_info(t.dtype).dequantize(bytes, out);
  }
  std::vector<std::byte> made(size);
  t.source->read(row, 1, made);
  dtype_info(t.dtype).dequantize(made, out);
}

}  // namespace hearth
