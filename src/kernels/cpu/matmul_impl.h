// matmul_impl.h - matmul.h over the vector layer V: tiles of up to V::kTileRows rows by one panel.
//
// The loops, outermost first: groups of panels; tiles of rows; chunks of inputs, so that a tile's
// activations stay in the first-level cache for all panels of the group; panels. A tile's
// activations are first gathered into one stretch of memory (TileRecord), which the innermost loop
// reads with one pointer: separate rows would need more pointers than there are registers
// (measured: a third of the speed on AVX-512). The sums rest in memory between chunks, so that an
// output's order of summation is that of matmul.h however the loops are cut.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/check.h"
#include "kernels/matmul.h"

namespace hearth::kernels {

// ---- activations ----

// One block of 32 inputs of R rows. `start` is where a row's integer sum begins, so that codes
// stored with an offset cost nothing; `second` starts the sum of inputs 16 … 31 where a format
// scales those apart, or is d * (sum of q) where a format adds a minimum.
template <class Input, int R>
struct TileRecord {
  Input q[R][32];
  std::int32_t start[R];
  union {
    std::int32_t second[R];
    float d_sum[R];
  };
  float d[R];
};

// The same where a format adds a minimum to inputs 0 … 15 and another to 16 … 31. Its codes have no
// offset: as large a record as the other.
template <class Input, int R>
struct TwoMinimaRecord {
  static constexpr std::int32_t start[R] = {}, second[R] = {};
  Input q[R][32];
  float d_sum[R], second_d_sum[R];
  float d[R];
};

// Panels that share a tile's records: gathering costs a row about as much as a panel does.
inline constexpr std::int64_t kPanelGroup = 64;

// 22 KiB of records at a time: a first-level cache keeps them beside the weights that stream by.
inline constexpr std::int64_t kRecordBytes = 22528;

template <class V, class Format>
using InputOf = typename V::template Input<Format::kMaxCode>;
template <class V, class Format, int R>
using RecordOf = std::conditional_t<Format::kMinima == 2, TwoMinimaRecord<InputOf<V, Format>, R>,
                                    TileRecord<InputOf<V, Format>, R>>;

// Rows of a chunk of inputs; those from n_rows on are zeros.
template <class V, class Format, int R>
void gather_rows(const MatMul& op, std::int64_t row, std::int64_t n_rows, std::int64_t first_block,
                 std::int64_t n_blocks, RecordOf<V, Format, R>* records) {
  if (n_rows < R) std::memset(records, 0, static_cast<std::size_t>(n_blocks) * sizeof *records);
  for (std::int64_t r = 0; r < n_rows; ++r) {
    const std::int64_t from = op.x_row(row + r);
    const std::int8_t* q = op.xq.q(from) + 32 * first_block;
    const float* d = op.xq.d(from) + first_block;
    const std::int32_t* sums = op.xq.sums(from) + 2 * first_block;
    for (std::int64_t b = 0; b < n_blocks; ++b) {
      RecordOf<V, Format, R>& record = records[b];
      V::gather(q + 32 * b, record.q[r]);
      record.d[r] = d[b];
      const std::int32_t first = sums[2 * b], second = sums[2 * b + 1];
      if constexpr (Format::kMinima == 2) {
        static_assert(Format::kOffset == 0, "its integer sums start at 0");
        record.d_sum[r] = d[b] * static_cast<float>(first);
        record.second_d_sum[r] = d[b] * static_cast<float>(second);
      } else if constexpr (Format::kScales == 2) {
        record.start[r] = -Format::kOffset * first;
        record.second[r] = -Format::kOffset * second;
      } else {
        record.start[r] = -Format::kOffset * (first + second);
      }
      if constexpr (Format::kMinima == 1) {
        record.d_sum[r] = d[b] * static_cast<float>(first + second);
      }
    }
  }
}

// ---- formats ----
//
// kValues inputs a block of kBytes, in steps of 32 inputs. kScales, kMinima: scales and minima a
// step, of equal parts of it. A weight is scale * (code - kOffset), plus the minimum where there is
// one; codes are unsigned and at most kMaxCode. Part is what is read once a block.

struct NoPart {};

template <class V>
struct Q8Format {
  static constexpr std::int64_t kValues = 32, kBytes = std::int64_t{16} * 34;
  static constexpr int kScales = 1, kOffset = 128, kMaxCode = 255;
  static constexpr int kMinima = 0;
  using Part = NoPart;
  static Part part(const std::uint8_t*) { return {}; }
  static void codes(const std::uint8_t* w, int, typename V::U* codes) {
    for (int g = 0; g < 8; ++g) codes[g] = V::load_bytes(w + 64 * g);
  }
  static typename V::F scale(Part, const std::uint8_t* w, int, int) { return V::load_f16(w + 512); }
};

template <class V>
void nibble_codes(const std::uint8_t* w, typename V::U* codes) {
  for (int g = 0; g < 4; ++g) {
    const typename V::U nibbles = V::load_bytes(w + 64 * g);
    codes[g] = V::low_nibbles(nibbles);
    codes[4 + g] = V::high_nibbles(nibbles);
  }
}

template <class V>
struct Q40Format {
  static constexpr std::int64_t kValues = 32, kBytes = std::int64_t{16} * 18;
  static constexpr int kScales = 1, kOffset = 8, kMaxCode = 15;
  static constexpr int kMinima = 0;
  using Part = NoPart;
  static Part part(const std::uint8_t*) { return {}; }
  static void codes(const std::uint8_t* w, int, typename V::U* codes) { nibble_codes<V>(w, codes); }
  static typename V::F scale(Part, const std::uint8_t* w, int, int) { return V::load_f16(w + 256); }
};

template <class V>
struct Q41Format {
  static constexpr std::int64_t kValues = 32, kBytes = std::int64_t{16} * 20;
  static constexpr int kScales = 1, kOffset = 0, kMaxCode = 15;
  static constexpr int kMinima = 1;
  using Part = NoPart;
  static Part part(const std::uint8_t*) { return {}; }
  static void codes(const std::uint8_t* w, int, typename V::U* codes) { nibble_codes<V>(w, codes); }
  static typename V::F scale(Part, const std::uint8_t* w, int, int) { return V::load_f16(w + 256); }
  static typename V::F minimum(Part, const std::uint8_t* w, int, int) {
    return V::load_f16(w + 288);
  }
};

template <class V>
struct Q51Format {
  static constexpr std::int64_t kValues = 32, kBytes = std::int64_t{16} * 24;
  static constexpr int kScales = 1, kOffset = 0, kMaxCode = 31;
  static constexpr int kMinima = 1;
  using Part = NoPart;
  static Part part(const std::uint8_t*) { return {}; }
  static void codes(const std::uint8_t* w, int, typename V::U* codes) {
    nibble_codes<V>(w, codes);
    V::template add_bits<4>(V::load_bytes(w + 256), codes);
  }
  static typename V::F scale(Part, const std::uint8_t* w, int, int) { return V::load_f16(w + 320); }
  static typename V::F minimum(Part, const std::uint8_t* w, int, int) {
    return V::load_f16(w + 352);
  }
};

// What codes stand for, as a table to look them up in. As many below zero as above: the largest is
// added, so that what is looked up is unsigned.
struct UnsignedValues {
  int offset = 0;
  std::uint8_t v[16];
  consteval explicit UnsignedValues(const std::int8_t* values) {
    for (int i = 0; i < 16; ++i) offset = values[i] > offset ? values[i] : offset;
    for (int i = 0; i < 16; ++i) v[i] = static_cast<std::uint8_t>(values[i] + offset);
  }
};

template <class V>
struct Mxfp4Format {
  static constexpr UnsignedValues kE2m1{kE2m1Values};
  static constexpr std::int64_t kValues = 32, kBytes = std::int64_t{16} * 17;
  static constexpr int kScales = 1, kOffset = kE2m1.offset, kMaxCode = 2 * kOffset;
  static constexpr int kMinima = 0;
  using Part = NoPart;
  static Part part(const std::uint8_t*) { return {}; }
  static void codes(const std::uint8_t* w, int, typename V::U* codes) {
    nibble_codes<V>(w, codes);
    for (int g = 0; g < 8; ++g) codes[g] = V::lookup(codes[g], kE2m1.v);
  }
  static typename V::F scale(Part, const std::uint8_t* w, int, int) {
    return V::load_e8m0(w + 256);
  }
};

template <class V>
struct Nvfp4Format {
  static constexpr std::int64_t kValues = 32, kBytes = std::int64_t{16} * 18;
  static constexpr int kScales = 2, kOffset = Mxfp4Format<V>::kOffset, kMaxCode = 2 * kOffset;
  static constexpr int kMinima = 0;
  using Part = NoPart;
  static Part part(const std::uint8_t*) { return {}; }
  static void codes(const std::uint8_t* w, int, typename V::U* codes) {
    Mxfp4Format<V>::codes(w, 0, codes);
  }
  static typename V::F scale(Part, const std::uint8_t* w, int, int half) {
    return V::load_half_e4m3(w + 256 + 16 * half);
  }
};

template <class V>
void two_bit_codes(const std::uint8_t* w, typename V::U* codes) {
  for (int half = 0; half < 2; ++half) {
    const typename V::U two = V::load_bytes(w + 64 * half);
    typename V::U* c = codes + 4 * half;
    c[0] = V::template two_bits<0>(two);
    c[1] = V::template two_bits<1>(two);
    c[2] = V::template two_bits<2>(two);
    c[3] = V::template two_bits<3>(two);
  }
}

template <class V, const GridLayout& kLayout>
struct GridFormat {
  static constexpr UnsignedValues kIntegers{kLayout.values};
  static constexpr std::int64_t kValues = 256, kBytes = kLayout.block_bytes();
  static constexpr int kScales = kLayout.n_scales, kOffset = kIntegers.offset,
                       kMaxCode = 2 * kOffset;
  static constexpr int kMinima = 0;
  struct Part {
    typename V::F one, two;  // units
  };
  static Part part(const std::uint8_t* w) {
    const typename V::F unit = V::mul(V::load_f16(w), V::set1(kLayout.unit));
    return {unit, V::add(unit, unit)};
  }
  static void codes(const std::uint8_t* w, int step, typename V::U* codes) {
    const std::uint8_t* block = w + 32 + 64 * kScales + 64 * kLayout.code_bits * step;
    if constexpr (kLayout.code_bits == 4) {
      nibble_codes<V>(block, codes);
    } else {
      two_bit_codes<V>(block, codes);
      V::template add_bits<2>(V::load_bytes(block + 128), codes);
    }
    for (int g = 0; g < 8; ++g) codes[g] = V::lookup(codes[g], kIntegers.v);
  }
  static typename V::F scale(const Part& part, const std::uint8_t* w, int step, int s) {
    const int i = kScales * step + s;
    return V::fma(part.two, V::load_nibbles(w + 32 + 16 * (i / 2), 4 * (i % 2)), part.one);
  }
};

// Scales and minima of q4_k and q5_k: 6 bits each, at w = { u8 low[8][col]: scale | minimum << 4;
// u8 high[4][col]: for steps 2i and 2i + 1, scale >> 4, minimum >> 4, two bits each }.
template <class V>
typename V::F k_scale(const std::uint8_t* w, int step) {
  return V::load_bits6(w + 16 * step, 0, w + 128 + 16 * (step / 2), 4 * (step % 2));
}
template <class V>
typename V::F k_minimum(const std::uint8_t* w, int step) {
  return V::load_bits6(w + 16 * step, 4, w + 128 + 16 * (step / 2), 4 * (step % 2) + 2);
}

template <class V>
struct KPart {
  typename V::F d, minus_dmin;
};

template <class V>
struct Q4kFormat {
  static constexpr std::int64_t kValues = 256, kBytes = std::int64_t{16} * 144;
  static constexpr int kScales = 1, kOffset = 0, kMaxCode = 15;
  static constexpr int kMinima = 1;
  using Part = KPart<V>;
  static Part part(const std::uint8_t* w) {
    return {V::load_f16(w), V::sub(V::set1(0), V::load_f16(w + 32))};
  }
  static void codes(const std::uint8_t* w, int step, typename V::U* codes) {
    nibble_codes<V>(w + 256 + 256 * step, codes);
  }
  static typename V::F scale(const Part& part, const std::uint8_t* w, int step, int) {
    return V::mul(part.d, k_scale<V>(w + 64, step));
  }
  static typename V::F minimum(const Part& part, const std::uint8_t* w, int step, int) {
    return V::mul(part.minus_dmin, k_minimum<V>(w + 64, step));
  }
};

template <class V>
struct Q5kFormat {
  static constexpr std::int64_t kValues = 256, kBytes = std::int64_t{16} * 176;
  static constexpr int kScales = 1, kOffset = 0, kMaxCode = 31;
  static constexpr int kMinima = 1;
  using Part = KPart<V>;
  static Part part(const std::uint8_t* w) { return Q4kFormat<V>::part(w); }
  static void codes(const std::uint8_t* w, int step, typename V::U* codes) {
    const std::uint8_t* block = w + 256 + 320 * step;
    nibble_codes<V>(block, codes);
    V::template add_bits<4>(V::load_bytes(block + 256), codes);
  }
  static typename V::F scale(const Part& part, const std::uint8_t* w, int step, int) {
    return Q4kFormat<V>::scale(part, w, step, 0);
  }
  static typename V::F minimum(const Part& part, const std::uint8_t* w, int step, int) {
    return Q4kFormat<V>::minimum(part, w, step, 0);
  }
};

// A code times its scale, at most 3 * 15, is still a small integer: what is left to multiply the
// sum of a step by is d, and the two parts of a step are not summed apart.
template <class V>
struct Q2kFormat {
  static constexpr std::int64_t kValues = 256, kBytes = std::int64_t{16} * 84;
  static constexpr int kScales = 1, kOffset = 0, kMaxCode = 45;
  static constexpr int kMinima = 2;
  using Part = KPart<V>;
  static Part part(const std::uint8_t* w) { return Q4kFormat<V>::part(w); }
  static void codes(const std::uint8_t* w, int step, typename V::U* codes) {
    for (int half = 0; half < 2; ++half) {
      const typename V::U n = V::multiples(w + 64 + 32 * step + 16 * half);
      const typename V::U two = V::load_bytes(w + 320 + 128 * step + 64 * half);
      typename V::U* c = codes + 4 * half;
      c[0] = V::template multiple<0>(n, two);
      c[1] = V::template multiple<1>(n, two);
      c[2] = V::template multiple<2>(n, two);
      c[3] = V::template multiple<3>(n, two);
    }
  }
  static typename V::F scale(const Part& part, const std::uint8_t*, int, int) { return part.d; }
  static typename V::F minimum(const Part& part, const std::uint8_t* w, int step, int half) {
    return V::mul(part.minus_dmin, V::load_nibbles(w + 64 + 32 * step + 16 * half, 4));
  }
};

template <class V>
struct Q6kFormat {
  static constexpr std::int64_t kValues = 256, kBytes = std::int64_t{16} * 210;
  static constexpr int kScales = 2, kOffset = 32, kMaxCode = 63;
  static constexpr int kMinima = 0;
  struct Part {
    typename V::F d;
  };
  static Part part(const std::uint8_t* w) { return {V::load_f16(w)}; }
  static void codes(const std::uint8_t* w, int step, typename V::U* codes) {
    const std::uint8_t* block = w + 32 + 416 * step;
    nibble_codes<V>(block, codes);
    for (int half = 0; half < 2; ++half) {
      const typename V::U high = V::load_bytes(block + 256 + 64 * half);
      typename V::U* c = codes + 4 * half;
      c[0] = V::template with_high_bits<0>(c[0], high);
      c[1] = V::template with_high_bits<1>(c[1], high);
      c[2] = V::template with_high_bits<2>(c[2], high);
      c[3] = V::template with_high_bits<3>(c[3], high);
    }
  }
  static typename V::F scale(const Part& part, const std::uint8_t* w, int step, int half) {
    return V::mul(part.d, V::load_i8(w + 32 + 416 * step + 384 + 16 * half));
  }
};

// ---- tiles ----

// acc[r] += the products of 32 inputs with rows 0 … R - 1, V::kChains rows at a time.
template <class V, class Format, int R>
[[gnu::always_inline]] inline void add_step(const typename Format::Part& part,
                                            const std::uint8_t* w, int step,
                                            const RecordOf<V, Format, R>& x, typename V::F* acc) {
  constexpr int kRows = R < V::kChains ? R : V::kChains;
  constexpr int kQuads = 8 / Format::kScales;
  typename V::U codes[8];
  Format::codes(w, step, codes);
  typename V::F scale[Format::kScales];
  for (int s = 0; s < Format::kScales; ++s) scale[s] = Format::scale(part, w, step, s);
  [[maybe_unused]] typename V::F minimum, second_minimum;
  if constexpr (Format::kMinima > 0) minimum = Format::minimum(part, w, step, 0);
  if constexpr (Format::kMinima > 1) second_minimum = Format::minimum(part, w, step, 1);
  static_assert(Format::kMinima == 0 || Format::kScales == 1, "minima follow the only scale");
#pragma GCC unroll 16
  for (int r0 = 0; r0 < R; r0 += kRows) {
#pragma GCC unroll 2
    for (int s = 0; s < Format::kScales; ++s) {
      const auto add = [&](int r, typename V::I sum) __attribute__((always_inline)) {
        typename V::F& a = acc[r0 + r];
        a = V::fma(V::to_float(sum), V::mul(scale[s], V::set1(x.d[r0 + r])), a);
        if constexpr (Format::kMinima > 0) {
          a = V::fma(minimum, V::set1(x.d_sum[r0 + r]), a);
        }
        if constexpr (Format::kMinima > 1) {
          a = V::fma(second_minimum, V::set1(x.second_d_sum[r0 + r]), a);
        }
      };
      V::template dot<Format::kMaxCode, kQuads, kRows>(codes + kQuads * s, &x.q[r0][16 * s],
                                                       (s == 0 ? x.start : x.second) + r0, add);
    }
  }
}

// n blocks of 32 inputs of one panel, whose weights begin at w, for the R rows of `records`. The
// sums go on from those in `sums`, or from zero; keep(r, sum) takes them.
template <class V, class Format, int R, class Keep>
[[gnu::always_inline]] inline void quantized_tile(const std::uint8_t* w,
                                                  const RecordOf<V, Format, R>* records,
                                                  std::int64_t n, bool from_zero,
                                                  const float (*sums)[kPanel], Keep&& keep) {
  constexpr int kSteps = Format::kValues / 32;
  typename V::F acc[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) acc[r] = from_zero ? V::set1(0) : V::load(sums[r]);
  for (std::int64_t b = 0; b < n; b += kSteps, w += Format::kBytes) {
    const typename Format::Part part = Format::part(w);
    for (int step = 0; step < kSteps; ++step) {
      add_step<V, Format, R>(part, w, step, records[b + step], acc);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) keep(r, acc[r]);
}

// A tile's sums, for the next chunk of inputs to go on from. Never inlined: its loop for one row is
// decoding, which was a tenth slower as a part of the function below (GCC 12, AMD Zen 4).
template <class V, class Format, int R>
[[gnu::noinline]] void partial_tile(const std::uint8_t* w, const RecordOf<V, Format, R>* records,
                                    std::int64_t n, bool from_zero, float (*sums)[kPanel]) {
  quantized_tile<V, Format, R>(w, records, n, from_zero, sums,
                               [&](int r, typename V::F sum) { V::store(sums[r], sum); });
}

template <class V>
void write_sum(const MatMul& op, std::int64_t row, std::int64_t panel, typename V::F sum) {
  float* y = op.y.row(op.y_row(row)) + panel * kPanel;
  V::store(y, op.add ? V::add(V::load(y), sum) : sum);
}

// Rows [row, row + n_rows), at most R, by the panels [first, last), at most kPanelGroup. Tiles
// of the largest size write an output when it is complete: up to 1.05 times the speed of prefill.
template <class V, class Format, int R>
void quantized_rows(const MatMul& op, std::int64_t first, std::int64_t last, std::int64_t row,
                    std::int64_t n_rows) {
  using Record = RecordOf<V, Format, R>;
  constexpr bool kAtOnce = R == V::kTileRows;
  constexpr auto kChunk = kRecordBytes / static_cast<std::int64_t>(sizeof(Record));
  static_assert(kChunk % (Format::kValues / 32) == 0, "a chunk has whole blocks of weights");
  alignas(64) Record records[kChunk];
  alignas(64) float sums[kPanelGroup][R][kPanel];
  const std::int64_t n_blocks = op.w->in / 32;
  for (std::int64_t b = 0; b < n_blocks; b += kChunk) {
    const std::int64_t n = n_blocks - b < kChunk ? n_blocks - b : kChunk;
    gather_rows<V, Format, R>(op, row, n_rows, b, n, records);
    const std::int64_t offset = b * 32 / Format::kValues * Format::kBytes;
    for (std::int64_t p = first; p < last; ++p) {
      const std::uint8_t* w = op.w->panel(p) + offset;
      float(*tile)[kPanel] = sums[p - first];
      if (kAtOnce && b + n == n_blocks) {
        quantized_tile<V, Format, R>(w, records, n, b == 0, tile, [&](int r, typename V::F sum) {
          if (r < n_rows) write_sum<V>(op, row + r, p, sum);
        });
      } else {
        partial_tile<V, Format, R>(w, records, n, b == 0, tile);
      }
    }
  }
  if constexpr (!kAtOnce) {
    for (std::int64_t r = 0; r < n_rows; ++r) {
      for (std::int64_t p = first; p < last; ++p) {
        write_sum<V>(op, row + r, p, V::load(sums[p - first][r]));
      }
    }
  }
}

// Rows go in tiles of R; what is left fills a tile that has room for a third more, or goes on in
// smaller ones.
template <class V, class Format, int R = V::kTileRows>
void quantized_group(const MatMul& op, std::int64_t first, std::int64_t last, std::int64_t row,
                     std::int64_t last_row) {
  while (4 * (last_row - row) >= 3 * R) {
    const std::int64_t n = last_row - row < R ? last_row - row : R;
    quantized_rows<V, Format, R>(op, first, last, row, n);
    row += n;
  }
  if constexpr (R > 1) {
    if (row < last_row) quantized_group<V, Format, R / 2>(op, first, last, row, last_row);
  }
}

template <class V, class Format>
void quantized_matmul(const MatMul& op, std::int64_t first_panel, std::int64_t last_panel,
                      std::int64_t first_row, std::int64_t last_row) {
  for (std::int64_t p = first_panel; p < last_panel; p += kPanelGroup) {
    const std::int64_t end = last_panel - p < kPanelGroup ? last_panel : p + kPanelGroup;
    quantized_group<V, Format>(op, p, end, first_row, last_row);
  }
}

// ---- float weights ----

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
  for (int r = 0; r < R; ++r) {
    float* y = op.y.row(op.y_row(row + r)) + panel * kPanel;
    V::store(y, op.add ? V::add(V::load(y), acc[r]) : acc[r]);
  }
}

// Rows go in tiles of R, the rest in smaller.
template <class V, class Column, int R = V::kFloatRows>
void float_rows(const MatMul& op, std::int64_t panel, std::int64_t row, std::int64_t last_row) {
  for (; row + R <= last_row; row += R) float_tile<V, Column, R>(op, panel, row);
  if constexpr (R > 1) {
    if (row < last_row) float_rows<V, Column, R / 2>(op, panel, row, last_row);
  }
}

template <class V, class Column>
void float_matmul(const MatMul& op, std::int64_t first_panel, std::int64_t last_panel,
                  std::int64_t first_row, std::int64_t last_row) {
  for (std::int64_t p = first_panel; p < last_panel; ++p) {
    float_rows<V, Column>(op, p, first_row, last_row);
  }
}

template <class V>
void matmul(const MatMul& op, std::int64_t first_panel, std::int64_t last_panel,
            std::int64_t first_row, std::int64_t last_row) {
  using Kernel = void (*)(const MatMul&, std::int64_t, std::int64_t, std::int64_t, std::int64_t);
  const auto kernel = [](DType dtype) -> Kernel {
    switch (dtype) {
      case DType::f32:
        return float_matmul<V, F32Column<V>>;
      case DType::f16:
        return float_matmul<V, F16Column<V>>;
      case DType::bf16:
        return float_matmul<V, Bf16Column<V>>;
      case DType::q8_0:
        return quantized_matmul<V, Q8Format<V>>;
      case DType::q4_0:
        return quantized_matmul<V, Q40Format<V>>;
      case DType::q4_1:
        return quantized_matmul<V, Q41Format<V>>;
      case DType::q5_1:
        return quantized_matmul<V, Q51Format<V>>;
      case DType::q2_k:
        return quantized_matmul<V, Q2kFormat<V>>;
      case DType::q4_k:
        return quantized_matmul<V, Q4kFormat<V>>;
      case DType::q5_k:
        return quantized_matmul<V, Q5kFormat<V>>;
      case DType::q6_k:
        return quantized_matmul<V, Q6kFormat<V>>;
      case DType::mxfp4:
        return quantized_matmul<V, Mxfp4Format<V>>;
      case DType::nvfp4:
        return quantized_matmul<V, Nvfp4Format<V>>;
      case DType::iq1_s:
        return quantized_matmul<V, GridFormat<V, kIq1S>>;
      case DType::iq1_m:
        return quantized_matmul<V, GridFormat<V, kIq1M>>;
      case DType::iq2_xxs:
        return quantized_matmul<V, GridFormat<V, kIq2Xxs>>;
      case DType::iq2_xs:
        return quantized_matmul<V, GridFormat<V, kIq2Xs>>;
      case DType::iq3_xxs:
        return quantized_matmul<V, GridFormat<V, kIq3Xxs>>;
      case DType::iq3_s:
        return quantized_matmul<V, GridFormat<V, kIq3S>>;
      default:
        return nullptr;
    }
  }(op.w->dtype);
  CHECK(kernel != nullptr, "packed_dtype gives only types that have a layout");
  kernel(op, first_panel, last_panel, first_row, last_row);
}

}  // namespace hearth::kernels
