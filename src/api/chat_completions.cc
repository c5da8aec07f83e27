#include "api/chat_completions.h"

#include <algorithm>
#include <array>

#include "base/str.h"
#include "base/utf8.h"

namespace hearth::api {

namespace {

constexpr std::string_view kNotYet = "is not supported yet by this version";

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The text of one part of a content array; false when a fault was recorded.
bool read_part(const Json& part, const std::string& path, Fields& message, std::string& out) {
  if (!part.is_object()) {
    message.fail("content", cat("'", path, "' must be an object, got ", describe(part)));
    return false;
  }
  Fields fields(part, path + ".");
  std::string type, text;
  if (!fields.text("type", type) && !fields.failed()) {
    fields.fail("type", cat("'", path, ".type' is required, for example \"text\""));
  }
  if (type == "text" || type == "refusal") {
    if (!fields.text(type, text) && !fields.failed()) {
      fields.fail(type, cat("'", path, ".", type, "' is required"));
    }
  } else if (!fields.failed()) {
    fields.fail("type",
                cat("'", path, ".type' ", quote(type), " ", kNotYet, "; only \"text\" parts are"));
  }
  if (auto fault = fields.finish()) {
    message.fail(*std::move(fault));
    return false;
  }
  out += text;
  return true;
}

// Absent or null content is left to the caller: nullopt without a fault.
std::optional<std::string> read_content(Fields& fields) {
  const Json* content = fields.find("content");
  if (content == nullptr) return std::nullopt;
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array() || content->empty()) {
    fields.expected("content", "a string or a non-empty array of text parts", *content);
    return std::nullopt;
  }
  std::string joined;
  for (std::size_t i = 0; i < content->size(); ++i) {
    if (i > 0) joined += '\n';
    const std::string path = cat(fields.full_name("content"), "[", i, "]");
    if (!read_part((*content)[i], path, fields, joined)) return std::nullopt;
  }
  return joined;
}

void check_tool_call(const Json& call, const std::string& path, Fields& message) {
  if (!call.is_object()) {
    return message.fail("tool_calls", cat("'", path, "' must be an object, got ", describe(call)));
  }
  Fields fields(call, path + ".");
  std::string text;
  if (!fields.text("id", text)) fields.fail("id", cat("'", path, ".id' is required"));
  if (fields.text("type", text) && text != "function") {
    fields.fail("type", cat("'", path, ".type' must be \"function\", got ", quote(text)));
  }
  if (const Json* function = fields.object("function")) {
    Fields inner(*function, path + ".function.");
    for (const std::string_view name : {std::string_view("name"), std::string_view("arguments")}) {
      if (!inner.text(name, text)) {
        inner.fail(name, cat("'", path, ".function.", name, "' is required"));
      }
    }
    if (auto fault = inner.finish()) fields.fail(*std::move(fault));
  } else {
    fields.fail("function", cat("'", path, ".function' is required"));
  }
  if (auto fault = fields.finish()) message.fail(*std::move(fault));
}

bool read_tool_calls(Fields& fields, Json& out) {
  const Json* calls = fields.array("tool_calls");
  if (calls == nullptr || calls->empty()) return false;
  for (std::size_t i = 0; i < calls->size(); ++i) {
    check_tool_call((*calls)[i], cat(fields.full_name("tool_calls"), "[", i, "]"), fields);
  }
  out["tool_calls"] = *calls;
  return true;
}

// What else an assistant's message may carry. Returns whether it stands in for content.
bool read_assistant_fields(Fields& fields, Json& out) {
  const bool has_calls = read_tool_calls(fields, out);
  std::string text;
  // Clients send back what they got, under one of its names or both.
  for (const std::string_view name : {"reasoning", "reasoning_content"}) {
    if (fields.text(name, text)) out["reasoning_content"] = text;
  }
  fields.refuse("function_call", "is not supported; send 'tool_calls'");
  fields.refuse("audio", kNotYet);
  if (const Json* notes = fields.array("annotations"); notes != nullptr && !notes->empty()) {
    fields.refuse("annotations", kNotYet);
  }
  if (fields.text("refusal", text)) {
    out["content"] = text;
    return true;
  }
  return has_calls;
}

void read_message(const Json& message, std::size_t index, Fields& request, Json& messages) {
  const std::string path = cat("messages[", index, "]");
  if (!message.is_object()) {
    return request.fail(path, cat("'", path, "' must be an object, got ", describe(message)));
  }
  Fields fields(message, path + ".");
  Json out = Json::object();
  std::string role, text;
  static constexpr std::string_view kRoles =
      "\"system\", \"developer\", \"user\", \"assistant\" or \"tool\"";
  if (!fields.text("role", role)) {
    fields.fail("role", cat("'", path, ".role' is required: ", kRoles));
  } else if (!is_one_of(role, {"system", "developer", "user", "assistant", "tool"})) {
    fields.fail("role", cat("'", path, ".role' must be ", kRoles, ", got ", quote(role)));
  }
  out["role"] = role;
  out["content"] = nullptr;
  const std::optional<std::string> content = read_content(fields);
  if (fields.text("name", text)) out["name"] = text;
  bool may_lack_content = false;
  if (role == "assistant") may_lack_content = read_assistant_fields(fields, out);
  if (role == "tool") {
    if (!fields.text("tool_call_id", text)) {
      fields.fail("tool_call_id", cat("'", path, ".tool_call_id' is required in a tool message"));
    }
    out["tool_call_id"] = text;
  }
  if (content) {
    out["content"] = *content;
  } else if (!may_lack_content) {
    fields.fail("content",
                cat("'", path, ".content' is required: a string or an array of text parts"));
  }
  if (auto fault = fields.finish()) return request.fail(*std::move(fault));
  messages.push_back(std::move(out));
}

void read_messages(Fields& fields, Json& out) {
  const Json* messages = fields.array("messages");
  if (messages == nullptr || messages->empty()) {
    return fields.fail("messages", "'messages' is required: an array of at least one message");
  }
  Json::array_t& list = out.get_ref<Json::array_t&>();
  list.reserve(messages->size());
  for (std::size_t i = 0; i < messages->size() && !fields.failed(); ++i) {
    read_message((*messages)[i], i, fields, out);
  }
}

void read_length(Fields& fields, std::int32_t& out) {
  fields.integer("max_tokens", 1, INT32_MAX, out);
  fields.integer("max_completion_tokens", 1, INT32_MAX, out);
}

void read_logprobs(Fields& fields, ChatRequest& out) {
  fields.boolean("logprobs", out.logprobs);
  if (fields.integer("top_logprobs", 0, 20, out.top_logprobs) && !out.logprobs) {
    fields.fail("top_logprobs", "'top_logprobs' needs 'logprobs' to be true");
  }
}

void read_response_format(Fields& fields) {
  const Json* format = fields.object("response_format");
  if (format == nullptr) return;
  const auto type = format->find("type");
  if (type == format->end() || !type->is_string()) {
    return fields.fail("response_format",
                       "'response_format.type' is required, for example \"text\"");
  }
  const std::string& name = type->get_ref<const std::string&>();
  if (name != "text") {
    fields.fail("response_format",
                cat("'response_format' of type ", quote(name), " ", kNotYet, "; only \"text\" is"));
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
// asks for nothing (no tools, text only) is honoured by doing nothing.
void refuse_unsupported(Fields& fields) {
  for (const std::string_view name : {"tools", "functions"}) {
    if (const Json* list = fields.array(name); list != nullptr && !list->empty()) {
      fields.refuse(name, kNotYet);
    }
  }
  const Json* choice = fields.find("tool_choice");
  if (choice != nullptr && *choice != "none" && *choice != "auto")
    fields.refuse("tool_choice", kNotYet);
  bool parallel = false;
  fields.boolean("parallel_tool_calls", parallel);
  const Json* modalities = fields.array("modalities");
  if (modalities != nullptr && *modalities != Json::array({"text"})) {
    fields.fail("modalities", cat("'modalities' other than [\"text\"] ", kNotYet));
  }
  for (const std::string_view name :
       {"function_call", "verbosity", "audio", "prediction", "web_search_options",
        "prompt_cache_retention", "guided_json", "guided_regex", "grammar"}) {
    fields.refuse(name, kNotYet);
  }
}

void read_reasoning_effort(Fields& fields, ChatRequest& out) {
  std::string effort;
  if (!fields.text("reasoning_effort", effort)) return;
  if (!is_one_of(effort, {"low", "medium", "high"})) {
    return fields.fail(
        "reasoning_effort",
        cat("'reasoning_effort' must be \"low\", \"medium\" or \"high\", got ", quote(effort)));
  }
  if (out.template_variables.contains("reasoning_effort")) {
    return fields.fail("reasoning_effort",
                       "'reasoning_effort' is in 'chat_template_kwargs', too; send one of them");
  }
  out.template_variables["reasoning_effort"] = effort;
  out.has_reasoning_effort = true;
}

Json message_json(const ChatChoice& choice) {
  Json message = {{"role", "assistant"}, {"content", choice.content}, {"refusal", nullptr}};
  if (!choice.reasoning.empty()) {
    message["reasoning_content"] = choice.reasoning;
    message["reasoning"] = choice.reasoning;
  }
  return message;
}

Json score_json(const TokenScore& score) {
  Json bytes = Json::array();
  for (const char c : score.bytes) bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", to_valid_utf8(score.bytes)},
          {"logprob", finite_logprob(score.logprob)},
          {"bytes", std::move(bytes)}};
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

std::optional<ApiError> parse_chat_request(std::string_view body, ChatRequest& out) {
  Json json;
  if (auto fault = parse_json(body, json)) return fault;
  if (!json.is_object()) {
    return ApiError{.message = cat("the request body must be a JSON object, got ", describe(json)),
                    .param = {},
                    .code = {}};
  }
  Fields fields(json);
  read_generation_fields(fields, out.generation);
  read_messages(fields, out.messages);
  read_length(fields, out.generation.max_tokens);
  read_logprobs(fields, out);
  read_response_format(fields);
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

std::string ChatStreamWriter::end(std::int32_t index, std::string_view finish_reason) const {
  return sse_event(choice_chunk(*this, index, Json::object(), nullptr, finish_reason));
}

std::string ChatStreamWriter::usage(const UsageFields& usage) const {
  Json out = chunk(*this, Json::array());
  out["usage"] = usage_json(usage);
  return sse_event(out);
}

}  // namespace hearth::api
