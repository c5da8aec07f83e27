#include "text/harmony/conversation.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/str.h"
#include "text/harmony/typescript.h"

namespace hearth::harmony {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant",
                                                    "tool"};

Error invalid(std::string_view path, std::string_view what) {
  return {ErrorKind::invalid, cat("conversation: ", path, " ", what)};
}

Error wrong_type(std::string_view path, const Json& value, std::string_view expected) {
  return invalid(path, cat("is of type ", value.type_name(), "; expected ", expected));
}

// An object of the conversation and where it stands. A member that is null counts as absent.
class Object {
 public:
  static Result<Object> read(const Json& value, std::string path) {
    if (!value.is_object()) return wrong_type(path, value, "an object");
    return Object(value, std::move(path));
  }

  const Json* find(const char* name) const {
    const auto it = value_->find(name);
    return it == value_->end() || it->is_null() ? nullptr : &*it;
  }

  std::string path_of(std::string_view name) const { return cat(path_, ".", name); }
  const std::string& path() const { return path_; }
  const Json::object_t& members() const { return *value_->get_ptr<const Json::object_t*>(); }

  Result<std::optional<std::string>> text(const char* name) const {
    const Json* value = find(name);
    if (value == nullptr) return std::optional<std::string>();
    const auto* text = value->get_ptr<const std::string*>();
    if (text == nullptr) return wrong_type(path_of(name), *value, "a string");
    return std::optional<std::string>(*text);
  }

  Result<std::string> needed_text(const char* name) const {
    HEARTH_TRY(std::optional<std::string> text, this->text(name));
    if (!text) return invalid(path_of(name), "is missing; expected a string");
    return *std::move(text);
  }

  // Nothing is skipped silently: a misspelt member would leave its line out of the prompt.
  Result<void> check_members(std::initializer_list<std::string_view> known) const {
    for (const auto& [name, value] : members()) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        return invalid(path_of(name), "is not a member of the format");
      }
    }
    return {};
  }

 private:
  Object(const Json& value, std::string path) : value_(&value), path_(std::move(path)) {}
  const Json* value_;
  std::string path_;
};

Result<Tool> read_tool(const Json& value, std::string path) {
  HEARTH_TRY(const Object object, Object::read(value, std::move(path)));
  HEARTH_TRY_VOID(object.check_members({"name", "description", "parameters"}));
  Tool tool;
  HEARTH_TRY(tool.name, object.needed_text("name"));
  HEARTH_TRY(tool.description, object.needed_text("description"));
  if (const Json* parameters = object.find("parameters")) {
    HEARTH_TRY(tool.parameters, typescript_type(*parameters));
  }
  return tool;
}

Result<ToolNamespace> read_namespace(const Json& value, std::string path) {
  HEARTH_TRY(const Object object, Object::read(value, std::move(path)));
  HEARTH_TRY_VOID(object.check_members({"name", "description", "tools"}));
  ToolNamespace out;
  HEARTH_TRY(out.name, object.needed_text("name"));
  HEARTH_TRY(const auto description, object.text("description"));
  out.description = description.value_or("");
  const Json* tools = object.find("tools");
  if (tools == nullptr || !tools->is_array()) {
    return invalid(object.path_of("tools"), "is missing or no array; expected the list of tools");
  }
  for (std::size_t i = 0; i < tools->size(); ++i) {
    HEARTH_TRY(Tool tool, read_tool((*tools)[i], cat(object.path_of("tools"), "[", i, "]")));
    out.tools.push_back(std::move(tool));
  }
  return out;
}

Result<ToolNamespaces> read_tools(const Object& content) {
  ToolNamespaces out;
  const Json* value = content.find("tools");
  if (value == nullptr) return out;
  HEARTH_TRY(const Object tools, Object::read(*value, content.path_of("tools")));
  for (const auto& [key, name_space] : tools.members()) {
    HEARTH_TRY(ToolNamespace one, read_namespace(name_space, tools.path_of(key)));
    out.insert_or_assign(key, std::move(one));
  }
  return out;
}

Result<std::optional<std::string>> read_effort(const Object& content) {
  HEARTH_TRY(std::optional<std::string> effort, content.text("reasoning_effort"));
  if (!effort) return effort;
  for (char& c : *effort) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (*effort == "low" || *effort == "medium" || *effort == "high") return effort;
  return invalid(content.path_of("reasoning_effort"),
                 cat("is ", quote(*effort), "; expected Low, Medium or High"));
}

Result<void> read_channels(const Object& content, SystemContent& out) {
  const Json* value = content.find("channel_config");
  if (value == nullptr) return {};
  HEARTH_TRY(const Object config, Object::read(*value, content.path_of("channel_config")));
  HEARTH_TRY_VOID(config.check_members({"valid_channels", "channel_required"}));
  const Json* channels = config.find("valid_channels");
  if (channels == nullptr || !channels->is_array()) {
    return invalid(config.path_of("valid_channels"), "is missing or no array of names");
  }
  for (const Json& channel : *channels) {
    const auto* name = channel.get_ptr<const std::string*>();
    if (name == nullptr) return wrong_type(config.path_of("valid_channels"), channel, "names");
    out.valid_channels.push_back(*name);
  }
  const Json* required = config.find("channel_required");
  const bool* truth = required == nullptr ? nullptr : required->get_ptr<const bool*>();
  if (truth == nullptr) {
    return invalid(config.path_of("channel_required"), "is missing or not true or false");
  }
  out.channel_required = *truth;
  return {};
}

