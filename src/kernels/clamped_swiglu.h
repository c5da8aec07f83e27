// clamped_swiglu.h - the gated activation of gpt-oss, bounded on the sides where it would grow.
//
//     g = min(gate, limit)      u = clamp(up, -limit, limit)
//     gate[t, c] = g / (1 + exp(-alpha g)) * (u + 1)
//
//   gate, up  [n_rows, n_cols]  float32; the result replaces gate. Not a number stays one.
#pragma once

#include "tensor/rows.h"

namespace hearth::kernels {

struct ClampedSwiglu {
  Rows<float> gate;
  Rows<const float> up;
  float alpha, limit;
};

void clamped_swiglu_reference(const ClampedSwiglu& op);  // the definition, in float64

// Relative, u = 2^-24: the rounding of exp's argument is a relative error of its value; exp 2 u,
// two sums, a quotient and a product.
constexpr double clamped_swiglu_tolerance(double argument) {
  return (2 * (argument < 0 ? -argument : argument) + 7) * 0x1p-24;
}

constexpr double clamped_swiglu_bytes(double n_rows, double n_cols) {
  return 3 * n_rows * n_cols * 4;
}

}  // namespace hearth::kernels
