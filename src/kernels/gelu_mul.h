// gelu_mul.h - the gated activation of GeGLU: gate[t, c] = gelu(gate) * up, gelu by its tanh form.
//
//     gelu(x) = x/2 (1 + tanh(u)) = x / (1 + exp(-2u))      u = sqrt(2 / pi) (x + 0.044715 x^3)
//
//   gate, up  [n_rows, n_cols]  float32; the result replaces gate
#pragma once

#include "tensor/rows.h"

namespace hearth::kernels {

struct GeluMul {
  Rows<float> gate;
  Rows<const float> up;
};

inline constexpr double kGeluRoot = 0.79788456080286535588;  // sqrt(2 / pi)
inline constexpr double kGeluCube = 0.044715;

void gelu_mul_reference(const GeluMul& op);  // the definition, in float64

// Relative, u = 2^-24: five roundings of 2u become an absolute error of exp's argument, which is a
// relative one of its value; exp itself 2 u, then a sum, a quotient and a product.
constexpr double gelu_mul_tolerance(double x) {
  const double argument = 2 * kGeluRoot * (x + kGeluCube * x * x * x);
  return (6 * (argument < 0 ? -argument : argument) + 8) * 0x1p-24;
}

constexpr double gelu_mul_bytes(double n_rows, double n_cols) { return 3 * n_rows * n_cols * 4; }

}  // namespace hearth::kernels
