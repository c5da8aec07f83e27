// hearth service ps - the models that the background service has loaded.
#include "base/str.h"
#include "catalog/model_ids.h"
#include "cli/command.h"
#include "cli/loaded_models.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "cli/service_client.h"

namespace hearth::cli {

Result<int> list_loaded_models(bool json) {
  const auto service = running_service();
  if (!service) {
    return Error{ErrorKind::not_found,
                 "the service is not running; hearth service start begins it"};
  }
  HEARTH_TRY(const std::string body,
             ask_service(*service, "/openai/loadedmodels", std::chrono::seconds(10)));
  const auto ids = nlohmann::ordered_json::parse(body, nullptr, false);
  if (!ids.is_array()) return Error{ErrorKind::io, "the service's answer is not a list of models"};
  std::string rows;
  auto all = nlohmann::ordered_json::array();
  for (const auto& entry : ids) {
    const std::string id = entry.get<std::string>();
    HEARTH_TRY(const std::string alias, catalog::alias_of(id));
    all.push_back({{"alias", alias}, {"id", id}});
    rows +=
        cat("🟢  ", alias, std::string(alias.size() < 31 ? 31 - alias.size() : 1, ' '), id, "\n");
  }
  if (json) {
    print(json_text(all));
  } else if (rows.empty()) {
    print("No models are currently loaded in the service\n");
  } else {
    print(cat("Models running in service:\n    Alias                          Model ID\n", rows));
  }
  return kSuccess;
}

void add_service_ps(CLI::App& parent, Action& action) {
  auto json = std::make_shared<bool>(false);
  CLI::App& command = *parent.add_subcommand("ps", "the models it has loaded")->alias("list");
  add_output_format(command, *json);
  command.callback([&action, json] { action = [json] { return list_loaded_models(*json); }; });
}

}  // namespace hearth::cli
