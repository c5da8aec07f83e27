#include "text/answer/text_answer_parser.h"

namespace hearth::text {

TextAnswerParser::TextAnswerParser(const AnswerFormat& format, bool thinking_is_open) {
  if (format.reasoning == ReasoningFormat::think) thinking_.emplace(thinking_is_open);
  if (format.tools != ToolDialect::none) tools_.emplace(format.tools);
}

void TextAnswerParser::push(std::string_view text, AnswerEvents& out) {
  if (!thinking_) return answer(text, out);
  for (const char c : text) {
    answer_.clear();
    thinking_->push(c, out, answer_);
    answer(answer_, out);
  }
}

void TextAnswerParser::push_control(std::string_view tag, AnswerEvents& out) {
  if (thinking_) {
    answer_.clear();
    const bool is_taken = thinking_->push_control(tag, out, answer_);
    answer(answer_, out);
    if (is_taken) return;
  }
  if (tools_) tools_->push_control(tag, out);
}

void TextAnswerParser::finish(AnswerEvents& out) {
  if (thinking_) {
    answer_.clear();
    thinking_->finish(out, answer_);
    answer(answer_, out);
  }
  if (tools_) tools_->finish(out);
}

void TextAnswerParser::answer(std::string_view text, AnswerEvents& out) {
  if (!tools_) return out.add_text(AnswerEventKind::content, text);
  for (const char c : text) tools_->push(c, out);
}

}  // namespace hearth::text
