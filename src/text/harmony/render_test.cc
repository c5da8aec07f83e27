// render_test.cc - the renderings of the reference library, and what is refused.
#include "text/harmony/render.h"

#include <gtest/gtest.h>

#include "text/harmony/harmony_for_tests.h"
#include "text/harmony/typescript.h"

namespace hearth::harmony {
namespace {

RenderOptions options_of(const Json& golden_case) {
  RenderOptions options;
  options.auto_drop_analysis = golden_case["auto_drop_analysis"].get<bool>();
  const std::string mode = golden_case["mode"];
  if (mode == "conversation") options.mode = RenderMode::conversation;
  if (mode == "training") options.mode = RenderMode::training;
  if (golden_case.contains("next_role")) {
    options.next_role = *find_role(golden_case["next_role"].get<std::string>());
  }
  return options;
}

std::vector<Piece> render_json(const Json& conversation, const RenderOptions& options = {}) {
  const auto messages = conversation_from_json(conversation);
  EXPECT_TRUE(messages) << (messages ? "" : messages.error().message);
  return render(*messages, options);
}

std::string error_of(const std::string& conversation) {
  const auto messages = conversation_from_json(Json::parse(conversation));
  return messages ? "no error" : messages.error().message;
}

// The two renderings whose text is not in the golden file are those of the built-in tools: their
// descriptions belong to the reference library. A conversation that brings them renders as any.
bool has_text(const Json& golden_case) { return golden_case.contains("text"); }

TEST(HarmonyRender, gives_the_reference_texts) {
  std::size_t n_compared = 0;
  for (const Json& c : golden()["rendering"]) {
    if (!has_text(c)) continue;
    SCOPED_TRACE(c["name"]);
    EXPECT_EQ(text_of(render_json(c["conversation"], options_of(c))), c["text"].get<std::string>());
    ++n_compared;
  }
  EXPECT_EQ(n_compared, 46u);
}

// Without the real vocabulary: that control tokens are where the reference has them, and no others.
TEST(HarmonyRender, gives_the_reference_control_tokens) {
  constexpr text::TokenId kFirstControl = 199998;
  const std::map<text::TokenId, std::string_view> names = {
      {200002, kReturn}, {200003, kConstrain}, {200005, kChannel}, {200006, kStart},
      {200007, kEnd},    {200008, kMessage},   {200012, kCall}};
  const text::Tokenizer& tokenizer = small_tokenizer();
  for (const Json& c : golden()["rendering"]) {
    if (!has_text(c)) continue;
    SCOPED_TRACE(c["name"]);
    std::vector<std::string> expected, found;
    for (const text::TokenId id : c["ids"]) {
      if (id >= kFirstControl) expected.emplace_back(names.at(id));
    }
    const auto ids = encode(tokenizer, render_json(c["conversation"], options_of(c)));
    ASSERT_TRUE(ids) << ids.error().message;
    EXPECT_EQ(tokenizer.decode(*ids, true), c["text"].get<std::string>());
    for (const text::TokenId id : *ids) {
      const auto index = static_cast<std::size_t>(id);
      if (tokenizer.spec().kinds[index] == text::TokenKind::control) {
        found.push_back(tokenizer.spec().tokens[index]);
      }
    }
    EXPECT_EQ(found, expected);
  }
}

// "<|constrain|>" begins a content type as a token, and is text anywhere else in it.
TEST(HarmonyRender, only_a_leading_constrain_is_a_token) {
  const auto n_control = [](const char* type) {
    const auto pieces = render_json(
        {{"messages", {{{"role", "assistant"}, {"content", "x"}, {"content_type", type}}}}},
        {.mode = RenderMode::conversation});
    return std::count_if(pieces.begin(), pieces.end(), [](const Piece& p) { return p.is_control; });
  };
  EXPECT_EQ(n_control("<|constrain|>json"), 4);
  EXPECT_EQ(n_control("a <|constrain|>json"), 3);
}

TEST(HarmonyRender, members_that_are_wrong_are_named) {
  EXPECT_EQ(error_of("[]"), "conversation: the document is of type array; expected an object");
  EXPECT_EQ(error_of(R"({"messages": 3})"),
            "conversation: messages is missing or no array; expected {\"messages\": […]}");
  EXPECT_EQ(error_of(R"({"messages": [{"role": "boss", "content": "x"}]})"),
            "conversation: messages[0].role is \"boss\"; expected system, developer, user, "
            "assistant or tool");
  EXPECT_EQ(error_of(R"({"messages": [{"role": "user"}]})"),
            "conversation: messages[0].content is missing; expected a text or a list of contents");
  EXPECT_EQ(error_of(R"({"messages": [{"role": "user", "content": "x", "chanel": "final"}]})"),
            "conversation: messages[0].chanel is not a member of the format");
  EXPECT_EQ(error_of(R"({"messages": [{"role": "tool", "content": "x"}]})"),
            "conversation: messages[0].name is missing; a tool's message names the tool");
  EXPECT_EQ(
      error_of(R"({"messages": [{"role": "user", "content": [{"type": "system_content"}]}]})"),
      "conversation: messages[0].content[0] is system_content in a message of role user");
  EXPECT_EQ(error_of(R"({"messages": [{"role": "user", "content": [{"type": "image"}]}]})"),
            "conversation: messages[0].content[0].type is \"image\"; expected \"text\", "
            "\"system_content\" or \"developer_content\"");
  EXPECT_EQ(error_of(R"({"messages": [{"role": "system", "content": [{"type": "system_content",
                         "reasoning_effort": "huge"}]}]})"),
            "conversation: messages[0].content[0].reasoning_effort is \"huge\"; expected Low, "
            "Medium or High");
  EXPECT_EQ(error_of(R"({"messages": [{"role": "developer", "content": [
                         {"type": "developer_content", "tools": {"functions": {
                          "name": "functions", "tools": [{"name": "f"}]}}}]}]})"),
            "conversation: messages[0].content[0].tools.functions.tools[0].description is missing; "
            "expected a string");
}

