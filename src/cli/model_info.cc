// hearth model info MODEL - what a user needs to know before running it.
#include "base/str.h"
#include "catalog/catalog.h"
#include "cli/command.h"
#include "cli/memory_need.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "formats/describe.h"

namespace hearth::cli {

namespace {

// "q4_1 60.2 MB, q8_0 30.1 MB"
std::string types_text(const formats::Checkpoint& checkpoint) {
  std::string out;
  for (const auto& total : formats::totals_by_dtype(checkpoint)) {
    out +=
        cat(out.empty() ? "" : ", ", dtype_info(total.dtype).name, " ", human_bytes(total.n_bytes));
  }
  return out;
}

std::string info_json(const catalog::CachedModel& model, const formats::Checkpoint& checkpoint,
                      const Result<MemoryNeed>& need) {
  nlohmann::ordered_json json = card_json(model);
  json["name"] = checkpoint.name;
  json["architecture"] = checkpoint.architecture;
  json["parameters"] = formats::n_parameters(checkpoint);
  for (const auto& total : formats::totals_by_dtype(checkpoint)) {
    json["types"][std::string(dtype_info(total.dtype).name)] = total.n_bytes;
  }
  json["chat_template"] = !checkpoint.chat_template.empty();
  json["memory"] = need ? memory_json(*need) : nlohmann::ordered_json(nullptr);
  if (!need) json["memory_problem"] = need.error().message;
  return json_text(json);
}

std::string info_text(const catalog::CachedModel& model, const formats::Checkpoint& checkpoint,
                      const Result<MemoryNeed>& need) {
  std::vector<std::vector<std::string>> rows{
      {"alias", model.alias},
      {"name", checkpoint.name.empty() ? "(none)" : one_line(checkpoint.name)},
      {"architecture", one_line(checkpoint.architecture)},
      {"parameters", cat(formats::n_parameters(checkpoint))},
      {"types", types_text(checkpoint)},
      {"chat template", checkpoint.chat_template.empty() ? "none" : "yes"},
      {"file", cat(one_line(model.path), " (", human_bytes(model.bytes), ")")}};
  if (!model.sha256.empty()) {
    rows.push_back({"sha256", model.sha256});
    rows.push_back(
        {"imported", cat(utc_time(model.imported_at), " from ", one_line(model.source))});
  }
  return cat(table(rows),
             need ? memory_text(*need)
                  : cat("memory: cannot be told: ", one_line(need.error().message), "\n"));
}

Result<int> info(const std::string& name, bool json) {
  HEARTH_TRY(const catalog::CachedModel model, catalog::resolve(name));
  HEARTH_TRY(const auto checkpoint, formats::open_checkpoint(model.path));
  const auto need = memory_need(*checkpoint, 0);
  print(json ? info_json(model, *checkpoint, need) : info_text(model, *checkpoint, need));
  return kSuccess;
}

}  // namespace

void add_model_info(CLI::App& parent, Action& action) {
  auto name = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  CLI::App& command = *parent.add_subcommand("info", "show one model");
  add_model(command, *name);
  add_output_format(command, *json);
  command.callback([&action, name, json] { action = [name, json] { return info(*name, *json); }; });
}

}  // namespace hearth::cli
