// text_answer_parser_test.cc - every sample whole, and cut at every place: the same events.
#include "text/answer/text_answer_parser.h"

#include <gtest/gtest.h>

#include <random>

#include "base/growth_for_tests.h"
#include "text/answer/answer_log_for_tests.h"

namespace hearth::text {
namespace {

std::string events_of(const AnswerFormat& format, bool thinking_is_open,
                      const std::vector<std::string_view>& pieces) {
  TextAnswerParser parser(format, thinking_is_open);
  AnswerLog log;
  std::string source;
  for (const std::string_view piece : pieces) {
    AnswerEvents events;
    parser.push(piece, events);
    log.add(events);
    source += piece;
    EXPECT_LE(log.n_source_bytes, source.size());
  }
  AnswerEvents rest;
  parser.finish(rest);
  log.add(rest);
  EXPECT_EQ(log.n_source_bytes, source.size()) << source;
  for (std::size_t i = 0; i < log.shown.size(); ++i) {
    EXPECT_TRUE(log.shown[i] == '\0' || log.shown[i] == source[i]) << i;
  }
  return log.summary();
}

// The text whole, in two pieces cut anywhere, and byte by byte.
std::string parsed(const AnswerFormat& format, std::string_view text,
                   bool thinking_is_open = false) {
  const std::string whole = events_of(format, thinking_is_open, {text});
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bytes.push_back(text.substr(i, 1));
    EXPECT_EQ(events_of(format, thinking_is_open, {text.substr(0, i), text.substr(i)}), whole);
  }
  EXPECT_EQ(events_of(format, thinking_is_open, bytes), whole);
  return whole;
}

constexpr AnswerFormat kPlain;
constexpr AnswerFormat kThink = {ReasoningFormat::think, ToolDialect::none};

std::string thought(std::string_view text) { return parsed(kThink, text); }
std::string thought_open(std::string_view text) { return parsed(kThink, text, true); }
std::string hermes(std::string_view text) {
  return parsed({ReasoningFormat::none, ToolDialect::hermes}, text);
}
std::string phi4(std::string_view text) {
  return parsed({ReasoningFormat::none, ToolDialect::phi4}, text);
}
std::string llama3(std::string_view text) {
  return parsed({ReasoningFormat::none, ToolDialect::llama3}, text);
}
std::string mistral(std::string_view text) {
  return parsed({ReasoningFormat::none, ToolDialect::mistral}, text);
}
std::string content(std::string_view text) { return "content(" + std::string(text) + ")"; }

TEST(TextAnswer, without_a_format_all_is_content) {
  for (const char* text : {"<think>a</think>b", "<tool_call>{}</tool_call>", " \n x "}) {
    EXPECT_EQ(parsed(kPlain, text), content(text));
  }
  EXPECT_EQ(parsed(kPlain, ""), "");
}

TEST(TextAnswer, thinking_is_told_from_the_answer) {
  EXPECT_EQ(thought("<think>\nhm, 2 < 3\n</think>\n\nYes."), "reasoning(hm, 2 < 3) content(Yes.)");
  EXPECT_EQ(thought("\n<think>a\n\nb</think>  c"), "reasoning(a\n\nb) content(  c)");
  EXPECT_EQ(thought("<think>\n\n</think>\n\nYes."), "content(Yes.)");
  EXPECT_EQ(thought("Yes."), "content(Yes.)");
  EXPECT_EQ(thought("\n Yes."), "content(\n Yes.)");
  EXPECT_EQ(thought("<think>never ended \n"), "reasoning(never ended)");
  EXPECT_EQ(thought("<think>a</thin"), "reasoning(a</thin)");
  EXPECT_EQ(thought("<thi"), "content(<thi)");
  EXPECT_EQ(thought(" \n"), "content( \n)");
}

TEST(TextAnswer, the_template_may_have_opened_the_thinking) {
  EXPECT_EQ(thought_open("hm\n</think>\n\nYes."), "reasoning(hm) content(Yes.)");
  EXPECT_EQ(thought_open("<think>\nhm</think>Yes."), "reasoning(hm) content(Yes.)");
  EXPECT_EQ(thought_open("\n\n</think>\n\nYes."), "content(Yes.)");
  EXPECT_EQ(thought_open("cut off"), "reasoning(cut off)");
}

TEST(TextAnswer, an_end_of_thinking_without_a_beginning_is_no_text) {
  EXPECT_EQ(thought("hm\n</think>\n\nYes."), "content(hm\nYes.)");
  EXPECT_EQ(thought("</think>\n\nYes."), "content(Yes.)");
}

TEST(TextAnswer, an_answer_may_speak_about_the_tags) {
  EXPECT_EQ(thought("<think>a</think>Write <think> and </think>."),
            "reasoning(a) content(Write <think> and </think>.)");
  EXPECT_EQ(thought("The tag <think> opens."), "content(The tag <think> opens.)");
  EXPECT_EQ(thought("<think>a <think> b</think>c"), "reasoning(a <think> b) content(c)");
}

TEST(TextAnswer, hermes_calls) {
  EXPECT_EQ(hermes("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1.0}}\n</tool_call>"),
            "call 0 f({\"a\": 1.0})");
  EXPECT_EQ(
      hermes("I look.\n<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n"
             "<tool_call>{\"arguments\":{\"x\":\"</tool_call>\"},\"name\":\"g\"}</tool_call>\n"),
      "content(I look.\n) call 0 f({}) call 1 g({\"x\":\"</tool_call>\"})");
  EXPECT_EQ(
      hermes("\n\n<tool_call>{\"name\":\"f\",\"parameters\":{\"a\":[{}]}}</tool_call>\n\nDone."),
      "call 0 f({\"a\":[{}]}) content(\n\nDone.)");
  EXPECT_EQ(
      hermes("<tool_call>{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": \\\"é\\\"}\"}</tool_call>"),
      "call 0 f({\"a\": \"é\"})");
  EXPECT_EQ(hermes("<tool_call>{\"name\":\"f\"}</tool_call>"), "call 0 f({})");
  EXPECT_EQ(hermes("<tool_call>{\"name\":\"f\",\"arguments\":null}"), "call 0 f({})");
  EXPECT_EQ(hermes("<tool_call>{\"name\":\"f\",\"arguments\":\"\"}"), "call 0 f({})");
  EXPECT_EQ(hermes("<tool_call>[{\"name\":\"f\"},{\"name\":\"g\"}]</tool_call>"),
            "call 0 f({}) call 1 g({})");
  EXPECT_EQ(hermes("<tool_call>{\"name\":\"f\"} and more</tool_call>"),
            "call 0 f({}) content( and more</tool_call>)");
}

TEST(TextAnswer, what_is_no_call_comes_out_whole) {
  for (const char* text : {
           "<tool_call>{\"name\": \"f, \"arguments\": {}}</tool_call>",
           "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}",
           "<tool_call>{\"name\": \"f\", \"arguments\": 3}</tool_call> x",
           "<tool_call>{\"name\": \"f\", \"arguments\": \"{\"}</tool_call>",
           "<tool_call>{\"name\": 3, \"arguments\": {}}</tool_call>",
           "<tool_call>{\"name\": \"\", \"arguments\": {}}</tool_call>",
           "<tool_call>{\"arguments\": {}}</tool_call>",
           "<tool_call>[]</tool_call>",
           "<tool_call>[{\"name\":\"f\"}, 3]</tool_call>",
           "<tool_call>get_weather()</tool_call>",
           "<tool_call>",
           "<tool_ca",
           "a < b </tool_call>",
           "{\"name\": \"f\", \"arguments\": {}}",
           "<tool_call>{\"name\": \"\\ud800\"}</tool_call>",
       }) {
    EXPECT_EQ(hermes(text), content(text));
  }
  EXPECT_EQ(hermes("<tool_call>{\"a\"<tool_call>{\"name\":\"f\"}</tool_call>"),
            "content(<tool_call>{\"a\") call 0 f({})");
}

TEST(TextAnswer, thinking_and_calls) {
  const AnswerFormat qwen3 = {ReasoningFormat::think, ToolDialect::hermes};
  EXPECT_EQ(parsed(qwen3,
                   "<think>\nI need <tool_call>.\n</think>\n\n<tool_call>\n"
                   "{\"name\": \"f\", \"arguments\": {}}\n</tool_call>"),
            "reasoning(I need <tool_call>.) call 0 f({})");
  // A first </think> ends what the reader of calls holds back: events come in the text's order.
  EXPECT_EQ(parsed(qwen3, "<t</think>ool_call>b"), "content(<tool_call>b)");
  EXPECT_EQ(parsed(qwen3, "<tool_call>{\"na</think>me\":"), "content(<tool_call>{\"name\":)");
  EXPECT_EQ(parsed(qwen3, "a</think>\n<tool_call>{\"name\":\"f\"}</tool_call>", true),
            "reasoning(a) call 0 f({})");
}

TEST(TextAnswer, both_dialects_of_phi4) {
  EXPECT_EQ(phi4("<|tool_call|>[{\"name\": \"f\", \"arguments\": {\"a\": 1}}, "
                 "{\"name\": \"g\", \"arguments\": {}}]<|/tool_call|>"),
            "call 0 f({\"a\": 1}) call 1 g({})");
  EXPECT_EQ(phi4("<|tool_call|>{\"name\": \"f\", \"parameters\": {}}<|/tool_call|>"),
            "call 0 f({})");
  EXPECT_EQ(phi4("functools[{\"name\": \"f\", \"arguments\": {\"a\": 1}}]"),
            "call 0 f({\"a\": 1})");
  EXPECT_EQ(phi4("Sure. functools[{\"name\":\"f\"},{\"name\":\"g\"}]\n"),
            "content(Sure. ) call 0 f({}) call 1 g({})");
  for (const char* text : {"functools.reduce(f, [1])", "functools[0]", "functools[{\"a\": 1}]",
                           "import functools", "<|tool_call|>[<|/tool_call|>", "functools[]"}) {
    EXPECT_EQ(phi4(text), content(text));
  }
}

TEST(TextAnswer, llama3_calls_may_stand_alone) {
  EXPECT_EQ(llama3("{\"name\": \"f\", \"parameters\": {\"a\": \"x\"}}"),
            "call 0 f({\"a\": \"x\"})");
  EXPECT_EQ(llama3("\n{\"type\": \"function\", \"name\": \"f\", \"parameters\": {}}"),
            "call 0 f({})");
  EXPECT_EQ(llama3("<|python_tag|>{\"name\": \"f\", \"parameters\": {}}"), "call 0 f({})");
  EXPECT_EQ(llama3("{\"name\":\"f\",\"parameters\":{}}; {\"name\":\"g\",\"arguments\":{}}"),
            "call 0 f({}) call 1 g({})");
  EXPECT_EQ(
      llama3("<|python_tag|>{\"name\":\"f\",\"parameters\":{}};{\"name\":\"g\",\"parameters\":{}}"),
      "call 0 f({}) call 1 g({})");
  EXPECT_EQ(llama3("{\"name\":\"f\",\"parameters\":{}}; and"), "call 0 f({}) content(; and)");
  for (const char* text :
       {"{\"name\": \"Bob\"}", "{\"name\": \"Bob\", \"age\": 3}",
        "{\"city\": {\"name\": \"Oslo\"}}", "See: {\"name\": \"f\", \"parameters\": {}}",
        "<|python_tag|>search.call(query=\"x\")", "{", "{}",
        "[{\"name\": \"f\", \"parameters\": {}}]", "a; b"}) {
    EXPECT_EQ(llama3(text), content(text));
  }
}

// JSON for a person is not held back longer than its first member's name.
TEST(TextAnswer, llama3_lets_other_json_through_early) {
  TextAnswerParser parser({ReasoningFormat::none, ToolDialect::llama3}, false);
  AnswerEvents events;
  parser.push("{\"city\"", events);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].text, "{\"city\"");
}

