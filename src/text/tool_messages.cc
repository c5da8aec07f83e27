#include "text/tool_messages.h"

#include <string>
#include <utility>

#include "base/str.h"

namespace hearth::text {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kToolsFollow =
    "# Tools\n\nYou may call these functions to help with the question:\n<tools>\n";
constexpr std::string_view kHowToCall =
    "</tools>\n\nTo call one, answer with its name and its arguments as JSON inside <tool_call> "
    "tags:\n<tool_call>\n{\"name\": \"NAME\", \"arguments\": {}}\n</tool_call>\n"
    "Its result comes inside <tool_response> tags.";
constexpr std::string_view kPhiSystem = "You are a helpful assistant with some tools.";

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// One line with the spaces that Python's json.dumps puts, which is what models were trained on.
void write_spaced(const Json& value, std::string& out) {
  if (!value.is_structured()) {
    out += value.dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  out += value.is_object() ? '{' : '[';
  bool first = true;
  for (const auto& [key, item] : value.items()) {
    if (!std::exchange(first, false)) out += ", ";
    if (value.is_object()) {
      out += cat(Json(key).dump(-1, ' ', false, Json::error_handler_t::replace), ": ");
    }
    write_spaced(item, out);
  }
  out += value.is_object() ? '}' : ']';
}

std::string spaced(const Json& value) {
  std::string out;
  write_spaced(value, out);
  return out;
}

std::string content_of(const Json& message) {
  const auto content = message.find("content");
  return content != message.end() && content->is_string() ? content->get<std::string>() : "";
}

// {"name", "arguments"} of a call, as a model writes it.
Json plain_call(const Json& call) {
  const Json& function = call["function"];
  return {{"name", function["name"]}, {"arguments", function["arguments"]}};
}

std::string calls_as_text(const Json& calls, ToolDialect dialect) {
  if (dialect == ToolDialect::phi4) {
    Json list = Json::array();
    for (const Json& call : calls) list.push_back(plain_call(call));
    return cat("functools", spaced(list));
  }
  std::string out;
  for (const Json& call : calls) {
    out +=
        cat(out.empty() ? "" : "\n", "<tool_call>\n", spaced(plain_call(call)), "\n</tool_call>");
  }
  return out;
}

class Telling {
 public:
  Telling(std::string_view chat_template, ToolDialect dialect)
      : form_(tool_form(chat_template, dialect)),
        dialect_(form_ == ToolForm::text ? ToolDialect::hermes : dialect),
        shows_calls_(contains(chat_template, "tool_calls")),
        shows_results_(shows_calls_ || form_ == ToolForm::system_member) {}

  ToolMessages run(Json messages, const Json& tools) {
    for (Json& message : messages) tell(message);
    const bool offered = tools.is_array() && !tools.empty();
    if (offered) offer(tools);
    return {std::move(told_), offered && form_ == ToolForm::variable ? tools : Json(),
            offered ? dialect_ : ToolDialect::none};
  }

 private:
  void tell(Json& message) {
    if (message["content"].is_null()) message["content"] = "";
    if (message["role"] == "tool") return tell_result(message);
    was_result_ = false;
    if (message.contains("tool_calls")) {
      tell_calls(message);
    } else if (message["role"] == "assistant") {
      n_open_calls_ = 0;
    }
    told_.push_back(std::move(message));
  }

  void tell_calls(Json& message) {
    Json& calls = message["tool_calls"];
    n_open_calls_ = calls.size();
    for (Json& call : calls) {
      Json& arguments = call["function"]["arguments"];
      if (!arguments.is_string()) continue;
      Json value = Json::parse(arguments.get_ref<const std::string&>(), nullptr, false);
      if (value.is_object()) arguments = std::move(value);
    }
    if (shows_calls_) return;
    const std::string before = content_of(message);
    message["content"] = cat(before, before.empty() ? "" : "\n", calls_as_text(calls, dialect_));
    message.erase("tool_calls");
  }

  void tell_result(Json& message) {
    const bool was_called = n_open_calls_ > 0;
    if (was_called && shows_results_) {
      told_.push_back(std::move(message));
      return;
    }
    const std::string text = cat("<tool_response>\n", content_of(message), "\n</tool_response>");
    if (std::exchange(was_result_, true)) {
      told_.back()["content"] = cat(content_of(told_.back()), "\n", text);
    } else {
      told_.push_back({{"role", "user"}, {"content", text}});
    }
  }

  Json& system_message(std::string_view otherwise) {
    if (told_.empty() || told_.front()["role"] != "system") {
      told_.insert(told_.begin(), Json{{"role", "system"}, {"content", otherwise}});
    }
    return told_.front();
  }

  void offer(const Json& tools) {
    if (form_ == ToolForm::system_member) {
      Json functions = Json::array();
      for (const Json& tool : tools) functions.push_back(tool["function"]);
      system_message(kPhiSystem)["tools"] = spaced(functions);
    } else if (form_ == ToolForm::text) {
      Json& system = system_message("");
      std::string text = content_of(system);
      if (!text.empty()) text += "\n\n";
      text += kToolsFollow;
      for (const Json& tool : tools) text += cat(spaced(tool), "\n");
      system["content"] = cat(text, kHowToCall);
    }
  }

  ToolForm form_;
  ToolDialect dialect_;
  bool shows_calls_, shows_results_;
  Json told_ = Json::array();
  std::size_t n_open_calls_ = 0;  // of the last message that called
  bool was_result_ = false;       // the last one told is a user's message of results
};

}  // namespace

ToolForm tool_form(std::string_view chat_template, ToolDialect dialect) {
  if (dialect == ToolDialect::none || !contains(chat_template, "tools")) return ToolForm::text;
  for (const std::string_view member :
       {"message['tools']", "message.tools", "message[\"tools\"]"}) {
    if (contains(chat_template, member)) return ToolForm::system_member;
  }
  return ToolForm::variable;
}

ToolMessages tool_messages(std::string_view chat_template, ToolDialect dialect, Json messages,
                           const Json& tools) {
  return Telling(chat_template, dialect).run(std::move(messages), tools);
}

Json take_turns(const Json& messages, bool fold_system) {
  Json out = Json::array();
  for (const Json& message : messages) {
    const std::string role = message["role"];
    const bool plain = role == "user" || role == "system" ||
                       (role == "assistant" && !message.contains("tool_calls"));
    Json one = message;
    if (role == "system" && (fold_system || !out.empty())) one["role"] = "user";
    const bool joins = plain && !out.empty() && out.back()["role"] == one["role"] &&
                       !out.back().contains("tool_calls");
    if (!joins) {
      out.push_back(std::move(one));
    } else {
      out.back()["content"] = cat(content_of(out.back()), "\n\n", content_of(one));
    }
  }
  return out;
}

}  // namespace hearth::text
