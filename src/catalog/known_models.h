// known_models.h - the models that people know by name, whether or not they are on this machine.
//
// The list is share/catalog.json, built into the program: {"models": [{"alias", "names",
// "stands_in_for", "family", "architecture", "task", "publisher", "license", "parameters",
// "context", "hub", "megabytes", "tools"}, …]}; stands_in_for, hub, megabytes and tools may lack. A
// file of the same form, $HEARTH_HOME/catalog.json (without it: ~/.cache/hearth), adds
// models and replaces those of the same alias. How a family is used: formats/presets.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::catalog {

struct KnownModel {
  std::string alias;
  std::vector<std::string> names;  // what else people call it
  // Models that Hearth does not run, or that nobody offers as GGUF: this one is used in their
  // place.
  std::vector<std::string> stands_in_for;
  std::string family;  // of formats/presets.h; "": none
  std::string architecture;
  std::string task;  // "chat" or "embeddings"
  std::string publisher;
  std::string license;
  std::string parameters;      // for people: "3.8B"
  std::int64_t context = 0;    // tokens
  std::string hub;             // where to download it: "hf:owner/repository:Q4_K_M"; "": nowhere
  std::int64_t megabytes = 0;  // of the download, about
  bool tools = false;          // it was trained to call them
};

// The text of share/catalog.json.
std::string_view built_in_catalog();

// `what` names the text in messages. Errors: invalid, naming the model and the field.
Result<std::vector<KnownModel>> parse_known_models(std::string_view json, std::string_view what);

// The built-in ones and the user's, by alias. Errors: invalid (the user's file), io.
Result<std::vector<KnownModel>> known_models();

// By alias or any other name, in any case; absent when nobody knows it. Errors: as known_models().
Result<std::optional<KnownModel>> find_known_model(std::string_view name);

// Whether the name is that of another model, in whose place this one is used.
bool stands_in(const KnownModel& model, std::string_view name);

}  // namespace hearth::catalog
