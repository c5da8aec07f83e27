// loaded_models.h - which models the background service has in memory, for people and scripts.
#pragma once

#include "base/result.h"

namespace hearth::cli {

// Prints them, in Foundry Local's lines or as JSON: [{"alias", "id"}, …]. Errors: not_found when no
// service runs; io.
Result<int> list_loaded_models(bool json);

}  // namespace hearth::cli
