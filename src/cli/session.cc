// session.cc - see session.h.
#include "cli/session.h"

#include <utility>
#include <variant>

#include "catalog/catalog.h"
#include "catalog/settings.h"
#include "cli/fetch_model.h"

namespace hearth::cli {

Result<engine::EngineOptions> engine_options(std::optional<std::int64_t> threads,
                                             std::optional<bool> speculation) {
  if (!threads) {
    HEARTH_TRY(const auto setting, catalog::get_setting("compute.threads"));
    threads = std::get<std::int64_t>(setting);
  }
  if (!speculation) {
    HEARTH_TRY(const auto setting, catalog::get_setting("compute.speculation"));
    speculation = std::get<bool>(setting);
  }
  HEARTH_TRY(const auto keep_packed, catalog::get_setting("compute.keep_packed"));
  return engine::EngineOptions{
      .n_threads = static_cast<int>(*threads),
      .speculation = *speculation ? engine::Speculation::paying : engine::Speculation::off,
      .packed_folder = std::get<bool>(keep_packed) ? catalog::packed_folder() : ""};
}

Result<Session> open_session(std::unique_ptr<engine::Engine> engine, const std::string& model,
                             const engine::LoadOptions& options) {
  HEARTH_TRY(const catalog::CachedModel cached, resolve_or_fetch(model));
  HEARTH_TRY(auto loaded, engine->load(cached.alias, cached.path, options));
  return Session{std::move(engine), std::move(loaded)};
}

}  // namespace hearth::cli
