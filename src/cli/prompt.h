// prompt.h - from what a person wrote to the token ids of a request.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace hearth::cli {

// Messages by the model's template. The messages are text: "<|im_end|>" in them stays text. Errors:
// those of the template; invalid, naming a byte that the vocabulary cannot spell.
Result<std::vector<text::TokenId>> chat_prompt(const engine::LoadedModel& model,
                                               const nlohmann::ordered_json& messages);

// The text as it is, control tokens in it recognised, with what the vocabulary puts around a text.
Result<std::vector<text::TokenId>> raw_prompt(const engine::LoadedModel& model,
                                              const std::string& text);

nlohmann::ordered_json message(const char* role, const std::string& content);

}  // namespace hearth::cli
