// kernels.cc (avx2) - compiled with -mavx2 -mfma -mf16c where the compiler targets x86-64;
// elsewhere there is no such table. This file and what it includes call no std function that
// another file might share: the linker keeps one copy, and it must not be this one's.
#include "kernels/cpu/kernels.h"

#if defined(__AVX2__)

#include "kernels/cpu/avx2/vec.h"
#include "kernels/cpu/kernels_of.h"

namespace hearth::kernels {

const CpuKernels* avx2_kernels() {
  static constexpr CpuKernels kTable = kernels_of<avx2::Vec>("avx2");
  return &kTable;
}

}  // namespace hearth::kernels

#else

namespace hearth::kernels {
const CpuKernels* avx2_kernels() { return nullptr; }
}  // namespace hearth::kernels

#endif
