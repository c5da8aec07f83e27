// chat_turn.h - what chat completions and responses have in common: a conversation becomes a
// prompt, and the prompt running answers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "api/chat_completions.h"
#include "engine/chat_prompt.h"
#include "server/answers.h"
#include "server/routes.h"

namespace hearth::server {

struct ChatTurn {
  engine::ChatPrompt prompt;
  std::shared_ptr<const text::Grammar> grammar;  // what the answer is held to; null: nothing
};

// The request's messages as the model's own prompt, and the form of the answer that it asks for.
// `request` gives its messages away.
std::variant<ChatTurn, api::ApiError> turn_of(const engine::LoadedModel& model,
                                              api::ChatRequest& request);

// Running answers, `generation.n` of them, as a job that lacks its format.
std::variant<AnswerJob, api::ApiError> start_chat(Service& service, const ModelPtr& model,
                                                  const api::ChatRequest& request, ChatTurn turn);

// An id for a call, as the model's template will want to see it again.
std::string new_call_id(const engine::LoadedModel& model);

}  // namespace hearth::server
