#include "server/chat_turn.h"

#include <utility>

#include "base/str.h"

namespace hearth::server {

namespace {

// "developer" is the newer name of "system".
void rename_developers(const engine::LoadedModel& model, api::Json& messages) {
  if (model.template_reads("developer")) return;
  for (api::Json& message : messages) {
    if (message["role"] == "developer") message["role"] = "system";
  }
}

// gpt-oss knows three efforts, Qwen thinks or does not; a model that never thinks can only be asked
// for none.
std::optional<api::ApiError> apply_reasoning_effort(const engine::LoadedModel& model,
                                                    api::ChatRequest& request) {
  const std::string& effort = request.reasoning_effort;
  if (effort.empty()) return std::nullopt;
  if (model.template_reads("reasoning_effort")) {
    const bool least = effort == "none" || effort == "minimal";
    request.template_variables["reasoning_effort"] = least               ? "low"
                                                     : effort == "xhigh" ? "high"
                                                                         : effort;
  } else if (model.template_reads("enable_thinking")) {
    request.template_variables["enable_thinking"] = effort != "none";
  } else if (effort != "none") {
    return api::ApiError{
        .message = cat("'reasoning_effort' cannot be given to ", quote(model.id()),
                       ": its chat template does not read it, so it would change nothing"),
        .param = "reasoning_effort",
        .code = "unsupported"};
  }
  return std::nullopt;
}

// Hearth cannot yet hold a model to a form while it writes, and a promise that the model may break
// is worse than a refusal.
std::optional<api::ApiError> refuse_forced_forms(const api::ChatRequest& request) {
  const auto refuse = [](std::string_view field, std::string_view what) {
    return api::ApiError{
        .message = cat("'", field, "' ", what, " cannot be enforced by this version of Hearth"),
        .param = std::string(field),
        .code = "unsupported"};
  };
  using Kind = api::ResponseFormat::Kind;
  switch (request.format.kind) {
    case Kind::text:
      break;
    case Kind::json_object:
      return refuse("response_format", "json_object");
    case Kind::json_schema:
      return refuse("response_format", "json_schema");
    case Kind::grammar:
      return refuse("response_format", "grammar");
  }
  if (request.tools.choice == api::ToolChoice::required) return refuse("tool_choice", "required");
  if (request.tools.choice == api::ToolChoice::named) return refuse("tool_choice", "of one tool");
  if (request.tools.offered() && !request.tools.strict.empty())
    return refuse("strict", "of a tool");
  return std::nullopt;
}

}  // namespace

std::variant<engine::ChatPrompt, api::ApiError> prompt_of(const engine::LoadedModel& model,
                                                          api::ChatRequest& request) {
  rename_developers(model, request.messages);
  if (auto fault = refuse_forced_forms(request)) return *std::move(fault);
  if (auto fault = apply_reasoning_effort(model, request)) return *std::move(fault);
  const bool offered = request.tools.offered();
  auto prompt = engine::chat_prompt(model,
                                    {.messages = std::move(request.messages),
                                     .tools = offered ? request.tools.tools : api::Json(),
                                     .variables = request.template_variables},
                                    false);
  if (!prompt) return api::to_api_error(prompt.error(), "messages");
  prompt->reading.one_call = prompt->reading.one_call || !request.tools.parallel;
  return *std::move(prompt);
}

std::variant<AnswerJob, api::ApiError> start_chat(Service& service, const ModelPtr& model,
                                                  const api::ChatRequest& request,
                                                  engine::ChatPrompt prompt) {
  AnswerJob job;
  job.model = model;
  job.choices_per_prompt = request.generation.n;
  job.prompt_tokens = {static_cast<std::int64_t>(prompt.ids.size())};
  job.logprobs = request.logprobs;
  report_unspellable(*model, prompt.n_unspellable_bytes, job.headers);
  for (std::int32_t i = 0; i < request.generation.n; ++i) {
    engine::Request one = to_engine_request(request.generation, prompt.ids, i);
    one.reading = prompt.reading;
    one.logprobs = request.logprobs;
    one.top_logprobs = request.top_logprobs;
    auto generation = service.engine.submit(model, std::move(one));
    if (!generation) {
      const bool about_prompt = generation.error().kind == ErrorKind::context_overflow;
      return api::to_api_error(generation.error(), about_prompt ? "messages" : "");
    }
    job.choices.push_back({std::nullopt, *std::move(generation)});
  }
  return job;
}

// Templates of Mistral's insist on nine characters.
std::string new_call_id(const engine::LoadedModel& model) {
  const bool short_one = model.answer_format().tools == text::ToolDialect::mistral;
  return short_one ? random_hex(9) : "call_" + random_hex(24);
}

}  // namespace hearth::server
