// hearth model synth ARCHITECTURE --quant Q -o FILE - random weights of a published architecture at
// its true size: for measuring speed and memory without a download.
#include "base/str.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/write_model.h"
#include "formats/convert.h"
#include "formats/synthetic.h"

namespace hearth::cli {

namespace {

struct SynthFlags {
  std::string architecture;
  std::string quant = "q4_0";
  std::string out;
};

Result<int> synth(const SynthFlags& flags) {
  HEARTH_TRY(const formats::Checkpoint model, formats::make_synthetic(flags.architecture));
  HEARTH_TRY(const std::uint64_t bytes, write_model(model, flags.quant, flags.out));
  print(cat(one_line(flags.out), "  ", human_bytes(bytes), "  ", model.architecture, ", ",
            model.tensors.size(), " tensors of random numbers\n"));
  return kSuccess;
}

}  // namespace

void add_model_synth(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<SynthFlags>();
  CLI::App& command = *parent.add_subcommand(
      "synth", "make a model of random weights at a published size, for measurements");
  command.add_option("ARCHITECTURE", flags->architecture, joined(formats::synthetic_models()))
      ->required()
      ->type_name("");
  command.add_option("-o,--output", flags->out, "the file to write")->required()->type_name("FILE");
  command
      .add_option("--quant", flags->quant,
                  cat("type of the weights (default q4_0): ", joined(formats::quant_names())))
      ->type_name("TYPE");
  command.callback([&action, flags] { action = [flags] { return synth(*flags); }; });
}

}  // namespace hearth::cli
