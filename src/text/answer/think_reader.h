// think_reader.h - tells <think>…</think> before an answer from the answer.
//
//   - the opening tag counts at the beginning only, and may be missing: the template may have
//     written it already, which the caller knows
//   - a first </think> without an opening is taken for the tag it is; what came before it was
//     shown as content already
//   - later tags are text: an answer may speak about them
//   - white space around the thinking is dropped, and newlines before the answer
#pragma once

#include <string>
#include <string_view>

#include "text/answer/tag_scanner.h"
#include "text/answer_events.h"

namespace hearth::text {

inline constexpr std::string_view kThinkTags[] = {"<think>", "</think>"};

class ThinkReader {
 public:
  // is_open: the output begins inside <think>.
  explicit ThinkReader(bool is_open);

  // Appends the thinking to out; what belongs to the answer is appended to `answer`, and its bytes
  // are counted by whoever reads on.
  void push(char c, AnswerEvents& out, std::string& answer);
  // A tag that came as a control token: it is nobody's text. False: it belongs to the answer.
  bool push_control(std::string_view tag, AnswerEvents& out, std::string& answer);
  void finish(AnswerEvents& out, std::string& answer);

 private:
  enum class State : std::uint8_t { start, thinking, behind, answer };
  void text(char c, AnswerEvents& out, std::string& answer);
  void flush_half_tag(AnswerEvents& out, std::string& answer);
  bool tag(int index, std::size_t n_source_bytes, AnswerEvents& out);
  void drop_spaces(std::size_t n_more, AnswerEvents& out);

  TagScanner tags_;
  State state_;
  bool was_closed_ = false;
  bool thought_ = false;  // something was thought
  std::string spaces_;    // not yet known whether anything follows them
  std::string released_;
};

}  // namespace hearth::text
