// hearth bench kernels - bytes and operations a second of every kernel, and what share of the
// machine's peaks they are.
#include <algorithm>

#include "base/str.h"
#include "cli/command.h"
#include "cli/kernel_figures.h"
#include "cli/machine.h"
#include "cli/model_card.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

using Json = nlohmann::ordered_json;

struct KernelsFlags {
  std::string filter;
  std::optional<std::int64_t> threads;
  bool json = false;
};

// What a call reached: 10^9 a second, and percent of the peaks measured before it. A call that
// moves or computes nothing worth counting has no such figure.
struct Reached {
  double gb_s = 0;
  std::optional<double> percent_of_read = {}, gop_s = {}, percent_of_peak = {};
};

Reached reached(const KernelFigure& f, const kernels::Peaks& peaks) {
  Reached r{.gb_s = f.bytes / f.seconds / 1e9};
  if (f.operations > 0) {  // the others' rows stay in the caches
    r.percent_of_read = percent(r.gb_s, peaks.read_gb_s);
    r.gop_s = f.operations / f.seconds / 1e9;
    r.percent_of_peak = percent(*r.gop_s, f.int8 ? peaks.int8_gop_s : peaks.fp32_gop_s);
  }
  return r;
}

Json figure_json(const std::string& name, const KernelFigure& f, const Reached& r) {
  return {{"kernel", name},
          {"rows", f.n_rows},
          {"seconds", f.seconds},
          {"gb_s", r.gb_s},
          {"percent_of_read", number_or_null(r.percent_of_read)},
          {"gop_s", number_or_null(r.gop_s)},
          {"percent_of_peak", number_or_null(r.percent_of_peak)}};
}

std::string figure_line(const std::string& name, const KernelFigure& f, const Reached& r) {
  constexpr std::size_t kName = 34, kColumn = 10;
  std::string line = name;
  line.resize(std::max(kName, name.size() + 1), ' ');
  for (const std::string& cell :
       {cat(f.n_rows), three_digits(r.gb_s), three_digits_or_dash(r.percent_of_read),
        three_digits_or_dash(r.gop_s), three_digits_or_dash(r.percent_of_peak)}) {
    line += std::string(kColumn - std::min(kColumn, cell.size()), ' ') + cell;
  }
  return line + "\n";
}

Result<std::vector<KernelBench>> chosen(const std::string& filter) {
  std::vector<KernelBench> all = kernel_benches();
  std::vector<std::string_view> names;
  for (const KernelBench& bench : all) names.push_back(bench.name);
  const std::string every = joined(names);
  std::erase_if(all,
                [&](const KernelBench& b) { return b.name.find(filter) == std::string::npos; });
  if (all.empty()) {
    return Error{ErrorKind::invalid, cat("--filter ", quote(filter),
                                         " is part of no kernel's name; there are: ", every)};
  }
  return all;
}

Result<int> bench_kernels(const KernelsFlags& flags) {
  HEARTH_TRY(const std::vector<KernelBench> benches, chosen(flags.filter));
  HEARTH_TRY(Machine machine, this_machine(flags.threads));
  Json kernels = Json::array();
  for (const KernelBench& bench : benches) {
    HEARTH_TRY(const kernels::Peaks peaks, probe(machine));
    HEARTH_TRY(const auto figures, bench.run(*machine.kernels, *machine.threads));
    if (!flags.json && &bench == &benches.front()) {
      print(cat(machine_text(machine), ": ", peaks_text(peaks), "\n",
                "kernel                                  rows      GB/s  % of read     Gop/s % of "
                "peak\n"));
    }
    for (const KernelFigure& f : figures) {
      const Reached r = reached(f, peaks);
      if (flags.json) {
        kernels.push_back(figure_json(bench.name, f, r));
        kernels.back().update(peaks_json(peaks));
      } else {
        print(figure_line(bench.name, f, r));
      }
    }
    if (!flags.json) HEARTH_TRY_VOID(finish_output());  // a line as soon as it is known
  }
  if (flags.json) {
    Json json = machine_json(machine);
    json["kernels"] = std::move(kernels);
    print(json_text(json));
  }
  return kSuccess;
}

}  // namespace

void add_bench_kernels(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<KernelsFlags>();
  CLI::App& command = *parent.add_subcommand(
      "kernels", "bytes and operations a second of each kernel, and their share of the peaks");
  command.add_option("--filter", flags->filter, "only kernels whose name contains TEXT")
      ->type_name("TEXT");
  add_integer(command, "--threads", flags->threads, 1, 1024, "default: the physical cores");
  add_output_format(command, flags->json);
  command.callback([&action, flags] { action = [flags] { return bench_kernels(*flags); }; });
}

}  // namespace hearth::cli
