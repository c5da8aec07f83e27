#include "api/chat_messages.h"

#include <algorithm>
#include <deque>

#include "base/str.h"

namespace hearth::api {

namespace {

constexpr std::string_view kNotYet = "is not supported yet by this version";
constexpr std::string_view kTextParts[] = {"text", "refusal"};

// A part that is text all the same may carry these, which change nothing.
constexpr std::string_view kHarmlessPartFields[] = {"annotations", "logprobs", "cache_control"};

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The text of one part of a content array; false when a fault was recorded.
bool read_part(const Json& part, const std::string& path, std::string_view field,
               std::span<const std::string_view> part_types, Fields& message, std::string& out) {
  if (!part.is_object()) {
    message.fail(field, cat("'", path, "' must be an object, got ", describe(part)));
    return false;
  }
  Fields fields(part, path + ".");
  std::string type, text;
  if (!fields.text("type", type)) {
    fields.fail("type", cat("'", path, ".type' is required, for example ", quote(part_types[0])));
  } else if (is_one_of(type, part_types)) {
    const std::string_view member = type == "refusal" ? "refusal" : "text";
    if (!fields.text(member, text)) {
      fields.fail(member, cat("'", path, ".", member, "' is required"));
    }
  } else {
    fields.fail("type", cat("'", path, ".type' ", quote(type), " ", kNotYet, "; only ",
                            quote(part_types[0]), " parts are"));
  }
  for (const std::string_view name : kHarmlessPartFields) fields.find(name);
  if (auto fault = fields.finish()) {
    message.fail(*std::move(fault));
    return false;
  }
  out += text;
  return true;
}

// The two members of a call; false when a fault was recorded.
bool read_function(const Json& function, const std::string& path, Fields& fields, Json& out) {
  Fields members(function, path + ".");
  std::string text;
  for (const std::string_view name : {std::string_view("name"), std::string_view("arguments")}) {
    if (!members.text(name, text)) {
      members.fail(name, cat("'", path, ".", name, "' is required"));
    }
    out[std::string(name)] = text;
  }
  auto fault = members.finish();
  if (!fault) return true;
  fields.fail(*std::move(fault));
  return false;
}

void read_tool_call(const Json& call, const std::string& path, Fields& message, Json& out) {
  if (!call.is_object()) {
    return message.fail("tool_calls", cat("'", path, "' must be an object, got ", describe(call)));
  }
  Fields fields(call, path + ".");
  std::string id, type;
  if (!fields.text("id", id)) fields.fail("id", cat("'", path, ".id' is required"));
  if (fields.text("type", type) && type != "function") {
    fields.fail("type", cat("'", path, ".type' must be \"function\", got ", quote(type)));
  }
  std::int64_t index = 0;  // of a streamed delta, which some clients send back as they got it
  fields.integer("index", 0, INT64_MAX, index);
  Json function = Json::object();
  if (const Json* given = fields.object("function")) {
    read_function(*given, path + ".function", fields, function);
  } else {
    fields.fail("function", cat("'", path, ".function' is required"));
  }
  if (auto fault = fields.finish()) return message.fail(*std::move(fault));
  out.push_back({{"id", id}, {"type", "function"}, {"function", std::move(function)}});
}

void read_tool_calls(Fields& fields, std::size_t index, Json& out) {
  Json read = Json::array();
  if (const Json* calls = fields.array("tool_calls")) {
    for (std::size_t i = 0; i < calls->size() && !fields.failed(); ++i) {
      read_tool_call((*calls)[i], cat(fields.full_name("tool_calls"), "[", i, "]"), fields, read);
    }
  }
  if (const Json* call = fields.object("function_call")) {
    Json function = Json::object();
    read_function(*call, fields.full_name("function_call"), fields, function);
    read.push_back({{"id", cat("call_", index)}, {"type", "function"}, {"function", function}});
  }
  if (!read.empty()) out["tool_calls"] = std::move(read);
}

void read_assistant_fields(Fields& fields, std::size_t index, Json& out) {
  read_tool_calls(fields, index, out);
  std::string text;
  // Clients send back what they got, under one of its names or both.
  for (const std::string_view name : {"reasoning", "reasoning_content"}) {
    if (fields.text(name, text)) out["reasoning_content"] = text;
  }
  fields.refuse("audio", kNotYet);
  if (const Json* notes = fields.array("annotations"); notes != nullptr && !notes->empty()) {
    fields.refuse("annotations", kNotYet);
  }
  if (fields.text("refusal", text)) out["content"] = text;
}

void read_message(const Json& message, std::size_t index, Fields& request, Json& messages) {
  const std::string path = cat("messages[", index, "]");
  if (!message.is_object()) {
    return request.fail(path, cat("'", path, "' must be an object, got ", describe(message)));
  }
  Fields fields(message, path + ".");
  std::string role, text;
  static constexpr std::string_view kRoles[] = {"system",    "developer", "user",
                                                "assistant", "tool",      "function"};
  static constexpr std::string_view kRoleNames =
      "\"system\", \"developer\", \"user\", \"assistant\" or \"tool\"";
  if (!fields.text("role", role)) {
    fields.fail("role", cat("'", path, ".role' is required: ", kRoleNames));
  } else if (!is_one_of(role, kRoles)) {
    fields.fail("role", cat("'", path, ".role' must be ", kRoleNames, ", got ", quote(role)));
  }
  Json out = {{"role", role == "function" ? "tool" : role}, {"content", nullptr}};
  const auto content = read_content(fields, "content", kTextParts);
  if (fields.text("name", text)) out["name"] = text;
  if (role == "assistant") read_assistant_fields(fields, index, out);
  if (role == "tool" && fields.text("tool_call_id", text)) out["tool_call_id"] = text;
  if (content) {
    out["content"] = *content;
  } else if (role != "assistant" && message.contains("content") && message["content"].is_null()) {
    out["content"] = "";  // nothing was said
  } else if (role != "assistant") {
    fields.fail("content",
                cat("'", path, ".content' is required: a string or an array of text parts"));
  }
  if (auto fault = fields.finish()) return request.fail(*std::move(fault));
  messages.push_back(std::move(out));
}

}  // namespace

std::optional<std::string> read_content(Fields& fields, std::string_view name,
                                        std::span<const std::string_view> part_types) {
  const Json* content = fields.find(name);
  if (content == nullptr) return std::nullopt;
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array() || content->empty()) {
    fields.expected(name, "a string or a non-empty array of text parts", *content);
    return std::nullopt;
  }
  std::string joined;
  for (std::size_t i = 0; i < content->size(); ++i) {
    if (i > 0) joined += '\n';
    const std::string path = cat(fields.full_name(name), "[", i, "]");
    if (!read_part((*content)[i], path, name, part_types, fields, joined)) return std::nullopt;
  }
  return joined;
}

void answer_calls_in_order(Json& messages) {
  std::deque<std::string> open;
  for (Json& message : messages) {
    if (message.contains("tool_calls")) {
      open.clear();
      for (const Json& call : message["tool_calls"]) open.push_back(call["id"]);
    } else if (message["role"] == "tool") {
      const auto given = message.find("tool_call_id");
      if (given != message.end()) {
        std::erase(open, given->get_ref<const std::string&>());
      } else if (!open.empty()) {
        message["tool_call_id"] = open.front();
        open.pop_front();
      }
    }
  }
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
  if (!fields.failed()) answer_calls_in_order(out);
}

}  // namespace hearth::api
