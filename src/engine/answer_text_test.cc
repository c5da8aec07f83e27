// answer_text_test.cc - scripted tokens: a byte a token, and the control tokens of harmony.
#include "engine/answer_text.h"

#include <gtest/gtest.h>

#include "base/str.h"
#include "base/utf8.h"
#include "text/byte_spelling.h"
#include "text/tokenizer.h"

namespace hearth::engine {
namespace {

using text::ReasoningFormat;

const text::Tokenizer& tokenizer() {
  static const auto built = [] {
    text::TokenizerSpec spec;
    for (int byte = 0; byte < 256; ++byte) {
      append_utf8(spec.tokens.emplace_back(), text::spelling_of(static_cast<std::uint8_t>(byte)));
    }
    spec.kinds.assign(spec.tokens.size(), text::TokenKind::normal);
    for (const char* name : {"<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>",
                             "<|return|>", "<|call|>"}) {
      spec.tokens.emplace_back(name);
      spec.kinds.push_back(text::TokenKind::control);
    }
    return *text::Tokenizer::build(std::move(spec));
  }();
  return *built;
}

struct Shown {
  std::string text, reasoning;
  std::int64_t n_reasoning_tokens = 0;
  bool stopped = false;
  std::vector<std::string> pieces;  // of the text
  std::vector<SourceSpan> spans;
  std::string calls;  // "0 f:{"a":1}1 g:{}"
};

Shown show(std::string_view written, ReasoningFormat format, std::vector<std::string> stops = {},
           bool thinking_is_open = false, text::ToolDialect tools = {}, bool one_call = false) {
  AnswerText answer(*text::make_answer_parser(tokenizer(), {format, tools}, thinking_is_open),
                    stops, true, one_call);
  Shown shown;
  const auto take = [&] {
    shown.text += answer.text();
    shown.reasoning += answer.reasoning();
    if (!answer.text().empty()) shown.pieces.push_back(answer.text());
    for (const ToolCallPart& part : answer.calls()) {
      if (part.begins()) shown.calls += cat(part.call, " ", part.name, ":");
      shown.calls += part.arguments;
    }
    shown.spans.insert(shown.spans.end(), answer.spans().begin(), answer.spans().end());
    answer.clear();
  };
  const auto encoding = tokenizer().encode(written, true, {.exact = true});
  for (const TokenId id : encoding->ids) {
    answer.push(id);
    take();
    if (answer.stopped()) break;
  }
  if (!answer.stopped()) answer.finish({});
  take();
  shown.n_reasoning_tokens = answer.n_reasoning_tokens();
  shown.stopped = answer.stopped();
  return shown;
}

TEST(AnswerText, without_a_format_all_of_it_is_the_answer_but_control_tokens) {
  const Shown shown = show("<think>a</think> b<|end|>c", ReasoningFormat::none);
  EXPECT_EQ(shown.text, "<think>a</think> bc");
  EXPECT_EQ(shown.reasoning, "");
  EXPECT_EQ(shown.n_reasoning_tokens, 0);
}

TEST(AnswerText, thinking_is_apart_and_counted) {
  const Shown shown = show("<think>\nhm so\n</think>\n\nYes.", ReasoningFormat::think);
  EXPECT_EQ(shown.reasoning, "hm so");
  EXPECT_EQ(shown.text, "Yes.");
  EXPECT_EQ(shown.n_reasoning_tokens, 13);  // <think>, a newline, "hm so"
  EXPECT_EQ(shown.pieces, (std::vector<std::string>{"Y", "e", "s", "."}));
}

TEST(AnswerText, thinking_that_the_prompt_began_is_thinking) {
  const Shown shown = show("hm</think>Yes.", ReasoningFormat::think, {}, true);
  EXPECT_EQ(shown.reasoning, "hm");
  EXPECT_EQ(shown.text, "Yes.");
}

TEST(AnswerText, channels_of_harmony_are_told_apart) {
  const Shown shown = show(
      "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
      ReasoningFormat::harmony);
  EXPECT_EQ(shown.reasoning, "hm");
  EXPECT_EQ(shown.text, "Yes.");
  EXPECT_EQ(shown.n_reasoning_tokens, 12);  // <|channel|>, "analysis", <|message|>, "hm"
}

// No tools were given, so nobody could answer the call: the reader sees what the model wanted.
TEST(AnswerText, a_call_that_nobody_offered_is_text_without_its_marks) {
  EXPECT_EQ(show("<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"a\":1}",
                 ReasoningFormat::harmony)
                .text,
            "{\"a\":1}");
  EXPECT_EQ(show("<tool_call>{\"name\": \"f\"}</tool_call>", ReasoningFormat::think).text,
            "<tool_call>{\"name\": \"f\"}</tool_call>");
}

TEST(AnswerText, calls_are_apart_from_the_text_before_them) {
  const Shown shown = show(
      "Let me see.<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>"
      "<tool_call>{\"name\": \"g\", \"arguments\": {}}</tool_call>",
      ReasoningFormat::none, {"name", "me see.<"}, false, text::ToolDialect::hermes);
  EXPECT_EQ(shown.text, "Let me see.");
  EXPECT_EQ(shown.calls, "0 f:{\"a\": 1}1 g:{}");
  EXPECT_FALSE(shown.stopped);
}

TEST(AnswerText, an_answer_of_one_call_is_over_with_it) {
  const Shown shown = show(
      "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call> more "
      "<tool_call>{\"name\": \"g\", \"arguments\": {}}</tool_call>",
      ReasoningFormat::none, {}, false, text::ToolDialect::hermes, true);
  EXPECT_EQ(shown.text, "");
  EXPECT_EQ(shown.calls, "0 f:{}");
  EXPECT_TRUE(shown.stopped);
}

TEST(AnswerText, arguments_of_harmony_come_as_they_are_written) {
  const Shown shown = show(
      "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary "
      "to=functions.f <|constrain|>json<|message|>{\"a\":1}<|call|>",
      ReasoningFormat::harmony, {}, false, text::ToolDialect::harmony);
  EXPECT_EQ(shown.reasoning, "hm");
  EXPECT_EQ(shown.text, "");
  EXPECT_EQ(shown.calls, "0 f:{\"a\":1}");
}

TEST(AnswerText, stop_texts_are_sought_in_the_answer_only) {
  const Shown shown =
      show("<think>one STOP two</think>three STOP four", ReasoningFormat::think, {"STOP"});
  EXPECT_EQ(shown.reasoning, "one STOP two");
  EXPECT_EQ(shown.text, "three ");
  EXPECT_TRUE(shown.stopped);
}

TEST(AnswerText, a_stop_text_does_not_reach_across_the_reasoning) {
  const Shown shown = show("<think>ST</think>OP", ReasoningFormat::think, {"STOP"});
  EXPECT_EQ(shown.reasoning, "ST");
  EXPECT_EQ(shown.text, "OP");
  EXPECT_FALSE(shown.stopped);
}

TEST(AnswerText, a_stop_text_that_is_a_tag_is_not_met_by_the_tag) {
  const Shown shown = show("<think>a</think>b\n\nc", ReasoningFormat::think, {"</think>", "\n\n"});
  EXPECT_EQ(shown.reasoning, "a");
  EXPECT_EQ(shown.text, "b");
  EXPECT_TRUE(shown.stopped);
}

TEST(AnswerText, what_was_held_back_comes_out_at_the_end) {
  EXPECT_EQ(show("a ST", ReasoningFormat::none, {"STOP"}).text, "a ST");
  EXPECT_EQ(show("<thi", ReasoningFormat::think).text, "<thi");
  EXPECT_EQ(show("<think>a</thi", ReasoningFormat::think).reasoning, "a</thi");
  EXPECT_EQ(show("a\xc3", ReasoningFormat::none).text, "a\xef\xbf\xbd");
}

TEST(AnswerText, spans_cover_what_was_written_and_what_is_shown) {
  const std::string written = "<think>\nhm\n</think>\n\nYes.";
  const Shown shown = show(written, ReasoningFormat::think);
  std::size_t n_source = 0, n_text = 0;
  for (const SourceSpan& span : shown.spans) {
    if (span.n_text_bytes > 0) {
      EXPECT_EQ(written.substr(n_source, span.n_source_bytes),
                shown.text.substr(n_text, span.n_text_bytes));
    }
    n_source += span.n_source_bytes;
    n_text += span.n_text_bytes;
  }
  EXPECT_EQ(n_source, written.size());
  EXPECT_EQ(n_text, shown.text.size());
}

}  // namespace
}  // namespace hearth::engine
