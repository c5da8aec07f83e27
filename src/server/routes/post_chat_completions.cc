// post_chat_completions.cc - POST /v1/chat/completions.
#include "api/chat_completions.h"
#include "server/answers.h"
#include "server/chat_turn.h"
#include "server/requested_model.h"

namespace hearth::server {

namespace {

class ChatFormat final : public ReplyFormat {
 public:
  ChatFormat(ModelPtr model, const api::ChatRequest& request)
      : model_(std::move(model)),
        writer_{reply_head("chatcmpl-", *model_), request.generation.include_usage,
                request.tools.legacy} {}

  std::string start(std::int32_t index) override { return writer_.start(index); }
  std::string delta(const Piece& piece) override {
    std::string out;
    if (!piece.reasoning.empty()) out += writer_.reasoning_delta(piece.index, piece.reasoning);
    if (!piece.text.empty()) out += writer_.delta(piece.index, piece.text, piece.logprobs);
    for (const engine::ToolCallPart& part : piece.calls) {
      if (part.begins()) {
        out += writer_.call_begin(piece.index, part.call, {new_call_id(*model_), part.name, ""});
      }
      if (part.arguments.empty()) continue;
      out += writer_.call_arguments(piece.index, part.call, part.arguments);
    }
    return out;
  }
  std::string end(std::int32_t index, std::string_view finish_reason) override {
    return writer_.end(index, reason_of(finish_reason));
  }
  std::string usage(const api::UsageFields& usage) override {
    return writer_.with_usage ? writer_.usage(usage) : std::string();
  }
  std::string whole(std::vector<Piece> answers, const std::vector<std::string>& finish_reasons,
                    const api::UsageFields& usage) override {
    std::vector<api::ChatChoice> choices;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      api::ChatChoice& choice = choices.emplace_back();
      choice.index = answers[i].index;
      choice.content = std::move(answers[i].text);
      choice.finish_reason = reason_of(finish_reasons[i]);
      choice.logprobs = std::move(answers[i].logprobs);
      choice.reasoning = std::move(answers[i].reasoning);
      choice.legacy_calls = writer_.legacy_calls;
      for (engine::ToolCallPart& call : answers[i].calls) {
        choice.calls.push_back({new_call_id(*model_), std::move(call.name),
                                call.arguments.empty() ? "{}" : std::move(call.arguments)});
      }
    }
    return api::chat_response(writer_.head, choices, usage);
  }

 private:
  std::string reason_of(std::string_view finish_reason) const {
    const bool legacy = writer_.legacy_calls && finish_reason == "tool_calls";
    return legacy ? "function_call" : std::string(finish_reason);
  }

  ModelPtr model_;
  api::ChatStreamWriter writer_;
};

}  // namespace

Reply post_chat_completions(Service& service, const Request& http) {
  api::ChatRequest request;
  if (auto fault = api::parse_chat_request(http.body, request)) return error_response(*fault);
  if (auto refusal = check_time_to_live(http, request.generation)) return *std::move(refusal);
  auto found = requested_model(service, request.generation.model);
  if (Reply* reply = std::get_if<Reply>(&found)) return std::move(*reply);
  const ModelPtr& model = *std::get_if<ModelPtr>(&found);
  auto turn = turn_of(*model, request);
  if (const auto* fault = std::get_if<api::ApiError>(&turn)) return error_response(*fault);
  auto started = start_chat(service, model, request, std::move(*std::get_if<ChatTurn>(&turn)));
  if (const auto* fault = std::get_if<api::ApiError>(&started)) return error_response(*fault);
  set_time_to_live(service, *model, request.generation);
  AnswerJob& job = *std::get_if<AnswerJob>(&started);
  job.format = std::make_unique<ChatFormat>(model, request);
  return request.generation.stream ? stream_answers(std::move(job)) : whole_answers(std::move(job));
}

}  // namespace hearth::server
