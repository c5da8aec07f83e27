// matmul_impl.h - matmul.h over the vector layer V: tiles of up to V::kTileRows rows by one panel.
//
// A block's weights are loaded and unpacked once for all rows of the tile. The order of summation
// of an output is that of matmul.h whatever the number of rows.
#pragma once

#include "base/check.h"
#include "kernels/matmul.h"

namespace hearth::kernels {

// What a tile needs of its rows: where the record parts of quantize.h start.
struct QuantizedRow {
  const std::int8_t* q;
  const float* d;
  const std::int32_t* sums;
};

// Formats: kValues inputs a block, kBytes a block of 16 columns, and add<R>() = the block's
// contribution to R rows' accumulators.

template <class V>
struct Q8Block {
  static constexpr std::int64_t kValues = 32, kBytes = 16 * 34;
  template <int R>
  static void add(const std::uint8_t* w, std::int64_t block, const QuantizedRow* x,
                  typename V::F* acc) {
    typename V::I sum[R];
    for (int r = 0; r < R; ++r) {
      sum[r] = V::start_biased(x[r].sums[2 * block] + x[r].sums[2 * block + 1]);
    }
    for (int g = 0; g < 8; ++g) {
      const typename V::U codes = V::load_bytes(w + 64 * g);
      for (int r = 0; r < R; ++r) {
        sum[r] = V::dot_biased(sum[r], codes, x[r].q + 32 * block + 4 * g);
      }
    }
    const typename V::F d = V::load_f16(w + 512);
    for (int r = 0; r < R; ++r) {
      acc[r] = V::fma(V::to_float(sum[r]), V::mul(d, V::set1(x[r].d[block])), acc[r]);
    }
  }
};

// The integer part of the 4-bit formats: sum[r] += sum of code(nibble) * q over the block's 32
// inputs.
template <class V, int R, class Code>
inline void add_nibbles(const std::uint8_t* w, std::int64_t block, const QuantizedRow* x,
                        typename V::I* sum, Code&& code) {
  for (int g = 0; g < 4; ++g) {
    const typename V::U nibbles = V::load_bytes(w + 64 * g);
    const typename V::U low = code(V::low_nibbles(nibbles));
    const typename V::U high = code(V::high_nibbles(nibbles));
    for (int r = 0; r < R; ++r) sum[r] = V::dot(sum[r], low, x[r].q + 32 * block + 4 * g);
    for (int r = 0; r < R; ++r) sum[r] = V::dot(sum[r], high, x[r].q + 32 * block + 16 + 4 * g);
  }
}

template <class V, int R>
inline void add_nibbles(const std::uint8_t* w, std::int64_t block, const QuantizedRow* x,
                        typename V::I* sum) {
  add_nibbles<V, R>(w, block, x, sum, [](typename V::U nibbles) { return nibbles; });
}

template <class V>
struct Q40Block {
  static constexpr std::int64_t kValues = 32, kBytes = 16 * 18;
  template <int R>
  static void add(const std::uint8_t* w, std::int64_t block, const QuantizedRow* x,
                  typename V::F* acc) {
    typename V::I sum[R];
    for (int r = 0; r < R; ++r) {
      sum[r] = V::set1i(-8 * (x[r].sums[2 * block] + x[r].sums[2 * block + 1]));
    }
    add_nibbles<V, R>(w, block, x, sum);
    const typename V::F d = V::load_f16(w + 256);
    for (int r = 0; r < R; ++r) {
      acc[r] = V::fma(V::to_float(sum[r]), V::mul(d, V::set1(x[r].d[block])), acc[r]);
    }
  }
};

template <class V>
struct Q41Block {
  static constexpr std::int64_t kValues = 32, kBytes = 16 * 20;
  template <int R>
  static void add(const std::uint8_t* w, std::int64_t block, const QuantizedRow* x,
                  typename V::F* acc) {
    typename V::I sum[R];
    for (int r = 0; r < R; ++r) sum[r] = V::set1i(0);
    add_nibbles<V, R>(w, block, x, sum);
    const typename V::F d = V::load_f16(w + 256);
    const typename V::F m = V::load_f16(w + 288);
    for (int r = 0; r < R; ++r) {
      const float dx = x[r].d[block];
      const float total = static_cast<float>(x[r].sums[2 * block] + x[r].sums[2 * block + 1]);
      acc[r] = V::fma(V::to_float(sum[r]), V::mul(d, V::set1(dx)), acc[r]);
      acc[r] = V::fma(m, V::set1(dx * total), acc[r]);
    }
  }
};

// Nibbles stand for 0, 1, 2, 3, 4, 6, 8, 12 and the same below zero; looked up with 12 added, so
// that the codes are unsigned.
template <class V>
struct Mxfp4Block {
  static constexpr std::int64_t kValues = 32, kBytes = 16 * 17;
  static constexpr std::uint8_t kCodes[16] = {12, 13, 14, 15, 16, 18, 20, 24,
                                              12, 11, 10, 9,  8,  6,  4,  0};
  template <int R>
  static void add(const std::uint8_t* w, std::int64_t block, const QuantizedRow* x,
                  typename V::F* acc) {
    typename V::I sum[R];
    for (int r = 0; r < R; ++r) {
      sum[r] = V::set1i(-12 * (x[r].sums[2 * block] + x[r].sums[2 * block + 1]));
    }
    add_nibbles<V, R>(w, block, x, sum, [](typename V::U n) { return V::lookup(n, kCodes); });
    const typename V::F d = V::load_e8m0(w + 256);
    for (int r = 0; r < R; ++r) {
      acc[r] = V::fma(V::to_float(sum[r]), V::mul(d, V::set1(x[r].d[block])), acc[r]);
    }
  }
};

template <class V>
struct Q6kBlock {
  static constexpr std::int64_t kValues = 256, kBytes = 16 * 210;

