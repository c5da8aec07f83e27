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
//   q4_k  per 256 inputs: half d[col], dmin[col]                                            64 B
//                         u8 low[8][col]: of step j (32 inputs), scale | minimum << 4      128 B
//                         u8 high[4][col]: of steps 2i and 2i + 1, a nibble each:
//                            scale >> 4, minimum >> 4                                       64 B
//                         8 x u8 nibbles[4][col][4] as q4_0                             8 x 256 B
//   q5_k  as q4_k, but 8 x { nibbles, u8 fifth[col][4]: bit g of quad g }              8 x 320 B
//   q6_k  per 256 inputs: half d[col], then 8 x { u8 low nibbles[4][col][4] as q4_0        256 B
//                         u8 high[2][col][4]: bits 2i, 2i+1 of half j = quad 4j + i        128 B
//                         i8 scale[2][col] (of inputs 0…15 and 16…31) }                     32 B
//   mxfp4 per 32 inputs:  u8 nibbles[4][col][4] as q4_0                                   256 B
//                         u8 exponent[col]                                                16 B
//
// so a packed matrix is as large as the file's, but for the last panel's padding (zero scales).
// Types without a layout of their own take the nearest that loses nothing that matters. The same
// values, bit for bit, have q5_0 and iq4_nl as q8_0 (8 bits hold every code), q3_k as q6_k, q1_0,
// q2_0, tq1_0 and tq2_0 as q4_0, and f8_e4m3, f8_e5m2 and nvfp4 as f16. iq4_xs becomes q8_0, whose
// scales are rounded to a half, the rest f16: a weight moves by at most 2^-11 of it, a sixteenth of
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

// The layout that a file's type is packed into.
DType packed_dtype(DType file);

std::int64_t packed_panel_bytes(DType dtype, std::int64_t in);

// tensor is [out, in] (rank 2, or 1: one output). as_f32: every weight as a float instead.
PackedMatrix pack(const Tensor& tensor, bool as_f32, ThreadPool& pool);
// What pack() makes, without its data.
PackedMatrix packed_shape(const Tensor& tensor, bool as_f32);
// Raised when some weights are packed to other bytes than before: kept images are then made again.
inline constexpr int kPackingVersion = 2;
// Panels [first, first + n) of what pack() makes, n * panel_bytes, into `out`.
void pack_panels(const Tensor& tensor, const PackedMatrix& shape, std::int64_t first,
                 std::int64_t n, std::uint8_t* out);

// Memory for weights and caches: zeroed, page aligned, committed when touched; nullptr when the
// system has none to give. Huge pages (where the kernel has them) suit what is read whole, not what
// fills up slowly.
enum class PageSize : std::uint8_t { small, huge };
std::shared_ptr<std::uint8_t> allocate_pages(std::size_t bytes, PageSize page_size);

}  // namespace hearth::kernels
