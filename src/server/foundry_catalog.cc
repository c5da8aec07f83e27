#include "server/foundry_catalog.h"

#include <algorithm>

#include "catalog/known_models.h"
#include "catalog/model_ids.h"
#include "catalog/model_task.h"
#include "server/http.h"

namespace hearth::server {

namespace {

api::FoundryModel describe(const catalog::KnownModel& known) {
  return {.alias = known.alias,
          .name = catalog::model_name(known),
          .version = "1",
          .publisher = known.publisher,
          .license = known.license,
          .embeds = known.task == "embeddings",
          .tools = known.tools,
          .max_output_tokens = known.context,
          .bytes = static_cast<std::uint64_t>(known.megabytes) * 1'000'000};
}

api::FoundryModel describe_brought(const catalog::CachedModel& model) {
  return {.alias = model.alias,
          .name = model.alias,
          .version = "0",
          .publisher = "",
          .license = "",
          .embeds = catalog::task_of_file(model.path) == "embeddings"};
}

}  // namespace

std::string foundry_id(std::string_view alias) {
  const auto known = catalog::find_known_model(alias);
  return known && *known ? catalog::model_id(**known) : catalog::brought_model_id(alias);
}

Result<std::vector<api::FoundryModel>> foundry_models(const ModelDirectory& models) {
  HEARTH_TRY(const std::vector<catalog::KnownModel> known, catalog::known_models());
  HEARTH_TRY(const std::vector<catalog::CachedModel> cached, models.cached());
  std::vector<api::FoundryModel> all;
  for (const catalog::KnownModel& model : known) all.push_back(describe(model));
  for (const catalog::CachedModel& model : cached) {
    auto at = std::find_if(all.begin(), all.end(),
                           [&](const auto& entry) { return entry.alias == model.alias; });
    if (at == all.end()) at = all.insert(all.end(), describe_brought(model));
    at->bytes = model.bytes;
  }
  // Every other name is an alias, too: the SDKs look for what they are asked for here only. Last,
  // so that an id finds the model's own alias first.
  for (std::size_t i = 0; i < known.size(); ++i) {
    api::FoundryModel entry = all[i];
    for (const auto* names : {&known[i].names, &known[i].stands_in_for}) {
      for (const std::string& name : *names) {
        if (equals_ignoring_case(name, known[i].alias)) continue;
        entry.alias = name;
        all.push_back(entry);
      }
    }
  }
  return all;
}

}  // namespace hearth::server