TEST(TextAnswer, mistral_calls) {
  EXPECT_EQ(mistral("[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"a\": 1}}]"),
            "call 0 f({\"a\": 1})");
  EXPECT_EQ(
      mistral("[TOOL_CALLS][{\"name\":\"f\",\"arguments\":{}},{\"name\":\"g\",\"arguments\":{}}]"),
      "call 0 f({}) call 1 g({})");
  for (const char* text : {"[TOOL_CALLS] none", "[1, 2]", "[TOOL", "[TOOL_CALLS] [3]"}) {
    EXPECT_EQ(mistral(text), content(text));
  }
}

TEST(TextAnswer, only_what_may_become_a_tag_is_held_back) {
  TextAnswerParser parser({ReasoningFormat::think, ToolDialect::hermes}, false);
  std::string shown;
  const auto after = [&](std::string_view piece) {
    AnswerEvents events;
    parser.push(piece, events);
    for (std::size_t i = 0; i < events.size(); ++i) shown += events[i].text;
    return shown;
  };
  EXPECT_EQ(after("a <"), "a ");
  EXPECT_EQ(after("tool"), "a ");
  EXPECT_EQ(after("x b"), "a <toolx b");
  EXPECT_EQ(after(" \n"), "a <toolx b \n");
}

// A tag that the vocabulary has as a control token is never shown, call or not.
TEST(TextAnswer, control_tokens_are_nobodys_text) {
  const auto with_tag = [](ToolDialect dialect, std::string_view before, std::string_view tag,
                           std::string_view behind) {
    TextAnswerParser parser({ReasoningFormat::think, dialect}, false);
    AnswerEvents events;
    parser.push(before, events);
    parser.push_control(tag, events);
    parser.push(behind, events);
    parser.finish(events);
    AnswerLog log;
    log.add(events);
    EXPECT_EQ(log.n_source_bytes, before.size() + behind.size());
    return log.summary();
  };
  EXPECT_EQ(
      with_tag(ToolDialect::llama3, "", "<|python_tag|>", "{\"name\":\"f\",\"parameters\":{}}"),
      "call 0 f({})");
  EXPECT_EQ(with_tag(ToolDialect::llama3, "a", "<|python_tag|>", "print(1)"), "content(aprint(1))");
  EXPECT_EQ(with_tag(ToolDialect::phi4, "a", "<|/tool_call|>", "b"), "content(ab)");
  EXPECT_EQ(with_tag(ToolDialect::phi4, "<think>a ", "<|tool_call|>", "b"), "reasoning(a b)");
  EXPECT_EQ(with_tag(ToolDialect::hermes, "<tool_call>{\"name\": \"", "<tool_call>", "x"),
            "content(<tool_call>{\"name\": \"x)");
  EXPECT_EQ(with_tag(ToolDialect::none, "<think>a", "</think>", "\n\nb"),
            "reasoning(a) content(b)");
  EXPECT_EQ(with_tag(ToolDialect::none, "<think>a</think>b", "<think>", "c"),
            "reasoning(a) content(bc)");
}

