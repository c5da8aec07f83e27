// probe.h - what this machine reaches when nothing stands in the way: the peaks that the speed of a
// kernel or a model is a percentage of.
//
// A shared machine's peaks change from minute to minute, so they are measured beside each figure,
// not once.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/thread_pool.h"

namespace hearth::kernels {

struct Peaks {
  double read_gb_s = 0;  // reads of memory that no cache holds, all threads together
  // 10^9 operations a second, two a multiply-add, all threads together, with the instructions that
  // the ISA's kernels use: int8 by vpdpbusd (avx512) or vpmaddubsw and vpaddw (avx2), float32 by
  // vfmadd231ps. Absent for an ISA that has no such instruction, as generic.
  std::optional<double> int8_gop_s, fp32_gop_s;
};

// The best of many short passes; takes about a second and 1 GiB of memory, which is given back.
// isa: the name of a CpuKernels. Errors: too_large, when the system has not that much.
Result<Peaks> probe(std::string_view isa, ThreadPool& pool);

}  // namespace hearth::kernels
