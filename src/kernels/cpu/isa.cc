#include "kernels/cpu/isa.h"

#include <cstdlib>

#include "base/str.h"

namespace hearth::kernels {

namespace {

bool cpu_has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
#else
  return false;
#endif
}

bool cpu_has_avx512() {
#if defined(__x86_64__)
  return cpu_has_avx2() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

}  // namespace

std::vector<const CpuKernels*> runnable_kernels() {
  std::vector<const CpuKernels*> found{&generic_kernels()};
  if (cpu_has_avx2() && avx2_kernels() != nullptr) found.push_back(avx2_kernels());
  if (cpu_has_avx512() && avx512_kernels() != nullptr) found.push_back(avx512_kernels());
  return found;
}

Result<const CpuKernels*> choose_kernels(std::string_view forced) {
  const std::vector<const CpuKernels*> found = runnable_kernels();
  if (forced.empty()) return found.back();
  std::string names;
  for (const CpuKernels* k : found) {
    if (k->isa == forced) return k;
    names += cat(names.empty() ? "" : ", ", k->isa);
  }
  return Error{ErrorKind::invalid, cat("HEARTH_ISA is ", quote(forced),
                                       ", which this machine does not run; it runs: ", names)};
}

Result<const CpuKernels*> kernels_of_this_process() {
  static const Result<const CpuKernels*> chosen = [] {
    const char* forced = std::getenv("HEARTH_ISA");
    return choose_kernels(forced == nullptr ? "" : forced);
  }();
  return chosen;
}

}  // namespace hearth::kernels
