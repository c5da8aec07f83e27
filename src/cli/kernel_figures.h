// kernel_figures.h - the kernels of the current ISA, timed through the operators that a model calls
// (kernels/ops.h), on all threads, at the shapes of Phi-4-mini and of gpt-oss's experts.
//
// Each call reads weights, or keys and values, that the last ones did not: more of them than any
// cache holds are passed through in turn.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "kernels/cpu/kernels.h"

namespace hearth::cli {

struct KernelFigure {
  std::int64_t n_rows = 0;
  double seconds = 0;     // the median call
  double bytes = 0;       // that a call must move
  double operations = 0;  // two a multiply-add; 0: not what limits it
  bool int8 = false;      // or float32
};

struct KernelBench {
  std::string name;  // "matmul/q4_0/16384x3072", "attend/decode/4096"
  std::function<Result<std::vector<KernelFigure>>(const kernels::CpuKernels&, ThreadPool&)> run;
};

std::vector<KernelBench> kernel_benches();

}  // namespace hearth::cli
