// machine.h - what a measurement is measured against: the processor, its ISA and its peaks.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/probe.h"

namespace hearth::cli {

struct Machine {
  std::string cpu;
  const kernels::CpuKernels* kernels = nullptr;
  std::unique_ptr<ThreadPool> threads;  // for the probes and kernels
};

// n_threads: as an engine takes them. Errors: HEARTH_ISA names none that runs; HEARTH_THREADS.
Result<Machine> this_machine(std::optional<std::int64_t> n_threads);

// {"cpu", "isa", "threads"}
nlohmann::ordered_json machine_json(const Machine& machine);
std::string machine_text(const Machine& machine);  // "AMD EPYC, avx512, 2 threads"

Result<kernels::Peaks> probe(Machine& machine);

// {"read_gb_s", "int8_gop_s", "fp32_gop_s"}; null for a peak that the ISA has not.
nlohmann::ordered_json peaks_json(const kernels::Peaks& peaks);
std::string peaks_text(const kernels::Peaks& peaks);

// 100 reached / peak; absent without a peak.
std::optional<double> percent(double reached, std::optional<double> peak);
nlohmann::ordered_json number_or_null(const std::optional<double>& value);

std::string three_digits(double value);                                // "0.123", "12.3", "1230"
std::string three_digits_or_dash(const std::optional<double>& value);  // "-" when absent

// Not of an empty list.
double median(std::vector<double> values);

}  // namespace hearth::cli