Result<Content> read_system(const Object& object) {
  HEARTH_TRY_VOID(
      object.check_members({"type", "model_identity", "reasoning_effort", "tools",
                            "conversation_start_date", "knowledge_cutoff", "channel_config"}));
  SystemContent out;
  HEARTH_TRY(out.model_identity, object.text("model_identity"));
  HEARTH_TRY(out.knowledge_cutoff, object.text("knowledge_cutoff"));
  HEARTH_TRY(out.conversation_start_date, object.text("conversation_start_date"));
  HEARTH_TRY(out.reasoning_effort, read_effort(object));
  HEARTH_TRY(out.tools, read_tools(object));
  HEARTH_TRY_VOID(read_channels(object, out));
  return Content(std::move(out));
}

Result<Content> read_developer(const Object& object) {
  HEARTH_TRY_VOID(object.check_members({"type", "instructions", "tools"}));
  DeveloperContent out;
  HEARTH_TRY(out.instructions, object.text("instructions"));
  HEARTH_TRY(out.tools, read_tools(object));
  return Content(std::move(out));
}

Result<Content> read_content(const Json& value, std::string path, Role role) {
  HEARTH_TRY(const Object object, Object::read(value, std::move(path)));
  HEARTH_TRY(const std::string type, object.needed_text("type"));
  if (type == "text") {
    HEARTH_TRY_VOID(object.check_members({"type", "text"}));
    HEARTH_TRY(std::string text, object.needed_text("text"));
    return Content(std::move(text));
  }
  const bool for_system = type == "system_content";
  if (!for_system && type != "developer_content") {
    return invalid(object.path_of("type"),
                   cat("is ", quote(type),
                       "; expected \"text\", \"system_content\" or \"developer_content\""));
  }
  if (role != (for_system ? Role::system : Role::developer)) {
    return invalid(object.path(), cat("is ", type, " in a message of role ", role_name(role)));
  }
  return for_system ? read_system(object) : read_developer(object);
}

Result<Header> read_header(const Object& object) {
  Header header;
  HEARTH_TRY(const std::string role, object.needed_text("role"));
  const std::optional<Role> known = find_role(role);
  if (!known) {
    return invalid(
        object.path_of("role"),
        cat("is ", quote(role), "; expected system, developer, user, assistant or tool"));
  }
  header.role = *known;
  HEARTH_TRY(const auto name, object.text("name"));
  header.name = name.value_or("");
  HEARTH_TRY(header.channel, object.text("channel"));
  HEARTH_TRY(header.recipient, object.text("recipient"));
  HEARTH_TRY(header.content_type, object.text("content_type"));
  if (header.role == Role::tool && !name) {
    return invalid(object.path_of("name"), "is missing; a tool's message names the tool");
  }
  return header;
}

Result<Message> read_message(const Json& value, std::string path) {
  HEARTH_TRY(const Object object, Object::read(value, std::move(path)));
  HEARTH_TRY_VOID(
      object.check_members({"role", "name", "content", "channel", "recipient", "content_type"}));
  Message message;
  HEARTH_TRY(message.header, read_header(object));
  const Json* content = object.find("content");
  if (content == nullptr) {
    return invalid(object.path_of("content"), "is missing; expected a text or a list of contents");
  }
  if (const auto* text = content->get_ptr<const std::string*>()) {
    message.content.emplace_back(*text);
    return message;
  }
  if (!content->is_array()) {
    return wrong_type(object.path_of("content"), *content, "a text or a list of contents");
  }
  for (std::size_t i = 0; i < content->size(); ++i) {
    HEARTH_TRY(Content part,
               read_content((*content)[i], cat(object.path_of("content"), "[", i, "]"),
                            message.header.role));
    message.content.push_back(std::move(part));
  }
  return message;
}

}  // namespace

std::string_view role_name(Role role) { return kRoles[static_cast<std::size_t>(role)]; }

std::optional<Role> find_role(std::string_view name) {
  const auto it = std::find(kRoles.begin(), kRoles.end(), name);
  if (it == kRoles.end()) return std::nullopt;
  return static_cast<Role>(it - kRoles.begin());
}

Result<std::vector<Message>> conversation_from_json(const Json& conversation) {
  HEARTH_TRY(const Object object, Object::read(conversation, "the document"));
  HEARTH_TRY_VOID(object.check_members({"messages"}));
  const Json* list = object.find("messages");
  if (list == nullptr || !list->is_array()) {
    return invalid("messages", "is missing or no array; expected {\"messages\": […]}");
  }
  std::vector<Message> messages;
  messages.reserve(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    HEARTH_TRY(Message message, read_message((*list)[i], cat("messages[", i, "]")));
    messages.push_back(std::move(message));
  }
  return messages;
}

Json message_to_json(const Header& header, const std::string& text) {
  Json out = {{"role", role_name(header.role)}, {"name", nullptr}};
  if (!header.name.empty()) out["name"] = header.name;
  out["content"] = Json::array({{{"type", "text"}, {"text", text}}});
  if (header.channel) out["channel"] = *header.channel;
  if (header.recipient) out["recipient"] = *header.recipient;
  if (header.content_type) out["content_type"] = *header.content_type;
  return out;
}

}  // namespace hearth::harmony
