// answer_grammar_test.cc - whole answers in each model's format: what is allowed, and that what is
// comes out of the answer parser as it was meant.
#include "text/grammar/answer_grammar.h"

#include "text/answer/answer_log_for_tests.h"
#include "text/answer_parser.h"
#include "text/grammar/grammar_for_tests.h"
#include "text/grammar/token_grammar.h"
#include "text/harmony/harmony_for_tests.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

// The events of the answer if the grammar allows it, or where it stops being allowed.
std::string read(const AnswerShape& shape, const std::shared_ptr<const Tokenizer>& tokenizer,
                 const AnswerFormat& format, std::string_view text, bool thinking_is_open = false) {
  const auto grammar = answer_grammar(shape, *tokenizer, format, thinking_is_open);
  if (!grammar) return grammar.error().message;
  GrammarMatcher matcher(std::make_shared<TokenGrammar>(
      *grammar, std::make_shared<const GrammarVocabulary>(tokenizer)));
  const auto parser = make_answer_parser(*tokenizer, format, thinking_is_open);
  EXPECT_TRUE(parser);
  const auto ids = tokenizer->encode(text, true, {.exact = true});
  EXPECT_TRUE(ids) << (ids ? "" : ids.error().message);
  AnswerEvents events;
  std::string taken;
  for (const TokenId id : ids->ids) {
    if (!matcher.accept(id)) return "stops after " + taken;
    taken += tokenizer->token_bytes(id, true);
    if (!tokenizer->is_end_of_generation(id)) (*parser)->push(id, events);
  }
  if (!matcher.may_end()) return "goes on after " + taken;
  (*parser)->finish(events);
  AnswerLog log;
  log.add(events);
  return log.summary();
}

AnswerShape json_shape(const char* schema) {
  AnswerShape shape;
  shape.content = {ContentShape::Kind::json_schema, Json::parse(schema), {}};
  return shape;
}

AnswerShape calls_shape(CallRule rule, bool one_call = false) {
  AnswerShape shape;
  shape.calls = rule;
  shape.one_call = one_call;
  shape.tools = {
      {"tide", Json::parse(R"({"properties": {"h": {"type": "integer"}}, "required": ["h"]})")},
      {"stop", nullptr}};
  return shape;
}

constexpr AnswerFormat kPlain = {};
constexpr AnswerFormat kThink = {ReasoningFormat::think, ToolDialect::none};

TEST(AnswerGrammar, content_of_a_shape) {
  const auto vocabulary = byte_vocabulary();
  const AnswerShape shape =
      json_shape(R"({"properties": {"a": {"type": "integer"}}, "required": ["a"]})");
  EXPECT_EQ(read(shape, vocabulary, kPlain, R"({"a": 5})"), R"(content({"a": 5}))");
  EXPECT_EQ(read(shape, vocabulary, kPlain, R"({"b": 5})"), R"(stops after {")");
  EXPECT_EQ(read(shape, vocabulary, kPlain, R"({"a": 5)"), R"(goes on after {"a": 5)");
  AnswerShape object;
  object.content.kind = ContentShape::Kind::json_object;
  EXPECT_EQ(read(object, vocabulary, kPlain, R"({"x": [1]})"), R"(content({"x": [1]}))");
  EXPECT_EQ(read(object, vocabulary, kPlain, "[1]"), "stops after ");
  AnswerShape words;
  words.content = {ContentShape::Kind::gbnf, {}, "root ::= \"yes\" | \"no\""};
  EXPECT_EQ(read(words, vocabulary, kPlain, "no"), "content(no)");
  words.content.gbnf = "root ::= x";
  EXPECT_NE(read(words, vocabulary, kPlain, "no").find("no rule \"x\""), std::string::npos);
}

