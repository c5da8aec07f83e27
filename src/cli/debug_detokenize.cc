// hearth debug detokenize MODEL --ids "1 2 3" - the text of token ids, exactly: no newline is
// added.
#include "base/str.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/text_parts.h"

namespace hearth::cli {

namespace {

struct DetokenizeFlags {
  std::string model;
  std::string ids;
  bool skip_special = false;
};

Result<int> detokenize(const DetokenizeFlags& flags) {
  HEARTH_TRY(const auto ids, read_ids(flags.ids));
  HEARTH_TRY(const auto tokenizer, open_tokenizer(flags.model));
  HEARTH_TRY_VOID(check_ids(*tokenizer, ids));
  print(tokenizer->decode(ids, !flags.skip_special));
  return kSuccess;
}

}  // namespace

void add_debug_detokenize(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<DetokenizeFlags>();
  CLI::App& command = *parent.add_subcommand("detokenize", "token ids to text");
  add_model(command, flags->model, "alias, path of a .gguf file, or a tokenizer.json");
  command.add_option("--ids", flags->ids, "\"1 2 3\"; -: read them from standard input")
      ->required()
      ->type_name("IDS");
  command.add_flag("--skip-special", flags->skip_special, "leave control tokens out of the text");
  command.callback([&action, flags] { action = [flags] { return detokenize(*flags); }; });
}

}  // namespace hearth::cli
