// post_chat_completions.cc - POST /v1/chat/completions.
#include "api/chat_completions.h"
#include "base/str.h"
#include "server/answers.h"
#include "server/requested_model.h"

namespace hearth::server {

namespace {

class ChatFormat final : public AnswerFormat {
 public:
  ChatFormat(api::ReplyHead head, bool with_usage) : writer_{std::move(head), with_usage} {}

  std::string start(std::int32_t index) override { return writer_.start(index); }
  std::string delta(const Piece& piece) override {
    return writer_.delta(piece.index, piece.text, piece.logprobs);
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
                         std::move(answers[i].logprobs)});
    }
    return api::chat_response(writer_.head, choices, usage);
  }

 private:
  api::ChatStreamWriter writer_;
};

// Brings messages to what the model's template knows. "developer" is the newer name of "system". A
// template that never reads tool_calls would drop them from the conversation without a word.
std::optional<api::ApiError> adapt_messages(const engine::LoadedModel& model, api::Json& messages) {
  const std::string& source = model.checkpoint().chat_template;
  const auto knows = [&](std::string_view word) { return source.find(word) != std::string::npos; };
  std::size_t index = 0;
  for (api::Json& message : messages) {
    if (message["role"] == "developer" && !knows("developer")) message["role"] = "system";
    if (message.contains("tool_calls") && !knows("tool_calls")) {
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

struct ChatPrompt {
  std::vector<text::TokenId> ids;
  Headers headers;
};

Result<ChatPrompt> chat_prompt(const engine::LoadedModel& model, const api::ChatRequest& request) {
  HEARTH_TRY(const std::vector<text::TextSpan> spans,
             model.render_chat(request.messages, nullptr, request.template_variables, true));
  HEARTH_TRY(text::Encoding encoding, model.tokenizer().encode(spans, {}));
  ChatPrompt prompt{std::move(encoding.ids), {}};
  report_unspellable(model, encoding.n_unspellable_bytes, prompt.headers);
  return prompt;
}

Result<std::vector<Choice>> submit(Service& service, const ModelPtr& model,
                                   const api::ChatRequest& request,
                                   const std::vector<text::TokenId>& prompt) {
  std::vector<Choice> choices;
  for (std::int32_t i = 0; i < request.generation.n; ++i) {
    engine::Request one = to_engine_request(request.generation, prompt, i);
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

  auto prompt = chat_prompt(*model, request);
  if (!prompt) return error_response(api::to_api_error(prompt.error(), "messages"));
  auto choices = submit(service, model, request, prompt->ids);
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
  job.headers = std::move(prompt->headers);
  return request.generation.stream ? stream_answers(std::move(job)) : whole_answers(std::move(job));
}

}  // namespace hearth::server
