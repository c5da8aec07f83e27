// answer_parser_test.cc - tokens to events, and which format a model has.
#include "text/answer_parser.h"

#include <gtest/gtest.h>

#include "text/answer/answer_log_for_tests.h"
#include "text/harmony/harmony_for_tests.h"

namespace hearth::text {
namespace {

using harmony::ids_of;
using harmony::read_file;
using harmony::read_tokenizer;
using harmony::small_tokenizer;

constexpr AnswerFormat kHarmony = {ReasoningFormat::harmony, ToolDialect::harmony};
constexpr AnswerFormat kHarmonyWithoutTools = {ReasoningFormat::harmony, ToolDialect::none};

std::string events_of(const Tokenizer& tokenizer, const std::vector<TokenId>& ids,
                      const AnswerFormat& format, std::optional<TokenId> ended_by = {}) {
  const auto parser = make_answer_parser(tokenizer, format, false);
  EXPECT_TRUE(parser) << (parser ? "" : parser.error().message);
  AnswerEvents events;
  for (const TokenId id : ids) (*parser)->push(id, events);
  (*parser)->finish(events, ended_by);
  AnswerLog log;
  log.add(events);
  return log.summary();
}

std::string harmony_events(std::string_view text, const AnswerFormat& format = kHarmony) {
  return events_of(small_tokenizer(), ids_of(text), format);
}

TEST(AnswerParser, harmony_channels_become_events) {
  EXPECT_EQ(harmony_events("<|channel|>analysis<|message|>hm<|end|>"
                           "<|start|>assistant<|channel|>final<|message|>4<|return|>"),
            "reasoning(hm) content(4)");
  EXPECT_EQ(harmony_events("<|channel|>commentary to=functions.get_tide <|constrain|>json"
                           "<|message|>{\"a\": 1}<|call|>"),
            "call 0 get_tide({\"a\": 1})");
  EXPECT_EQ(harmony_events("<|channel|>analysis to=browser.search code<|message|>{}<|call|>"
                           "<|start|>assistant to=functions.f<|message|>{}<|call|>"),
            "call 0 browser.search({}) call 1 f({})");
  EXPECT_EQ(harmony_events("<|channel|>musings<|message|>y<|return|>"), "content(y)");
  EXPECT_EQ(harmony_events("no header at all"), "content(no header at all)");
}

TEST(AnswerParser, harmony_messages_for_the_same_reader_are_a_blank_line_apart) {
  EXPECT_EQ(harmony_events("<|channel|>analysis<|message|>a<|end|><|start|>assistant"
                           "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant"
                           "<|channel|>analysis<|message|>b<|end|><|start|>assistant"
                           "<|channel|>final<|message|>Done.<|return|>"),
            "reasoning(a) content(I look.) reasoning(‹\n\n›b) content(‹\n\n›Done.)");
}

TEST(AnswerParser, harmony_calls_are_content_when_no_tools_were_given) {
  EXPECT_EQ(harmony_events("<|channel|>commentary to=functions.f json<|message|>{}<|call|>",
                           kHarmonyWithoutTools),
            "content({})");
}

TEST(AnswerParser, a_harmony_call_without_arguments_is_ended_by_its_token) {
  const auto ids = ids_of("<|channel|>commentary to=functions.f");
  EXPECT_EQ(events_of(small_tokenizer(), ids, kHarmony, ids_of("<|call|>")[0]), "call 0 f()");
  EXPECT_EQ(events_of(small_tokenizer(), ids, kHarmony), "");
}

TEST(AnswerParser, arguments_come_piece_by_piece) {
  const auto parser = *make_answer_parser(small_tokenizer(), kHarmony, false);
  AnswerEvents events;
  for (const TokenId id : ids_of("<|channel|>commentary to=functions.f<|message|>{\"a")) {
    parser->push(id, events);
  }
  ASSERT_EQ(events.size(), 3u);  // the header, the beginning, the arguments so far
  EXPECT_EQ(events[0].kind, AnswerEventKind::markup);
  EXPECT_EQ(events[1].kind, AnswerEventKind::tool_call_begin);
  EXPECT_EQ(events[1].text, "f");
  EXPECT_EQ(events[2].text, "{\"a");
}

// The qwen3 vocabulary has <think> as a token of its own.
TEST(AnswerParser, tags_may_be_tokens_or_text) {
  const auto qwen3 = read_tokenizer(HEARTH_SOURCE_DIR "/tests/golden/hf/qwen3/tokenizer.json");
  const AnswerFormat format = {ReasoningFormat::think, ToolDialect::hermes};
  const std::string text =
      "<think>\nhm €\n</think>\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>";
  const std::string expected = "reasoning(hm €) call 0 f({})";
  ASSERT_TRUE(qwen3->find("<think>"));
  EXPECT_EQ(events_of(*qwen3, qwen3->encode(text, true)->ids, format), expected);
  EXPECT_EQ(events_of(*qwen3, qwen3->encode(text, false)->ids, format), expected);
  EXPECT_EQ(events_of(*qwen3, ids_of("a<|im_end|>b", *qwen3), {}), "content(ab)");
}

TEST(AnswerParser, control_tokens_that_are_tags_are_read_and_not_shown) {
  TokenizerSpec spec = small_tokenizer().spec();
  for (std::string& token : spec.tokens) {
    if (token == "<|reserved_1|>") token = "<|python_tag|>";
  }
  const auto tokenizer = *Tokenizer::build(std::move(spec));
  const AnswerFormat llama3 = {ReasoningFormat::none, ToolDialect::llama3};
  EXPECT_EQ(
      events_of(*tokenizer,
                ids_of("<|python_tag|>{\"name\": \"f\", \"parameters\": {}}", *tokenizer), llama3),
      "call 0 f({})");
  EXPECT_EQ(events_of(*tokenizer, ids_of("a<|python_tag|>b", *tokenizer), llama3), "content(ab)");
  EXPECT_EQ(events_of(*tokenizer, ids_of("a<|python_tag|>b", *tokenizer), {}), "content(ab)");
}

TEST(AnswerParser, formats_that_do_not_go_together_are_refused) {
  const auto refused = [](const AnswerFormat& format, const Tokenizer& tokenizer) {
    const auto parser = make_answer_parser(tokenizer, format, false);
    return parser ? "accepted" : parser.error().message;
  };
  EXPECT_EQ(refused({ReasoningFormat::harmony, ToolDialect::hermes}, small_tokenizer()),
            "reasoning format harmony with tool dialect hermes: harmony's reasoning goes with the "
            "tools harmony or none");
  EXPECT_EQ(refused({ReasoningFormat::think, ToolDialect::harmony}, small_tokenizer()),
            "reasoning format think with tool dialect harmony: harmony's reasoning goes with the "
            "tools harmony or none");
  const auto qwen3 = read_tokenizer(HEARTH_SOURCE_DIR "/tests/golden/hf/qwen3/tokenizer.json");
  EXPECT_EQ(refused(kHarmony, *qwen3),
            "the vocabulary has no token <|start|>; the harmony format needs that of gpt-oss");
}

TEST(AnswerFormat, names_go_both_ways) {
  for (const char* name : {"none", "think", "harmony"}) {
    ASSERT_TRUE(find_reasoning_format(name));
    EXPECT_EQ(name_of(*find_reasoning_format(name)), name);
  }
  for (const char* name : {"none", "hermes", "phi4", "llama3", "mistral", "harmony"}) {
    ASSERT_TRUE(find_tool_dialect(name));
    EXPECT_EQ(name_of(*find_tool_dialect(name)), name);
  }
  EXPECT_FALSE(find_reasoning_format("hermes"));
  EXPECT_FALSE(find_tool_dialect("think"));
}

std::string guessed(const std::string& model, std::string_view chat_template) {
  const auto tokenizer =
      read_tokenizer(HEARTH_SOURCE_DIR "/tests/golden/hf/" + model + "/tokenizer.json");
  const GuessedFormat guess = guess_answer_format(chat_template, *tokenizer);
  return std::string(name_of(guess.format.reasoning)) + ", " +
         std::string(name_of(guess.format.tools)) + ": " + guess.reason;
}

std::string guessed_of_files(const std::string& model) {
  return guessed(model,
                 read_file(HEARTH_SOURCE_DIR "/tests/golden/hf/" + model + "/chat_template.jinja"));
}

TEST(AnswerFormat, is_guessed_from_template_and_vocabulary) {
  EXPECT_EQ(guessed_of_files("gpt_oss"), "harmony, harmony: <|channel|> in the vocabulary");
  EXPECT_EQ(guessed_of_files("qwen3"),
            "think, hermes: </think> in the chat template, <tool_call> in the chat template");
  EXPECT_EQ(guessed_of_files("phi3"), "none, phi4: <|tool_call|> in the chat template");
  EXPECT_EQ(guessed("llama_tied", ""), "none, none: ");
  EXPECT_EQ(guessed("llama_tied", "x <|python_tag|> y"),
            "none, llama3: <|python_tag|> in the chat template");
  EXPECT_EQ(guessed("llama_tied", "'[TOOL_CALLS] ' …</think>"),
            "think, mistral: </think> in the chat template, [TOOL_CALLS] in the chat template");
  EXPECT_EQ(guessed("qwen3", ""),
            "think, hermes: </think> in the vocabulary, <tool_call> in the vocabulary");
}

TEST(AnswerFormat, a_prompt_that_ends_inside_the_tag_opens_thinking) {
  const auto opens = [](std::vector<TextSpan> spans) { return opens_thinking(spans); };
  EXPECT_TRUE(opens({{"<|assistant|><think>\n", true}}));
  EXPECT_TRUE(opens({{"x", false}, {"<|assistant|>\n<think>", true}, {"\n", false}}));
  EXPECT_FALSE(opens({{"<|assistant|><think>\n\n</think>\n\n", true}}));
  EXPECT_FALSE(opens({{"<|assistant|>", true}}));
  EXPECT_FALSE(opens({{"<|user|>", true}, {"<think>", false}}));
  EXPECT_FALSE(opens({}));
}

TEST(AnswerEvents, pieces_of_one_kind_join) {
  AnswerEvents events;
  events.add_text(AnswerEventKind::content, "a");
  events.add_text(AnswerEventKind::content, "b");
  events.add_text(AnswerEventKind::content, "");
  events.add({AnswerEventKind::content, -1, "\n\n", 0});
  events.add_text(AnswerEventKind::content, "c");
  events.add_markup(2);
  events.add_markup(3);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].text, "ab");
  EXPECT_EQ(events[0].n_source_bytes, 2u);
  EXPECT_EQ(events[1].text, "\n\n");
  EXPECT_EQ(events[1].n_source_bytes, 0u);
  EXPECT_EQ(events[3].n_source_bytes, 5u);
  events.clear();
  EXPECT_TRUE(events.empty());
}

}  // namespace
}  // namespace hearth::text
