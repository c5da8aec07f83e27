#include "api/json.h"

#include <gtest/gtest.h>

#include "base/str.h"
#include "base/strict_json.h"

namespace hearth::api {
namespace {

constexpr int kMaxDepth = static_cast<int>(JsonLimits{}.max_depth);
constexpr std::size_t kMaxValues = JsonLimits{}.max_values;

std::string fault_of(std::string_view text) {
  Json out;
  const auto fault = parse_json(text, out);
  return fault ? fault->message : "";
}

Json parsed(std::string_view text) {
  Json out;
  EXPECT_FALSE(parse_json(text, out)) << text;
  return out;
}

TEST(ParseJson, gives_the_value_in_the_order_it_was_written) {
  EXPECT_EQ(parsed(R"({"b":1,"a":[true,null,-2,1.5,"x"],"c":{}})").dump(),
            R"({"b":1,"a":[true,null,-2,1.5,"x"],"c":{}})");
  EXPECT_EQ(parsed(" 7 ").dump(), "7");
}

TEST(ParseJson, names_the_place_of_a_fault_without_repeating_the_clients_text) {
  const std::string message = fault_of("{\"a\": nope" + std::string(5000, 'x') + "}");
  EXPECT_NE(message.find("the request body is not valid JSON: at line 1, column 8"),
            std::string::npos)
      << message;
  EXPECT_LT(message.size(), 300U);
}

TEST(ParseJson, refuses_what_is_not_one_json_value) {
  for (const std::string_view bad :
       {"{", "[1,]", "{\"a\":1}x", "NaN", "{'a':1}", "\"\\ud800\"", "\"a\nb\"", "01", "1e999",
        "\"\xff\"", "{\"\xc3\x28\":1}", "tru", "[1 2]"}) {
    EXPECT_NE(fault_of(bad), "") << bad;
  }
}

TEST(ParseJson, says_that_an_empty_body_is_empty) {
  EXPECT_EQ(fault_of(""), "the request body is empty; a JSON object was expected");
  EXPECT_EQ(fault_of(" \r\n"), "the request body is empty; a JSON object was expected");
}

TEST(ParseJson, refuses_a_key_that_comes_twice_in_one_object_only) {
  EXPECT_EQ(fault_of(R"({"a":1,"b":{"a":2,"a":3}})"),
            "the request body has the key \"a\" twice in one object; send it once");
  EXPECT_EQ(fault_of(R"([{"a":1},{"a":2}])"), "");
}

TEST(ParseJson, bounds_the_depth) {
  const auto nested = [](int n) {
    return std::string(static_cast<std::size_t>(n), '[') +
           std::string(static_cast<std::size_t>(n), ']');
  };
  EXPECT_EQ(fault_of(nested(kMaxDepth)), "");
  EXPECT_EQ(fault_of(nested(kMaxDepth + 1)), "the request body is nested deeper than 64 levels");
  EXPECT_NE(fault_of(std::string(4'000'000, '[')), "");
  std::string objects;
  for (int i = 0; i <= kMaxDepth; ++i) objects += "{\"a\":";
  EXPECT_NE(fault_of(objects).find("nested deeper"), std::string::npos);
}

TEST(ParseJson, bounds_the_number_of_values) {
  std::string many = "[";
  for (std::size_t i = 0; i < kMaxValues; ++i) many += "1,";
  many += "1]";
  EXPECT_EQ(fault_of(many), "the request body holds more than 1000000 JSON values");
}

TEST(ParseJson, reads_an_object_of_many_keys_in_linear_time) {
  std::string many = "{";
  for (int i = 0; i < 200'000; ++i) many += cat(i == 0 ? "" : ",", "\"k", i, "\":[", i, "]");
  many += "}";
  const Json value = parsed(many);  // quadratic would take minutes
  EXPECT_EQ(value.size(), 200'000U);
}

struct NumberCase {
  const char* json;
  const char* message;  // "": accepted
};

TEST(Fields, numbers_are_checked_against_their_range) {
  const NumberCase cases[] = {
      {R"({"t":0})", ""},
      {R"({"t":2})", ""},
      {R"({"t":1.25})", ""},
      {R"({"t":null})", ""},
      {R"({})", ""},
      {R"({"t":"hot"})", "'t' must be a number between 0 and 2, got \"hot\""},
      {R"({"t":-0.1})", "'t' must be a number between 0 and 2, got -0.1"},
      {R"({"t":1e308})", "'t' must be a number between 0 and 2, got 1e+308"},
      {R"({"t":true})", "'t' must be a number between 0 and 2, got true"},
      {R"({"t":[]})", "'t' must be a number between 0 and 2, got an empty array"},
      {R"({"t":{"a":1}})", "'t' must be a number between 0 and 2, got an object"},
  };
  for (const NumberCase& c : cases) {
    const Json object = parsed(c.json);
    Fields fields(object);
    double t = 1;
    fields.number("t", {0, 2}, t);
    const auto fault = fields.finish();
    EXPECT_EQ(fault ? fault->message : "", c.message) << c.json;
    if (fault) {
      EXPECT_EQ(fault->param, "t");
    }
  }
}

TEST(Fields, an_excluded_bound_is_said_and_refused) {
  const Json object = parsed(R"({"p":0})");
  Fields fields(object);
  double p = 1;
  EXPECT_FALSE(fields.number("p", {.min = 0, .max = 1, .min_excluded = true}, p));
  EXPECT_EQ(fields.finish()->message, "'p' must be a number greater than 0 and at most 1, got 0");
}

TEST(Fields, integers_may_be_written_with_a_point_but_must_be_whole) {
  const NumberCase cases[] = {
      {R"({"n":3})", ""},
      {R"({"n":3.0})", ""},
      {R"({"n":3.5})", "'n' must be an integer between 1 and 128, got 3.5"},
      {R"({"n":0})", "'n' must be an integer between 1 and 128, got 0"},
      {R"({"n":129})", "'n' must be an integer between 1 and 128, got 129"},
      {R"({"n":18446744073709551615})",
       "'n' must be an integer between 1 and 128, got 18446744073709551615"},
      {R"({"n":-9223372036854775808})",
       "'n' must be an integer between 1 and 128, got -9223372036854775808"},
      {R"({"n":"3"})", "'n' must be an integer between 1 and 128, got \"3\""},
  };
  for (const NumberCase& c : cases) {
    const Json object = parsed(c.json);
    Fields fields(object);
    std::int32_t n = 1;
    fields.integer("n", 1, 128, n);
    const auto fault = fields.finish();
    EXPECT_EQ(fault ? fault->message : "", c.message) << c.json;
  }
}

TEST(Fields, an_unknown_field_is_refused_with_the_nearest_known_name) {
  const Json object = parsed(R"({"temprature":1})");
  Fields fields(object, "inner.");
  double t = 1;
  fields.number("temperature", {0, 2}, t);
  const auto fault = fields.finish();
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->message, "unknown field 'inner.temprature'; did you mean 'inner.temperature'?");
  EXPECT_EQ(fault->param, "inner.temprature");
  EXPECT_EQ(fault->code, "unknown_parameter");
}

TEST(Fields, an_unknown_field_that_is_null_asks_for_nothing) {
  const Json object = parsed(R"({"whatever":null})");
  EXPECT_FALSE(Fields(object).finish());
}

TEST(Fields, a_long_unknown_name_makes_a_short_message) {
  const Json object = Json{{std::string(100'000, 'k'), 1}};
  const auto fault = Fields(object).finish();
  ASSERT_TRUE(fault);
  EXPECT_LT(fault->message.size() + fault->param.size(), 400U);
}

TEST(Fields, the_first_fault_wins) {
  const Json object = parsed(R"({"a":"x","b":"y","c":1})");
  Fields fields(object);
  double number = 0;
  fields.number("a", {0, 1}, number);
  fields.number("b", {0, 1}, number);
  EXPECT_EQ(fields.finish()->param, "a");
}

TEST(Fields, a_refused_field_may_be_null) {
  const Json object = parsed(R"({"tools":null,"audio":{}})");
  Fields fields(object);
  fields.refuse("tools", "is not supported");
  EXPECT_FALSE(fields.failed());
  fields.refuse("audio", "is not supported");
  EXPECT_EQ(fields.finish()->message, "'audio' is not supported");
}

}  // namespace
}  // namespace hearth::api
