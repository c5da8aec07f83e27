// chat_completions.h - POST /v1/chat/completions: bytes to a request, answers back to bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/generation_fields.h"
#include "api/response_format.h"
#include "api/tools.h"

namespace hearth::api {

struct ChatRequest {
  GenerationFields generation;
  Json messages = Json::array();  // in the one shape of chat_messages.h
  ToolOptions tools;
  ResponseFormat format;
  Json template_variables = Json::object();  // chat_template_kwargs
  std::string reasoning_effort;  // "": absent; "none", "minimal", "low", "medium", "high", "xhigh"
  bool logprobs = false;
  std::int32_t top_logprobs = 0;  // 0 … 20
};

std::optional<ApiError> parse_chat_request(std::string_view body, ChatRequest& out);

void check_reasoning_effort(Fields& fields, std::string_view name, std::string_view effort);

struct ToolCall {
  std::string id, name;
  std::string arguments;  // JSON, as the model wrote it
};

struct ChatChoice {
  std::int32_t index = 0;
  std::string content;
  std::string finish_reason;  // "stop", "length", "tool_calls", "function_call"
  std::optional<std::vector<TokenLogprob>> logprobs;
  std::string reasoning = {};  // "": the message has no such members
  std::vector<ToolCall> calls = {};
  bool legacy_calls = false;  // told as function_call
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
  bool legacy_calls = false;

  std::string start(std::int32_t index) const;  // {"role": "assistant", "content": ""}
  std::string delta(std::int32_t index, std::string_view content,
                    const std::optional<std::vector<TokenLogprob>>& logprobs) const;
  std::string reasoning_delta(std::int32_t index, std::string_view reasoning) const;
  // Of the call-th call of a choice: its id and name once, then pieces of its arguments.
  std::string call_begin(std::int32_t index, std::int32_t call, const ToolCall& begun) const;
  std::string call_arguments(std::int32_t index, std::int32_t call,
                             std::string_view arguments) const;
  std::string end(std::int32_t index, std::string_view finish_reason) const;
  std::string usage(const UsageFields& usage) const;
};

}  // namespace hearth::api
