// foundry_catalog.h - the catalogue and the cache as one list of what a Foundry Local client may
// name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/foundry.h"
#include "base/result.h"
#include "server/model_directory.h"

namespace hearth::server {

// The id of the model of that alias. A catalogue that cannot be read makes it one its user brought.
std::string foundry_id(std::string_view alias);

// Every known model, those of the cache that nobody knows, and again under each other name
// that a known one has or stands in for. Errors: as known_models(), list_models().
Result<std::vector<api::FoundryModel>> foundry_models(const ModelDirectory& models);

}  // namespace hearth::server
