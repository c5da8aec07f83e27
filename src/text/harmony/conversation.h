// conversation.h - a conversation as the harmony format of gpt-oss sees it, and its JSON form.
//
// The JSON is that of the reference library (openai-harmony): {"messages": [{"role", "name",
// "content", "channel", "recipient", "content_type"}]}; content is a text or a list of
// {"type": "text" | "system_content" | "developer_content", …}.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace hearth::harmony {

enum class Role : std::uint8_t { system, developer, user, assistant, tool };

std::string_view role_name(Role role);
std::optional<Role> find_role(std::string_view name);

// What stands between <|start|> and <|message|>.
struct Header {
  Role role = Role::assistant;
  std::string name;  // of the author; a tool must have one ("functions.get_time")
  std::optional<std::string> channel, recipient, content_type;
  bool operator==(const Header&) const = default;
};

struct Tool {
  std::string name, description;
  std::optional<std::string> parameters;  // as TypeScript; absent: it takes none
};

struct ToolNamespace {
  std::string name, description;
  std::vector<Tool> tools;
};

// By the key that the conversation gives them, which decides the order.
using ToolNamespaces = std::map<std::string, ToolNamespace, std::less<>>;

// A member that is absent leaves its line out.
struct SystemContent {
  std::optional<std::string> model_identity, knowledge_cutoff, conversation_start_date;
  std::optional<std::string> reasoning_effort;  // "low", "medium", "high"
  std::vector<std::string> valid_channels;
  bool channel_required = false;
  ToolNamespaces tools;
};

struct DeveloperContent {
  std::optional<std::string> instructions;
  ToolNamespaces tools;
};

using Content = std::variant<std::string, SystemContent, DeveloperContent>;

struct Message {
  Header header;
  std::vector<Content> content;
};

// Errors: invalid, with the path of the member that is wrong, missing or not known.
Result<std::vector<Message>> conversation_from_json(const nlohmann::ordered_json& conversation);

// A message whose content is one text, in the same form.
nlohmann::ordered_json message_to_json(const Header& header, const std::string& text);

}  // namespace hearth::harmony
