#include "text/answer/tool_call_json.h"

#include <nlohmann/json.hpp>

#include "text/answer/json_scanner.h"

namespace hearth::text {

namespace {

constexpr std::string_view kSpaces = " \t\r\n";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

// A member of an object, or an item of an array (then without a key).
struct Part {
  std::string_view key, value;
};

// What the outermost brackets of valid JSON hold, cut at its commas and colons.
std::vector<Part> parts_of(std::string_view value) {
  value = trim(value);
  const std::string_view inside = trim(value.substr(1, value.size() - 2));
  std::vector<Part> parts;
  Part part;
  std::size_t begin = 0;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i <= inside.size() && !inside.empty(); ++i) {
    const bool is_end = i == inside.size();
    const char c = is_end ? ',' : inside[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (depth == 0 && (c == ':' || c == ',')) {
      const std::string_view text = trim(inside.substr(begin, i - begin));
      begin = i + 1;
      (c == ':' ? part.key : part.value) = text;
      if (c == ',') parts.push_back(std::exchange(part, {}));
    }
  }
  return parts;
}

// A JSON string's text; nullopt when it is none, or spells no Unicode text.
std::optional<std::string> string_of(std::string_view json) {
  if (!json.starts_with('"')) return std::nullopt;
  const auto value = nlohmann::json::parse(json, nullptr, false);
  const auto* text = value.get_ptr<const std::string*>();
  return text == nullptr ? std::nullopt : std::optional<std::string>(*text);
}

std::optional<std::string> arguments_of(std::string_view value) {
  if (value.starts_with('{')) return std::string(value);
  if (value == "null") return "{}";
  const std::optional<std::string> text = string_of(value);
  if (!text) return std::nullopt;
  if (trim(*text).empty()) return "{}";
  return is_json_object(*text) ? text : std::nullopt;
}

std::optional<ToolCall> read_call(std::string_view value, bool needs_arguments) {
  if (!value.starts_with('{')) return std::nullopt;
  ToolCall call;
  std::string_view arguments, parameters;
  for (const Part& part : parts_of(value)) {
    if (part.key == "\"name\"") call.name = string_of(part.value).value_or("");
    if (part.key == "\"arguments\"") arguments = part.value;
    if (part.key == "\"parameters\"") parameters = part.value;
  }
  if (arguments.empty()) arguments = parameters;
  if (arguments.empty() && !needs_arguments) arguments = "null";
  const std::optional<std::string> text = arguments_of(arguments);
  if (call.name.empty() || !text) return std::nullopt;
  call.arguments = *text;
  return call;
}

}  // namespace

std::optional<std::vector<ToolCall>> read_tool_calls(std::string_view value, bool needs_arguments) {
  value = trim(value);
  std::vector<ToolCall> calls;
  std::vector<Part> items;
  if (value.starts_with('[')) {
    items = parts_of(value);
  } else {
    items.push_back({{}, value});
  }
  for (const Part& item : items) {
    std::optional<ToolCall> call = read_call(item.value, needs_arguments);
    if (!call) return std::nullopt;
    calls.push_back(*std::move(call));
  }
  if (calls.empty()) return std::nullopt;
  return calls;
}

}  // namespace hearth::text
