// session.h - an engine with one model in it, for the commands that compute.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/engine.h"

namespace hearth::cli {

struct Session {
  std::unique_ptr<engine::Engine> engine;
  std::shared_ptr<const engine::LoadedModel> model;
};

// Flags win over the settings compute.threads and compute.speculation. Errors: those of the
// settings' file.
Result<engine::EngineOptions> engine_options(std::optional<std::int64_t> threads,
                                             std::optional<bool> speculation);

// MODEL: alias or path. The engine's threads begin with it: whoever blocks signals makes it
// afterwards.
Result<Session> open_session(std::unique_ptr<engine::Engine> engine, const std::string& model,
                             const engine::LoadOptions& options);

}  // namespace hearth::cli
