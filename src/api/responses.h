// responses.h - POST /v1/responses: bytes to a request, answers back to bytes.
//
// A conversation is a list of items: messages, what the model thought, calls to functions, their
// results. An item that a client sends is brought to one shape with an id, so that it can be kept
// and listed; the items of a request become the messages of a chat.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/chat_completions.h"

namespace hearth::api {

struct ResponsesRequest {
  ChatRequest chat;  // its messages are not filled in: items may precede those of this request
  Json input = Json::array();  // items
  std::string instructions;
  std::string previous_response_id;
  bool store = true;
  // Told back as they came.
  Json metadata = Json::object();
  Json reasoning = {{"effort", nullptr}, {"summary", nullptr}};
  Json text = {{"format", {{"type", "text"}}}};
  Json tools = Json::array(), tool_choice = "auto";
  Json max_tool_calls = nullptr, user = nullptr, safety_identifier = nullptr,
       prompt_cache_key = nullptr;
};

std::optional<ApiError> parse_responses_request(std::string_view body, ResponsesRequest& out);

// Items as the messages of a chat, `instructions` before them as the system's.
Json messages_of(const Json& items, std::string_view instructions);

// A response, with everything but the parts of its answer: status "in_progress", no output.
Json response_json(const ReplyHead& head, const ResponsesRequest& request);

// The parts of an answer as they are written, and the events that tell of them.
//
//   writer.start(); writer.reasoning("…"); writer.text("…"); writer.call(…); writer.finish("stop");
//
// Each returns events; what is not streamed ignores them and takes response().
class ResponseWriter {
 public:
  explicit ResponseWriter(Json response) : response_(std::move(response)) {}

  std::string start();
  std::string reasoning(std::string_view delta);
  std::string text(std::string_view delta, const std::vector<TokenLogprob>& logprobs);
  std::string call_begin(const ToolCall& call);
  std::string call_arguments(std::string_view delta);
  // finish_reason: "stop", "length", "tool_calls". completed_at: seconds since 1970. The last
  // events, the last of which has the whole response.
  std::string finish(std::string_view finish_reason, const UsageFields& usage,
                     std::int64_t completed_at);
  std::string fail(const ApiError& error);

  const Json& response() const { return response_; }

 private:
  std::string event(std::string_view type, Json members);
  std::string part_event(std::string_view type, Json members);
  std::string begin_item(Json item);
  std::string begin_part(Json part);
  std::string end_item(std::string_view status);
  bool is_open(std::string_view type) const { return open_ && item_["type"] == type; }

  Json response_;
  std::int64_t n_events_ = 0;
  bool open_ = false;  // an item is being written: item_, the text of its part so far
  Json item_;
  std::string written_;
  Json logprobs_ = Json::array();
};

}  // namespace hearth::api
