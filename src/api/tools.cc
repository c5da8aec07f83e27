#include "api/tools.h"

#include <algorithm>

#include "base/str.h"

namespace hearth::api {

namespace {

constexpr std::size_t kMaxNameBytes = 64;

bool is_name(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), good);
}

bool has_tool(const Json& tools, std::string_view name) {
  return std::any_of(tools.begin(), tools.end(),
                     [&](const Json& tool) { return tool["function"]["name"] == name; });
}

// The name in {"type": "function", "function": {"name"}}; false when a fault was recorded.
bool read_named(const Json& object, const std::string& path, Fields& fields, std::string& out) {
  Fields members(object, path + ".");
  std::string type;
  if (!members.text("type", type)) {
    members.fail("type", cat("'", path, ".type' is required, for example \"function\""));
  } else if (type != "function") {
    members.fail("type", cat("'", path, ".type' must be \"function\", got ", quote(type)));
  }
  if (const Json* function = members.object("function")) {
    Fields inner(*function, path + ".function.");
    if (!inner.text("name", out)) {
      inner.fail("name", cat("'", path, ".function.name' is required"));
    }
    if (auto fault = inner.finish()) members.fail(*std::move(fault));
  } else {
    members.fail("function", cat("'", path, ".function' is required"));
  }
  auto fault = members.finish();
  if (!fault) return true;
  fields.fail(*std::move(fault));
  return false;
}

void read_tool(const Json& tool, const std::string& path, Fields& fields, ToolOptions& out) {
  if (!tool.is_object()) {
    return fields.fail("tools", cat("'", path, "' must be an object, got ", describe(tool)));
  }
  Fields members(tool, path + ".");
  std::string type;
  if (!members.text("type", type)) {
    members.fail("type", cat("'", path, ".type' is required, for example \"function\""));
  } else if (type != "function") {
    members.fail("type", cat("'", path, ".type' must be \"function\", got ", quote(type),
                             ": this service runs no tools of its own"));
  }
  const Json* function = members.object("function");
  if (function == nullptr && !members.failed()) {
    members.fail("function", cat("'", path, ".function' is required"));
  }
  if (function != nullptr) read_function(*function, path + ".function", members, out);
  if (auto fault = members.finish()) fields.fail(*std::move(fault));
}

// {"type": "allowed_tools", "allowed_tools": {"mode", "tools"}}.
void read_allowed(const Json& choice, Fields& fields, ToolOptions& out) {
  Fields members(choice, "tool_choice.");
  std::string type, mode;
  members.text("type", type);
  const Json* allowed = members.object("allowed_tools");
  if (allowed == nullptr) {
    members.fail("allowed_tools", "'tool_choice.allowed_tools' is required");
  } else {
    Fields inner(*allowed, "tool_choice.allowed_tools.");
    if (!inner.text("mode", mode) || (mode != "auto" && mode != "required")) {
      inner.fail("mode", "'tool_choice.allowed_tools.mode' must be \"auto\" or \"required\"");
    }
    std::vector<std::string> names;
    const Json* tools = inner.array("tools");
    if (tools == nullptr || tools->empty()) {
      inner.fail("tools", "'tool_choice.allowed_tools.tools' is required: at least one tool");
    }
    for (std::size_t i = 0; tools != nullptr && i < tools->size() && !inner.failed(); ++i) {
      const std::string path = cat("tool_choice.allowed_tools.tools[", i, "]");
      if (!(*tools)[i].is_object()) {
        inner.fail("tools", cat("'", path, "' must be an object, got ", describe((*tools)[i])));
      } else {
        read_named((*tools)[i], path, inner, names.emplace_back());
      }
    }
    keep_tools(names, "tool_choice", inner, out);
    out.choice = mode == "required" ? ToolChoice::required : ToolChoice::automatic;
    if (auto fault = inner.finish()) members.fail(*std::move(fault));
  }
  if (auto fault = members.finish()) fields.fail(*std::move(fault));
}

void read_choice(Fields& fields, ToolOptions& out) {
  const Json* choice = fields.find("tool_choice");
  if (choice == nullptr) return;
  if (*choice == "auto") return;
  if (*choice == "none") {
    out.choice = ToolChoice::none;
  } else if (*choice == "required" || *choice == "any") {  // "any": Mistral's and Anthropic's word
    out.choice = ToolChoice::required;
  } else if (choice->is_object() && choice->contains("type") &&
             (*choice)["type"] == "allowed_tools") {
    read_allowed(*choice, fields, out);
  } else if (choice->is_object()) {
    out.choice = ToolChoice::named;
    read_named(*choice, "tool_choice", fields, out.named);
  } else {
    fields.expected("tool_choice",
                    "\"auto\", \"none\", \"required\" or an object that names a function", *choice);
  }
}