// What makes a parser that looks back read the same text again and again.
constexpr std::string_view kHostile[] = {
    " ",
    "<",
    "{",
    "[",
    "\"",
    "\\",
    "\\\"",
    "{\"a\":",
    "<tool_cal",
    "<tool_call>",
    "<tool_call>{\"a\"",
    "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>",
    "</tool_call>",
    "<think></think>",
    "</thin",
    "functools",
    "functools[",
    "[TOOL_CALLS",
    "[TOOL_CALLS] [",
    "{\"name\": \"f\", \"parameters\": {}}"};

TEST(TextAnswer, hostile_texts_take_linear_time_in_every_dialect) {
  const std::pair<ToolDialect, std::string_view> calls[] = {
      {ToolDialect::none, "x"},
      {ToolDialect::hermes, "<tool_call>{\"name\": \""},
      {ToolDialect::phi4, "functools[{\"name\": \""},
      {ToolDialect::llama3, "{\"parameters\": {\"a\": \""},
      {ToolDialect::mistral, "[TOOL_CALLS] [{\"name\": \""},
  };
  for (const auto& [dialect, call] : calls) {
    for (const std::string_view begin : {std::string_view(), std::string_view("<think>"), call}) {
      for (const std::string_view part : kHostile) {
        const auto parse = [&, tools = dialect](int n_bytes) {
          TextAnswerParser parser({ReasoningFormat::think, tools}, false);
          AnswerEvents events;
          parser.push(begin, events);
          for (int n = 0; n < n_bytes; n += static_cast<int>(part.size())) {
            for (std::size_t i = 0; i < part.size(); ++i) parser.push(part.substr(i, 1), events);
            events.clear();
          }
          parser.finish(events);
        };
        EXPECT_LT(growth_by_eight(parse, 8192), kLinearGrowth) << call << " " << begin << part;
      }
    }
  }
}

}  // namespace
}  // namespace hearth::text
