#include "formats/hugging_face/row_sources.h"

#include <cstring>
#include <utility>

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
      read_row(from, out.subspan(static_cast<std::size_t>(r - first) * row_, row_));
    }
  }

 private:
  void read_row(std::int64_t row, std::span<std::byte> out) const {
    if (in_.source != nullptr) return in_.source->read(row, 1, out);
    std::memcpy(out.data(), &in_.bytes[static_cast<std::size_t>(row) * row_], row_);
  }

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

class ScaledRows final : public RowSource {
 public:
  ScaledRows(const Tensor& in, BlockScales scales)
      : in_(in), scales_(std::move(scales)), cols_(in.shape.cols()) {}

  void read(std::int64_t first, std::int64_t n, std::span<std::byte> out) const override {
    const std::int64_t n_col_blocks = (cols_ + scales_.block_cols - 1) / scales_.block_cols;
    std::vector<float> row(static_cast<std::size_t>(cols_));
    std::byte* to = out.data();
    for (std::int64_t r = first; r < first + n; ++r) {
      dequantize_row(in_, r, row);
      const float* scale =
          &scales_.scales[static_cast<std::size_t>(r / scales_.block_rows * n_col_blocks)];
      for (std::int64_t c = 0; c < cols_; ++c, to += 2) {
        const std::uint16_t bits =
            f32_to_bf16(row[static_cast<std::size_t>(c)] * scale[c / scales_.block_cols]);
        std::memcpy(to, &bits, sizeof bits);
      }
    }
  }

 private:
  Tensor in_;
  BlockScales scales_;
  std::int64_t cols_;
};

}  // namespace

std::shared_ptr<const RowSource> scaled_rows(const Tensor& in, BlockScales scales) {
  return std::make_shared<ScaledRows>(in, std::move(scales));
}

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
