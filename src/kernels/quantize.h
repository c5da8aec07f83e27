// quantize.h - activations to int8, once for all matrices that read them.
//
//     size = max(|x| over a block of 32, 2^-80)    d = size / 127
//     q = round to nearest even(x * (127 / size))
//
// A row of k values (a multiple of 32) becomes one record:
//
//     int8   q[k]
//     float  d[k / 32]
//     int32  sums[k / 16]    sum of q over each 16, for weights stored with an offset
//
// at 64-byte aligned offsets. The bound keeps a block of zeros, or of values that no sum would
// notice, from dividing by them. A block with a value that is not a number or infinite has d = NaN
// and q = 0, so that its products are NaN. Bit-equal on every ISA.
#pragma once

#include <cstdint>

#include "tensor/rows.h"

namespace hearth::kernels {

inline constexpr float kLeastQuantized = 0x1p-80f;

struct QuantizedRows {
  std::uint8_t* data = nullptr;
  std::int64_t n_rows = 0;
  std::int64_t k = 0;

  static constexpr std::int64_t align64(std::int64_t n) { return (n + 63) / 64 * 64; }
  static constexpr std::int64_t row_bytes(std::int64_t k) {
    return align64(k) + align64(k / 32 * 4) + align64(k / 16 * 4);
  }
  std::uint8_t* row(std::int64_t i) const { return data + i * row_bytes(k); }
  std::int8_t* q(std::int64_t i) const { return reinterpret_cast<std::int8_t*>(row(i)); }
  float* d(std::int64_t i) const { return reinterpret_cast<float*>(row(i) + align64(k)); }
  std::int32_t* sums(std::int64_t i) const {
    return reinterpret_cast<std::int32_t*>(row(i) + align64(k) + align64(k / 32 * 4));
  }
};

// Row i of x into row i of out, for i in [first, last).
void quantize_reference(Rows<const float> x, QuantizedRows out, std::int64_t first,
                        std::int64_t last);

}  // namespace hearth::kernels