TEST(AnswerGrammar, thinking_comes_first_and_is_free) {
  const AnswerShape shape = json_shape(R"({"type": "null"})");
  for (const auto& vocabulary : {byte_vocabulary(), byte_vocabulary({}, {"<think>", "</think>"})}) {
    EXPECT_EQ(read(shape, vocabulary, kThink, "<think>\nA {null}? </thin </think>\n\nnull"),
              "reasoning(A {null}? </thin) content(null)");
    EXPECT_EQ(read(shape, vocabulary, kThink, "null"), "content(null)");
    EXPECT_EQ(read(shape, vocabulary, kThink, "hm</think>null", true),
              "reasoning(hm) content(null)");
    EXPECT_EQ(read(shape, vocabulary, kThink, "<think>x</think>maybe"),
              "stops after <think>x</think>");
    EXPECT_EQ(read(shape, vocabulary, kThink, "<think>x"), "goes on after <think>x");
  }
}

TEST(AnswerGrammar, calls_in_each_dialect) {
  struct Case {
    ToolDialect dialect;
    std::vector<std::string> tags;
    const char* text;
  };
  const Case cases[] = {
      {ToolDialect::hermes,
       {},
       "<tool_call>\n{\"name\": \"tide\", \"arguments\": {\"h\": "
       "2}}\n</tool_call>\n<tool_call>\n{\"name\": \"stop\", \"arguments\": {\"x\": "
       "1}}\n</tool_call>"},
      {ToolDialect::hermes,
       {"<tool_call>", "</tool_call>"},
       "<tool_call>{\"name\": \"tide\", \"arguments\": {\"h\": "
       "2}}</tool_call><tool_call>{\"name\": \"stop\", \"arguments\": {\"x\": 1}}</tool_call>"},
      {ToolDialect::phi4,
       {"<|tool_call|>", "<|/tool_call|>"},
       "<|tool_call|>[{\"name\": \"tide\", \"arguments\": {\"h\": 2}}, {\"name\": \"stop\", "
       "\"arguments\": {\"x\": 1}}]<|/tool_call|>"},
      {ToolDialect::phi4,
       {},
       "functools[{\"name\": \"tide\", \"arguments\": {\"h\": 2}}, {\"name\": \"stop\", "
       "\"arguments\": {\"x\": 1}}]"},
      {ToolDialect::mistral,
       {"[TOOL_CALLS]"},
       "[TOOL_CALLS] [{\"name\": \"tide\", \"arguments\": {\"h\": 2}}, {\"name\": \"stop\", "
       "\"arguments\": {\"x\": 1}}]"},
  };
  for (const Case& c : cases) {
    const auto vocabulary = byte_vocabulary({}, c.tags);
    const AnswerFormat format = {ReasoningFormat::none, c.dialect};
    const char* const calls = R"(call 0 tide({"h": 2}) call 1 stop({"x": 1}))";
    EXPECT_EQ(read(calls_shape(CallRule::required), vocabulary, format, c.text), calls);
    EXPECT_EQ(read(calls_shape(CallRule::optional), vocabulary, format, c.text), calls);
    EXPECT_EQ(read(calls_shape(CallRule::required), vocabulary, format, "Hello"), "stops after ");
    EXPECT_EQ(read(calls_shape(CallRule::optional), vocabulary, format, "Hello <t [T f"),
              "content(Hello <t [T f)");
    EXPECT_EQ(read(calls_shape(CallRule::required, true), vocabulary, format, c.text).substr(0, 11),
              "stops after");
    // The schema holds behind free text, too.
    std::string wrong = std::string("Well: ") + c.text;
    wrong.replace(wrong.find("\"h\": 2"), 6, "\"h\": x");
    EXPECT_EQ(read(calls_shape(CallRule::optional), vocabulary, format, wrong).substr(0, 11),
              "stops after")
        << wrong;
  }
}

