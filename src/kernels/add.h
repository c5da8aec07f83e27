// add.h - sums of rows: x[t, c] = x[t, c] + y[t, c].
//
//   x  [n_rows, n_cols]  float32, in place
//   y  like x; a stride of 0 adds one row (a bias) to all
#pragma once

#include "tensor/rows.h"

namespace hearth::kernels {

struct Add {
  Rows<float> x;
  Rows<const float> y;
};

void add_reference(const Add& op);  // the definition, in float64

constexpr double kAddTolerance = 0x1p-24;  // one rounding

constexpr double add_bytes(double n_rows, double n_cols) { return 3 * n_rows * n_cols * 4; }

}  // namespace hearth::kernels
