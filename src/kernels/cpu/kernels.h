// kernels.h - the table of CPU kernels: one per ISA, chosen once at start (isa.h).
//
// A kernel computes a part of an operator; cpu_ops.cc cuts operators into parts and hands them to
// threads.
#pragma once

#include <cstdint>

#include "kernels/add.h"
#include "kernels/attend.h"
#include "kernels/clamped_swiglu.h"
#include "kernels/gelu.h"
#include "kernels/gelu_mul.h"
#include "kernels/layer_norm.h"
#include "kernels/matmul.h"
#include "kernels/pool.h"
#include "kernels/quantize.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/silu_mul.h"
#include "kernels/weighted_sum.h"

namespace hearth::kernels {

struct CpuKernels {
  const char* isa;

  // Panels [first_panel, last_panel) for rows [first_row, last_row).
  void (*matmul)(const MatMul&, std::int64_t first_panel, std::int64_t last_panel,
                 std::int64_t first_row, std::int64_t last_row);
  // Rows [first, last).
  void (*quantize)(Rows<const float> x, QuantizedRows out, std::int64_t first, std::int64_t last);
  void (*rms_norm)(const RmsNorm&, std::int64_t first, std::int64_t last);
  void (*layer_norm)(const LayerNorm&, std::int64_t first, std::int64_t last);
  void (*rope)(const RopeRows&, std::int64_t first, std::int64_t last);
  void (*silu_mul)(const SiluMul&, std::int64_t first, std::int64_t last);
  void (*gelu)(const Gelu&, std::int64_t first, std::int64_t last);
  void (*gelu_mul)(const GeluMul&, std::int64_t first, std::int64_t last);
  void (*clamped_swiglu)(const ClampedSwiglu&, std::int64_t first, std::int64_t last);
  void (*weighted_sum)(const WeightedSum&, std::int64_t first, std::int64_t last);
  void (*add)(const Add&, std::int64_t first, std::int64_t last);
  void (*pool)(const Pool&);

  // One partition (positions partition * kPartition …) for every query of the tile; query m's
  // result goes to partials[m], attend_partial_floats(padded_dim) floats.
  void (*attend_partition)(const AttendTile&, std::int32_t partition, float* const* partials);
  // into = into merged with next, partition after partition; `into` starts as the first one.
  void (*attend_merge)(float* into, const float* next, std::int64_t padded_dim);
  // out[head_dim] = acc / (l + the sink's part); sink -infinity: none.
  void (*attend_finish)(const float* partial, std::int64_t head_dim, float sink, float* out);

  // One token's key (or value) of one head into its page; slot is its position within the page.
  void (*store_k)(const float* x, std::int64_t head_dim, std::uint8_t* head, std::int32_t slot,
                  bool f32);
  void (*store_v)(const float* x, std::int64_t head_dim, std::uint8_t* head, std::int32_t slot,
                  bool f32);
};

const CpuKernels& generic_kernels();
// nullptr where the program was built for another processor family.
const CpuKernels* avx2_kernels();
const CpuKernels* avx512_kernels();

}  // namespace hearth::kernels
