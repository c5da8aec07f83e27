// chat_prompt.h - from a conversation to what a request needs of it: the tokens, by the model's own
// template, and how the answer to them is read.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/request.h"

namespace hearth::engine {

struct ChatPrompt {
  std::vector<TokenId> ids;
  AnswerReading reading;
  std::size_t n_unspellable_bytes = 0;  // text::Encoding
};

// messages: text that stays text, "<|im_end|>" in it included. variables: of the template, an
// object, or null. exact: bytes that the vocabulary cannot spell are an error. Errors: those of the
// template; invalid, naming such a byte.
Result<ChatPrompt> chat_prompt(const LoadedModel& model, const nlohmann::ordered_json& messages,
                               const nlohmann::ordered_json& variables, bool exact);

}  // namespace hearth::engine
