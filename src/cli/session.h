// session.h - an engine with one model in it, for the commands that compute.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "engine/engine.h"

namespace hearth::cli {

struct Session {
  std::unique_ptr<engine::Engine> engine;
  std::shared_ptr<const engine::LoadedModel> model;
};

// MODEL: alias or path. n_threads 0: the engine's own choice.
Result<Session> open_session(const std::string& model, const engine::LoadOptions& options,
                             int n_threads = 0);

}  // namespace hearth::cli
