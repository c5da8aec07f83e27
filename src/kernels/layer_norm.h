// layer_norm.h - bring each row to mean 0 and variance 1, then apply a gain and a bias per channel.
//
//     y[t, c] = (x[t, c] - mean) / sqrt(variance + eps) * gain[c] + bias[c]
//
//   x           [n_rows, n_cols]  float32
//   gain, bias  [n_cols]          float32
//   y           like x; may be x itself, may not partly overlap it
//   eps         > 0
//
// mean and variance are those of the row; the variance is the mean of (x - mean)^2, summed after
// the mean is known: that of x^2 - mean^2 would cancel. Any n_cols >= 1.
#pragma once

#include "tensor/rows.h"

namespace hearth::kernels {

struct LayerNorm {
  Rows<const float> x;
  const float* gain;
  const float* bias;
  float eps;
  Rows<float> y;
};

void layer_norm_reference(const LayerNorm& op);  // the definition, in float64

// Relative to |bias| + |gain| (largest |x| of the row) / sqrt(variance + eps), u = 2^-24: the mean
// is off by (n/16 + 5) u of the largest |x|, that again times the scale; the scale as in
// rms_norm.h; a difference, two products and a sum.
constexpr double layer_norm_tolerance(double n_cols) { return (n_cols / 8 + 24) * 0x1p-24; }

constexpr double layer_norm_bytes(double n_rows, double n_cols) {
  return (2 * n_rows + 2) * n_cols * 4;
}

}  // namespace hearth::kernels
