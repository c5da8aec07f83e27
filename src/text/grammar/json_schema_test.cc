// json_schema_test.cc - schemas to grammars. tests/cli/grammar_test.py checks random texts of such
// grammars with the Python package jsonschema.
#include "text/grammar/json_schema.h"

#include <gmock/gmock.h>

#include <functional>

#include "base/str.h"
#include "base/strict_json.h"
#include "text/grammar/grammar_for_tests.h"

namespace hearth::text {
namespace {

void expect_fits(std::string_view schema, std::initializer_list<std::string_view> whole,
                 std::initializer_list<std::string_view> not_whole) {
  for (const auto text : whole)
    EXPECT_EQ(schema_fit(schema, text), "whole") << schema << "\n" << text;
  for (const auto text : not_whole)
    EXPECT_NE(schema_fit(schema, text), "whole") << schema << "\n" << text;
}

void expect_refused(std::string_view schema, std::string_view words) {
  const std::string said = schema_fit(schema, "");
  EXPECT_NE(said.find(words), std::string::npos) << schema << "\n" << said;
}

TEST(JsonSchema, types) {
  expect_fits("{}",
              {"1", "{\"a\": [null, true, \"x\", -1.5e3]}", "\"\"", "[]", "{}", "{ }", "[\n  1\n]"},
              {"", "01", "[1,]", "{\"a\"}", "nul", "+1", "\"\\x\"", "\"\n\""});
  expect_fits("true", {"{}"}, {"x"});
  expect_fits(R"({"type": "string"})", {"\"\"", "\"é\\n\\u00e9\\ud83d\\ude42\""},
              {"1", "\"\\ud83d\"", "\"\\u12\""});
  expect_fits(R"({"type": "integer"})", {"0", "-5", "123456789012345678"},
              {"1.5", "-0", "1e3", "01"});
  expect_fits(R"({"type": "number"})", {"0", "-0.5", "2e-7"}, {"\"1\"", "."});
  expect_fits(R"({"type": ["boolean", "null"]})", {"true", "false", "null"}, {"1"});
  expect_fits(R"({"type": "string", "nullable": true})", {"null", "\"\""}, {"1"});
  expect_fits(R"({"type": "object"})", {"{\"a\": 1}"}, {"[]"});
}

TEST(JsonSchema, strings) {
  expect_fits(R"({"type": "string", "minLength": 2, "maxLength": 3})", {"\"ab\"", "\"世\\n🙂\""},
              {"\"a\"", "\"abcd\""});
  expect_fits(R"({"minLength": 1})", {"\"a\""}, {"\"\""});
  expect_fits(R"({"type": "string", "pattern": "^[a-f0-9]{4}$"})", {"\"00ff\""},
              {"\"00fg\"", "\"00f\""});
  expect_fits(R"({"type": "string", "format": "date"})", {"\"2026-11-28\""},
              {"\"2026-02-30\"", "\"2026-13-01\""});
  expect_fits(R"({"type": "string", "format": "uuid"})",
              {"\"123e4567-e89b-12d3-a456-426614174000\""}, {"\"123\""});
  expect_fits(R"({"type": "string", "format": "date-time"})",
              {"\"2026-11-28T10:00:00Z\"", "\"2026-11-28T10:00:00.5+01:00\""}, {"\"2026-11-28\""});
  expect_fits(R"({"type": "string", "format": "ipv4"})", {"\"127.0.0.1\""}, {"\"256.0.0.1\""});
}

TEST(JsonSchema, numbers) {
  expect_fits(R"({"type": "integer", "minimum": 1, "maximum": 10})", {"1", "10"},
              {"0", "11", "-1"});
  expect_fits(R"({"type": "number", "exclusiveMinimum": 0, "maximum": 1})", {"0.5", "1", "1.0"},
              {"0", "0.0", "1.01"});
  expect_fits(R"({"type": "integer", "minimum": 3, "exclusiveMinimum": 3})", {"4"}, {"3"});
  expect_fits(R"({"minimum": 5})", {"5", "5.5"}, {"4"});
}

TEST(JsonSchema, enums) {
  expect_fits(R"({"enum": ["a\"b", 1, null, {"x": [1, 2]}]})",
              {"\"a\\\"b\"", "1", "null", "{\"x\":[1,2]}"}, {"2", "\"a\""});
  expect_fits(R"({"const": "only"})", {"\"only\""}, {"\"other\""});
  expect_fits(R"({"enum": ["a", 1], "type": "string"})", {"\"a\""}, {"1"});
}

