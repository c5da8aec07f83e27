// packed_matrix.h - weight matrices in the layout the matmul kernels read.
//
// A matrix [out, in] is cut into panels of 16 outputs; in a panel the outputs are the lanes of a
// vector, so that a dot product never sums across lanes. Within a panel the inputs advance in
// blocks. With col = 0…15 the output within the panel:
//
//   f32   [in][col] float
//   f16   [in][col] half            bf16 likewise
//   q8_0  per 32 inputs:  u8 code[8][col][4] (value + 128; quad g holds inputs 4g…4g+3)   512 B
//                         half d[col]                                                      32 B
//   q4_0  per 32 inputs:  u8 nibbles[4][col][4] (low: inputs 4g…, high: inputs 16 + 4g…)  256 B
//                         half d[col]                                                      32 B
//   q4_1  as q4_0, then half m[col]                                                        32 B
//   q5_1  as q4_1, but u8 fifth[col][4] behind the nibbles: bit g of quad g                64 B
//   q2_k  per 256 inputs: half d[col], dmin[col]                                            64 B
//                         u8 scales[16][col]: of 16 inputs each, scale | minimum << 4      256 B
//                         8 x u8 two[2][col][4]: bits 2i, 2i+1 of half j = quad 4j + i 8 x 128 B
//   q4_k  per 256 inputs: half d[col], dmin[col]                                            64 B
//                         u8 low[8][col]: of step j (32 inputs), scale | minimum << 4      128 B
//                         u8 high[4][col]: of steps 2i and 2i + 1, a nibble each:
//                            scale >> 4, minimum >> 4                                       64 B
//                         8 x u8 nibbles[4][col][4] as q4_0                             8 x 256 B
//   q5_k  as q4_k, but 8 x { nibbles, u8 fifth[col][4] as q5_1 }                        8 x 320 B
//   q6_k  per 256 inputs: half d[col], then 8 x { u8 low nibbles[4][col][4] as q4_0        256 B
//                         u8 high[2][col][4]: bits 2i, 2i+1 of half j = quad 4j + i        128 B
//                         i8 scale[2][col] (of inputs 0…15 and 16…31) }                     32 B
//   mxfp4 per 32 inputs:  u8 nibbles[4][col][4] as q4_0                                   256 B
//                         u8 exponent[col]                                                16 B
//   nvfp4 as mxfp4, but u8 scale[2][col] (of inputs 0…15 and 16…31): f8_e4m3 without a
//                         sign, of which all ones is a number                             32 B
//
// so a packed matrix is as large as the file's, but for the last panel's padding (zero scales).
//
// Types whose codes number points of a grid (iq_grids.h) store the values of the points instead: a
// code says which of a few integers, and a weight is d * unit * (2 * scale + 1) * integer, exactly
// the file's (GridLayout has the numbers). They take more room than the file's:
//
//   iq1_s, iq1_m, iq2_xxs, iq2_xs, iq3_xxs, iq3_s
//         per 256 inputs: half d[col]                                                       32 B
//                         u8 scales[4 * n_scales][col]: nibble i of a step's, low first
//                                                                                n_scales * 64 B
//         with codes of 4 bits, 8 x u8 nibbles[4][col][4] as q4_0                       8 x 256 B
//         with codes of 3 bits, 8 x { u8 two[2][col][4] as q2_k                         8 x 128 B
//                                     u8 third[col][4]: bit g of quad g }               8 x  64 B
//
// Types without a layout of their own take the nearest that loses nothing that matters. The same
// values, bit for bit, have q5_0 and iq4_nl as q8_0 (8 bits hold every code), q3_k as q6_k, iq2_s
// as iq2_xs, q1_0, q2_0, tq1_0 and tq2_0 as q4_0, and f8_e4m3 and f8_e5m2 as f16. iq4_xs becomes
// q8_0, whose scales are rounded to a half: a weight moves by at most 2^-11 of it, a sixteenth of
// what int8 activations cost, or in blocks of very small weights by 2^-18. The packed copy
// replaces the mapped one: the caller releases the file's pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/thread_pool.h"
#include "tensor/tensor.h"

