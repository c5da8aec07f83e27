// weighted_sum.h - the rows that a token's experts computed, added to the token's own:
//
//     x[t, c] += sum over s of weights[t, s] * y[t * n + s, c]
//
//   x        [n_rows, n_cols]      float32, in place
//   y        [n_rows * n, n_cols]  float32
//   weights  [n_rows, n]
//
// Order of summation: acc = x; then acc = fma(y, weight, acc) for s = 0, 1, …
#pragma once

#include <cstdint>

#include "tensor/rows.h"

namespace hearth::kernels {

struct WeightedSum {
  Rows<float> x;
  Rows<const float> y;
  const float* weights;
  std::int64_t n;
};

void weighted_sum_reference(const WeightedSum& op);  // the definition, in float64

// Relative to |x| + sum |weight y|: a rounding a term.
constexpr double weighted_sum_tolerance(double n) { return n * 0x1p-24; }

constexpr double weighted_sum_bytes(double n_rows, double n_cols, double n) {
  return (2 + n) * n_rows * n_cols * 4;
}

}  // namespace hearth::kernels
