#include "text/answer/text_answer_parser.h"

namespace hearth::text {

TextAnswerParser::TextAnswerParser(const AnswerFormat& format, bool thinking_is_open) {
  if (format.reasoning == ReasoningFormat::think) thinking_.emplace(thinking_is_open);
  if (format.tools != ToolDialect::none) tools_.emplace(format.tools);
}

void TextAnswerParser::push(std::string_view text, AnswerEvents& out) {
  if (!thinking_) return answer(text, out);
  for (const char c : text) {
    thinking_->push(c, thoughts_, answer_);
    pass_on(out);
  }
}

void TextAnswerParser::push_control(std::string_view tag, AnswerEvents& out) {
  if (thinking_) {
    const bool is_taken = thinking_->push_control(tag, thoughts_, answer_);
    pass_on(out);
    if (is_taken) return;
  }
  if (tools_) tools_->push_control(tag, out);
}

void TextAnswerParser::finish(AnswerEvents& out) {
  if (thinking_) {
    thinking_->finish(thoughts_, answer_);
    pass_on(out);
  }
  if (tools_) tools_->finish(out);
}

// Text comes before the tag that ends it: what the reader of calls holds back of it is no beginning
// of a call, and comes out first.
void TextAnswerParser::pass_on(AnswerEvents& out) {
  answer(answer_, out);
  answer_.clear();
  if (thoughts_.empty()) return;
  if (tools_) tools_->finish(out);
  for (std::size_t i = 0; i < thoughts_.size(); ++i) out.add(thoughts_[i]);
  thoughts_.clear();
}

void TextAnswerParser::answer(std::string_view text, AnswerEvents& out) {
  if (!tools_) return out.add_text(AnswerEventKind::content, text);
  for (const char c : text) tools_->push(c, out);
}

}  // namespace hearth::text