// The older form: {"name", "description", "parameters"} each, and function_call "auto", "none" or
// {"name"}. One call an answer.
void read_legacy(Fields& fields, ToolOptions& out) {
  const Json* functions = fields.array("functions");
  const Json* call = fields.find("function_call");
  if (functions == nullptr && call == nullptr) return;
  if (!out.tools.empty()) {
    return fields.fail("functions", "'functions' is the older name of 'tools'; send one of them");
  }
  out.legacy = true;
  out.parallel = false;
  for (std::size_t i = 0; functions != nullptr && i < functions->size(); ++i) {
    read_function((*functions)[i], cat("functions[", i, "]"), fields, out);
  }
  if (call == nullptr || *call == "auto") return;
  if (*call == "none") {
    out.choice = ToolChoice::none;
  } else if (call->is_object()) {
    out.choice = ToolChoice::named;
    Fields members(*call, "function_call.");
    if (!members.text("name", out.named)) {
      members.fail("name", "'function_call.name' is required");
    }
    if (auto fault = members.finish()) fields.fail(*std::move(fault));
  } else {
    fields.expected("function_call", "\"auto\", \"none\" or an object that names a function",
                    *call);
  }
}

}  // namespace

bool read_function(const Json& function, const std::string& path, Fields& fields,
                   ToolOptions& out) {
  if (!function.is_object()) {
    fields.fail("function", cat("'", path, "' must be an object, got ", describe(function)));
    return false;
  }
  Fields members(function, path + ".");
  Json told = Json::object();
  std::string name, text;
  if (!members.text("name", name)) {
    members.fail("name", cat("'", path, ".name' is required"));
  } else if (!is_name(name)) {
    members.fail("name", cat("'", path, ".name' must be 1 to ", kMaxNameBytes,
                             " letters, digits, '_', '-' or '.', got ", quote(name)));
  } else if (has_tool(out.tools, name)) {
    members.fail("name", cat("'", path, ".name' ", quote(name), " names a second tool"));
  }
  told["name"] = name;
  if (members.text("description", text)) told["description"] = text;
  if (const Json* parameters = members.object("parameters")) told["parameters"] = *parameters;
  bool strict = false;
  if (members.boolean("strict", strict) && strict) out.strict.push_back(name);
  if (auto fault = members.finish()) {
    fields.fail(*std::move(fault));
    return false;
  }
  if (out.tools.size() == kMaxTools) {
    fields.fail("tools", cat("more than ", kMaxTools, " tools were given"));
    return false;
  }
  out.tools.push_back({{"type", "function"}, {"function", std::move(told)}});
  return true;
}

void check_choice(Fields& fields, std::string_view field, const ToolOptions& options) {
  if (options.choice == ToolChoice::required && options.tools.empty()) {
    fields.fail(field, cat("'", field, "' requires a call, but no tools are given"));
  }
  if (options.choice == ToolChoice::named && !has_tool(options.tools, options.named)) {
    fields.fail(field, cat("'", field, "' names ", quote(options.named),
                           ", which is not among the ", options.tools.size(), " tools given"));
  }
}

void keep_tools(const std::vector<std::string>& names, std::string_view field, Fields& fields,
                ToolOptions& out) {
  Json kept = Json::array();
  for (const std::string& name : names) {
    if (!has_tool(out.tools, name)) {
      return fields.fail(field, cat("'", field, "' allows ", quote(name),
                                    ", which is not among the ", out.tools.size(), " tools given"));
    }
  }
  for (Json& tool : out.tools) {
    const std::string& name = tool["function"]["name"].get_ref<const std::string&>();
    if (std::find(names.begin(), names.end(), name) != names.end()) kept.push_back(std::move(tool));
  }
  out.tools = std::move(kept);
}

void read_tools(Fields& fields, ToolOptions& out) {
  if (const Json* tools = fields.array("tools")) {
    for (std::size_t i = 0; i < tools->size() && !fields.failed(); ++i) {
      read_tool((*tools)[i], cat("tools[", i, "]"), fields, out);
    }
  }
  fields.boolean("parallel_tool_calls", out.parallel);
  read_choice(fields, out);
  read_legacy(fields, out);
  check_choice(fields, out.legacy ? "function_call" : "tool_choice", out);
}

}  // namespace hearth::api
