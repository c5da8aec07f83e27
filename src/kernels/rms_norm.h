// rms_norm.h - bring each row to unit root-mean-square, then apply a gain per channel.
//
//     y[t, c] = x[t, c] / sqrt(mean over c of x[t, c]^2 + eps) * gain[c]
//
//   x     [n_rows, n_cols]  float32
//   gain  [n_cols]          float32
//   y     like x; may be x itself, may not partly overlap it
//   eps   > 0
//
// A row of zeros gives zeros. Any n_cols >= 1.
#pragma once

#include "tensor/rows.h"

namespace hearth::kernels {

struct RmsNorm {
  Rows<const float> x;
  const float* gain;
  float eps;
  Rows<float> y;
};

void rms_norm_reference(const RmsNorm& op);  // the definition, in float64

// Relative error a correct float32 version may show, u = 2^-24: 16 partial sums of n/16 squares (1
// u each and 1 u an addition), a tree of 4, mean, eps, root and quotient 4 u, all halved by the
// root for the sum's part, then 2 multiplications.
constexpr double rms_norm_tolerance(double n_cols) { return (n_cols / 32 + 10) * 0x1p-24; }

constexpr double rms_norm_bytes(double n_rows, double n_cols) {
  return (2 * n_rows + 1) * n_cols * 4;
}

}  // namespace hearth::kernels
