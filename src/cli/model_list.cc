// hearth model list - the models in the cache.
#include <ctime>

#include "base/str.h"
#include "catalog/catalog.h"
#include "catalog/known_models.h"
#include "catalog/model_ids.h"
#include "cli/command.h"
#include "cli/model_card.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

// What the catalogue has, whether or not it is here.
Result<int> list_available(bool json) {
  HEARTH_TRY(const auto models, catalog::known_models());
  auto all = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> rows{{"ALIAS", "SIZE", "TASK", "LICENSE", "CACHED"}};
  for (const catalog::KnownModel& model : models) {
    const auto bytes = static_cast<std::uint64_t>(model.megabytes) * 1'000'000;
    const bool cached = catalog::find_cached(model.alias).has_value();
    all.push_back({{"alias", model.alias},
                   {"id", catalog::model_id(model)},
                   {"task", model.task},
                   {"license", model.license},
                   {"publisher", model.publisher},
                   {"context", model.context},
                   {"megabytes", model.megabytes},
                   {"hub", model.hub},
                   {"cached", cached}});
    rows.push_back({model.alias, model.hub.empty() ? "-" : human_bytes(bytes), model.task,
                    one_line(model.license), cached ? "yes" : "-"});
  }
  print(json ? json_text(all) : table(rows));
  return kSuccess;
}

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
             "; hearth model download NAME brings one (hearth model list --available shows names), "
             "hearth model import FILE.gguf --alias NAME adds yours\n"));
    return kSuccess;
  }
  std::vector<std::vector<std::string>> rows{{"ALIAS", "SIZE", "IMPORTED", "FROM"}};
  for (const auto& model : models) {
    rows.push_back({model.alias, human_bytes(model.bytes),
                    model.imported_at == 0 ? "by hand" : utc_time(model.imported_at),
                    one_line(model.source)});
  }
  print(table(rows));
  return kSuccess;
}

}  // namespace

void add_model_list(CLI::App& parent, Action& action) {
  auto json = std::make_shared<bool>(false);
  auto available = std::make_shared<bool>(false);
  CLI::App& command = *parent.add_subcommand("list", "show the models in the cache")->alias("ls");
  command.add_flag("--available", *available, "those of the catalogue instead");
  add_output_format(command, *json);
  command.callback([&action, json, available] {
    action = [json, available] { return *available ? list_available(*json) : list(*json); };
  });
}

}  // namespace hearth::cli
