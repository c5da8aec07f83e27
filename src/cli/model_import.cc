// hearth model import PATH [--alias A] - copies a model into the cache.
#include "base/str.h"
#include "catalog/catalog.h"
#include "cli/command.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "cli/progress_line.h"

namespace hearth::cli {

namespace {

struct ImportFlags {
  std::string file;
  std::string alias;
  bool json = false;
};

Result<int> import(const ImportFlags& flags) {
  Result<catalog::CachedModel> model = [&] {
    ProgressLine progress(cat("importing ", flags.file));
    return catalog::import_model(
        flags.file, flags.alias,
        [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); });
  }();
  if (!model) return model.error();
  print(flags.json ? json_text(card_json(*model)) : card_line(*model));
  return kSuccess;
}

}  // namespace

void add_model_import(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App& command = *parent.add_subcommand("import", "copy a model into the cache");
  command
      .add_option("FILE", flags->file,
                  "a model file (.gguf), any part of a split one, or a Hugging Face folder")
      ->required()
      ->type_name("");
  command
      .add_option("--alias", flags->alias,
                  "the name to use it by: a-z 0-9 . _ - (default: the file's name)")
      ->type_name("NAME");
  add_output_format(command, flags->json);
  command.callback([&action, flags] { action = [flags] { return import(*flags); }; });
}

}  // namespace hearth::cli
