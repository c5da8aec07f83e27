// serve_flags.h - the options of the service, whether it runs in the foreground (hearth serve) or
// in the background (hearth service start), and how a restarted service keeps them.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"

namespace hearth::cli {

struct ServeFlags {
  std::string host;
  std::optional<std::int64_t> port, context, threads, model_ttl;
  std::vector<std::string> models, allowed_hosts;
  std::optional<bool> speculation;
  bool allow_unauthenticated = false;
  std::string api_key;  // a secret: never on a command line of ours, never in a file
};

void add_serve_flags(CLI::App& command, ServeFlags& flags);

// What `hearth serve` is given for them; the key goes by its environment.
std::vector<std::string> serve_arguments(const ServeFlags& flags);

// Without the key. Reading takes what it understands: the file is ours.
nlohmann::ordered_json flags_json(const ServeFlags& flags);
ServeFlags flags_of(const nlohmann::ordered_json& json);

// `later` where it says something, else `earlier`.
ServeFlags merged(ServeFlags later, const ServeFlags& earlier);

// Those of --allow-host, else of the setting. Errors: invalid (the settings' file).
Result<std::vector<std::string>> allowed_hosts(const ServeFlags& flags);

// The models of --model in this cache, each once. Errors: not_found, …; invalid when two would
// answer to one alias, or --context has no model to hold for.
Result<std::vector<catalog::CachedModel>> resolve_models(const ServeFlags& flags,
                                                         const std::string& cache);

// A model that was named by a path keeps its meaning in another folder.
void make_model_paths_absolute(ServeFlags& flags);

}  // namespace hearth::cli
