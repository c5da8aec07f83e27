// silu_mul.h - the gated activation of SwiGLU: gate[t, c] = gate / (1 + exp(-gate)) * up.
//
//   gate, up  [n_rows, n_cols]  float32; the result replaces gate
#pragma once

#include "tensor/rows.h"

namespace hearth::kernels {

struct SiluMul {
  Rows<float> gate;
  Rows<const float> up;
};

void silu_mul_reference(const SiluMul& op);  // the definition, in float64

// exp is good to 2 u (cpu/vec_math.h), then a sum, a quotient and a product.
constexpr double kSiluMulTolerance = 6 * 0x1p-24;

constexpr double silu_mul_bytes(double n_rows, double n_cols) { return 3 * n_rows * n_cols * 4; }

}  // namespace hearth::kernels
