#include "server/chat_turn.h"

#include <algorithm>
#include <utility>

#include "base/str.h"
#include "text/grammar/answer_grammar.h"
#include "text/grammar/json_schema.h"

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

text::ContentShape content_shape(const api::ResponseFormat& format) {
  using Kind = api::ResponseFormat::Kind;
  using Shape = text::ContentShape::Kind;
  const Shape kind = format.kind == Kind::text          ? Shape::any
                     : format.kind == Kind::json_object ? Shape::json_object
                     : format.kind == Kind::json_schema ? Shape::json_schema
                                                        : Shape::gbnf;
  return {kind, format.schema, format.grammar};
}

// A tool that is not strict is held to its schema where that can be done, and otherwise to an
// object: nobody was promised more.
std::variant<text::ToolShape, api::ApiError> tool_shape(const api::Json& function, bool strict) {
  text::ToolShape tool{function["name"], function.value("parameters", api::Json())};
  if (tool.schema.is_null()) return tool;
  const auto grammar =
      text::compile_json_schema(tool.schema, cat("the parameters of the tool ", quote(tool.name)));
  if (grammar) return tool;
  if (strict) return api::to_api_error(grammar.error(), "tools");
  tool.schema = nullptr;
  return tool;
}

std::variant<text::AnswerShape, api::ApiError> answer_shape(const api::ChatRequest& request,
                                                            const engine::AnswerReading& reading) {
  const api::ToolOptions& options = request.tools;
  const bool named = options.choice == api::ToolChoice::named;
  text::AnswerShape shape{.content = content_shape(request.format)};
  shape.one_call = reading.one_call || named;
  if (!options.offered()) return shape;
  const bool forced = named || options.choice == api::ToolChoice::required;
  shape.calls = forced ? text::CallRule::required : text::CallRule::optional;
  for (const api::Json& tool : options.tools) {
    const api::Json& function = tool["function"];
    if (named && function["name"] != options.named) continue;
    const auto& strict = options.strict;
    const bool is_strict = std::find(strict.begin(), strict.end(),
                                     function["name"].get<std::string>()) != strict.end();
    auto one = tool_shape(function, is_strict);
    if (auto* fault = std::get_if<api::ApiError>(&one)) return std::move(*fault);
    shape.tools.push_back(std::move(*std::get_if<text::ToolShape>(&one)));
  }
  return shape;
}

// What the answer has to be; null when it is free.
std::variant<std::shared_ptr<const text::Grammar>, api::ApiError> grammar_of(
    const engine::LoadedModel& model, const api::ChatRequest& request,
    const engine::AnswerReading& reading) {
  const api::ToolOptions& tools = request.tools;
  const bool calls_are_free =
      !tools.offered() || (tools.choice == api::ToolChoice::automatic && tools.strict.empty());
  if (request.format.kind == api::ResponseFormat::Kind::text && calls_are_free) {
    return std::shared_ptr<const text::Grammar>();
  }
  auto shape = answer_shape(request, reading);
  if (auto* fault = std::get_if<api::ApiError>(&shape)) return std::move(*fault);
  auto grammar = text::answer_grammar(*std::get_if<text::AnswerShape>(&shape), model.tokenizer(),
                                      {reading.reasoning, reading.tools}, reading.thinking_is_open);
  if (!grammar) {
    const std::string& field = request.format.field;
    return api::to_api_error(
        {grammar.error().kind, cat("'", field, "': ", grammar.error().message)}, field);
  }
  return *std::move(grammar);
}

}  // namespace

std::variant<ChatTurn, api::ApiError> turn_of(const engine::LoadedModel& model,
                                              api::ChatRequest& request) {
  rename_developers(model, request.messages);
  if (auto fault = apply_reasoning_effort(model, request)) return *std::move(fault);
  const bool offered = request.tools.offered();
  auto prompt = engine::chat_prompt(model,
                                    {.messages = std::move(request.messages),
                                     .tools = offered ? request.tools.tools : api::Json(),
                                     .variables = request.template_variables},
                                    false);
  if (!prompt) return api::to_api_error(prompt.error(), "messages");
  prompt->reading.one_call = prompt->reading.one_call || !request.tools.parallel;
  auto grammar = grammar_of(model, request, prompt->reading);
  if (auto* fault = std::get_if<api::ApiError>(&grammar)) return std::move(*fault);
  return ChatTurn{*std::move(prompt),
                  std::move(*std::get_if<std::shared_ptr<const text::Grammar>>(&grammar))};
}

std::variant<AnswerJob, api::ApiError> start_chat(Service& service, const ModelPtr& model,
                                                  const api::ChatRequest& request, ChatTurn turn) {
  const engine::ChatPrompt& prompt = turn.prompt;
  AnswerJob job;
  job.model = model;
  job.metrics = &service.metrics;
  job.choices_per_prompt = request.generation.n;
  job.prompt_tokens = {static_cast<std::int64_t>(prompt.ids.size())};
  job.logprobs = request.logprobs;
  report_unspellable(*model, prompt.n_unspellable_bytes, job.headers);
  for (std::int32_t i = 0; i < request.generation.n; ++i) {
    engine::Request one = to_engine_request(request.generation, prompt.ids, i);
    one.reading = prompt.reading;
    one.grammar = turn.grammar;
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
