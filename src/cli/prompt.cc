// prompt.cc - see prompt.h.
#include "cli/prompt.h"

#include <utility>

#include "base/str.h"
#include "engine/chat_prompt.h"

namespace hearth::cli {

Result<void> set_chat_prompt(const engine::LoadedModel& model,
                             const nlohmann::ordered_json& messages,
                             const nlohmann::ordered_json& variables, engine::Request& request) {
  for (const auto& [name, value] : variables.items()) {
    if (model.template_reads(name)) continue;
    return Error{ErrorKind::invalid, cat("the chat template of ", quote(model.id()),
                                         " does not read ", name, ", so it would change nothing")};
  }
  HEARTH_TRY(auto prompt,
             engine::chat_prompt(model, {.messages = messages, .variables = variables}, true));
  request.prompt = std::move(prompt.ids);
  request.reading = prompt.reading;
  return {};
}

Result<void> set_raw_prompt(const engine::LoadedModel& model, const std::string& text,
                            engine::Request& request) {
  HEARTH_TRY(auto encoding,
             model.tokenizer().encode(text, true, {.add_special = true, .exact = true}));
  request.prompt = std::move(encoding.ids);
  return {};
}

nlohmann::ordered_json message(const char* role, const std::string& content) {
  return {{"role", role}, {"content", content}};
}

}  // namespace hearth::cli
