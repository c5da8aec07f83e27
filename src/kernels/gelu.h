// gelu.h - the activation of BERT: gelu in its exact form, by the error function.
//
//     gelu(x) = x/2 (1 + erf(x / sqrt(2)))
//             = max(x, 0) - |x| Q(|x|)          Q(t) = erfc(t / sqrt(2)) / 2, the normal tail
//
//   x  [n_rows, n_cols]  float32, in place
//
// The second form is what kernels compute: for negative x nothing cancels. Not a number stays one.
#pragma once

#include "tensor/rows.h"

namespace hearth::kernels {

struct Gelu {
  Rows<float> x;
};

void gelu_reference(const Gelu& op);  // the definition, in float64

// Relative, u = 2^-24: the rounding of exp's argument x^2 / 2 is a relative error of its value; the
// tail's other factors 5 u, two products and a difference. Below 3e-7 absolute up to |x| = 4.
constexpr double gelu_tolerance(double x) { return (x * x + 8) * 0x1p-24; }

constexpr double gelu_bytes(double n_rows, double n_cols) { return 2 * n_rows * n_cols * 4; }

}  // namespace hearth::kernels
