// session.cc - see session.h.
#include "cli/session.h"

#include <utility>

#include "cli/fetch_model.h"

namespace hearth::cli {

Result<Session> open_session(std::unique_ptr<engine::Engine> engine, const std::string& model,
                             const engine::LoadOptions& options) {
  HEARTH_TRY(const catalog::CachedModel cached, resolve_or_fetch(model));
  HEARTH_TRY(auto loaded, engine->load(cached.alias, cached.path, options));
  return Session{std::move(engine), std::move(loaded)};
}

}  // namespace hearth::cli
