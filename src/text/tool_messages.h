// tool_messages.h - tools, calls to them and their results, brought to what a model's chat template
// can show.
//
//   told = tool_messages(template, dialect, messages, tools);
//   template.render(told.messages, told.tools, …);  // and read the answer in told.dialect
//
// Templates of models that were trained on tools read the variable `tools` and a message's
// `tool_calls`; Phi-4-mini's reads a member of the system message. For all other models, tools are
// told in the text of the system message, in the form that Hermes made common, so that any model
// that can follow instructions can call them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "text/answer_format.h"

namespace hearth::text {

enum class ToolForm : std::uint8_t {
  variable,       // of the template: `tools`
  system_member,  // of the system message: `tools`, a text (Phi-4-mini)
  text,           // in the system message's content
};

struct ToolMessages {
  nlohmann::ordered_json messages;          // an array
  nlohmann::ordered_json tools;             // for the template: an array, or null
  ToolDialect dialect = ToolDialect::none;  // of the answer; none when no tools were offered
};

// dialect: of the model, as its format says (ToolDialect::none: it has none of its own).
ToolForm tool_form(std::string_view chat_template, ToolDialect dialect);

// messages: {"role", "content", …} objects; a role of "assistant" may have tool_calls, of
// {"id", "type", "function": {"name", "arguments": a text}}; a role of "tool" is a call's result.
// tools: an array of {"type": "function", "function": {"name", "description", "parameters"}}, or
// null for none.
//
// Arguments become the object they spell, as templates expect; content that is null becomes "". A
// result that no call precedes becomes a user's message, because templates refuse it.
ToolMessages tool_messages(std::string_view chat_template, ToolDialect dialect,
                           nlohmann::ordered_json messages, const nlohmann::ordered_json& tools);

// Consecutive messages of one role as one, their texts a blank line apart; system messages that
// are not the first are told as the user's. For templates that insist on taking turns.
// fold_system: the first one, too, for those that know no such role.
nlohmann::ordered_json take_turns(const nlohmann::ordered_json& messages, bool fold_system);

}  // namespace hearth::text
