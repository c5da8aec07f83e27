// chat_completions.h - POST /v1/chat/completions: bytes to a request, answers back to bytes.
//
// Messages are checked and brought to one shape: `content` is a string (text parts are joined with
// a newline, as other servers do), or null beside tool_calls. What a model's template can do with
// them is not known here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/generation_fields.h"

namespace hearth::api {

struct ChatRequest {
  GenerationFields generation;
  Json messages = Json::array();
  Json template_variables = Json::object();  // chat_template_kwargs, and reasoning_effort
  bool has_reasoning_effort = false;         // a template that does not read it is an error
  bool logprobs = false;
  std::int32_t top_logprobs = 0;  // 0 … 20
};

std::optional<ApiError> parse_chat_request(std::string_view body, ChatRequest& out);

struct ChatChoice {
  std::int32_t index = 0;
  std::string content;
  std::string finish_reason;  // "stop" or "length"
  std::optional<std::vector<TokenLogprob>> logprobs;
  std::string reasoning = {};  // "": the message has no such members
};

// What a model thinks before it answers goes under two names: reasoning_content, which DeepSeek
// introduced and most servers and clients know, and reasoning, which clients of gpt-oss read.
std::string chat_response(const ReplyHead& head, const std::vector<ChatChoice>& choices,
                          const UsageFields& usage);

// The events of a stream: for each choice one start, any number of deltas, one end; then, when the
// client asked for usage, one usage event. with_usage: the other chunks carry "usage": null.
struct ChatStreamWriter {
  ReplyHead head;
  bool with_usage = false;

  std::string start(std::int32_t index) const;  // {"role": "assistant", "content": ""}
  std::string delta(std::int32_t index, std::string_view content,
                    const std::optional<std::vector<TokenLogprob>>& logprobs) const;
  std::string reasoning_delta(std::int32_t index, std::string_view reasoning) const;
  std::string end(std::int32_t index, std::string_view finish_reason) const;
  std::string usage(const UsageFields& usage) const;
};

}  // namespace hearth::api