TEST(JsonSchema, objects) {
  const char* const person = R"({"type": "object", "properties": {"name": {"type": "string"},
    "age": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["name", "age"], "additionalProperties": false})";
  expect_fits(person,
              {R"({"name": "x", "age": 1})", R"({"name":"x","age":1,"tags":[]})",
               "{\n  \"name\": \"x\",\n  \"age\": 1\n}"},
              {R"({"age": 1, "name": "x"})", R"({"name": "x"})",
               R"({"name": "x", "age": 1, "z": 2})", "{}"});
  expect_fits(R"({"properties": {"a": {}, "b": {}, "c": {}}})",
              {"{}", R"({"b": 1})", R"({"a": 1, "c": 2})", R"({"a": 1, "b": 2, "c": 3})"},
              {R"({"c": 1, "a": 2})", R"({"d": 1})", R"({"a": 1,})"});
  expect_fits(R"({"properties": {}})", {"{}"}, {R"({"a": 1})"});
  expect_fits(R"({"type": "object", "additionalProperties": {"type": "integer"}})",
              {R"({"x": 1, "y": 2})", "{}"}, {R"({"x": "1"})"});
  expect_fits(
      R"({"properties": {"né": {"type": "null"}, "né2": {"type": "null"}}, "additionalProperties": {"type": "integer"}})",
      {R"({"né": null, "n": 1, "né23": 2, "": 3})", R"({"x": 1})"},
      {R"({"né": 1})", R"({"x": 1, "né2": 1})", R"({"x": null})", R"({"n\u00e9": 1})"});
  expect_fits(R"({"type": "object", "required": ["k"]})", {R"({"k": [1]})", R"({"k": 1, "l": 2})"},
              {"{}", R"({"l": 1})"});
  expect_fits(R"({"properties": {"a/b~c": {"type": "null"}}, "required": ["a/b~c"]})",
              {R"({"a/b~c": null})"}, {"{}"});
}

TEST(JsonSchema, arrays) {
  expect_fits(R"({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3})",
              {"[1]", "[1, 2, 3]"}, {"[]", "[1,2,3,4]", "[\"a\"]"});
  expect_fits(R"({"type": "array", "maxItems": 0})", {"[]"}, {"[1]"});
  expect_fits(R"({"prefixItems": [{"type": "string"}, {"type": "null"}], "items": false})",
              {"[]", "[\"a\"]", "[\"a\", null]"}, {"[null]", "[\"a\", null, 1]"});
  expect_fits(
      R"({"items": [{"type": "string"}], "additionalItems": {"type": "integer"}, "minItems": 2})",
      {"[\"a\", 1]", "[\"a\",1,2]"}, {"[\"a\"]", "[\"a\",\"b\"]"});
  expect_fits(R"({"type": "array", "items": {"enum": [0]}, "minItems": 2, "maxItems": 2})",
              {"[0,0]"}, {"[0]", "[0,0,0]"});
  expect_fits(R"({"type": "array", "uniqueItems": false})", {"[1,1]"}, {});
}

