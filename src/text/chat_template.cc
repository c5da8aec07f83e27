// chat_template.cc - see chat_template.h.
//
// The template sees what Hugging Face's apply_chat_template gives it: messages, tools and documents
// (None when absent), add_generation_prompt, bos_token, eos_token and the caller's variables.
#include "text/chat_template.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/str.h"
#include "text/jinja/from_json.h"
#include "text/jinja/parser.h"
#include "text/jinja/render.h"

namespace hearth::text {

namespace {

using Json = nlohmann::ordered_json;
using jinja::MarkedText;
using jinja::Value;

// A template may work for as long as what it is given is large, so that none without an end holds
// up a worker: 500,000 steps take about 30 ms. The published templates need at most 11,000 for 64
// tools, and for a message of one letter 85, where its values have 780 bytes.
constexpr std::uint64_t kSteps = 500'000, kStepsPerByte = 1;

Error invalid(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

bool is_plain_role(std::string_view role) {
  return !role.empty() && std::all_of(role.begin(), role.end(),
                                      [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

// The message with its role trusted, when it is one that cannot spell a control token.
Result<Value> message_value(jinja::Runtime& runtime, const Json& message, std::size_t index) {
  if (!message.is_object()) {
    return invalid(cat("messages[", index, "] is of type ", message.type_name(),
                       "; expected an object with role and content"));
  }
  HEARTH_TRY(const Value value, jinja::value_from_json(runtime, message));
  std::vector<jinja::DictObject::Entry> entries = value.dict().entries;
  for (auto& [key, field] : entries) {
    if (key.view() == "role" && field.is_string() && is_plain_role(field.view())) {
      field = runtime.text(field.view());
    }
  }
  return runtime.dict(std::move(entries));
}

Result<Value> messages_value(jinja::Runtime& runtime, const Json& messages) {
  if (!messages.is_array()) {
    return invalid(cat("messages is of type ", messages.type_name(), "; expected an array"));
  }
  std::vector<Value> out;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    HEARTH_TRY(Value message, message_value(runtime, messages[i], i));
    out.push_back(std::move(message));
  }
  return runtime.list(std::move(out));
}

Result<void> set_variables(jinja::Rendering& rendering, const Json& variables) {
  constexpr std::string_view kOwn[] = {"messages", "tools", "add_generation_prompt"};
  if (variables.is_null()) return {};
  if (!variables.is_object()) {
    return invalid(cat("the chat template's variables are of type ", variables.type_name(),
                       "; expected an object"));
  }
  for (const auto& [name, json] : *variables.get_ptr<const Json::object_t*>()) {
    if (std::find(std::begin(kOwn), std::end(kOwn), name) != std::end(kOwn)) {
      return invalid(cat("the chat template's variable ", quote(name),
                         " cannot be set: it is made from the request"));
    }
    HEARTH_TRY(Value value, jinja::value_from_json(rendering.runtime(), json));
    rendering.set(name, std::move(value));
  }
  return {};
}

std::vector<TextSpan> to_spans(const MarkedText& text) {
  std::vector<TextSpan> spans;
  std::size_t from = 0;
  for (const MarkedText::Run& run : text.runs()) {
    spans.push_back({text.str().substr(from, run.end - from), run.trusted});
    from = run.end;
  }
  return spans;
}

class JinjaChatTemplate : public ChatTemplate {
 public:
  JinjaChatTemplate(std::shared_ptr<const jinja::Template> source, std::string bos, std::string eos)
      : template_(std::move(source)), bos_(std::move(bos)), eos_(std::move(eos)) {}

  Result<std::vector<TextSpan>> render(const Json& messages, const Json& tools,
                                       const Json& variables,
                                       const Options& options) const override {
    jinja::Rendering rendering(*template_, jinja::Limits{}, options.now);
    jinja::Runtime& runtime = rendering.runtime();
    if (!tools.is_null() && !tools.is_array()) {
      return invalid(cat("tools is of type ", tools.type_name(), "; expected an array or null"));
    }
    HEARTH_TRY(Value messages_list, messages_value(runtime, messages));
    HEARTH_TRY(Value tools_list, jinja::value_from_json(runtime, tools));
    rendering.set("messages", std::move(messages_list));
    rendering.set("tools", std::move(tools_list));
    rendering.set("documents", Value::none());
    rendering.set("add_generation_prompt", Value::boolean(options.add_generation_prompt));
    rendering.set("bos_token", runtime.text(bos_));
    rendering.set("eos_token", runtime.text(eos_));
    HEARTH_TRY_VOID(set_variables(rendering, variables));
    jinja::Heap& heap = runtime.heap();
    heap.set_steps(std::min(kSteps + kStepsPerByte * heap.live_bytes(), heap.limits().steps));
    HEARTH_TRY(const MarkedText out, rendering.render());
    return to_spans(out);
  }

 private:
  std::shared_ptr<const jinja::Template> template_;
  std::string bos_, eos_;
};

}  // namespace

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::parse(std::string_view source,
                                                                std::string bos, std::string eos) {
  HEARTH_TRY(std::shared_ptr<const jinja::Template> parsed, jinja::parse_template(source));
  return std::shared_ptr<const ChatTemplate>(
      std::make_shared<JinjaChatTemplate>(std::move(parsed), std::move(bos), std::move(eos)));
}

}  // namespace hearth::text
