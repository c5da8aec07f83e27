#include "api/tools.h"

#include <gtest/gtest.h>

#include "base/str.h"

namespace hearth::api {
namespace {

ToolOptions read(const std::string& members, std::optional<ApiError>& fault) {
  const Json body = Json::parse(cat("{", members, "}"));
  Fields fields(body);
  ToolOptions options;
  read_tools(fields, options);
  fault = fields.finish();
  return options;
}

ToolOptions read(const std::string& members) {
  std::optional<ApiError> fault;
  ToolOptions options = read(members, fault);
  EXPECT_FALSE(fault) << members << ": " << (fault ? fault->message : "");
  return options;
}

constexpr const char* kTwoTools =
    R"("tools":[{"type":"function","function":{"name":"f","description":"d",
        "parameters":{"type":"object"},"strict":true}},
       {"type":"function","function":{"name":"g"}}])";

TEST(Tools, are_read_without_what_the_model_need_not_see) {
  const ToolOptions options = read(kTwoTools);
  EXPECT_EQ(options.tools.dump(),
            R"([{"type":"function","function":{"name":"f","description":"d",)"
            R"("parameters":{"type":"object"}}},{"type":"function","function":{"name":"g"}}])");
  EXPECT_EQ(options.strict, std::vector<std::string>{"f"});
  EXPECT_EQ(options.choice, ToolChoice::automatic);
  EXPECT_TRUE(options.offered() && options.parallel);
}

TEST(Tools, the_choice_has_four_forms) {
  const auto choice = [](const std::string& value) {
    return read(cat(kTwoTools, R"(,"tool_choice":)", value));
  };
  EXPECT_EQ(choice(R"("auto")").choice, ToolChoice::automatic);
  EXPECT_FALSE(choice(R"("none")").offered());
  EXPECT_EQ(choice(R"("required")").choice, ToolChoice::required);
  EXPECT_EQ(choice(R"("any")").choice, ToolChoice::required);
  const ToolOptions named = choice(R"({"type":"function","function":{"name":"g"}})");
  EXPECT_EQ(named.choice, ToolChoice::named);
  EXPECT_EQ(named.named, "g");
  const ToolOptions allowed = choice(
      R"({"type":"allowed_tools","allowed_tools":{"mode":"required",
          "tools":[{"type":"function","function":{"name":"g"}}]}})");
  EXPECT_EQ(allowed.choice, ToolChoice::required);
  EXPECT_EQ(allowed.tools.size(), 1U);
  EXPECT_EQ(allowed.tools[0]["function"]["name"], "g");
}

TEST(Tools, the_older_names_mean_one_call_an_answer) {
  const ToolOptions options = read(R"("functions":[{"name":"f"}],"function_call":{"name":"f"})");
  EXPECT_TRUE(options.legacy);
  EXPECT_FALSE(options.parallel);
  EXPECT_EQ(options.choice, ToolChoice::named);
  EXPECT_EQ(options.tools[0].dump(), R"({"type":"function","function":{"name":"f"}})");
  EXPECT_FALSE(read(R"("functions":[{"name":"f"}],"function_call":"none")").offered());
}

TEST(Tools, a_fault_says_where_it_is) {
  struct Refusal {
    std::string members, param, part;
  };
  const std::string two = kTwoTools;
  const Refusal table[] = {
      {R"("tools":5)", "tools", "an array"},
      {R"("tools":[5])", "tools", "'tools[0]' must be an object, got 5"},
      {R"("tools":[{"type":"function"}])", "tools[0].function", "required"},
      {R"("tools":[{"function":{"name":"f"}}])", "tools[0].type", "required"},
      {R"("tools":[{"type":"web_search"}])", "tools[0].type", "\"web_search\""},
      {R"("tools":[{"type":"function","function":{}}])", "tools[0].function.name", "required"},
      {R"("tools":[{"type":"function","function":{"name":"a b"}}])", "tools[0].function.name",
       "got \"a b\""},
      {R"("tools":[{"type":"function","function":{"name":"f","parameters":[]}}])",
       "tools[0].function.parameters", "an object"},
      {R"("tools":[{"type":"function","function":{"name":"f","paramters":{}}}])",
       "tools[0].function.paramters", "did you mean 'tools[0].function.parameters'"},
      {R"("tools":[{"type":"function","function":{"name":"f"}},
                   {"type":"function","function":{"name":"f"}}])",
       "tools[1].function.name", "second"},
      {R"("tool_choice":"required")", "tool_choice", "no tools are given"},
      {two + R"(,"tool_choice":"sometimes")", "tool_choice", "got \"sometimes\""},
      {two + R"(,"tool_choice":{"type":"function","function":{"name":"h"}})", "tool_choice",
       "names \"h\""},
      {two + R"(,"tool_choice":{"type":"custom"})", "tool_choice.type", "\"custom\""},
      {two + R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto",
                 "tools":[{"type":"function","function":{"name":"h"}}]}})",
       "tool_choice.allowed_tools.tool_choice", "allows \"h\""},
      {two + R"(,"functions":[{"name":"h"}])", "functions", "one of them"},
      {R"("function_call":{"name":"h"})", "function_call", "names \"h\""},
      {two + R"(,"parallel_tool_calls":1)", "parallel_tool_calls", "true or false"},
  };
  for (const Refusal& c : table) {
    std::optional<ApiError> fault;
    read(c.members, fault);
    ASSERT_TRUE(fault) << c.members;
    EXPECT_EQ(fault->param, c.param) << fault->message;
    EXPECT_NE(fault->message.find(c.part), std::string::npos) << fault->message;
  }
}

}  // namespace
}  // namespace hearth::api
