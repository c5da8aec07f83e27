// kernels_of.h - the table of kernels for one vector layer; each ISA's kernels.cc makes one.
#pragma once

#include "kernels/cpu/attend_impl.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/matmul_impl.h"
#include "kernels/cpu/rows_impl.h"

namespace hearth::kernels {

template <class V>
constexpr CpuKernels kernels_of(const char* isa) {
  return {.isa = isa,
          .matmul = matmul<V>,
          .quantize = quantize<V>,
          .rms_norm = rms_norm<V>,
          .layer_norm = layer_norm<V>,
          .rope = rope<V>,
          .silu_mul = silu_mul<V>,
          .gelu = gelu<V>,
          .gelu_mul = gelu_mul<V>,
          .clamped_swiglu = clamped_swiglu<V>,
          .weighted_sum = weighted_sum<V>,
          .add = add<V>,
          .pool = pool<V>,
          .attend_partition = attend_partition<V>,
          .attend_merge = attend_merge<V>,
          .attend_finish = attend_finish<V>,
          .store_k = store_k<V>,
          .store_v = store_v<V>};
}

}  // namespace hearth::kernels
