#include "api/responses.h"

#include <algorithm>
#include <array>

#include "api/chat_messages.h"
#include "base/str.h"

namespace hearth::api {

namespace {

constexpr std::string_view kNotYet = "is not supported yet by this version";
constexpr std::string_view kInputParts[] = {"input_text", "output_text", "text", "refusal"};
constexpr std::string_view kOutputParts[] = {"input_text", "output_text", "text"};

// Ids must not repeat within a conversation; a count is unique in one request, and the response's
// own id, drawn at random, is not known yet.
std::string item_id(std::string_view prefix, std::size_t index) {
  return cat(prefix, "_input_", index);
}

// An id that came is kept.
std::string read_id(Fields& fields, std::string_view prefix, std::size_t index) {
  std::string id, status;
  fields.text("id", id);
  fields.text("status", status);
  return id.empty() ? item_id(prefix, index) : id;
}

Json text_part(std::string_view role, std::string_view text) {
  if (role != "assistant") return {{"type", "input_text"}, {"text", text}};
  return {{"type", "output_text"},
          {"text", text},
          {"annotations", Json::array()},
          {"logprobs", Json::array()}};
}

Json message_item(std::string_view id, std::string_view role, std::string_view text) {
  return {{"type", "message"},
          {"id", id},
          {"status", "completed"},
          {"role", role},
          {"content", Json::array({text_part(role, text)})}};
}

void read_message_item(Fields& fields, std::size_t index, Json& out) {
  std::string role, phase;
  if (!fields.text("role", role)) {
    fields.fail("role", cat("'", fields.full_name("role"), "' is required"));
  } else if (role != "user" && role != "assistant" && role != "system" && role != "developer") {
    fields.expected("role", "\"user\", \"assistant\", \"system\" or \"developer\"", Json(role));
  }
  const auto content = read_content(fields, "content", kInputParts);
  if (!content) {
    fields.fail("content", cat("'", fields.full_name("content"),
                               "' is required: a string or an array of text parts"));
  }
  fields.text("phase", phase);
  const std::string id = read_id(fields, "msg", index);
  out = message_item(id, role, content.value_or(""));
}

void read_call_item(Fields& fields, std::size_t index, Json& out) {
  std::string call_id, name, arguments;
  for (auto [key, text] : {std::pair<std::string_view, std::string*>{"call_id", &call_id},
                           {"name", &name},
                           {"arguments", &arguments}}) {
    if (!fields.text(key, *text)) {
      fields.fail(key, cat("'", fields.full_name(key), "' is required"));
    }
  }
  out = {{"type", "function_call"}, {"id", read_id(fields, "fc", index)},
         {"call_id", call_id},      {"name", name},
         {"arguments", arguments},  {"status", "completed"}};
}

void read_output_item(Fields& fields, std::size_t index, Json& out) {
  std::string call_id;
  if (!fields.text("call_id", call_id)) {
    fields.fail("call_id", cat("'", fields.full_name("call_id"), "' is required"));
  }
  const auto output = read_content(fields, "output", kOutputParts);
  if (!output) {
    fields.fail("output", cat("'", fields.full_name("output"),
                              "' is required: a string or an array of text parts"));
  }
  out = {{"type", "function_call_output"},
         {"id", read_id(fields, "fco", index)},
         {"call_id", call_id},
         {"output", output.value_or("")},
         {"status", "completed"}};
}

void read_reasoning_item(Fields& fields, std::size_t index, Json& out) {
  static constexpr std::string_view kParts[] = {"reasoning_text"};
  static constexpr std::string_view kSummaryParts[] = {"summary_text"};
  const Json* parts = fields.array("content");
  std::string text;
  if (parts != nullptr && !parts->empty()) {
    text = read_content(fields, "content", kParts).value_or("");
  }
  const Json* summary = fields.array("summary");
  if (summary != nullptr && !summary->empty()) {
    const auto said = read_content(fields, "summary", kSummaryParts);
    if (text.empty()) text = said.value_or("");
  }
  fields.refuse("encrypted_content", "cannot be read: this service encrypts nothing");
  out = {{"type", "reasoning"},
         {"id", read_id(fields, "rs", index)},
         {"summary", Json::array()},
         {"content", Json::array({Json{{"type", "reasoning_text"}, {"text", text}}})},
         {"status", "completed"}};
}

void read_item(const Json& item, std::size_t index, Fields& request, Json& items) {
  const std::string path = cat("input[", index, "]");
  if (!item.is_object()) {
    return request.fail(path, cat("'", path, "' must be an object, got ", describe(item)));
  }
  Fields fields(item, path + ".");
  std::string type = "message";
  fields.text("type", type);
  Json& out = items.emplace_back();
  if (type == "message") {
    read_message_item(fields, index, out);
  } else if (type == "function_call") {
    read_call_item(fields, index, out);
  } else if (type == "function_call_output") {
    read_output_item(fields, index, out);
  } else if (type == "reasoning") {
    read_reasoning_item(fields, index, out);
  } else {
    fields.fail("type", cat("'", path, ".type' ", quote(type), " ", kNotYet,
                            "; \"message\", \"function_call\", \"function_call_output\" and "
                            "\"reasoning\" are"));
  }
  if (auto fault = fields.finish()) request.fail(*std::move(fault));
}

void read_input(Fields& fields, Json& out) {
  const Json* input = fields.find("input");
  if (input == nullptr) {
    return fields.fail("input", "'input' is required: a text or an array of items");
  }
  if (input->is_string()) {
    out.push_back(message_item(item_id("msg", 0), "user", input->get<std::string>()));
    return;
  }
  if (!input->is_array()) return fields.expected("input", "a text or an array of items", *input);
  for (std::size_t i = 0; i < input->size() && !fields.failed(); ++i) {
    read_item((*input)[i], i, fields, out);
  }
}

// Tools are written flat here: {"type", "name", "description", "parameters", "strict"}.
void read_tools(Fields& fields, ResponsesRequest& out) {
  const Json* tools = fields.array("tools");
  for (std::size_t i = 0; tools != nullptr && i < tools->size() && !fields.failed(); ++i) {
    const std::string path = cat("tools[", i, "]");
    const Json& tool = (*tools)[i];
    if (!tool.is_object()) {
      return fields.fail("tools", cat("'", path, "' must be an object, got ", describe(tool)));
    }
    if (!tool.contains("type") || tool["type"] != "function") {
      const std::string type = tool.contains("type") ? describe(tool["type"]) : "none";
      return fields.fail("tools", cat("'", path, ".type' must be \"function\", got ", type,
                                      ": this service runs no tools of its own"));
    }
    Json function = tool;
    function.erase("type");
    if (!read_function(function, path, fields, out.chat.tools)) return;
    out.tools.push_back({{"type", "function"},
                         {"name", tool["name"]},
                         {"description", tool.value("description", Json())},
                         {"parameters", tool.value("parameters", Json())},
                         {"strict", tool.value("strict", Json(false))}});
  }
  fields.boolean("parallel_tool_calls", out.chat.tools.parallel);
}

void read_allowed_tools(const Json& choice, Fields& fields, ToolOptions& options) {
  Fields members(choice, "tool_choice.");
  std::string type, mode;
  members.text("type", type);
  if (!members.text("mode", mode) || (mode != "auto" && mode != "required")) {
    members.fail("mode", "'tool_choice.mode' must be \"auto\" or \"required\"");
  }
  std::vector<std::string> names;
  const Json* tools = members.array("tools");
  for (std::size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
    const Json& tool = (*tools)[i];
    const bool named = tool.is_object() && tool.contains("name") && tool["name"].is_string();
    if (!named) {
      members.fail("tools", cat("'tool_choice.tools[", i, "]' must be an object with a name"));
      break;
    }
    names.push_back(tool["name"]);
  }
  if (!members.failed()) keep_tools(names, "tool_choice", fields, options);
  options.choice = mode == "required" ? ToolChoice::required : ToolChoice::automatic;
  if (auto fault = members.finish()) fields.fail(*std::move(fault));
}

void read_tool_choice(Fields& fields, ResponsesRequest& out) {
  const Json* choice = fields.find("tool_choice");
  ToolOptions& options = out.chat.tools;
  if (choice == nullptr) return;
  out.tool_choice = *choice;
  if (*choice == "none") {
    options.choice = ToolChoice::none;
  } else if (*choice == "required") {
    options.choice = ToolChoice::required;
  } else if (choice->is_object() && choice->contains("type") &&
             (*choice)["type"] == "allowed_tools") {
    read_allowed_tools(*choice, fields, options);
  } else if (choice->is_object()) {
    Fields members(*choice, "tool_choice.");
    std::string type;
    if (!members.text("type", type) || type != "function") {
      members.fail("type", "'tool_choice.type' must be \"function\" or \"allowed_tools\"");
    }
    if (!members.text("name", options.named)) {
      members.fail("name", "'tool_choice.name' is required");
    }
    options.choice = ToolChoice::named;
    if (auto fault = members.finish()) fields.fail(*std::move(fault));
  } else if (*choice != "auto") {
    fields.expected("tool_choice",
                    "\"auto\", \"none\", \"required\" or an object that names a function", *choice);
  }
  if (!fields.failed()) check_choice(fields, "tool_choice", options);
}

void read_text(Fields& fields, ResponsesRequest& out) {
  const Json* text = fields.object("text");
  if (text == nullptr) return;
  Fields members(*text, "text.");
  members.refuse("verbosity", kNotYet);
  if (const Json* format = members.object("format")) {
    read_text_format(*format, "text.format", members, out.chat.format);
    out.text["format"] = *format;
  }
  if (auto fault = members.finish()) fields.fail(*std::move(fault));
}

void read_reasoning(Fields& fields, ResponsesRequest& out) {
  const Json* reasoning = fields.object("reasoning");
  if (reasoning == nullptr) return;
  Fields members(*reasoning, "reasoning.");
  std::string summary;
  if (members.text("effort", out.chat.reasoning_effort)) {
    check_reasoning_effort(members, "effort", out.chat.reasoning_effort);
    out.reasoning["effort"] = out.chat.reasoning_effort;
  }
  // What the model thought is given in full; "auto" leaves the choice to the service.
  for (const std::string_view name : {"summary", "generate_summary"}) {
    if (members.text(name, summary) && summary != "auto") {
      members.fail(name, cat("'reasoning.", name, "' other than \"auto\" ", kNotYet));
    }
  }
  if (auto fault = members.finish()) fields.fail(*std::move(fault));
}

void read_include(Fields& fields, ChatRequest& chat) {
  const Json* include = fields.array("include");
  for (std::size_t i = 0; include != nullptr && i < include->size(); ++i) {
    const Json& name = (*include)[i];
    if (name == "message.output_text.logprobs") {
      chat.logprobs = true;
    } else if (name != "reasoning.encrypted_content") {  // asks for a form of what is there anyway
      fields.fail("include", cat("'include[", i, "]' ", describe(name), " ", kNotYet,
                                 "; \"message.output_text.logprobs\" is"));
    }
  }
  if (fields.integer("top_logprobs", 0, 20, chat.top_logprobs) && chat.top_logprobs > 0) {
    chat.logprobs = true;
  }
}

void read_told_back(Fields& fields, ResponsesRequest& out) {
  std::string text;
  if (const Json* metadata = fields.object("metadata")) out.metadata = *metadata;
  if (fields.text("user", text)) out.user = text;
  if (fields.text("safety_identifier", text)) out.safety_identifier = text;
  if (fields.text("prompt_cache_key", text)) out.prompt_cache_key = text;
}

// Fields whose only supported value is the one that asks for nothing.
void read_fixed(Fields& fields) {
  std::string text;
  bool background = false;
  if (fields.boolean("background", background) && background) {
    fields.fail("background", cat("'background' true ", kNotYet));
  }
  if (fields.text("truncation", text) && text != "disabled") {
    fields.fail("truncation",
                cat("'truncation' must be \"disabled\", got ", quote(text),
                    ": nothing of a conversation is left out; what does not fit is refused"));
  }
  if (fields.text("service_tier", text) && text != "auto" && text != "default") {
    fields.expected("service_tier", "\"auto\" or \"default\"", Json(text));
  }
  for (const std::string_view name : {"conversation", "prompt", "max_tool_calls",
                                      "context_management", "prompt_cache_retention"}) {
    fields.refuse(name, kNotYet);
  }
}

void read_stream(Fields& fields, GenerationFields& out) {
  fields.boolean("stream", out.stream);
  const Json* object = fields.object("stream_options");
  if (object == nullptr) return;
  Fields options(*object, "stream_options.");
  bool obfuscation = false;
  if (options.boolean("include_obfuscation", obfuscation) && obfuscation) {
    options.fail("include_obfuscation", cat("'stream_options.include_obfuscation' true ", kNotYet));
  }
  if (auto fault = options.finish()) fields.fail(*std::move(fault));
}

Json logprobs_json(const std::vector<TokenLogprob>& logprobs) {
  Json out = Json::array();
  for (const TokenLogprob& entry : logprobs) {
    Json token = score_json(entry.token);
    Json& top = token["top_logprobs"] = Json::array();
    for (const TokenScore& score : entry.top) top.push_back(score_json(score));
    out.push_back(std::move(token));
  }
  return out;
}

Json response_usage_json(const UsageFields& usage) {
  return {{"input_tokens", usage.prompt_tokens},
          {"input_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
          {"output_tokens", usage.completion_tokens},
          {"output_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

}  // namespace

std::optional<ApiError> parse_responses_request(std::string_view body, ResponsesRequest& out) {
  Json json;
  if (auto fault = parse_body(body, json)) return fault;
  Fields fields(json);
  GenerationFields& generation = out.chat.generation;
  fields.text("model", generation.model);
  fields.number("temperature", {0, 2}, generation.temperature);
  fields.number("top_p", {0, 1}, generation.top_p);
  fields.number("presence_penalty", {-2, 2}, generation.presence_penalty);
  fields.number("frequency_penalty", {-2, 2}, generation.frequency_penalty);
  fields.integer("top_k", 0, INT32_MAX, generation.top_k);
  std::int64_t seed = 0;
  if (fields.integer("seed", INT64_MIN, INT64_MAX, seed)) generation.seed = seed;
  fields.integer("max_output_tokens", 1, INT32_MAX, generation.max_tokens);
  fields.text("instructions", out.instructions);
  fields.text("previous_response_id", out.previous_response_id);
  fields.boolean("store", out.store);
  read_stream(fields, generation);
  read_tools(fields, out);
  read_tool_choice(fields, out);
  read_text(fields, out);
  read_reasoning(fields, out);
  read_include(fields, out.chat);
  read_told_back(fields, out);
  read_fixed(fields);
  read_input(fields, out.input);
  return fields.finish();
}

Json messages_of(const Json& items, std::string_view instructions) {
  Json messages = Json::array();
  if (!instructions.empty()) {
    messages.push_back({{"role", "system"}, {"content", instructions}});
  }
  std::string thought;
  const auto assistant = [&]() -> Json& {
    Json& message = messages.emplace_back(Json{{"role", "assistant"}, {"content", nullptr}});
    if (!thought.empty()) message["reasoning_content"] = std::exchange(thought, {});
    return message;
  };
  for (const Json& item : items) {
    const std::string type = item["type"];
    if (type == "reasoning") {
      if (!item["content"].empty()) thought = item["content"][0]["text"];
    } else if (type == "message") {
      const Json& content = item["content"];
      const Json text = content.empty() ? Json("") : content[0]["text"];
      if (item["role"] == "assistant") {
        assistant()["content"] = text;
      } else {
        messages.push_back({{"role", item["role"]}, {"content", text}});
      }
    } else if (type == "function_call") {
      // Calls of one turn belong to one message, also to what was said before them.
      const bool goes_on = !messages.empty() && messages.back()["role"] == "assistant";
      Json& message = goes_on && thought.empty() ? messages.back() : assistant();
      if (!message.contains("tool_calls")) message["tool_calls"] = Json::array();
      message["tool_calls"].push_back(
          {{"id", item["call_id"]},
           {"type", "function"},
           {"function", {{"name", item["name"]}, {"arguments", item["arguments"]}}}});
    } else {
      messages.push_back(
          {{"role", "tool"}, {"content", item["output"]}, {"tool_call_id", item["call_id"]}});
    }
  }
  return messages;
}

Json response_json(const ReplyHead& head, const ResponsesRequest& request) {
  const ChatRequest& chat = request.chat;
  const GenerationFields& generation = chat.generation;
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? Json() : Json(text);
  };
  return {{"id", head.id},
          {"object", "response"},
          {"created_at", head.created},
          {"completed_at", nullptr},
          {"status", "in_progress"},
          {"background", false},
          {"error", nullptr},
          {"incomplete_details", nullptr},
          {"instructions", text_or_null(request.instructions)},
          {"max_output_tokens", generation.max_tokens < 0 ? Json() : Json(generation.max_tokens)},
          {"max_tool_calls", nullptr},
          {"model", head.model},
          {"output", Json::array()},
          {"parallel_tool_calls", chat.tools.parallel},
          {"previous_response_id", text_or_null(request.previous_response_id)},
          {"prompt_cache_key", request.prompt_cache_key},
          {"reasoning", request.reasoning},
          {"safety_identifier", request.safety_identifier},
          {"service_tier", "default"},
          {"store", request.store},
          {"temperature", generation.temperature},
          {"text", request.text},
          {"tool_choice", request.tool_choice},
          {"tools", request.tools},
          {"top_logprobs", chat.top_logprobs},
          {"top_p", generation.top_p},
          {"presence_penalty", generation.presence_penalty},
          {"frequency_penalty", generation.frequency_penalty},
          {"truncation", "disabled"},
          {"usage", nullptr},
          {"user", request.user},
          {"metadata", request.metadata}};
}

std::string ResponseWriter::event(std::string_view type, Json members) {
  Json out = {{"type", type}, {"sequence_number", n_events_++}};
  out.update(members);
  return cat("event: ", type, "\n", sse_event(out));
}

// Of the open item.
std::string ResponseWriter::part_event(std::string_view type, Json members) {
  Json all = {{"item_id", item_["id"]}, {"output_index", response_["output"].size()}};
  all.update(members);
  return event(type, std::move(all));
}

std::string ResponseWriter::start() {
  std::string out = event("response.created", {{"response", response_}});
  out += event("response.in_progress", {{"response", response_}});
  return out;
}

std::string ResponseWriter::begin_item(Json item) {
  std::string out = end_item("completed");
  const std::size_t index = response_["output"].size();
  const std::string response_id = response_["id"];
  const std::string type = item["type"];
  const std::string_view prefix = type == "message" ? "msg_" : type == "reasoning" ? "rs_" : "fc_";
  item_ = {{"type", type}, {"id", cat(prefix, response_id.substr(5), "_", index)}};
  item_.update(item);
  item_["status"] = "in_progress";
  open_ = true;
  written_.clear();
  logprobs_ = Json::array();
  return out + event("response.output_item.added", {{"output_index", index}, {"item", item_}});
}

std::string ResponseWriter::begin_part(Json part) {
  return part_event("response.content_part.added", {{"content_index", 0}, {"part", part}});
}

std::string ResponseWriter::end_item(std::string_view status) {
  if (!open_) return "";
  open_ = false;
  std::string out;
  if (item_["type"] == "function_call") {
    if (written_.empty()) written_ = "{}";
    item_["arguments"] = written_;
    out += part_event("response.function_call_arguments.done",
                      {{"name", item_["name"]}, {"arguments", written_}});
  } else {
    const bool is_message = item_["type"] == "message";
    Json part = {{"type", is_message ? "output_text" : "reasoning_text"}, {"text", written_}};
    Json done = {{"content_index", 0}, {"text", written_}};
    if (is_message) {
      part["annotations"] = Json::array();
      part["logprobs"] = logprobs_;
      done["logprobs"] = logprobs_;
    }
    out += part_event(is_message ? "response.output_text.done" : "response.reasoning_text.done",
                      std::move(done));
    out += part_event("response.content_part.done", {{"content_index", 0}, {"part", part}});
    item_["content"] = Json::array({part});
  }
  item_["status"] = status;
  out += event("response.output_item.done",
               {{"output_index", response_["output"].size()}, {"item", item_}});
  response_["output"].push_back(item_);
  return out;
}

std::string ResponseWriter::reasoning(std::string_view delta) {
  std::string out;
  if (!is_open("reasoning")) {
    out =
        begin_item({{"type", "reasoning"}, {"summary", Json::array()}, {"content", Json::array()}});
    out += begin_part({{"type", "reasoning_text"}, {"text", ""}});
  }
  written_ += delta;
  return out +
         part_event("response.reasoning_text.delta", {{"content_index", 0}, {"delta", delta}});
}

std::string ResponseWriter::text(std::string_view delta,
                                 const std::vector<TokenLogprob>& logprobs) {
  std::string out;
  if (!is_open("message")) {
    out = begin_item({{"type", "message"}, {"role", "assistant"}, {"content", Json::array()}});
    out += begin_part({{"type", "output_text"},
                       {"text", ""},
                       {"annotations", Json::array()},
                       {"logprobs", Json::array()}});
  }
  written_ += delta;
  const Json scores = logprobs_json(logprobs);
  for (const Json& score : scores) logprobs_.push_back(score);
  return out + part_event("response.output_text.delta",
                          {{"content_index", 0}, {"delta", delta}, {"logprobs", scores}});
}

std::string ResponseWriter::call_begin(const ToolCall& call) {
  return begin_item(
      {{"type", "function_call"}, {"call_id", call.id}, {"name", call.name}, {"arguments", ""}});
}

std::string ResponseWriter::call_arguments(std::string_view delta) {
  written_ += delta;
  return part_event("response.function_call_arguments.delta", {{"delta", delta}});
}

std::string ResponseWriter::finish(std::string_view finish_reason, const UsageFields& usage,
                                   std::int64_t completed_at) {
  const bool cut = finish_reason == "length";
  std::string out = end_item(cut ? "incomplete" : "completed");
  response_["status"] = cut ? "incomplete" : "completed";
  response_["usage"] = response_usage_json(usage);
  if (cut) {
    response_["incomplete_details"] = {{"reason", "max_output_tokens"}};
  } else {
    response_["completed_at"] = completed_at;
  }
  return out + event(cut ? "response.incomplete" : "response.completed", {{"response", response_}});
}

std::string ResponseWriter::fail(const ApiError& error) {
  std::string out = end_item("incomplete");
  response_["status"] = "failed";
  response_["error"] = {{"code", error.code.empty() ? "server_error" : error.code},
                        {"message", error.message}};
  return out + event("response.failed", {{"response", response_}});
}

}  // namespace hearth::api
