// kernels.cc (avx512) - compiled with -mavx512f -mavx512bw -mavx512vl -mavx512vnni where the
// compiler targets x86-64; elsewhere there is no such table. The rule about std functions in
// avx2/kernels.cc holds here too.

#if defined(__AVX512VNNI__)

#include "kernels/cpu/avx512/vec.h"
#include "kernels/cpu/kernels_of.h"

namespace hearth::kernels {

const CpuKernels* avx512_kernels() {
  static constexpr CpuKernels kTable = kernels_of<avx512::Vec>("avx512");
  return &kTable;
}

}  // namespace hearth::kernels

#else

namespace hearth::kernels {
const CpuKernels* avx512_kernels() { return nullptr; }
}  // namespace hearth::kernels

#endif
