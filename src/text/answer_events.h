// answer_events.h - a model's output taken apart: what a person reads, what the model thought, and
// the tools it calls.
//
//   content …  reasoning …  tool_call_begin(name) tool_call_arguments … tool_call_end
//
// Pieces of one kind, joined, are the whole: the events do not depend on how the output was cut
// into tokens, except for where pieces are cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

enum class AnswerEventKind : std::uint8_t {
  content,
  reasoning,
  tool_call_begin,      // text: the tool's name
  tool_call_arguments,  // a piece of the arguments; joined, what the model wrote, usually JSON
  tool_call_end,
  markup,  // without text: the model wrote tags, headers or white space that nobody is shown
};

struct AnswerEvent {
  AnswerEventKind kind = AnswerEventKind::content;
  std::int32_t call = -1;  // index of the tool call, from 0; -1: none
  std::string_view text;
  // How many bytes of the decoded output the event stands for. The sum over all events is the whole
  // output; the text of content and reasoning is these very bytes, or made up when there are none
  // (a blank line between two messages).
  std::size_t n_source_bytes = 0;
};

// Events in one buffer, which keeps its memory when it is cleared.
class AnswerEvents {
 public:
  void reserve(std::size_t n_events, std::size_t n_bytes);
  void clear();
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  AnswerEvent operator[](std::size_t i) const;

  // Joins it to the event before where that makes one of the same meaning.
  void add(const AnswerEvent& event);
  // Text that is the model's own bytes.
  void add_text(AnswerEventKind kind, std::string_view text, std::int32_t call = -1) {
    if (!text.empty()) add({kind, call, text, text.size()});
  }
  void add_markup(std::size_t n_bytes) {
    if (n_bytes > 0) add({AnswerEventKind::markup, -1, {}, n_bytes});
  }

 private:
  struct Entry {
    AnswerEventKind kind;
    std::int32_t call;
    std::size_t text_end;  // its text ends there in text_, and begins where the one before ends
    std::size_t n_source_bytes;
  };
  std::vector<Entry> entries_;
  std::string text_;
};

}  // namespace hearth::text
