// chat_messages.h - the messages of a conversation, checked and brought to one shape.
//
// Every message has `role` ("system", "developer", "user", "assistant", "tool") and `content`: a
// string (text parts are joined with a newline, as other servers do), or null for an assistant who
// said nothing. An assistant's may have reasoning_content and tool_calls of {"id", "type",
// "function": {"name", "arguments": a string}}; a tool's result has tool_call_id, the call's that
// it answers: where the client sent none, calls are answered in their order, and a result without
// any call has none. The older function_call and role "function" become these. What a model's
// template can do with them is not known here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/json.h"

namespace hearth::api {

// The field `messages`.
void read_messages(Fields& fields, Json& out);

// The text of a `content`: a string, or an array of parts {"type", "text"} of the given types
// (a "refusal" has its text in the member of that name). nullopt: absent or null, or a fault was
// recorded.
std::optional<std::string> read_content(Fields& fields, std::string_view name,
                                        std::span<const std::string_view> part_types);

// Ids for results that lack one, in the order of the calls they answer.
void answer_calls_in_order(Json& messages);

}  // namespace hearth::api
