#include "api/chat_completions.h"

#include <algorithm>
#include <array>

#include "api/chat_messages.h"
#include "base/str.h"
#include "base/utf8.h"

namespace hearth::api {

namespace {

constexpr std::string_view kNotYet = "is not supported yet by this version";

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

void read_length(Fields& fields, std::int32_t& out) {
  // The last is how Foundry Local's documentation spells it.
  for (const char* name : {"max_tokens", "max_completion_tokens", "max_completion_token"}) {
    fields.integer(name, 1, INT32_MAX, out);
  }
}

void read_logprobs(Fields& fields, ChatRequest& out) {
  fields.boolean("logprobs", out.logprobs);
  if (fields.integer("top_logprobs", 0, 20, out.top_logprobs) && !out.logprobs) {
    fields.fail("top_logprobs", "'top_logprobs' needs 'logprobs' to be true");
  }
}

void read_template_variables(Fields& fields, Json& out) {
  const Json* object = fields.object("chat_template_kwargs");
  if (object == nullptr) return;
  for (const auto& [name, value] : object->items()) {
    if (is_one_of(name, {"messages", "tools", "documents", "add_generation_prompt", "bos_token",
                         "eos_token", "strftime_now", "raise_exception"})) {
      return fields.fail(
          "chat_template_kwargs",
          cat("'chat_template_kwargs.", name, "' is set by the service and cannot be given"));
    }
  }
  out = *object;
}

// Fields of the protocol that change an answer and that this version cannot honour. A value that
// asks for nothing (text only) is honoured by doing nothing.
void refuse_unsupported(Fields& fields) {
  const Json* modalities = fields.array("modalities");
  if (modalities != nullptr && *modalities != Json::array({"text"})) {
    fields.fail("modalities", cat("'modalities' other than [\"text\"] ", kNotYet));
  }
  for (const std::string_view name :
       {"verbosity", "audio", "prediction", "web_search_options", "prompt_cache_retention",
        "guided_json", "guided_regex", "grammar"}) {
    fields.refuse(name, kNotYet);
  }
}

void read_reasoning_effort(Fields& fields, ChatRequest& out) {
  if (!fields.text("reasoning_effort", out.reasoning_effort)) return;
  check_reasoning_effort(fields, "reasoning_effort", out.reasoning_effort);
  if (out.template_variables.contains("reasoning_effort")) {
    return fields.fail("reasoning_effort",
                       "'reasoning_effort' is in 'chat_template_kwargs', too; send one of them");
  }
}

Json function_json(const ToolCall& call) {
  return {{"name", call.name}, {"arguments", call.arguments}};
}

Json message_json(const ChatChoice& choice) {
  Json message = {{"role", "assistant"}, {"content", choice.content}, {"refusal", nullptr}};
  if (!choice.calls.empty()) {
    if (choice.content.empty()) message["content"] = nullptr;
    if (choice.legacy_calls) {
      message["function_call"] = function_json(choice.calls.front());
    } else {
      Json& calls = message["tool_calls"] = Json::array();
      for (const ToolCall& call : choice.calls) {
        calls.push_back({{"id", call.id}, {"type", "function"}, {"function", function_json(call)}});
      }
    }
  }
  if (!choice.reasoning.empty()) {
    message["reasoning_content"] = choice.reasoning;
    message["reasoning"] = choice.reasoning;
  }
  return message;
}

Json logprobs_json(const std::optional<std::vector<TokenLogprob>>& logprobs) {
  if (!logprobs) return nullptr;
  Json content = Json::array();
  for (const TokenLogprob& entry : *logprobs) {
    Json token = score_json(entry.token);
    Json top = Json::array();
    for (const TokenScore& score : entry.top) top.push_back(score_json(score));
    token["top_logprobs"] = std::move(top);
    content.push_back(std::move(token));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

Json chunk(const ChatStreamWriter& writer, Json choices) {
  Json out = {{"id", writer.head.id},
              {"object", "chat.completion.chunk"},
              {"created", writer.head.created},
              {"model", writer.head.model},
              {"system_fingerprint", writer.head.fingerprint},
              {"choices", std::move(choices)}};
  if (writer.with_usage) out["usage"] = nullptr;
  return out;
}

Json choice_chunk(const ChatStreamWriter& writer, std::int32_t index, Json delta, Json logprobs,
                  Json finish_reason) {
  Json choice = {{"index", index},
                 {"delta", std::move(delta)},
                 {"logprobs", std::move(logprobs)},
                 {"finish_reason", std::move(finish_reason)}};
  return chunk(writer, Json::array({std::move(choice)}));
}

}  // namespace

void check_reasoning_effort(Fields& fields, std::string_view name, std::string_view effort) {
  if (is_one_of(effort, {"none", "minimal", "low", "medium", "high", "xhigh"})) return;
  fields.fail(name, cat("'", fields.full_name(name),
                        "' must be \"none\", \"minimal\", \"low\", \"medium\", \"high\" or "
                        "\"xhigh\", got ",
                        quote(effort)));
}

std::optional<ApiError> parse_chat_request(std::string_view body, ChatRequest& out) {
  Json json;
  if (auto fault = parse_body(body, json)) return fault;
  Fields fields(json);
  read_generation_fields(fields, out.generation);
  read_messages(fields, out.messages);
  read_tools(fields, out.tools);
  read_length(fields, out.generation.max_tokens);
  read_logprobs(fields, out);
  read_response_format(fields, out.format);
  read_template_variables(fields, out.template_variables);
  read_reasoning_effort(fields, out);
  refuse_unsupported(fields);
  return fields.finish();
}

std::string chat_response(const ReplyHead& head, const std::vector<ChatChoice>& choices,
                          const UsageFields& usage) {
  Json list = Json::array();
  for (const ChatChoice& choice : choices) {
    list.push_back({{"index", choice.index},
                    {"message", message_json(choice)},
                    {"logprobs", logprobs_json(choice.logprobs)},
                    {"finish_reason", choice.finish_reason}});
  }
  return dump({{"id", head.id},
               {"object", "chat.completion"},
               {"created", head.created},
               {"model", head.model},
               {"system_fingerprint", head.fingerprint},
               {"choices", std::move(list)},
               {"usage", usage_json(usage)}});
}

std::string ChatStreamWriter::start(std::int32_t index) const {
  return sse_event(
      choice_chunk(*this, index, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr));
}

std::string ChatStreamWriter::delta(
    std::int32_t index, std::string_view content,
    const std::optional<std::vector<TokenLogprob>>& logprobs) const {
  return sse_event(
      choice_chunk(*this, index, {{"content", content}}, logprobs_json(logprobs), nullptr));
}

std::string ChatStreamWriter::reasoning_delta(std::int32_t index,
                                              std::string_view reasoning) const {
  return sse_event(choice_chunk(*this, index,
                                {{"reasoning_content", reasoning}, {"reasoning", reasoning}},
                                nullptr, nullptr));
}

std::string ChatStreamWriter::call_begin(std::int32_t index, std::int32_t call,
                                         const ToolCall& begun) const {
  Json delta = {{"function_call", function_json(begun)}};
  if (!legacy_calls) {
    delta = {{"tool_calls", Json::array({{{"index", call},
                                          {"id", begun.id},
                                          {"type", "function"},
                                          {"function", function_json(begun)}}})}};
  }
  return sse_event(choice_chunk(*this, index, std::move(delta), nullptr, nullptr));
}

std::string ChatStreamWriter::call_arguments(std::int32_t index, std::int32_t call,
                                             std::string_view arguments) const {
  Json delta = {{"function_call", {{"arguments", arguments}}}};
  if (!legacy_calls) {
    delta = {
        {"tool_calls", Json::array({{{"index", call}, {"function", {{"arguments", arguments}}}}})}};
  }
  return sse_event(choice_chunk(*this, index, std::move(delta), nullptr, nullptr));
}

std::string ChatStreamWriter::end(std::int32_t index, std::string_view finish_reason) const {
  return sse_event(choice_chunk(*this, index, Json::object(), nullptr, finish_reason));
}

std::string ChatStreamWriter::usage(const UsageFields& usage) const {
  Json out = chunk(*this, Json::array());
  out["usage"] = usage_json(usage);
  return sse_event(out);
}

}  // namespace hearth::api
