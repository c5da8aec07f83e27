// text_answer_parser.h - the formats that are marked in the text itself: <think> and tool calls.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/answer/think_reader.h"
#include "text/answer/tool_call_reader.h"
#include "text/answer_events.h"
#include "text/answer_format.h"

namespace hearth::text {

class TextAnswerParser {
 public:
  // format: neither part is harmony's.
  TextAnswerParser(const AnswerFormat& format, bool thinking_is_open);

  // Any cut of the same text gives the same events, joined.
  void push(std::string_view text, AnswerEvents& out);
  // One of the formats' tags that the vocabulary has as a control token.
  void push_control(std::string_view tag, AnswerEvents& out);
  void finish(AnswerEvents& out);

 private:
  void pass_on(AnswerEvents& out);
  void answer(std::string_view text, AnswerEvents& out);

  std::optional<ThinkReader> thinking_;
  std::optional<ToolCallReader> tools_;
  // What the reader of thoughts gave for the last byte or tag.
  AnswerEvents thoughts_;
  std::string answer_;
};

}  // namespace hearth::text