TEST(JsonSchema, references) {
  const char* const tree = R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object",
    "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
    "required": ["v", "next"]}}})";
  expect_fits(tree, {R"({"v": 1, "next": null})", R"({"v": 1, "next": {"v": 2, "next": null}})"},
              {R"({"v": 1})"});
  expect_fits(R"({"type": "array", "items": {"$ref": "#"}})", {"[[], [[]]]"}, {"[1]"});
  expect_fits(
      R"({"properties": {"a": {"$ref": "#/definitions/x~1y", "description": "d"}}, "definitions": {"x/y": {"type": "null"}}})",
      {R"({"a": null})"}, {});
  expect_refused(R"({"$ref": "#/$defs/gone"})", "points to nothing");
  expect_refused(R"({"$ref": "http://example.org/s.json"})", "only references within the schema");
  expect_refused(R"({"$ref": "#"})", "left recursion");
  expect_refused(R"({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}})",
                 "lead back to themselves");
  expect_refused(R"({"type": "object", "properties": {"n": {"$ref": "#"}}, "required": ["n"]})",
                 "no text of finite length");
}

TEST(JsonSchema, combinations) {
  expect_fits(R"({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]})",
              {"5", "\"a\""}, {"\"ab\"", "null"});
  expect_fits(R"({"oneOf": [{"type": "integer"}, {"type": "string"}]})", {"5", "\"a\""}, {"null"});
  expect_fits(R"({"oneOf": [
      {"properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind", "x"]},
      {"properties": {"kind": {"const": "b"}}, "required": ["kind"]}], "discriminator": {"propertyName": "kind"}})",
              {R"({"kind": "a", "x": 1})"}, {R"({"kind": "b", "x": 1})"});
  expect_refused(R"({"oneOf": [{"minimum": 1}, {"minLength": 2}]})",
                 "\"oneOf\" cannot be enforced");
  expect_fits(R"({"oneOf": [
      {"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind", "x"]},
      {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"]}]})",
              {R"({"kind": "a", "x": 1})", R"({"kind": "b"})"}, {R"({"kind": "b", "x": 1})"});
  expect_fits(
      R"({"allOf": [{"properties": {"a": {"type": "null"}}, "required": ["a"]}, {"properties": {"b": {"type": "null"}}, "required": ["b"]}]})",
      {R"({"a": null, "b": null})"}, {R"({"a": null})"});
  expect_fits(
      R"({"type": "object", "anyOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}]})",
      {R"({"a": 1})", R"({"b": 1})"}, {"{}", "1"});
  expect_refused(R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})",
                 "\"oneOf\" cannot be enforced");
  expect_refused(R"({"allOf": [{"minimum": 1}, {"minimum": 2}]})", "differ in \"minimum\"");
  expect_refused(
      R"({"allOf": [{"properties": {"a": {}}, "additionalProperties": false}, {"properties": {"b": {}}}]})",
      "additionalProperties");
}

TEST(JsonSchema, what_cannot_be_enforced_is_refused_by_name_and_place) {
  expect_refused(R"({"properties": {"a/b": {"items": {"not": {}}}}})",
                 "at /properties/a~1b/items: the keyword \"not\"");
  for (const char* keyword : {"not", "if", "contains", "patternProperties", "propertyNames",
                              "dependentRequired", "madeUp"}) {
    expect_refused(std::string("{\"") + keyword + "\": {}}", std::string("\"") + keyword + "\"");
  }
  expect_refused(R"({"type": "array", "uniqueItems": true})", "\"uniqueItems\"");
  expect_refused(R"({"type": "integer", "multipleOf": 3})", "\"multipleOf\"");
  expect_refused(R"({"type": "string", "format": "regex"})",
                 "\"format\" cannot be enforced \"regex\"; those that can: date");
  expect_refused(R"({"type": "string", "pattern": "a", "minLength": 2})", "\"minLength\"");
  expect_refused(R"_({"type": "string", "pattern": "(?=a)"})_", "looks around");
  expect_refused(R"({"enum": [1], "minimum": 0})",
                 "\"minimum\" cannot be enforced together with enum");
  expect_refused(R"({"type": "object", "minProperties": 1})", "\"minProperties\"");
  expect_refused(R"({"minimum": true})", "as boolean");
}

TEST(JsonSchema, what_is_no_schema_or_describes_nothing_is_invalid) {
  expect_refused("1", "expected a schema");
  expect_refused("false", "false allows no value");
  expect_refused(R"({"type": "text"})", "unknown type");
  expect_refused(R"({"type": []})", "type allows nothing");
  expect_refused(R"({"enum": []})", "no value is in enum");
  expect_refused(R"({"enum": [1], "type": "string"})", "no value is in enum");
  expect_refused(R"({"minLength": -1})", "whole number from 0");
  expect_refused(R"({"minLength": 3, "maxLength": 2})", "minLength is larger than maxLength");
  expect_refused(R"({"type": "integer", "minimum": 3, "maximum": 2})", "no number");
  expect_refused(R"({"anyOf": []})", "non-empty array");
  expect_refused(R"({"properties": {"a": {}}, "required": ["b"]})", "required has \"b\"");
  expect_refused(R"({"prefixItems": [{}], "items": false, "minItems": 2})", "at most 1 items");
  expect_refused(R"({"type": "string", "minLength": 1000000000})", "instructions");
}

