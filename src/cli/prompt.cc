// prompt.cc - see prompt.h.
#include "cli/prompt.h"

namespace hearth::cli {

Result<std::vector<text::TokenId>> chat_prompt(const engine::LoadedModel& model,
                                               const nlohmann::ordered_json& messages) {
  HEARTH_TRY(const auto spans, model.render_chat(messages, nullptr, nullptr, true));
  // No add_special: a template writes the begin token itself.
  HEARTH_TRY(auto encoding, model.tokenizer().encode(spans, {.add_special = false, .exact = true}));
  return std::move(encoding.ids);
}

Result<std::vector<text::TokenId>> raw_prompt(const engine::LoadedModel& model,
                                              const std::string& text) {
  HEARTH_TRY(auto encoding,
             model.tokenizer().encode(text, true, {.add_special = true, .exact = true}));
  return std::move(encoding.ids);
}

nlohmann::ordered_json message(const char* role, const std::string& content) {
  return {{"role", role}, {"content", content}};
}

}  // namespace hearth::cli
