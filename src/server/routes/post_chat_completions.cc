// post_chat_completions.cc - POST /v1/chat/completions.
#include "api/chat_completions.h"
#include "base/str.h"
#include "engine/chat_prompt.h"
#include "server/answers.h"
#include "server/requested_model.h"

namespace hearth::server {

namespace {

class ChatFormat final : public ReplyFormat {
 public:
  ChatFormat(api::ReplyHead head, bool with_usage) : writer_{std::move(head), with_usage} {}

  std::string start(std::int32_t index) override { return writer_.start(index); }
  std::string delta(const Piece& piece) override {
    std::string out;
    if (!piece.reasoning.empty()) out += writer_.reasoning_delta(piece.index, piece.reasoning);
    if (!piece.text.empty()) out += writer_.delta(piece.index, piece.text, piece.logprobs);
    return out;
  }
  std::string end(std::int32_t index, std::string_view finish_reason) override {
    return writer_.end(index, finish_reason);
  }
  std::string usage(const api::UsageFields& usage) override {
    return writer_.with_usage ? writer_.usage(usage) : std::string();
  }
  std::string whole(std::vector<Piece> answers, const std::vector<std::string>& finish_reasons,
                    const api::UsageFields& usage) override {
    std::vector<api::ChatChoice> choices;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      choices.push_back({answers[i].index, std::move(answers[i].text), finish_reasons[i],
                         std::move(answers[i].logprobs), std::move(answers[i].reasoning)});
    }
    return api::chat_response(writer_.head, choices, usage);
  }

 private:
  api::ChatStreamWriter writer_;
};

// Brings messages to what the model's template knows. "developer" is the newer name of "system". A
// template that never reads tool_calls would drop them from the conversation without a word.
std::optional<api::ApiError> adapt_messages(const engine::LoadedModel& model, api::Json& messages) {
  std::size_t index = 0;
  for (api::Json& message : messages) {
    if (message["role"] == "developer" && !model.template_reads("developer"))
      message["role"] = "system";
    if (message.contains("tool_calls") && !model.template_reads("tool_calls")) {
      const std::string field = cat("messages[", index, "].tool_calls");
      return api::ApiError{.message = cat("'", field, "' cannot be given to ", quote(model.id()),
                                          ": its chat template does not know tool calls"),
                           .param = field,
                           .code = "unsupported"};
    }
    ++index;
  }
  return std::nullopt;
}

std::optional<api::ApiError> check_reasoning_effort(const engine::LoadedModel& model,
                                                    const api::ChatRequest& request) {
  if (!request.has_reasoning_effort || model.template_reads("reasoning_effort")) {
    return std::nullopt;
  }
  return api::ApiError{
      .message = cat("'reasoning_effort' cannot be given to ", quote(model.id()),
                     ": its chat template does not read it, so it would change nothing"),
      .param = "reasoning_effort",
      .code = "unsupported"};
}

Result<std::vector<Choice>> submit(Service& service, const ModelPtr& model,
                                   const api::ChatRequest& request,
                                   const engine::ChatPrompt& prompt) {
  std::vector<Choice> choices;
  for (std::int32_t i = 0; i < request.generation.n; ++i) {
    engine::Request one = to_engine_request(request.generation, prompt.ids, i);
    one.reading = prompt.reading;
    one.logprobs = request.logprobs;
    one.top_logprobs = request.top_logprobs;
    HEARTH_TRY(auto generation, service.engine.submit(model, std::move(one)));
    choices.push_back({std::nullopt, std::move(generation)});
  }
  return choices;
}

}  // namespace

Reply post_chat_completions(Service& service, const Request& http) {
  api::ChatRequest request;
  if (auto fault = api::parse_chat_request(http.body, request)) return error_response(*fault);
  auto found = requested_model(service, request.generation.model);
  if (Reply* reply = std::get_if<Reply>(&found)) return std::move(*reply);
  const ModelPtr& model = *std::get_if<ModelPtr>(&found);
  if (auto fault = adapt_messages(*model, request.messages)) return error_response(*fault);
  if (auto fault = check_reasoning_effort(*model, request)) return error_response(*fault);

  auto prompt = engine::chat_prompt(*model, request.messages, request.template_variables, false);
  if (!prompt) return error_response(api::to_api_error(prompt.error(), "messages"));
  auto choices = submit(service, model, request, *prompt);
  if (!choices) {
    const bool about_prompt = choices.error().kind == ErrorKind::context_overflow;
    return error_response(api::to_api_error(choices.error(), about_prompt ? "messages" : ""));
  }

  AnswerJob job;
  job.model = model;
  job.format = std::make_unique<ChatFormat>(reply_head("chatcmpl-", *model),
                                            request.generation.include_usage);
  job.choices = *std::move(choices);
  job.choices_per_prompt = request.generation.n;
  job.prompt_tokens = {static_cast<std::int64_t>(prompt->ids.size())};
  job.logprobs = request.logprobs;
  report_unspellable(*model, prompt->n_unspellable_bytes, job.headers);
  return request.generation.stream ? stream_answers(std::move(job)) : whole_answers(std::move(job));
}

}  // namespace hearth::server
