// pool.h - from a sequence's rows to the sequence's own: its embedding.
//
//     none   y[t] = x[t]          a row a token
//     mean   y[0] = mean over t of x[t]
//     first  y[0] = x[0]          the token that stands for all ([CLS])
//     last   y[0] = x[n - 1]
//
// and, when asked, each y brought to unit length: y / max(|y|, 1e-12).
//
//   x  [n_rows, n_cols]  float32, n_rows >= 1
//   y  [n_pooled_rows(how, n_rows), n_cols]; may begin at x or at a row before it in one buffer
//
// Order of summation: x[0] + x[1] + …, one sum a channel; the length as in rms_norm.h.
#pragma once

#include <cstdint>

#include "kernels/batch.h"
#include "tensor/rows.h"

namespace hearth::kernels {

struct Pool {
  Rows<const float> x;
  Pooling how;
  bool normalize;
  Rows<float> y;
};

constexpr std::int64_t n_pooled_rows(Pooling how, std::int64_t n_rows) {
  return how == Pooling::none ? n_rows : 1;
}

void pool_reference(const Pool& op);  // the definition, in float64

// Relative to the largest |x|, u = 2^-24: a rounding a row and the quotient; relative to the
// result: the length's root and quotient as in rms_norm.h.
constexpr double pool_tolerance(double n_rows, double n_cols) {
  return (n_rows + 1 + n_cols / 32 + 10) * 0x1p-24;
}

constexpr double pool_bytes(double n_rows, double n_cols) { return n_rows * n_cols * 4; }

}  // namespace hearth::kernels
