// matmul.h - rows of activations times a packed matrix: y[t, o] (+)= sum over i of x[t, i] * w[o,
// i].
//
//   x  [n_rows, in]   float32, or int8 blocks (quantize.h) when the matrix is quantised
//   w  [out, in]      packed (packed_matrix.h)
//   y  [n_rows, out]  float32; its stride has room for whole panels of 16 outputs, which are
//   written
//
// Order of summation, the same for one row and for many, on every ISA: an output's accumulator
// starts at 0; then blocks of 32 inputs in order (q6_k, nvfp4, iq1_m, iq2_xs: of 16); inside a
// block the integer dot product is exact, then one fma:
//     acc = fma(float(sum q w), d_w * d_x, acc)
// and, for types with a minimum (q4_1, q5_1, q4_k, q5_k): acc = fma(m, d_x * sum q, acc); q2_k has
// two, of inputs 0…15 and 16…31, and its w are codes times their scales.
// For float weights: acc = fma(w, x, acc), input by input. A product that is added is added whole:
// sums that began at y would round every block to y's size.
#pragma once

#include <cstdint>

#include "kernels/packed_matrix.h"
#include "kernels/quantize.h"
#include "tensor/rows.h"

namespace hearth::kernels {

struct MatMul {
  const PackedMatrix* w;
  Rows<const float> x;  // used when w is not quantised
  QuantizedRows xq;     // used when it is
  Rows<float> y;
  bool add;  // y += instead of y =
  // When given, only these n_rows rows of y, in any order: row i is y's rows[i] and reads x's
  // rows[i] / rows_an_x. (The tokens of one expert of a mixture.)
  const std::int32_t* rows = nullptr;
  std::int64_t n_rows = 0;
  std::int32_t rows_an_x = 1;

  std::int64_t y_row(std::int64_t i) const { return rows == nullptr ? i : rows[i]; }
  std::int64_t x_row(std::int64_t i) const { return rows == nullptr ? i : rows[i] / rows_an_x; }
};

void matmul_reference(const MatMul& op);  // the definition, in float64, from the same packed bytes

// Against the definition with the same int8 activations, relative to sum |x w|: one fma a block (or
// input), two products for its scale.
constexpr double matmul_tolerance(double in) { return (in + 4) * 0x1p-24; }

// Bytes of weights; decode divides them by time to print GB/s.
inline double matmul_bytes(const PackedMatrix& w) {
  return static_cast<double>(w.n_panels()) * static_cast<double>(w.panel_bytes);
}

}  // namespace hearth::kernels
