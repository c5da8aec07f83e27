#include "cli/machine.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/str.h"
#include "cli/proc_value.h"
#include "cli/session.h"
#include "engine/engine.h"
#include "kernels/cpu/isa.h"

namespace hearth::cli {

Result<Machine> this_machine(std::optional<std::int64_t> n_threads) {
  HEARTH_TRY(const kernels::CpuKernels* kernels, kernels::kernels_of_this_process());
  HEARTH_TRY(const auto options, engine_options(n_threads, false));
  return Machine{proc_value("/proc/cpuinfo", "model name"), kernels,
                 std::make_unique<ThreadPool>(engine::thread_count(options))};
}

nlohmann::ordered_json machine_json(const Machine& machine) {
  return {{"cpu", machine.cpu},
          {"isa", machine.kernels->isa},
          {"threads", machine.threads->n_threads()}};
}

std::string machine_text(const Machine& machine) {
  return cat(machine.cpu, ", ", machine.kernels->isa, ", ", machine.threads->n_threads(),
             machine.threads->n_threads() == 1 ? " thread" : " threads");
}

Result<kernels::Peaks> probe(Machine& machine) {
  return kernels::probe(machine.kernels->isa, *machine.threads);
}

nlohmann::ordered_json peaks_json(const kernels::Peaks& peaks) {
  return {{"read_gb_s", peaks.read_gb_s},
          {"int8_gop_s", number_or_null(peaks.int8_gop_s)},
          {"fp32_gop_s", number_or_null(peaks.fp32_gop_s)}};
}

std::string peaks_text(const kernels::Peaks& peaks) {
  return cat("reads ", three_digits(peaks.read_gb_s), " GB/s, int8 ",
             three_digits_or_dash(peaks.int8_gop_s), " Gop/s, float32 ",
             three_digits_or_dash(peaks.fp32_gop_s), " Gop/s");
}

std::optional<double> percent(double reached, std::optional<double> peak) {
  if (!peak) return std::nullopt;
  return 100 * reached / *peak;
}

nlohmann::ordered_json number_or_null(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

std::string three_digits(double value) {
  const double magnitude = std::abs(value);
  const int decimals = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3;
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string three_digits_or_dash(const std::optional<double>& value) {
  return value ? three_digits(*value) : "-";
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace hearth::cli
