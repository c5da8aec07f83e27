// isa.h - which kernels this process runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernels/cpu/kernels.h"

namespace hearth::kernels {

// Kernels that this CPU runs, slowest first ("generic" always, then "avx2", "avx512").
std::vector<const CpuKernels*> runnable_kernels();

// The fastest of them, or the one called `forced` (the value of HEARTH_ISA) if that is not empty.
// Errors: invalid, when the CPU or the program lacks it, with the names that run.
Result<const CpuKernels*> choose_kernels(std::string_view forced);

// choose_kernels(HEARTH_ISA), decided at the first call.
Result<const CpuKernels*> kernels_of_this_process();

}  // namespace hearth::kernels
