// answer_text.h - from drawn tokens to what may be shown of them: the answer without its stop
// texts, and apart from it what the model thought and which tools it calls.
//
//   for each token: shown.clear(); shown.push(id); … shown.text(), shown.reasoning()
//   the last time:  shown.finish(ended_by);
//
// Stop texts are sought in the answer only: a model that thinks about a word has not said it. None
// reaches across a call. Allocates nothing after reserve() while the answer has no marks of a
// format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/request.h"
#include "engine/stop_matcher.h"
#include "text/answer_parser.h"

namespace hearth::engine {

class AnswerText {
 public:
  // with_spans: where the text comes from is noted. one_call: the answer is over with its first
  // call.
  AnswerText(std::unique_ptr<text::AnswerParser> parser, std::span<const std::string> stop_texts,
             bool with_spans, bool one_call);
  void reserve(std::size_t longest_token_bytes);

  void clear();  // what became certain so far was taken
  void push(TokenId id);
  // The end, and the end-of-generation token when one was drawn (it is not pushed).
  void finish(std::optional<TokenId> ended_by);

  const std::string& text() const { return text_; }
  const std::string& reasoning() const { return reasoning_; }
  std::span<const SourceSpan> spans() const { return spans_; }
  std::span<const ToolCallPart> calls() const { return calls_; }
  bool empty() const { return text_.empty() && reasoning_.empty() && calls_.empty(); }
  // A stop text is complete, or the one call: nothing more is shown.
  bool stopped() const { return stopped_; }
  std::int64_t n_reasoning_tokens() const { return n_reasoning_tokens_; }  // Usage

 private:
  void take_events();
  void take_text(std::string_view text);
  void take_call(const text::AnswerEvent& event);

  std::unique_ptr<text::AnswerParser> parser_;
  StopMatcher stops_;
  bool with_spans_, one_call_;
  bool stopped_ = false;
  text::AnswerEvents events_;
  std::string text_, reasoning_;
  std::vector<SourceSpan> spans_;
  std::vector<ToolCallPart> calls_;
  std::int64_t n_reasoning_tokens_ = 0;
  std::int64_t n_undecided_ = 0;  // tokens since the last that gave reasoning, text or a call
};

}  // namespace hearth::engine
