#include "api/embeddings.h"

#include <gtest/gtest.h>

namespace hearth::api {
namespace {

EmbeddingsRequest parsed(const char* body) {
  EmbeddingsRequest request;
  const auto fault = parse_embeddings_request(body, request);
  EXPECT_FALSE(fault) << body << ": " << (fault ? fault->message : "");
  return request;
}

TEST(EmbeddingsRequest, takes_texts_and_token_ids) {
  using Ids = std::vector<std::int32_t>;
  EXPECT_EQ(parsed(R"({"model":"m","input":"a"})").inputs, std::vector<TextOrIds>{"a"});
  EXPECT_EQ(parsed(R"({"input":["a","b"]})").inputs, (std::vector<TextOrIds>{"a", "b"}));
  EXPECT_EQ(parsed(R"({"input":[1,2]})").inputs, (std::vector<TextOrIds>{Ids{1, 2}}));
  EXPECT_EQ(parsed(R"({"input":[[1],[2,3]]})").inputs, (std::vector<TextOrIds>{Ids{1}, Ids{2, 3}}));
  const auto request = parsed(R"({"input":"a","encoding_format":"base64","dimensions":8})");
  EXPECT_TRUE(request.base64);
  EXPECT_EQ(request.dimensions, 8);
}

TEST(EmbeddingsRequest, a_fault_names_its_field) {
  struct Refusal {
    const char *body, *param, *part;
  };
  const Refusal table[] = {
      {R"({})", "input", "required"},
      {R"({"input":[]})", "input", "an array of strings"},
      {R"({"input":""})", "input", "is empty"},
      {R"({"input":["a",""]})", "input", "'input' 1 is empty"},
      {R"({"input":[[]]})", "input", "is empty"},
      {R"({"input":["a",1]})", "input", "got 1"},
      {R"({"input":[1,-1]})", "input", "got -1"},
      {R"({"input":[1.5]})", "input", "got 1.5"},
      {R"({"input":"a","encoding_format":"hex"})", "encoding_format", "got \"hex\""},
      {R"({"input":"a","dimensions":0})", "dimensions", "got 0"},
      {R"({"input":"a","dimension":1})", "dimension", "did you mean 'dimensions'"},
      {R"([])", "", "must be a JSON object"},
  };
  for (const Refusal& c : table) {
    EmbeddingsRequest request;
    const auto fault = parse_embeddings_request(c.body, request);
    ASSERT_TRUE(fault) << c.body;
    EXPECT_EQ(fault->param, c.param) << fault->message;
    EXPECT_NE(fault->message.find(c.part), std::string::npos) << fault->message;
  }
}

TEST(EmbeddingsRequest, at_most_2048_texts) {
  Json body = {{"input", std::vector<std::string>(2049, "a")}};
  EmbeddingsRequest request;
  const auto fault = parse_embeddings_request(body.dump(), request);
  ASSERT_TRUE(fault);
  EXPECT_NE(fault->message.find("2049"), std::string::npos);
}

TEST(EmbeddingsResponse, has_numbers_or_base64_of_float32) {
  EXPECT_EQ(embeddings_response("m", {{1, -0.5F}}, false, 3),
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1.0,-0.5]}],)"
            R"("model":"m","usage":{"prompt_tokens":3,"total_tokens":3}})");
  // 1.0F is 00 00 80 3f, -0.5F is 00 00 00 bf.
  const Json reply = Json::parse(embeddings_response("m", {{1}, {1, -0.5F}}, true, 3));
  EXPECT_EQ(reply["data"][0]["embedding"], "AACAPw==");
  EXPECT_EQ(reply["data"][1]["embedding"], "AACAPwAAAL8=");
}

}  // namespace
}  // namespace hearth::api
