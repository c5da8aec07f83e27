// responses.cc - POST /v1/responses, and what was answered there before: GET and DELETE
// /v1/responses/{id}, GET /v1/responses/{id}/input_items.
#include "api/responses.h"

#include <ctime>

#include "base/str.h"
#include "server/answers.h"
#include "server/chat_turn.h"
#include "server/requested_model.h"
#include "server/response_store.h"

namespace hearth::server {

namespace {

constexpr std::string_view kInputItems = "/input_items";

class ResponsesFormat final : public ReplyFormat {
 public:
  // before: the items that precede the answer.
  ResponsesFormat(ResponseStore& store, ModelPtr model, const api::ResponsesRequest& request,
                  api::Json before)
      : store_(store),
        model_(std::move(model)),
        stored_(request.store),
        input_(request.input),
        items_(std::move(before)),
        writer_(api::response_json(reply_head("resp_", *model_), request)) {}

  std::string start(std::int32_t) override { return writer_.start(); }
  std::string delta(const Piece& piece) override {
    std::string out;
    if (!piece.reasoning.empty()) out += writer_.reasoning(piece.reasoning);
    if (!piece.text.empty()) {
      out += writer_.text(piece.text, piece.logprobs.value_or(std::vector<api::TokenLogprob>()));
    }
    for (const engine::ToolCallPart& part : piece.calls) {
      if (part.begins()) out += writer_.call_begin({new_call_id(*model_), part.name, ""});
      if (!part.arguments.empty()) out += writer_.call_arguments(part.arguments);
    }
    return out;
  }
  std::string end(std::int32_t, std::string_view finish_reason) override {
    finish_reason_ = finish_reason;
    return "";
  }
  std::string usage(const api::UsageFields& usage) override {
    std::string out = writer_.finish(finish_reason_, usage, std::time(nullptr));
    keep();
    return out;
  }
  std::string fault(const api::ApiError& error) override { return writer_.fail(error); }
  std::string whole(std::vector<Piece> answers, const std::vector<std::string>& finish_reasons,
                    const api::UsageFields& usage) override {
    delta(answers.front());
    writer_.finish(finish_reasons.front(), usage, std::time(nullptr));
    keep();
    return api::dump(writer_.response());
  }

 private:
  void keep() {
    if (!stored_) return;
    const api::Json& response = writer_.response();
    for (const api::Json& item : response["output"]) items_.push_back(item);
    store_.put(response["id"], {response, input_, items_});
  }

  ResponseStore& store_;
  ModelPtr model_;
  bool stored_;
  api::Json input_, items_;
  api::ResponseWriter writer_;
  std::string finish_reason_;
};

api::ApiError response_not_found(std::string_view id) {
  return {.status = 404,
          .message = cat("there is no response ", quote(id),
                         "; it was deleted, sent with store false, or dropped in favour of newer "
                         "ones (the last ",
                         ResponseStore::kMaxResponses, " are kept while the service runs)"),
          .param = "response_id",
          .code = "response_not_found"};
}

}  // namespace

Reply post_responses(Service& service, const Request& http) {
  api::ResponsesRequest request;
  if (auto fault = api::parse_responses_request(http.body, request)) return error_response(*fault);
  api::Json items = api::Json::array();
  if (!request.previous_response_id.empty()) {
    auto previous = service.responses.get(request.previous_response_id);
    if (!previous) {
      api::ApiError fault = response_not_found(request.previous_response_id);
      fault.param = "previous_response_id";
      fault.code = "previous_response_not_found";
      return error_response(fault);
    }
    items = std::move(previous->items);
  }
  for (const api::Json& item : request.input) items.push_back(item);
  auto found = requested_model(service, request.chat.generation.model);
  if (Reply* reply = std::get_if<Reply>(&found)) return std::move(*reply);
  const ModelPtr& model = *std::get_if<ModelPtr>(&found);
  request.chat.messages = api::messages_of(items, request.instructions);
  if (request.chat.messages.empty()) {
    return error_response(
        {.message = "'input' is empty, and nothing precedes it", .param = "input", .code = {}});
  }
  auto turn = turn_of(*model, request.chat);
  if (const auto* fault = std::get_if<api::ApiError>(&turn)) return error_response(*fault);
  auto started = start_chat(service, model, request.chat, std::move(*std::get_if<ChatTurn>(&turn)));
  if (const auto* fault = std::get_if<api::ApiError>(&started)) return error_response(*fault);
  AnswerJob& job = *std::get_if<AnswerJob>(&started);
  job.format =
      std::make_unique<ResponsesFormat>(service.responses, model, request, std::move(items));
  const bool streams = request.chat.generation.stream;
  return streams ? stream_answers(std::move(job)) : whole_answers(std::move(job));
}

Reply get_response(Service& service, const Request& http) {
  std::string_view id = http.path_rest;
  const bool lists_input = id.ends_with(kInputItems);
  if (lists_input) id.remove_suffix(kInputItems.size());
  const auto stored = service.responses.get(std::string(id));
  if (!stored) return error_response(response_not_found(id));
  if (!lists_input) return json_response(api::dump(stored->response));
  const api::Json& input = stored->input;
  const auto id_of = [&](std::size_t i) { return input.empty() ? api::Json() : input[i]["id"]; };
  return json_response(api::dump({{"object", "list"},
                                  {"data", input},
                                  {"first_id", id_of(0)},
                                  {"last_id", id_of(input.size() - 1)},
                                  {"has_more", false}}));
}

Reply delete_response(Service& service, const Request& http) {
  const std::string id = http.path_rest;
  if (!service.responses.erase(id)) return error_response(response_not_found(id));
  return json_response(api::dump({{"id", id}, {"object", "response"}, {"deleted", true}}));
}

}  // namespace hearth::server