TEST(AnswerGrammar, llamas_call_stands_alone) {
  const auto vocabulary = byte_vocabulary();
  const AnswerFormat format = {ReasoningFormat::none, ToolDialect::llama3};
  const char* const call = "{\"name\": \"tide\", \"parameters\": {\"h\": 2}}";
  EXPECT_EQ(read(calls_shape(CallRule::required, true), vocabulary, format, call),
            "call 0 tide({\"h\": 2})");
  EXPECT_EQ(read(calls_shape(CallRule::optional, true), vocabulary, format, call),
            "call 0 tide({\"h\": 2})");
  EXPECT_EQ(read(calls_shape(CallRule::optional, true), vocabulary, format, " The tide."),
            "content( The tide.)");
  EXPECT_EQ(read(calls_shape(CallRule::optional, true), vocabulary, format, "\n{\"a\": 1}"),
            "stops after \n");
}

TEST(AnswerGrammar, content_of_a_shape_or_calls) {
  AnswerShape shape = calls_shape(CallRule::optional);
  shape.content = {ContentShape::Kind::json_schema, Json::parse(R"({"type": "null"})"), {}};
  const auto vocabulary = byte_vocabulary();
  const AnswerFormat format = {ReasoningFormat::none, ToolDialect::hermes};
  EXPECT_EQ(read(shape, vocabulary, format, "null"), "content(null)");
  EXPECT_EQ(read(shape, vocabulary, format,
                 "<tool_call>{\"name\": \"stop\", \"arguments\": {}}</tool_call>"),
            "call 0 stop({})");
  EXPECT_EQ(read(shape, vocabulary, format, "no"), "stops after n");
}

TEST(AnswerGrammar, harmony) {
  const std::shared_ptr<const Tokenizer> vocabulary(std::shared_ptr<void>(),
                                                    &harmony::small_tokenizer());
  const AnswerFormat with_tools = {ReasoningFormat::harmony, ToolDialect::harmony};
  const AnswerFormat without = {ReasoningFormat::harmony, ToolDialect::none};
  const AnswerShape shape = json_shape(R"({"type": "null"})");
  EXPECT_EQ(read(shape, vocabulary, without,
                 "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|"
                 "message|>null"),
            "reasoning(hm) content(null)");
  EXPECT_EQ(read(shape, vocabulary, without, "<|channel|>final <|constrain|>json<|message|>null"),
            "content(null)");
  EXPECT_EQ(read(shape, vocabulary, without, "<|channel|>final<|message|>x"),
            "stops after <|channel|>final<|message|>");
  EXPECT_EQ(read(shape, vocabulary, without, "null"), "stops after ");
  const char* const call =
      "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary "
      "to=functions.tide <|constrain|>json<|message|>{\"h\": 2}";
  EXPECT_EQ(read(calls_shape(CallRule::required), vocabulary, with_tools, call),
            "reasoning(hm) call 0 tide({\"h\": 2})");
  EXPECT_EQ(
      read(calls_shape(CallRule::required), vocabulary, with_tools, "<|channel|>final<|message|>x")
          .substr(0, 11),
      "stops after");
  EXPECT_EQ(read(calls_shape(CallRule::optional), vocabulary, with_tools,
                 "<|channel|>commentary<|message|>I "
                 "look.<|end|><|start|>assistant<|channel|>final<|message|>x"),
            "content(I look.‹\n\n›x)");
}

TEST(AnswerGrammar, a_format_without_calls_cannot_be_made_to_call) {
  EXPECT_NE(read(calls_shape(CallRule::required), byte_vocabulary(), kPlain, "")
                .find("has no tool calls"),
            std::string::npos);
}

TEST(AnswerGrammar, faults_of_a_schema_name_the_tool) {
  AnswerShape shape = calls_shape(CallRule::required);
  shape.tools[0].schema = Json::parse(R"({"not": {}})");
  const std::string said =
      read(shape, byte_vocabulary(), {ReasoningFormat::none, ToolDialect::hermes}, "");
  EXPECT_NE(said.find("the schema of the tool \"tide\": the keyword \"not\""), std::string::npos)
      << said;
}

}  // namespace
}  // namespace hearth::text
