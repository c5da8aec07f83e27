// hearth bench machine - the peaks that the other measurements are percentages of.
#include "base/str.h"
#include "cli/command.h"
#include "cli/machine.h"
#include "cli/model_card.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

struct MachineFlags {
  std::optional<std::int64_t> threads;
  bool json = false;
};

Result<int> bench_machine(const MachineFlags& flags) {
  HEARTH_TRY(Machine machine, this_machine(flags.threads));
  HEARTH_TRY(const kernels::Peaks peaks, probe(machine));
  if (flags.json) {
    nlohmann::ordered_json json = machine_json(machine);
    json.update(peaks_json(peaks));
    print(json_text(json));
  } else {
    print(cat(machine_text(machine), ": ", peaks_text(peaks), "\n"));
  }
  return kSuccess;
}

}  // namespace

void add_bench_machine(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<MachineFlags>();
  CLI::App& command = *parent.add_subcommand(
      "machine", "how fast this machine reads memory and multiplies, all threads together");
  add_integer(command, "--threads", flags->threads, 1, 1024, "default: the physical cores");
  add_output_format(command, flags->json);
  command.callback([&action, flags] { action = [flags] { return bench_machine(*flags); }; });
}

}  // namespace hearth::cli
