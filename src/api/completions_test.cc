#include "api/completions.h"

#include <gtest/gtest.h>

#include "base/str.h"

namespace hearth::api {
namespace {

using Ids = std::vector<std::int32_t>;

CompletionRequest parsed(const std::string& body) {
  CompletionRequest request;
  const auto fault = parse_completion_request(body, request);
  EXPECT_FALSE(fault) << body << ": " << (fault ? fault->message : "");
  return request;
}

ApiError refused(const std::string& body) {
  CompletionRequest request;
  const auto fault = parse_completion_request(body, request);
  EXPECT_TRUE(fault) << body << " was accepted";
  return fault.value_or(ApiError{.message = {}, .param = {}, .code = {}});
}

std::vector<TextOrIds> prompts(const std::string& json) {
  return parsed(cat(R"({"model":"m","prompt":)", json, "}")).prompts;
}

TEST(CompletionRequest, a_prompt_has_four_shapes) {
  EXPECT_EQ(prompts(R"("a")"), (std::vector<TextOrIds>{"a"}));
  EXPECT_EQ(prompts(R"(["a","b"])"), (std::vector<TextOrIds>{"a", "b"}));
  EXPECT_EQ(prompts("[1,2]"), (std::vector<TextOrIds>{Ids{1, 2}}));
  EXPECT_EQ(prompts("[[1],[2,3]]"), (std::vector<TextOrIds>{Ids{1}, Ids{2, 3}}));
}

TEST(CompletionRequest, the_default_length_is_the_protocols) {
  EXPECT_EQ(parsed(R"({"prompt":"a"})").generation.max_tokens, 16);
  EXPECT_EQ(parsed(R"({"prompt":"a","max_tokens":0})").generation.max_tokens, 0);
}

TEST(CompletionRequest, values_that_ask_for_nothing_special_are_accepted) {
  const CompletionRequest r =
      parsed(R"({"prompt":"a","suffix":"","best_of":1,"echo":true,"logprobs":5,"n":3})");
  EXPECT_TRUE(r.echo);
  EXPECT_EQ(r.logprobs, 5);
  EXPECT_EQ(r.generation.n, 3);
}

TEST(CompletionRequest, a_fault_names_its_field) {
  const struct {
    const char* body;
    const char* param;
    const char* part;
  } table[] = {
      {R"({})", "prompt", "required"},
      {R"({"prompt":5})", "prompt", "got 5"},
      {R"({"prompt":[]})", "prompt", "got an empty array"},
      {R"({"prompt":["a",1]})", "prompt", "got 1"},
      {R"({"prompt":[1,"a"]})", "prompt", "got \"a\""},
      {R"({"prompt":[-1]})", "prompt", "got -1"},
      {R"({"prompt":[1.5]})", "prompt", "got 1.5"},
      {R"({"prompt":[4294967296]})", "prompt", "got 4294967296"},
      {R"({"prompt":[[1],"a"]})", "prompt", "got \"a\""},
      {R"({"prompt":[[1],["a"]]})", "prompt", "got \"a\""},
      {R"({"prompt":[{}]})", "prompt", "got an object"},
      {R"({"prompt":"a","suffix":"b"})", "suffix", "does not fill in"},
      {R"({"prompt":"a","best_of":2})", "best_of", "other than 1"},
      {R"({"prompt":"a","logprobs":6})", "logprobs", "between 0 and 5"},
      {R"({"prompt":"a","logprobs":true})", "logprobs", "got true"},
      {R"({"prompt":["a","b"],"n":65})", "prompt", "is 130 answers"},
      {R"({"prompt":"a","messages":[]})", "messages", "unknown field"},
  };
  for (const auto& c : table) {
    const ApiError error = refused(c.body);
    EXPECT_EQ(error.param, c.param) << c.body << ": " << error.message;
    EXPECT_NE(error.message.find(c.part), std::string::npos) << c.body << ": " << error.message;
  }
}

TokenLogprob token(std::string bytes, double logprob) {
  TokenLogprob entry;
  entry.token.bytes = std::move(bytes);
  entry.token.logprob = logprob;
  return entry;
}

void add_top(TokenLogprob& entry, std::string bytes, double logprob) {
  entry.top.push_back(token(std::move(bytes), logprob).token);
}

const ReplyHead kHead{"cmpl-1", 1700000000, "m", "fp_1"};

TEST(CompletionResponse, has_every_key_clients_require) {
  const Json body =
      Json::parse(completion_response(kHead, {{0, "hi", "length", std::nullopt}}, {1, 0, 2}));
  EXPECT_EQ(body["object"], "text_completion");
  EXPECT_EQ(body["choices"].dump(),
            R"([{"index":0,"text":"hi","logprobs":null,"finish_reason":"length"}])");
  EXPECT_EQ(body["usage"]["total_tokens"], 3);
}

TEST(CompletionResponse, legacy_logprobs_are_parallel_lists_with_offsets_in_characters) {
  std::vector<TokenLogprob> entries;
  entries.push_back(token("H", -1));
  entries.back().scored = false;
  entries.push_back(token("\xc3", -0.5));
  add_top(entries.back(), "\xc3", -0.5);
  add_top(entries.back(), "\xc4", -2);
  entries.push_back(token("\xb6", -0.25));
  add_top(entries.back(), "x", -3);
  entries.push_back(token("!", -0.125));
  const Json body = Json::parse(completion_response(kHead, {{0, "Hö!", "stop", entries}}, {}));
  EXPECT_EQ(
      body["choices"][0]["logprobs"].dump(),
      R"({"tokens":["H","bytes:\\xc3","bytes:\\xb6","!"],"token_logprobs":[null,-0.5,-0.25,-0.125],)"
      R"("top_logprobs":[null,{"bytes:\\xc3":-0.5,"bytes:\\xc4":-2.0},{"x":-3.0},{}],)"
      R"("text_offset":[0,1,2,2]})");
}

TEST(CompletionStream, a_delta_continues_the_offsets_of_its_choice) {
  const CompletionStreamWriter writer{kHead, true};
  const std::string event = writer.delta(2, "x", 7, std::vector{token("x", -1)});
  const Json chunk = Json::parse(event.substr(6));
  EXPECT_EQ(chunk["choices"][0]["index"], 2);
  EXPECT_EQ(chunk["choices"][0]["logprobs"]["text_offset"].dump(), "[7]");
  EXPECT_TRUE(chunk["usage"].is_null());
  EXPECT_EQ(Json::parse(writer.end(1, "stop").substr(6))["choices"][0].dump(),
            R"({"index":1,"text":"","logprobs":null,"finish_reason":"stop"})");
}

TEST(CountCharacters, counts_code_points) { EXPECT_EQ(count_characters("a\xc3\xb6👋"), 3); }

}  // namespace
}  // namespace hearth::api
