// session.cc - see session.h.
#include "cli/session.h"

#include "catalog/catalog.h"

namespace hearth::cli {

Result<Session> open_session(const std::string& model, const engine::LoadOptions& options,
                             int n_threads) {
  HEARTH_TRY(const catalog::CachedModel cached, catalog::resolve(model));
  Session session;
  session.engine = engine::Engine::create({.n_threads = n_threads});
  HEARTH_TRY(session.model, session.engine->load(cached.alias, cached.path, options));
  return session;
}

}  // namespace hearth::cli