TEST(HarmonyRender, a_vocabulary_without_the_tokens_is_refused) {
  text::TokenizerSpec spec = small_tokenizer().spec();
  for (std::string& token : spec.tokens) {
    if (token == kConstrain) token = "<|something|>";
  }
  const auto other = *text::Tokenizer::build(std::move(spec));
  const std::vector<Piece> pieces = {{std::string(kConstrain), true}};
  const auto ids = encode(*other, pieces);
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().kind, ErrorKind::unsupported);
  EXPECT_EQ(ids.error().message,
            "the vocabulary has no token <|constrain|>; the harmony format needs that of gpt-oss");
  EXPECT_FALSE(find_tokens(*other));
  EXPECT_TRUE(find_tokens(small_tokenizer()));
}

std::string type_of(const char* schema) {
  const auto type = typescript_type(Json::parse(schema));
  return type ? *type : "error: " + type.error().message;
}

// Beyond the golden conversations; found by running the reference library.
TEST(HarmonyTypescript, is_the_references_also_where_schemas_are_odd) {
  EXPECT_EQ(type_of("5"), "any");
  EXPECT_EQ(type_of("{}"), "any");
  EXPECT_EQ(type_of(R"({"type": ["integer", "object", 3]})"), "number | object");
  EXPECT_EQ(type_of(R"({"type": []})"), "any");
  EXPECT_EQ(type_of(R"({"type": "string", "enum": [1, "a", null]})"), "\"a\"");
  EXPECT_EQ(type_of(R"({"type": "string", "enum": [1]})"), "string");
  EXPECT_EQ(type_of(R"({"type": "array", "items": null})"), "any[]");
  EXPECT_EQ(type_of(R"({"oneOf": []})"), "");
  EXPECT_EQ(type_of(R"({"oneOf": [{"type": "string", "description": "first"},
                                  {"type": "number", "default": 1.50}]})"),
            "\n | string // first\n | number // default: 1.5");
  EXPECT_EQ(type_of(R"({"type": "object", "properties": [1]})"), "{\n}");
  EXPECT_EQ(type_of(R"({"type": "object", "properties": {
      "a": {"type": "null", "nullable": true},
      "b": {"type": "object", "default": {"z": 1, "a": [1, 2.0]}},
      "c": {"default": 1e100}, "d": {"default": [1e-7, 0.00001, -1.5e-5]}, "e": {"default": 12345678901234567890},
      "f": {"type": "string", "default": null}, "g": {"type": "string", "nullable": "yes"}}})"),
            "{\na?: any | null,\nb?: {\n    }, // default: {\"z\":1,\"a\":[1,2.0]}\n"
            "c?: any, // default: 1e100\nd?: any, // default: [1e-7,0.00001,-0.000015]\n"
            "e?: any, // default: 12345678901234567890\nf?: string, // default: null\n"
            "g?: string,\n}");
  EXPECT_EQ(type_of(R"({"type": "object", "properties": {"a": {"description": "same", "oneOf": [
      {"type": "string", "description": "hidden"},
      {"type": "number", "description": "same", "nullable": true},
      {"type": "string", "enum": ["x"], "default": "x", "description": "other"},
      {"oneOf": [{"type": "string"}, {"type": "null"}]}]}}})"),
            "{\n// same\na?:\n | string\n | number | null\n | \"x\" // other default: x\n"
            " | \n    | string\n    | any\n,\n}");
}

TEST(HarmonyTypescript, nesting_is_bounded) {
  std::string deep = "{}";
  for (int i = 0; i < 64; ++i) deep = R"({"type": "array", "items": )" + deep + "}";
  EXPECT_EQ(type_of(deep.c_str()),
            "error: the schema of a tool's parameters is nested more than 64 deep");
  EXPECT_EQ(type_of(deep.substr(27, deep.size() - 28).c_str()).substr(0, 3), "any");
}

}  // namespace
}  // namespace hearth::harmony
