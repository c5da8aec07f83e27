// kernels.cc (generic) - the kernels in plain C++: any processor, and the emulation that tests
// compare with.
#include "kernels/cpu/generic/vec.h"
#include "kernels/cpu/kernels_of.h"

namespace hearth::kernels {

const CpuKernels& generic_kernels() {
  static constexpr CpuKernels kTable = kernels_of<generic::Vec>("generic");
  return kTable;
}

}  // namespace hearth::kernels