  // Quads 4j … 4j+3 of a block of 32: the low four bits' nibbles, two more bits each.
  template <int R>
  static void add_half(const std::uint8_t* w, int j, const std::int8_t* const* q,
                       typename V::I* sum) {
    const typename V::U high = V::load_bytes(w + 256 + 64 * j);
    const auto quad = [&](int g, typename V::U codes) {
      for (int r = 0; r < R; ++r) sum[r] = V::dot(sum[r], codes, q[r] + 16 * j + 4 * g);
    };
    const auto low = [&](int g) {
      const typename V::U codes = V::load_bytes(w + 64 * g);
      return j == 0 ? V::low_nibbles(codes) : V::high_nibbles(codes);
    };
    quad(0, V::template with_high_bits<0>(low(0), high));
    quad(1, V::template with_high_bits<1>(low(1), high));
    quad(2, V::template with_high_bits<2>(low(2), high));
    quad(3, V::template with_high_bits<3>(low(3), high));
  }

  template <int R>
  static void add(const std::uint8_t* w, std::int64_t super, const QuantizedRow* x,
                  typename V::F* acc) {
    const typename V::F d = V::load_f16(w);
    w += 32;
    for (std::int64_t block = 8 * super; block < 8 * super + 8; ++block, w += 416) {
      const std::int8_t* q[R];
      for (int r = 0; r < R; ++r) q[r] = x[r].q + 32 * block;
      for (int j = 0; j < 2; ++j) {
        typename V::I sum[R];
        for (int r = 0; r < R; ++r) sum[r] = V::set1i(-32 * x[r].sums[2 * block + j]);
        add_half<R>(w, j, q, sum);
        const typename V::F scale = V::mul(d, V::load_i8(w + 384 + 16 * j));
        for (int r = 0; r < R; ++r) {
          acc[r] = V::fma(V::to_float(sum[r]), V::mul(scale, V::set1(x[r].d[block])), acc[r]);
        }
      }
    }
  }
};

template <class V, int R>
inline void write_tile(const MatMul& op, std::int64_t panel, std::int64_t row,
                       const typename V::F* acc) {
  for (int r = 0; r < R; ++r) {
    float* y = op.y.row(op.y_row(row + r)) + panel * kPanel;
    V::store(y, op.add ? V::add(V::load(y), acc[r]) : acc[r]);
  }
}

template <class V, class Block, int R>
void quantized_tile(const MatMul& op, std::int64_t panel, std::int64_t row) {
  QuantizedRow x[R];
  typename V::F acc[R];
  for (int r = 0; r < R; ++r) {
    const std::int64_t from = op.x_row(row + r);
    x[r] = {op.xq.q(from), op.xq.d(from), op.xq.sums(from)};
    acc[r] = V::set1(0);
  }
  const std::uint8_t* w = op.w->panel(panel);
  const std::int64_t n_blocks = op.w->in / Block::kValues;
  for (std::int64_t b = 0; b < n_blocks; ++b, w += Block::kBytes) {
    Block::template add<R>(w, b, x, acc);
  }
  write_tile<V, R>(op, panel, row, acc);
}

template <class V>
struct F32Column {
  static constexpr std::int64_t kBytes = 64;
  static typename V::F load(const std::uint8_t* w) {
    return V::load(reinterpret_cast<const float*>(w));
  }
};
template <class V>
struct F16Column {
  static constexpr std::int64_t kBytes = 32;
  static typename V::F load(const std::uint8_t* w) { return V::load_f16(w); }
};
template <class V>
struct Bf16Column {
  static constexpr std::int64_t kBytes = 32;
  static typename V::F load(const std::uint8_t* w) { return V::load_bf16(w); }
};

template <class V, class Column, int R>
void float_tile(const MatMul& op, std::int64_t panel, std::int64_t row) {
  typename V::F acc[R];
  const float* x[R];
  for (int r = 0; r < R; ++r) {
    acc[r] = V::set1(0);
    x[r] = op.x.row(op.x_row(row + r));
  }
  const std::uint8_t* w = op.w->panel(panel);
  for (std::int64_t i = 0; i < op.w->in; ++i, w += Column::kBytes) {
    const typename V::F column = Column::load(w);
    for (int r = 0; r < R; ++r) acc[r] = V::fma(column, V::set1(x[r][i]), acc[r]);
  }
  write_tile<V, R>(op, panel, row, acc);
}

// Tile is a template <int R> struct with run(op, panel, row). Rows go in tiles of R, the rest in
// smaller.
template <class V, template <class, class, int> class Tile, class Format, int R = V::kTileRows>
void tile_rows(const MatMul& op, std::int64_t panel, std::int64_t row, std::int64_t last_row) {
  for (; row + R <= last_row; row += R) Tile<V, Format, R>::run(op, panel, row);
  if constexpr (R > 1) {
    if (row < last_row) tile_rows<V, Tile, Format, R / 2>(op, panel, row, last_row);
  }
}

template <class V, class Format, int R>
struct QuantizedTile {
  static void run(const MatMul& op, std::int64_t panel, std::int64_t row) {
    quantized_tile<V, Format, R>(op, panel, row);
  }
};
template <class V, class Format, int R>
struct FloatTile {
  static void run(const MatMul& op, std::int64_t panel, std::int64_t row) {
    float_tile<V, Format, R>(op, panel, row);
  }
};

template <class V>
void matmul(const MatMul& op, std::int64_t first_panel, std::int64_t last_panel,
            std::int64_t first_row, std::int64_t last_row) {
  for (std::int64_t p = first_panel; p < last_panel; ++p) {
    switch (op.w->dtype) {
      case DType::f32:
        tile_rows<V, FloatTile, F32Column<V>>(op, p, first_row, last_row);
        break;
      case DType::f16:
        tile_rows<V, FloatTile, F16Column<V>>(op, p, first_row, last_row);
        break;
      case DType::bf16:
        tile_rows<V, FloatTile, Bf16Column<V>>(op, p, first_row, last_row);
        break;
      case DType::q8_0:
        tile_rows<V, QuantizedTile, Q8Block<V>>(op, p, first_row, last_row);
        break;
      case DType::q4_0:
        tile_rows<V, QuantizedTile, Q40Block<V>>(op, p, first_row, last_row);
        break;
      case DType::q4_1:
        tile_rows<V, QuantizedTile, Q41Block<V>>(op, p, first_row, last_row);
        break;
      case DType::q6_k:
        tile_rows<V, QuantizedTile, Q6kBlock<V>>(op, p, first_row, last_row);
        break;
      case DType::mxfp4:
        tile_rows<V, QuantizedTile, Mxfp4Block<V>>(op, p, first_row, last_row);
        break;
      default:
        CHECK(false, "packed_dtype gives only types that have a layout");
    }
  }
}

}  // namespace hearth::kernels
