#include "engine/chat_prompt.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace hearth::engine {

Result<ChatPrompt> chat_prompt(const LoadedModel& model, const nlohmann::ordered_json& messages,
                               const nlohmann::ordered_json& variables, bool exact) {
  HEARTH_TRY(const auto spans, model.render_chat(messages, nullptr, variables, true));
  // No add_special: a template writes the begin token itself.
  HEARTH_TRY(auto encoding, model.tokenizer().encode(spans, {.exact = exact}));
  return ChatPrompt{std::move(encoding.ids),
                    {model.answer_format().reasoning, text::opens_thinking(spans)},
                    encoding.n_unspellable_bytes};
}

}  // namespace hearth::engine
