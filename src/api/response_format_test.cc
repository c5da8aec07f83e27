#include "api/response_format.h"

#include <gtest/gtest.h>

#include "base/str.h"

namespace hearth::api {
namespace {

ResponseFormat read(const std::string& format, std::optional<ApiError>& fault) {
  const Json body = Json::parse(cat(R"({"response_format":)", format, "}"));
  Fields fields(body);
  ResponseFormat out;
  read_response_format(fields, out);
  fault = fields.finish();
  return out;
}

TEST(ResponseFormat, has_four_kinds) {
  using Kind = ResponseFormat::Kind;
  std::optional<ApiError> fault;
  EXPECT_EQ(read("null", fault).kind, Kind::text);
  EXPECT_EQ(read(R"({"type":"text"})", fault).kind, Kind::text);
  EXPECT_EQ(read(R"({"type":"json_object"})", fault).kind, Kind::json_object);
  const ResponseFormat schema = read(
      R"({"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"null"}}})",
      fault);
  EXPECT_EQ(schema.kind, Kind::json_schema);
  EXPECT_EQ(schema.schema.dump(), R"({"type":"null"})");
  EXPECT_EQ(schema.name, "n");
  const ResponseFormat grammar = read(R"({"type":"grammar","grammar":"root ::= \"a\""})", fault);
  EXPECT_EQ(grammar.kind, Kind::grammar);
  EXPECT_EQ(grammar.grammar, "root ::= \"a\"");
  EXPECT_FALSE(fault);
}

TEST(ResponseFormat, a_fault_says_where_it_is) {
  struct Refusal {
    const char *format, *param, *part;
  };
  const Refusal table[] = {
      {R"("json")", "response_format", "an object"},
      {R"({})", "response_format.type", "required"},
      {R"({"type":"xml"})", "response_format.type", "got \"xml\""},
      {R"({"type":"json_object","schema":{}})", "response_format.schema", "unknown field"},
      {R"({"type":"json_schema"})", "response_format.json_schema", "required"},
      {R"({"type":"json_schema","json_schema":{"schema":{}}})", "response_format.json_schema.name",
       "required"},
      {R"({"type":"json_schema","json_schema":{"name":"n"}})", "response_format.json_schema.schema",
       "required"},
      {R"({"type":"grammar"})", "response_format.grammar", "required"},
  };
  for (const Refusal& c : table) {
    std::optional<ApiError> fault;
    read(c.format, fault);
    ASSERT_TRUE(fault) << c.format;
    EXPECT_EQ(fault->param, c.param) << fault->message;
    EXPECT_NE(fault->message.find(c.part), std::string::npos) << fault->message;
  }
}

}  // namespace
}  // namespace hearth::api
