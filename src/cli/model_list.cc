// hearth model list - the models in the cache.
#include <ctime>

#include "base/str.h"
#include "catalog/catalog.h"
#include "cli/command.h"
#include "cli/model_card.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

Result<int> list(bool json) {
  HEARTH_TRY(const auto models, catalog::list_models());
  if (json) {
    auto all = nlohmann::ordered_json::array();
    for (const auto& model : models) all.push_back(card_json(model));
    print(json_text(all));
    return kSuccess;
  }
  if (models.empty()) {
    note(cat("no models in ", catalog::cache_folder(),
             "; hearth model import FILE.gguf --alias NAME adds one\n"));
    return kSuccess;
  }
  std::vector<std::vector<std::string>> rows{{"ALIAS", "SIZE", "IMPORTED", "FROM"}};
  for (const auto& model : models) {
    rows.push_back({model.alias, human_bytes(model.bytes), utc_time(model.imported_at),
                    one_line(model.source)});
  }
  print(table(rows));
  return kSuccess;
}

}  // namespace

void add_model_list(CLI::App& parent, Action& action) {
  auto json = std::make_shared<bool>(false);
  CLI::App& command = *parent.add_subcommand("list", "show the models in the cache");
  add_output_format(command, *json);
  command.callback([&action, json] { action = [json] { return list(*json); }; });
}

}  // namespace hearth::cli
