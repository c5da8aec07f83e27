// model_directory.h - from the name in a request to a loaded model.
//
// A name is that of a loaded model, or a cached one's alias, other name or id, in any case; never a
// path: whoever may ask a question must not be able to make this process open files.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/models.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "engine/engine.h"

namespace hearth::server {

// Threads: any; the functions may read files, so never on an I/O thread.
class ModelDirectory {
 public:
  using ListCached = std::function<Result<std::vector<catalog::CachedModel>>()>;
  ModelDirectory(engine::Engine& engine, ListCached list_cached);

  // What a client calls a model, as its alias: the loaded or cached model of exactly that name,
  // else what the catalogue means by it (catalog/model_ids.h).
  std::string canonical(std::string_view name) const;

  // The loaded model of that name, or nullptr.
  std::shared_ptr<const engine::LoadedModel> find_loaded(std::string_view name) const;
  // Errors: not_found, with the nearest name and how to get a model.
  Result<catalog::CachedModel> find_cached(std::string_view name) const;
  Result<std::vector<catalog::CachedModel>> cached() const { return list_cached_(); }
  // Loaded and cached, each once, by id.
  Result<std::vector<api::ModelEntry>> list() const;

 private:
  engine::Engine& engine_;
  ListCached list_cached_;
  std::int64_t started_at_;  // "created" of a model that is loaded but not in the cache
};

}  // namespace hearth::server
