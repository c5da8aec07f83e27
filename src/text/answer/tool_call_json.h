// tool_call_json.h - the calls in a JSON value that a model wrote.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

struct ToolCall {
  std::string name;
  std::string arguments;  // a JSON object, as the model wrote it
};

// value: one whole JSON object or array (JsonScanner said so). An object is {"name", "arguments"},
// with "parameters" accepted for the latter, which is an object or a string that holds one; null,
// "" and, unless needs_arguments, a call without any mean {}. An array holds at least one of them,
// and nothing else. nullopt: it is something else.
std::optional<std::vector<ToolCall>> read_tool_calls(std::string_view value, bool needs_arguments);

}  // namespace hearth::text