// "part(0),part(1),…"
std::string list(int n, const std::function<std::string(int)>& part) {
  std::string out;
  for (int i = 0; i < n; ++i) out += cat(i > 0 ? "," : "", part(i));
  return out;
}

// Large schemas are read by what does not search an object for each of its keys.
std::string large_fit(const std::string& schema, std::string_view text) {
  const auto json = parse_strict_json(schema, "the schema");
  if (!json) return json.error().message;
  const auto compiled = compile_json_schema(*json);
  return compiled ? fit(*compiled, text) : compiled.error().message;
}

TEST(JsonSchema, many_parts_do_not_stand_in_each_other) {
  const auto null_type = [](int) { return R"({"type":"null"})"; };
  const auto optional = [](int i) { return cat("\"p", i, "\":{\"type\":\"null\"}"); };
  const std::string nulls = list(3000, [](int) { return "null"; });
  EXPECT_EQ(large_fit(cat("{\"minItems\":3000,\"prefixItems\":[", list(3000, null_type), "]}"),
                      cat("[", nulls, "]")),
            "whole");
  EXPECT_EQ(large_fit(cat("{\"properties\":{", list(3000, optional), "}}"), R"({"p2999":null})"),
            "whole");
  const std::string_view refused = "more than 262144 instructions";
  EXPECT_THAT(large_fit(cat("{\"prefixItems\":[", list(60'000, null_type), "]}"), ""),
              testing::HasSubstr(refused));
  EXPECT_THAT(large_fit(cat("{\"properties\":{", list(400'000, optional), "}}"), ""),
              testing::HasSubstr(refused));
}

// Each of these took longer than a minute, or would: parts that are all compared with each other,
// or copied beside each other.
TEST(JsonSchema, parts_that_multiply_are_refused_before_they_take_long) {
  const auto number = [](int i) { return cat(i); };
  const auto name = [](int i) { return cat("\"p", i, "\""); };
  const auto property = [](int i) { return cat("\"p", i, "\":{\"const\":0}"); };
  const std::string names = list(60'000, name), properties = list(60'000, property);
  const std::string numbers = list(60'000, number),
                    others = list(60'000, [](int i) { return cat(60'000 + i); });
  const auto of_kind = [](int i) {
    return cat(R"({"type":"object","properties":{"k":{"const":)", i, R"(}},"required":["k"]})");
  };
  const auto reference = [](int i) { return cat("{\"$ref\":\"#/$defs/p", i, "\"}"); };
  const auto alone = [&](int i) { return cat("{\"properties\":{", property(i), "}}"); };
  const std::string same = list(20'000, [](int) { return "{\"title\":\"t\"}"; });
  for (const std::string& schema :
       {cat("{\"oneOf\":[", list(20'000, [](int i) { return cat("{\"const\":", i, "}"); }), "]}"),
        cat("{\"oneOf\":[", list(5000, of_kind), "]}"),
        cat("{\"oneOf\":[{\"enum\":[", numbers, "]},{\"enum\":[", others, "]}]}"),
        cat("{\"oneOf\":[{\"required\":[", names, "],\"properties\":{", properties,
            "}},{\"required\":[", names, "],\"properties\":{", properties, "}}]}"),
        cat("{\"allOf\":[{\"properties\":{", properties, "}},{\"properties\":{", properties,
            "}}]}"),
        cat("{\"allOf\":[", list(60'000, alone), "]}"),
        cat("{\"properties\":{", properties, "},\"anyOf\":[", same, "]}"),
        cat("{\"$defs\":{", properties, "},\"anyOf\":[", list(60'000, reference), "]}")}) {
    EXPECT_THAT(large_fit(schema, ""), testing::HasSubstr("too much work")) << schema.substr(0, 60);
  }
  EXPECT_EQ(large_fit(cat("{\"oneOf\":[", list(200, of_kind), "]}"), R"({"k": 199})"), "whole");
}

}  // namespace
}  // namespace hearth::text
