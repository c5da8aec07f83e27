// rope.h - rotary position embedding: rotate pairs of a head's values by an angle that grows with
// the position.
//
//     angle = position * inverse_frequency[j]        in float32, as the reference implementations
//     do (a, b) -> (a cos - b sin, a sin + b cos)       a, b = values 2j, 2j + 1 (adjacent) or j, j
//     + half
//
//   x         [n_rows, n_heads * head_dim]  float32, in place
//   cos, sin  [n_rows, n_pairs]             float32, attention factor included
//
// 2 * n_pairs <= head_dim; the values beyond are left alone.
#pragma once

#include <cstdint>

#include "kernels/ops.h"
#include "tensor/rows.h"

namespace hearth::kernels {

struct RopeRows {
  Rows<float> x;
  std::int32_t head_dim;
  std::int32_t n_pairs;
  RopePairs pairs;
  const float* cos;
  const float* sin;
};

// Fills one row of cos and sin. The angle is rounded to float32 (at position 8000 that is 5e-4 rad,
// and the published logits contain it), its cosine is not.
void rope_angles(std::int32_t position, const float* inverse_frequencies, std::int32_t n_pairs,
                 float attention_factor, float* cos, float* sin);

void rope_reference(const RopeRows& op);  // the definition, in float64

// Absolute error relative to the pair's length: two products and a sum.
constexpr double kRopeTolerance = 3 * 0x1p-24;

constexpr double rope_bytes(double n_rows, double n_cols) { return 2 * n_rows * n_cols * 4; }

}  // namespace hearth::kernels