namespace hearth::kernels {

inline constexpr std::int64_t kPanel = 16;

struct PackedMatrix {
  DType dtype = DType::f32;
  std::int64_t out = 0, in = 0;
  std::int64_t panel_bytes = 0;
  std::shared_ptr<const std::uint8_t> data;  // [n_panels * panel_bytes], 64-byte aligned

  std::int64_t n_panels() const { return (out + kPanel - 1) / kPanel; }
  std::int64_t bytes() const { return n_panels() * panel_bytes; }
  const std::uint8_t* panel(std::int64_t i) const { return data.get() + i * panel_bytes; }
  bool quantized() const {
    return dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16;
  }
};

// What the codes of a type stand for whose weights are points of a grid. Values above the largest
// code are not used.
struct GridLayout {
  DType dtype;
  int n_scales;   // of 32 inputs
  int code_bits;  // 3 or 4
  float unit;
  const std::int8_t* values;  // [16]

  constexpr std::int64_t block_bytes() const { return 32 + 64 * n_scales + 8 * 64 * code_bits; }
};

// The upper code bit of iq1_* is the sign of the file's delta; of the others, that of the value.
inline constexpr std::int8_t kIq1Values[16] = {-7, 1, 9, 0, -9, -1, 7};
inline constexpr std::int8_t kIq2Values[16] = {8, 25, 43, 0, -8, -25, -43};
inline constexpr std::int8_t kIq3XxsValues[16] = {4,  12,  20,  28,  36,  44,  52,  62,
                                                  -4, -12, -20, -28, -36, -44, -52, -62};
inline constexpr std::int8_t kIq3SValues[16] = {1,  3,  5,  7,  9,  11,  13,  15,
                                                -1, -3, -5, -7, -9, -11, -13, -15};

inline constexpr GridLayout kIq1S = {DType::iq1_s, 1, 3, 0.125f, kIq1Values};
inline constexpr GridLayout kIq1M = {DType::iq1_m, 2, 3, 0.125f, kIq1Values};
inline constexpr GridLayout kIq2Xxs = {DType::iq2_xxs, 1, 3, 0.125f, kIq2Values};
inline constexpr GridLayout kIq2Xs = {DType::iq2_xs, 2, 3, 0.125f, kIq2Values};
inline constexpr GridLayout kIq3Xxs = {DType::iq3_xxs, 1, 4, 0.25f, kIq3XxsValues};
inline constexpr GridLayout kIq3S = {DType::iq3_s, 1, 4, 1.0f, kIq3SValues};

// nullptr for types that are not packed so.
const GridLayout* grid_layout(DType packed);

// The layout that a file's type is packed into.
DType packed_dtype(DType file);

std::int64_t packed_panel_bytes(DType dtype, std::int64_t in);

// tensor is [out, in] (rank 2, or 1: one output). as_f32: every weight as a float instead.
PackedMatrix pack(const Tensor& tensor, bool as_f32, ThreadPool& pool);
// What pack() makes, without its data.
PackedMatrix packed_shape(const Tensor& tensor, bool as_f32);
// Raised when some weights are packed to other bytes than before: kept images are then made again.
inline constexpr int kPackingVersion = 3;
// Panels [first, first + n) of what pack() makes, n * panel_bytes, into `out`.
void pack_panels(const Tensor& tensor, const PackedMatrix& shape, std::int64_t first,
                 std::int64_t n, std::uint8_t* out);

// Memory for weights and caches: zeroed, page aligned, committed when touched; nullptr when the
// system has none to give. Huge pages (where the kernel has them) suit what is read whole, not what
// fills up slowly.
enum class PageSize : std::uint8_t { small, huge };
std::shared_ptr<std::uint8_t> allocate_pages(std::size_t bytes, PageSize page_size);

}  // namespace hearth::kernels
