// model_ids.h - the ids that Foundry Local's clients use beside a model's alias.
//
// An id is "<name>:<version>", the name that of the checkpoint and what it runs on:
// "Phi-4-mini-instruct-generic-cpu:1". A model that nobody knows by name has its alias as name and,
// as Foundry Local does for models brought by their user, version 0.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/known_models.h"

namespace hearth::catalog {

std::string model_name(const KnownModel& model);  // "Phi-4-mini-instruct-generic-cpu"
std::string model_id(const KnownModel& model);    // "Phi-4-mini-instruct-generic-cpu:1"
std::string brought_model_id(std::string_view alias);

// What a person or a client may call a model, as its alias: an alias, another name of the
// catalogue, an id, an id without its version, in any case. A name that the catalogue does not have
// loses its version only. Errors: as known_models().
Result<std::string> alias_of(std::string_view name);

}  // namespace hearth::catalog
