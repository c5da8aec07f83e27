// chat_prompt.h - from a conversation to what a request needs of it: the tokens, by the model's own
// template, and how the answer to them is read.
//
// Where the template refuses the messages as they are, it gets them as taking turns (text/
// tool_messages.h): clients send two questions in a row, or a second system message, and most
// templates that refuse this lose nothing by it.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/request.h"

namespace hearth::engine {

// The arrays and objects are those of text::tool_messages and text::ChatTemplate::render.
struct Conversation {
  nlohmann::ordered_json messages;
  nlohmann::ordered_json tools = nullptr;      // offered for the answer
  nlohmann::ordered_json variables = nullptr;  // of the template
};

struct ChatPrompt {
  std::vector<TokenId> ids;
  AnswerReading reading;
  std::size_t n_unspellable_bytes = 0;  // text::Encoding
};

// Text stays text, "<|im_end|>" in it included. exact: bytes that the vocabulary cannot spell are
// an error. Errors: those of the template, about the messages as they were given; invalid, naming
// such a byte.
Result<ChatPrompt> chat_prompt(const LoadedModel& model, Conversation conversation, bool exact);

}  // namespace hearth::engine
