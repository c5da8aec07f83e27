#include "text/tool_messages.h"

#include <gtest/gtest.h>

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kNoTools = "{% for m in messages %}{{ m.content }}{% endfor %}";
constexpr std::string_view kHermes = "{{ tools }}{{ message.tool_calls }}";
constexpr std::string_view kPhi = "{{ message['tools'] }}{{ message.content }}";

// An array of these. (An initializer list of one value is that value to clang and an array of it to
// GCC.)
template <class... Items>
Json list(Items... items) {
  Json out = Json::array();
  (out.push_back(std::move(items)), ...);
  return out;
}

const Json kFunction = {{"type", "function"}, {"function", {{"name", "f"}}}};
const Json kTools = list(kFunction);

Json user(const char* text) { return {{"role", "user"}, {"content", text}}; }

Json call(const char* name, const char* arguments) {
  return {{"id", "call_1"},
          {"type", "function"},
          {"function", {{"name", name}, {"arguments", arguments}}}};
}

Json calling(Json calls) {
  return {{"role", "assistant"}, {"content", nullptr}, {"tool_calls", std::move(calls)}};
}

Json result(const char* text) { return {{"role", "tool"}, {"content", text}}; }

TEST(ToolMessages, a_template_that_reads_them_gets_tools_and_calls_as_objects) {
  const auto told =
      tool_messages(kHermes, ToolDialect::hermes,
                    {user("Hi"), calling(list(call("f", R"({"a": 1})"))), result("42")}, kTools);
  EXPECT_EQ(told.tools, kTools);
  EXPECT_EQ(told.dialect, ToolDialect::hermes);
  ASSERT_EQ(told.messages.size(), 3U);
  EXPECT_EQ(told.messages[1]["content"], "");
  EXPECT_EQ(told.messages[1]["tool_calls"][0]["function"]["arguments"], Json({{"a", 1}}));
  EXPECT_EQ(told.messages[2], result("42"));
}

TEST(ToolMessages, arguments_that_spell_no_object_stay_a_text) {
  const auto told = tool_messages(kHermes, ToolDialect::hermes,
                                  {user("Hi"), calling(list(call("f", "{\"a\": ")))}, kTools);
  EXPECT_EQ(told.messages[1]["tool_calls"][0]["function"]["arguments"], "{\"a\": ");
}

TEST(ToolMessages, without_tools_nothing_that_looks_like_a_call_is_one) {
  const auto told = tool_messages(kHermes, ToolDialect::hermes, list(user("Hi")), nullptr);
  EXPECT_EQ(told.messages, list(user("Hi")));
  EXPECT_EQ(told.tools, nullptr);
  EXPECT_EQ(told.dialect, ToolDialect::none);
  EXPECT_EQ(tool_messages(kNoTools, ToolDialect::none, list(user("Hi")), Json::array()).messages,
            list(user("Hi")));
}

TEST(ToolMessages, phi_reads_them_in_its_system_message) {
  const auto told = tool_messages(
      kPhi, ToolDialect::phi4,
      {user("Hi"), calling(list(call("f", "{}"), call("g", R"({"a":[1,2]})"))), result("42")},
      kTools);
  EXPECT_EQ(told.tools, nullptr);
  EXPECT_EQ(told.dialect, ToolDialect::phi4);
  EXPECT_EQ(told.messages[0]["tools"], R"([{"name": "f"}])");
  EXPECT_EQ(
      told.messages[2]["content"],
      R"(functools[{"name": "f", "arguments": {}}, {"name": "g", "arguments": {"a": [1, 2]}}])");
  EXPECT_EQ(told.messages[3], result("42"));

  const auto with_system =
      tool_messages(kPhi, ToolDialect::phi4,
                    {{{"role", "system"}, {"content", "Be brief."}}, user("Hi")}, kTools);
  EXPECT_EQ(with_system.messages[0]["content"], "Be brief.");
  EXPECT_EQ(with_system.messages[0]["tools"], R"([{"name": "f"}])");
}

TEST(ToolMessages, any_other_model_is_told_in_words) {
  const auto told = tool_messages(kNoTools, ToolDialect::none,
                                  {{{"role", "system"}, {"content", "Be brief."}},
                                   user("Hi"),
                                   calling(list(call("f", R"({"a":1})"))),
                                   result("42"),
                                   result("43"),
                                   user("So?")},
                                  kTools);
  EXPECT_EQ(told.tools, nullptr);
  EXPECT_EQ(told.dialect, ToolDialect::hermes);
  ASSERT_EQ(told.messages.size(), 5U);
  const std::string system = told.messages[0]["content"];
  EXPECT_TRUE(system.starts_with("Be brief.\n\n# Tools"));
  EXPECT_NE(system.find(R"({"type": "function", "function": {"name": "f"}})"), std::string::npos);
  EXPECT_EQ(told.messages[2]["content"],
            "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>");
  EXPECT_FALSE(told.messages[2].contains("tool_calls"));
  EXPECT_EQ(told.messages[3], user("<tool_response>\n42\n</tool_response>\n"
                                   "<tool_response>\n43\n</tool_response>"));
}

TEST(ToolMessages, a_result_that_no_call_precedes_is_the_users_word) {
  const Json messages = {
      user("Hi"), {{"role", "assistant"}, {"content", "#tool:get_time"}}, result("12:00")};
  const auto told = tool_messages(kHermes, ToolDialect::hermes, messages, nullptr);
  EXPECT_EQ(told.messages[2], user("<tool_response>\n12:00\n</tool_response>"));
}

TEST(ToolMessages, two_of_a_kind_become_one_turn) {
  const Json system = {{"role", "system"}, {"content", "S"}};
  EXPECT_EQ(take_turns({system, user("a"), user("b"), system}, false),
            list(system, user("a\n\nb\n\nS")));
  EXPECT_EQ(take_turns({system, user("a")}, true), list(user("S\n\na")));
  const Json calls = {calling(list(call("f", "{}"))), calling(list(call("g", "{}")))};
  EXPECT_EQ(take_turns(calls, false), calls);
}

}  // namespace
}  // namespace hearth::text
