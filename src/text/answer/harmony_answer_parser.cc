#include "text/answer/harmony_answer_parser.h"

#include <algorithm>
#include <array>

namespace hearth::text {

namespace {

constexpr std::string_view kFunctions = "functions.";

// A recipient that is no tool.
bool is_person(std::string_view recipient) {
  static constexpr std::array<std::string_view, 3> kPersons = {"all", "assistant", "user"};
  return std::find(kPersons.begin(), kPersons.end(), recipient) != kPersons.end();
}

}  // namespace

void HarmonyAnswerParser::push(TokenId id, AnswerEvents& out) {
  out_ = &out;
  parser_.push(id, *this);
}

void HarmonyAnswerParser::finish(AnswerEvents& out, std::optional<TokenId> ended_by) {
  out_ = &out;
  if (ended_by) parser_.push(*ended_by, *this);
  parser_.finish(*this);
}

void HarmonyAnswerParser::begin_message(const harmony::Header& header) {
  is_new_ = true;
  if (has_tools_ && header.recipient && !is_person(*header.recipient)) {
    std::string_view name = *header.recipient;
    if (name.starts_with(kFunctions)) name.remove_prefix(kFunctions.size());
    kind_ = AnswerEventKind::tool_call_arguments;
    out_->add({AnswerEventKind::tool_call_begin, n_calls_, name, 0});
    return;
  }
  kind_ = header.channel == "analysis" ? AnswerEventKind::reasoning : AnswerEventKind::content;
}

void HarmonyAnswerParser::add_text(std::string_view text) {
  if (kind_ == AnswerEventKind::tool_call_arguments) {
    return out_->add_text(kind_, text, n_calls_);
  }
  bool& has_text = kind_ == AnswerEventKind::reasoning ? has_reasoning_ : has_content_;
  if (is_new_ && has_text) out_->add({kind_, -1, "\n\n", 0});
  is_new_ = false;
  has_text = true;
  out_->add_text(kind_, text);
}

void HarmonyAnswerParser::end_message() {
  if (kind_ != AnswerEventKind::tool_call_arguments) return;
  out_->add({AnswerEventKind::tool_call_end, n_calls_++, {}, 0});
  kind_ = AnswerEventKind::content;
}

}  // namespace hearth::text
