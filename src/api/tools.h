// tools.h - the functions that a request offers to the model, and whether one has to be called.
//
// `tools` with `tool_choice`, or their older names `functions` with `function_call`, which mean the
// same with less: an answer to them says function_call instead of tool_calls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/json.h"

namespace hearth::api {

inline constexpr std::size_t kMaxTools = 128;

enum class ToolChoice : std::uint8_t {
  automatic,  // the model decides
  none,       // no call
  required,   // at least one call, of any tool
  named,      // exactly a call of ToolOptions::named
};

struct ToolOptions {
  // {"type": "function", "function": {"name", "description", "parameters"}}; the last two may lack.
  Json tools = Json::array();
  ToolChoice choice = ToolChoice::automatic;
  std::string named;
  std::vector<std::string> strict;  // tools whose arguments must be what their schema says
  bool parallel = true;             // several calls in one answer
  bool legacy = false;              // asked for as functions

  bool offered() const { return !tools.empty() && choice != ToolChoice::none; }
};

// As /v1/chat/completions has them: tools, tool_choice, parallel_tool_calls, functions,
// function_call.
void read_tools(Fields& fields, ToolOptions& out);

// The parts, for routes that write tools differently. path: of `function`, for messages.
bool read_function(const Json& function, const std::string& path, Fields& fields, ToolOptions& out);
// Records a fault unless the choice can be met by the tools that were read.
void check_choice(Fields& fields, std::string_view field, const ToolOptions& options);
// Keeps the tools of these names only; a name that no tool has is a fault.
void keep_tools(const std::vector<std::string>& names, std::string_view field, Fields& fields,
                ToolOptions& out);

}  // namespace hearth::api
