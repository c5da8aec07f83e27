#include "formats/hugging_face/row_sources.h"

#include <cstring>

namespace hearth::formats {

namespace {

class AdjacentPairs final : public RowSource {
 public:
  AdjacentPairs(const Tensor& in, std::int64_t head_dim)
      : in_(in), head_dim_(head_dim), row_(row_bytes(in.dtype, in.shape.cols())) {}

  void read(std::int64_t first, std::int64_t n, std::span<std::byte> out) const override {
    for (std::int64_t r = first; r < first + n; ++r) {
      const std::int64_t head = r / head_dim_, i = r % head_dim_;
      const std::int64_t from = head * head_dim_ + i % 2 * (head_dim_ / 2) + i / 2;
      std::memcpy(&out[static_cast<std::size_t>(r - first) * row_],
                  &in_.bytes[static_cast<std::size_t>(from) * row_], row_);
    }
  }

 private:
  Tensor in_;
  std::int64_t head_dim_;
  std::size_t row_;
};

class Mxfp4Rows final : public RowSource {
 public:
  Mxfp4Rows(const StoredMxfp4& in, std::int64_t first, std::int64_t step)
      : in_(in), first_(first), step_(step) {}

  void read(std::int64_t first, std::int64_t n, std::span<std::byte> out) const override {
    const std::int64_t rows = in_.stored_rows / step_;
    std::byte* to = out.data();
    for (std::int64_t r = first; r < first + n; ++r) {
      const std::int64_t from = r / rows * in_.stored_rows + r % rows * step_ + first_;
      for (std::int64_t b = 0; b < in_.n_blocks; ++b, to += 17) {
        const auto at = static_cast<std::size_t>(from * in_.n_blocks + b);
        to[0] = in_.scales[at];
        reorder(&in_.blocks[16 * at], to + 1);
      }
    }
  }

 private:
  // From values 2i | 2i + 1 << 4 in byte i to values i | 16 + i << 4.
  static void reorder(const std::byte* pairs, std::byte* out) {
    const auto value = [pairs](int i) { return pairs[i / 2] >> (i % 2 * 4) & std::byte{15}; };
    for (int i = 0; i < 16; ++i) out[i] = value(i) | value(16 + i) << 4;
  }

  StoredMxfp4 in_;
  std::int64_t first_, step_;
};

class TransposedRows final : public RowSource {
 public:
  TransposedRows(const StoredColumns& in, std::int64_t first, std::int64_t step)
      : in_(in), first_(first), step_(step) {}

  // Stored rows in the outer loop: what neighbouring results need of one lies together.
  void read(std::int64_t first, std::int64_t n, std::span<std::byte> out) const override {
    const std::int64_t rows = in_.cols / step_;
    for (std::int64_t i = 0; i < in_.rows; ++i) {
      for (std::int64_t r = first; r < first + n; ++r) {
        const std::int64_t from = (r / rows * in_.rows + i) * in_.cols + r % rows * step_ + first_;
        const auto to = static_cast<std::size_t>((r - first) * in_.rows + i);
        std::memcpy(&out[to * in_.size], &in_.bytes[static_cast<std::size_t>(from) * in_.size],
                    in_.size);
      }
    }
  }

 private:
  StoredColumns in_;
  std::int64_t first_, step_;
};

}  // namespace

std::shared_ptr<const RowSource> adjacent_pairs(const Tensor& in, std::int64_t head_dim) {
  return std::make_shared<AdjacentPairs>(in, head_dim);
}

std::shared_ptr<const RowSource> mxfp4_rows(const StoredMxfp4& in, std::int64_t first,
                                            std::int64_t step) {
  return std::make_shared<Mxfp4Rows>(in, first, step);
}

std::shared_ptr<const RowSource> transposed_rows(const StoredColumns& in, std::int64_t first,
                                                 std::int64_t step) {
  return std::make_shared<TransposedRows>(in, first, step);
}

}  // namespace hearth::formats
