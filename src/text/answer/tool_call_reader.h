// tool_call_reader.h - finds tool calls that a model writes as JSON into its answer.
//
// A call comes out when its JSON is complete and says whom to call with what: what merely begins
// like one is text, and comes out whole as soon as that is known. So a reader never gets half of a
// broken call.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/answer/json_scanner.h"
#include "text/answer/tag_scanner.h"
#include "text/answer_events.h"
#include "text/answer_format.h"

namespace hearth::text {

// The tags of a dialect, those that announce calls first; none for ToolDialect::none and harmony.
std::span<const std::string_view> tool_tags(ToolDialect dialect);

class ToolCallReader {
 public:
  explicit ToolCallReader(ToolDialect dialect);

  void push(char c, AnswerEvents& out);
  // A tag that came as a control token: it is nobody's text, also when no call follows it.
  void push_control(std::string_view tag, AnswerEvents& out);
  // The end of the text, or of a part of it: nothing that was held back can become a call.
  void finish(AnswerEvents& out);

 private:
  void read_text(char c, AnswerEvents& out);
  bool read_tag(int index, std::size_t n_source_bytes, AnswerEvents& out);
  void content(std::string_view text, AnswerEvents& out);
  void begin_call(std::string_view announced_by);
  void read_call(char c, AnswerEvents& out);
  void end_call(AnswerEvents& out);
  void give_up(AnswerEvents& out);
  bool is_call_key() const;

  bool bare_json_;     // a call may stand alone at the beginning
  int n_opening_ = 0;  // of the tags: those that announce calls
  TagScanner tags_;
  JsonScanner json_;
  std::string released_;

  bool in_call_ = false;
  bool is_announced_ = false;  // by a tag
  std::string announced_by_;   // the tag's text; empty when it was a control token
  std::string call_;           // the JSON so far
  std::int32_t n_calls_ = 0;
  bool is_behind_call_ = false;  // nothing but white space and closing tags since
  bool at_start_ = true;         // nothing but white space came
  std::string spaces_;           // behind a call or at the start
};

}  // namespace hearth::text
