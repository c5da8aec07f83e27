// hearth model inspect FILE - what a model file holds, and the memory a context needs.
#include "base/str.h"
#include "catalog/catalog.h"
#include "cli/command.h"
#include "cli/memory_need.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "formats/describe.h"
#include "formats/describe_json.h"

namespace hearth::cli {

namespace {

struct InspectFlags {
  std::string file;
  bool json = false;
  bool all = false;
  std::optional<std::int64_t> context;
};

std::string inspect_json(const catalog::CachedModel& file, const formats::Checkpoint& checkpoint,
                         const Result<MemoryNeed>& need) {
  nlohmann::ordered_json json{{"path", file.path}};
  json.update(formats::describe_json(checkpoint));
  json["memory"] = need ? memory_json(*need) : nlohmann::ordered_json(nullptr);
  if (!need) json["memory_problem"] = need.error().message;
  return json_text(json);
}

Result<int> inspect(const InspectFlags& flags) {
  HEARTH_TRY(const catalog::CachedModel file, catalog::resolve(flags.file));
  HEARTH_TRY(const auto checkpoint, formats::open_checkpoint(file.path));
  const auto need = memory_need(*checkpoint, flags.context.value_or(0));
  // A file can be looked at even when Hearth cannot compute it; a wrong --context is the user's
  // fault.
  if (!need && flags.context && need.error().kind == ErrorKind::invalid) return need.error();
  if (flags.json) {
    print(inspect_json(file, *checkpoint, need));
    return kSuccess;
  }
  print(cat(formats::describe(*checkpoint, flags.all), "\n"));
  print(need ? memory_text(*need)
             : cat("memory: cannot be told: ", one_line(need.error().message), "\n"));
  return kSuccess;
}

}  // namespace

void add_model_inspect(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App& command =
      *parent.add_subcommand("inspect", "show a file's metadata, tensors and memory needs");
  command.add_option("FILE", flags->file, "a model file, or an alias")->required()->type_name("");
  add_output_format(command, flags->json);
  command.add_flag("--all", flags->all, "long metadata in full");
  add_integer(command, "--context", flags->context, 1, std::int64_t{1} << 30,
              "tokens to plan memory for (default: the model's own)");
  command.callback([&action, flags] { action = [flags] { return inspect(*flags); }; });
}

}  // namespace hearth::cli
