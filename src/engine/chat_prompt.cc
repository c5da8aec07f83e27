#include "engine/chat_prompt.h"

#include <utility>

#include "text/tool_messages.h"

namespace hearth::engine {

namespace {

Result<std::vector<text::TextSpan>> render(const LoadedModel& model, const text::ToolMessages& told,
                                           const nlohmann::ordered_json& variables) {
  const auto as_given = model.render_chat(told.messages, told.tools, variables, true);
  if (as_given || as_given.error().kind != ErrorKind::invalid) return as_given;
  for (const bool fold_system : {false, true}) {
    auto in_turns = model.render_chat(text::take_turns(told.messages, fold_system), told.tools,
                                      variables, true);
    if (in_turns) return in_turns;
  }
  return as_given;
}

}  // namespace

Result<ChatPrompt> chat_prompt(const LoadedModel& model, Conversation conversation, bool exact) {
  const text::AnswerFormat& format = model.answer_format();
  const text::ToolMessages told =
      text::tool_messages(model.checkpoint().chat_template, format.tools,
                          std::move(conversation.messages), conversation.tools);
  HEARTH_TRY(const auto spans, render(model, told, conversation.variables));
  // No add_special: a template writes the begin token itself.
  HEARTH_TRY(auto encoding, model.tokenizer().encode(spans, {.exact = exact}));
  return ChatPrompt{std::move(encoding.ids),
                    {.reasoning = format.reasoning,
                     .thinking_is_open = text::opens_thinking(spans),
                     .tools = told.dialect,
                     // Llama's format is one call a message.
                     .one_call = told.dialect == text::ToolDialect::llama3},
                    encoding.n_unspellable_bytes};
}

}  // namespace hearth::engine
