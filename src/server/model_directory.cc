#include "server/model_directory.h"

#include <algorithm>
#include <ctime>

#include "base/log.h"
#include "base/str.h"
#include "catalog/model_ids.h"
#include "server/http.h"

namespace hearth::server {

ModelDirectory::ModelDirectory(engine::Engine& engine, ListCached list_cached)
    : engine_(engine),
      list_cached_(std::move(list_cached)),
      started_at_(static_cast<std::int64_t>(std::time(nullptr))) {}

std::string ModelDirectory::canonical(std::string_view name) const {
  auto alias = catalog::alias_of(name);
  if (alias) return *std::move(alias);
  log_warn(cat("the catalogue cannot be read: ", alias.error().message));
  return std::string(name);
}

std::shared_ptr<const engine::LoadedModel> ModelDirectory::find_loaded(
    std::string_view name) const {
  if (auto model = engine_.find(name)) return model;
  const std::string alias = canonical(name);
  for (const auto& model : engine_.loaded()) {
    if (!equals_ignoring_case(model->id(), name) && !equals_ignoring_case(model->id(), alias)) {
      continue;
    }
    return engine_.find(model->id());  // counts as a use
  }
  return nullptr;
}

Result<catalog::CachedModel> ModelDirectory::find_cached(std::string_view name) const {
  HEARTH_TRY(const std::vector<catalog::CachedModel> cached, list_cached_());
  const std::string alias = canonical(name);
  std::vector<std::string_view> aliases;
  for (const std::string_view wanted : {name, std::string_view(alias)}) {
    for (const catalog::CachedModel& model : cached) {
      if (equals_ignoring_case(model.alias, wanted)) return model;
    }
  }
  for (const catalog::CachedModel& model : cached) aliases.push_back(model.alias);
  std::string message = cat("the model ", quote(name), " does not exist here");
  const std::string_view meant = nearest(name, aliases.data(), aliases.size());
  message += meant.empty() ? std::string(".") : cat("; did you mean ", quote(meant), "?");
  message += " GET /v1/models lists what does; \"hearth model import FILE\" adds one";
  return Error{ErrorKind::not_found, std::move(message)};
}

Result<std::vector<api::ModelEntry>> ModelDirectory::list() const {
  HEARTH_TRY(const std::vector<catalog::CachedModel> cached, list_cached_());
  std::vector<api::ModelEntry> entries;
  for (const catalog::CachedModel& model : cached)
    entries.push_back({model.alias, model.imported_at});
  for (const auto& model : engine_.loaded()) {
    const bool listed = std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
      return equals_ignoring_case(entry.id, model->id());
    });
    if (!listed) entries.push_back({model->id(), started_at_});
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return entries;
}

}  // namespace hearth::server
