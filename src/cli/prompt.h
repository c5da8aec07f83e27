// prompt.h - from what a person wrote to the token ids of a request.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace hearth::cli {

// Makes the messages the request's prompt, by the model's template. variables: of the template.
// Errors: those of the template; invalid, naming a byte that the vocabulary cannot spell, or a
// variable that the template does not read.
Result<void> set_chat_prompt(const engine::LoadedModel& model,
                             const nlohmann::ordered_json& messages,
                             const nlohmann::ordered_json& variables, engine::Request& request);

// The text as it is, control tokens in it recognised, with what the vocabulary puts around a text.
Result<void> set_raw_prompt(const engine::LoadedModel& model, const std::string& text,
                            engine::Request& request);

nlohmann::ordered_json message(const char* role, const std::string& content);

}  // namespace hearth::cli
