// status.h - what hearth status tells.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace hearth::cli {

// {"system": the machine, sizes in bytes, "service": {"running", "version", "url", "pid",
// "loaded"}, "cached": [alias, …]}. Errors: those of the settings and of the cache.
Result<nlohmann::ordered_json> status_json();

}  // namespace hearth::cli
