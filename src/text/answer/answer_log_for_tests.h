// answer_log_for_tests.h - events as a short text, whatever the pieces they came in.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "text/answer_events.h"

namespace hearth::text {

// Joins pieces: "reasoning(hm) content(Yes.) call 0 f({"a":1})". Made-up text is in ‹›.
class AnswerLog {
 public:
  void add(const AnswerEvents& events) {
    for (std::size_t i = 0; i < events.size(); ++i) add(events[i]);
  }

  std::string summary() const {
    std::string out;
    for (const Part& part : parts_) {
      if (part.kind == AnswerEventKind::markup) continue;
      if (!out.empty()) out += ' ';
      out += part.text + ")";
    }
    return out;
  }

  std::size_t n_source_bytes = 0;
  // The text of content and reasoning where it is the model's own; '\0' for every other byte.
  std::string shown;

 private:
  struct Part {
    AnswerEventKind kind;
    std::string text;
  };

  void add(const AnswerEvent& event) {
    n_source_bytes += event.n_source_bytes;
    const bool is_text =
        event.kind == AnswerEventKind::content || event.kind == AnswerEventKind::reasoning;
    const bool is_own = event.n_source_bytes > 0;
    if (is_text && is_own) {
      EXPECT_EQ(event.n_source_bytes, event.text.size());
      shown += event.text;
    } else {
      shown.append(event.n_source_bytes, '\0');
    }
    switch (event.kind) {
      case AnswerEventKind::tool_call_begin:
        parts_.push_back(
            {AnswerEventKind::tool_call_arguments,
             "call " + std::to_string(event.call) + " " + std::string(event.text) + "("});
        call_is_open_ = true;
        break;
      case AnswerEventKind::tool_call_arguments:
        EXPECT_TRUE(call_is_open_);
        parts_.back().text += event.text;
        break;
      case AnswerEventKind::tool_call_end:
        EXPECT_TRUE(call_is_open_);
        call_is_open_ = false;
        break;
      case AnswerEventKind::markup:
        break;
      default:
        EXPECT_FALSE(call_is_open_);
        if (parts_.empty() || parts_.back().kind != event.kind) {
          parts_.push_back(
              {event.kind, event.kind == AnswerEventKind::content ? "content(" : "reasoning("});
        }
        parts_.back().text +=
            is_own ? std::string(event.text) : "‹" + std::string(event.text) + "›";
    }
  }

  std::vector<Part> parts_;
  bool call_is_open_ = false;
};

}  // namespace hearth::text
