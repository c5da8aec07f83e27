// chat_turn.h - what chat completions and responses have in common: a conversation becomes a
// prompt, and the prompt running answers.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "api/chat_completions.h"
#include "engine/chat_prompt.h"
#include "server/answers.h"
#include "server/routes.h"

namespace hearth::server {

// The request's messages as the model's own prompt. `request` gives its messages away.
std::variant<engine::ChatPrompt, api::ApiError> prompt_of(const engine::LoadedModel& model,
                                                          api::ChatRequest& request);

// Running answers, `generation.n` of them, as a job that lacks its format.
std::variant<AnswerJob, api::ApiError> start_chat(Service& service, const ModelPtr& model,
                                                  const api::ChatRequest& request,
                                                  engine::ChatPrompt prompt);

// An id for a call, as the model's template will want to see it again.
std::string new_call_id(const engine::LoadedModel& model);

}  // namespace hearth::server
