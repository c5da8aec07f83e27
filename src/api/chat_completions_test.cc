#include "api/chat_completions.h"

#include <gtest/gtest.h>

#include "base/str.h"

namespace hearth::api {
namespace {

// A request of one user message with further members.
std::string with(std::string_view members) {
  return cat(R"({"model":"m","messages":[{"role":"user","content":"hi"}])",
             members.empty() ? "" : ",", members, "}");
}

ChatRequest parsed(const std::string& body) {
  ChatRequest request;
  const auto fault = parse_chat_request(body, request);
  EXPECT_FALSE(fault) << body << ": " << (fault ? fault->message : "");
  return request;
}

ApiError refused(const std::string& body) {
  ChatRequest request;
  const auto fault = parse_chat_request(body, request);
  EXPECT_TRUE(fault) << body << " was accepted";
  return fault.value_or(ApiError{.message = {}, .param = {}, .code = {}});
}

TEST(ChatRequest, a_small_request_has_the_protocols_defaults) {
  const ChatRequest request = parsed(with(""));
  EXPECT_EQ(request.generation.model, "m");
  EXPECT_EQ(request.generation.temperature, 1.0);
  EXPECT_EQ(request.generation.top_p, 1.0);
  EXPECT_EQ(request.generation.n, 1);
  EXPECT_EQ(request.generation.max_tokens, -1);
  EXPECT_FALSE(request.generation.seed);
  EXPECT_FALSE(request.generation.stream);
  EXPECT_EQ(request.messages.dump(), R"([{"role":"user","content":"hi"}])");
}

TEST(ChatRequest, every_field_that_is_honoured_is_read) {
  const ChatRequest r = parsed(with(
      R"("temperature":0.5,"top_p":0.9,"min_p":0.05,"typical_p":0.8,"repetition_penalty":1.1,"top_k":40,
         "presence_penalty":-1,"frequency_penalty":1.5,"logit_bias":{"5":-100,"7":2.5},"seed":-3,
         "max_tokens":9,"stop":["a","b"],"n":2,"ignore_eos":true,"stream":true,
         "stream_options":{"include_usage":true},"logprobs":true,"top_logprobs":20,
         "chat_template_kwargs":{"enable_thinking":false})"));
  const GenerationFields& g = r.generation;
  EXPECT_EQ(g.temperature, 0.5);
  EXPECT_EQ(g.top_p, 0.9);
  EXPECT_EQ(g.min_p, 0.05);
  EXPECT_EQ(g.typical_p, 0.8);
  EXPECT_EQ(g.repetition_penalty, 1.1);
  EXPECT_EQ(g.top_k, 40);
  EXPECT_EQ(g.presence_penalty, -1);
  EXPECT_EQ(g.frequency_penalty, 1.5);
  EXPECT_EQ(g.logit_bias, (std::vector<std::pair<std::int32_t, double>>{{5, -100}, {7, 2.5}}));
  EXPECT_EQ(g.seed, -3);
  EXPECT_EQ(g.max_tokens, 9);
  EXPECT_EQ(g.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(g.n, 2);
  EXPECT_TRUE(g.ignore_eos && g.stream && g.include_usage);
  EXPECT_TRUE(r.logprobs);
  EXPECT_EQ(r.top_logprobs, 20);
  EXPECT_EQ(r.template_variables.dump(), R"({"enable_thinking":false})");
}

TEST(ChatRequest, the_reasoning_effort_is_one_of_the_known) {
  EXPECT_EQ(parsed(with(R"("reasoning_effort":"high")")).reasoning_effort, "high");
  EXPECT_EQ(parsed(with(R"("reasoning_effort":null)")).reasoning_effort, "");
}

TEST(ChatRequest, the_newer_name_of_the_length_wins) {
  EXPECT_EQ(parsed(with(R"("max_tokens":5,"max_completion_tokens":7)")).generation.max_tokens, 7);
}

TEST(ChatRequest, foundry_locals_name_of_the_seed_is_the_seed) {
  EXPECT_EQ(parsed(with(R"("random_seed":-3)")).generation.seed, -3);
}

TEST(ChatRequest, null_is_the_same_as_absent_for_every_option) {
  parsed(with(
      R"("temperature":null,"top_p":null,"n":null,"stream":null,"stream_options":null,"stop":null,
         "max_tokens":null,"max_completion_tokens":null,"presence_penalty":null,"logit_bias":null,
         "logprobs":null,"top_logprobs":null,"user":null,"seed":null,"tools":null,"tool_choice":null,
         "response_format":null,"reasoning_effort":null,"audio":null,"modalities":null,"metadata":null,
         "store":null,"service_tier":null,"prediction":null,"functions":null,"verbosity":null)"));
}

TEST(ChatRequest, fields_without_effect_on_the_answer_are_accepted) {
  parsed(with(
      R"("user":"u","metadata":{"a":"b"},"store":false,"service_tier":"auto","safety_identifier":"s",
         "prompt_cache_key":"k","response_format":{"type":"text"},"modalities":["text"],"tools":[],
         "tool_choice":"auto","parallel_tool_calls":true,"stop":[],"logit_bias":{})"));
}

struct Refusal {
  const char* members;
  const char* param;
  const char* part;  // of the message
};

TEST(ChatRequest, what_is_not_honoured_is_refused_by_name) {
  const Refusal table[] = {
      {R"("reasoning_effort":"huge")", "reasoning_effort", "\"medium\", \"high\" or"},
      {R"("reasoning_effort":"low","chat_template_kwargs":{"reasoning_effort":"low"})",
       "reasoning_effort", "one of them"},
      {R"("audio":{"voice":"x"})", "audio", "not supported yet"},
      {R"("modalities":["text","audio"])", "modalities", "not supported yet"},
      {R"("prediction":{"type":"content"})", "prediction", "not supported yet"},
      {R"("web_search_options":{})", "web_search_options", "not supported yet"},
      {R"("store":true)", "store", "keeps no answers"},
      {R"("service_tier":"flex")", "service_tier", "\"flex\""},
      {R"("stream_options":{"include_usage":true})", "stream_options", "'stream' is true"},
      {R"("stream":true,"stream_options":{"include_use":true})", "stream_options.include_use",
       "include_usage"},
      {R"("top_logprobs":3)", "top_logprobs", "needs 'logprobs'"},
      {R"("logprobs":true,"top_logprobs":21)", "top_logprobs", "between 0 and 20"},
      {R"("temperature":2.1)", "temperature", "got 2.1"},
      {R"("top_p":1.5)", "top_p", "between 0 and 1"},
      {R"("n":0)", "n", "between 1 and 128"},
      {R"("n":129)", "n", "between 1 and 128"},
      {R"("max_tokens":0)", "max_tokens", "got 0"},
      {R"("max_tokens":-1)", "max_tokens", "got -1"},
      {R"("max_tokens":1e12)", "max_tokens", "integer"},
      {R"("seed":1.5)", "seed", "integer"},
      {R"("stop":["a","b","c","d","e"])", "stop", "got 5 strings"},
      {R"("stop":"")", "stop", "non-empty"},
      {R"("stop":[1])", "stop", "got 1"},
      {R"("stop":7)", "stop", "got 7"},
      {R"("logit_bias":{"x":1})", "logit_bias", "\"x\""},
      {R"("logit_bias":{"-1":1})", "logit_bias", "\"-1\""},
      {R"("logit_bias":{"1":101})", "logit_bias", "between -100 and 100"},
      {R"("logit_bias":[1])", "logit_bias", "an object"},
      {R"("presence_penalty":3)", "presence_penalty", "between -2 and 2"},
      {R"("stream":"yes")", "stream", "true or false, got \"yes\""},
      {R"("chat_template_kwargs":{"messages":[]})", "chat_template_kwargs", "set by the service"},
      {R"("chat_template_kwargs":{"add_generation_prompt":false})", "chat_template_kwargs",
       "set by the service"},
      {R"("max_token":5)", "max_token", "did you mean 'max_tokens'?"},
      {R"("model2":5)", "model2", "unknown field"},
  };
  for (const Refusal& c : table) {
    const ApiError error = refused(with(c.members));
    EXPECT_EQ(error.status, 400) << c.members;
    EXPECT_EQ(error.param, c.param) << c.members << ": " << error.message;
    EXPECT_NE(error.message.find(c.part), std::string::npos) << c.members << ": " << error.message;
  }
}

std::string message(std::string_view json) {
  return cat(R"({"model":"m","messages":[)", json, "]}");
}

TEST(ChatMessages, every_role_is_read_and_text_parts_become_one_text) {
  const ChatRequest request = parsed(message(
      R"({"role":"system","content":"s"},{"role":"developer","content":"d"},
         {"role":"user","name":"Ann","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
         {"role":"assistant","content":"x","refusal":null,"annotations":[],"audio":null,
          "function_call":null,"tool_calls":null},
         {"role":"assistant","content":null,"tool_calls":[
           {"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},
         {"role":"tool","tool_call_id":"c1","content":"42"})"));
  EXPECT_EQ(request.messages.dump(),
            R"([{"role":"system","content":"s"},{"role":"developer","content":"d"},)"
            R"({"role":"user","content":"a\nb","name":"Ann"},{"role":"assistant","content":"x"},)"
            R"({"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",)"
            R"("function":{"name":"f","arguments":"{}"}}]},)"
            R"({"role":"tool","content":"42","tool_call_id":"c1"}])");
}

TEST(ChatMessages, earlier_reasoning_is_read_under_both_its_names) {
  for (const char* name : {"reasoning", "reasoning_content"}) {
    const ChatRequest request =
        parsed(message(cat(R"({"role":"assistant","content":"x",")", name, R"(":"hm"})")));
    EXPECT_EQ(request.messages.dump(),
              R"([{"role":"assistant","content":"x","reasoning_content":"hm"}])");
  }
}

TEST(ChatMessages, a_fault_names_the_message_and_its_field) {
  const Refusal table[] = {
      {"", "messages", "at least one message"},
      {R"(1)", "messages[0]", "must be an object, got 1"},
      {R"({"content":"x"})", "messages[0].role", "required"},
      {R"({"role":"robot","content":"x"})", "messages[0].role", "got \"robot\""},
      {R"({"role":"user"})", "messages[0].content", "required"},
      {R"({"role":"user","content":5})", "messages[0].content", "got 5"},
      {R"({"role":"user","content":[]})", "messages[0].content", "non-empty array"},
      {R"({"role":"user","content":["x"]})", "messages[0].content", "'messages[0].content[0]'"},
      {R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]})",
       "messages[0].content[0].type", "\"image_url\" is not supported yet"},
      {R"({"role":"user","content":[{"type":"text"}]})", "messages[0].content[0].text", "required"},
      {R"({"role":"user","content":[{"text":"x"}]})", "messages[0].content[0].type", "required"},
      {R"({"role":"user","content":"a"},{"role":"tool"})", "messages[1].content", "required"},
      {R"({"role":"user","content":"x","tool_calls":[]})", "messages[0].tool_calls",
       "unknown field"},
      {R"({"role":"assistant","tool_calls":[{"type":"function"}]})", "messages[0].tool_calls[0].id",
       "required"},
      {R"({"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f"}}]})",
       "messages[0].tool_calls[0].function.arguments", "required"},
      {R"({"role":"assistant","content":"x","function_call":{"name":"f"}})",
       "messages[0].function_call.arguments", "required"},
      {R"({"role":"user","content":"x","weight":1})", "messages[0].weight", "unknown field"},
  };
  for (const Refusal& c : table) {
    const ApiError error = refused(message(c.members));
    EXPECT_EQ(error.param, c.param) << c.members << ": " << error.message;
    EXPECT_NE(error.message.find(c.part), std::string::npos) << c.members << ": " << error.message;
  }
}

TEST(ChatMessages, an_assistant_who_said_nothing_is_no_fault) {
  EXPECT_EQ(parsed(message(R"({"role":"assistant","content":null})")).messages.dump(),
            R"([{"role":"assistant","content":null}])");
}

TEST(ChatMessages, null_from_anybody_else_is_an_empty_text) {
  for (const char* role : {"system", "user", "tool"}) {
    EXPECT_EQ(parsed(message(cat(R"({"role":")", role, R"(","content":null})"))).messages.dump(),
              cat(R"([{"role":")", role, R"(","content":""}])"));
  }
}

TEST(ChatMessages, results_answer_the_calls_in_their_order) {
  const Json messages = parsed(message(R"({"role":"assistant","tool_calls":[
          {"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},
          {"id":"b","type":"function","function":{"name":"g","arguments":"{}"}},
          {"id":"c","type":"function","function":{"name":"h","arguments":"{}"}}]},
        {"role":"tool","content":"1"},{"role":"tool","tool_call_id":"c","content":"3"},
        {"role":"tool","content":"2"},{"role":"tool","content":"?"})"))
                            .messages;
  EXPECT_EQ(messages[1]["tool_call_id"], "a");
  EXPECT_EQ(messages[2]["tool_call_id"], "c");
  EXPECT_EQ(messages[3]["tool_call_id"], "b");
  EXPECT_FALSE(messages[4].contains("tool_call_id"));
}

TEST(ChatMessages, the_older_names_of_calls_and_results_become_the_newer) {
  const Json messages = parsed(message(R"({"role":"user","content":"x"},
        {"role":"assistant","function_call":{"name":"f","arguments":"{}"}},
        {"role":"function","name":"f","content":"1"})"))
                            .messages;
  EXPECT_EQ(messages[1]["tool_calls"].dump(),
            R"([{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}])");
  EXPECT_EQ(messages[2].dump(),
            R"({"role":"tool","content":"1","name":"f","tool_call_id":"call_1"})");
}

TEST(ChatRequest, a_body_that_is_no_object_is_refused) {
  EXPECT_EQ(refused("[1]").message, "the request body must be a JSON object, got an array");
  EXPECT_EQ(refused("\"x\"").message, "the request body must be a JSON object, got \"x\"");
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

const ReplyHead kHead{"chatcmpl-1", 1700000000, "m", "fp_1"};

TEST(ChatResponse, has_every_key_clients_require) {
  const Json body = Json::parse(chat_response(kHead, {{0, "hi", "stop", std::nullopt}}, {5, 2, 3}));
  EXPECT_EQ(body.dump(),
            R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m",)"
            R"("system_fingerprint":"fp_1","choices":[{"index":0,"message":{"role":"assistant",)"
            R"("content":"hi","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":)"
            R"({"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,"prompt_tokens_details":)"
            R"({"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":0}}})");
}

TEST(ChatResponse, reasoning_has_two_names_and_is_absent_where_there_is_none) {
  const ChatChoice choice{0, "Yes.", "stop", std::nullopt, "hm"};
  const Json body = Json::parse(chat_response(kHead, {choice}, {5, 2, 9, 4}));
  EXPECT_EQ(body["choices"][0]["message"].dump(),
            R"({"role":"assistant","content":"Yes.","refusal":null,)"
            R"("reasoning_content":"hm","reasoning":"hm"})");
  EXPECT_EQ(body["usage"]["completion_tokens_details"]["reasoning_tokens"], 4);
}

TEST(ChatResponse, logprobs_carry_the_bytes_of_a_part_of_a_character) {
  TokenLogprob entry = token("\xc3", -0.5);
  add_top(entry, "a", -1e30);
  const Json body = Json::parse(chat_response(kHead, {{0, "", "stop", std::vector{entry}}}, {}));
  EXPECT_EQ(body["choices"][0]["logprobs"].dump(),
            R"({"content":[{"token":"�","logprob":-0.5,"bytes":[195],"top_logprobs":)"
            R"([{"token":"a","logprob":-9999.0,"bytes":[97]}]}],"refusal":null})");
}

TEST(ChatStream, the_events_are_those_of_the_protocol) {
  const ChatStreamWriter writer{kHead, true};
  const std::string head =
      R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m",)"
      R"("system_fingerprint":"fp_1","choices":)";
  EXPECT_EQ(writer.start(1),
            "data: " + head +
                R"([{"index":1,"delta":{"role":"assistant","content":""},"logprobs":null,)"
                R"("finish_reason":null}],"usage":null})"
                "\n\n");
  EXPECT_EQ(writer.delta(0, "a\nb", std::nullopt),
            "data: " + head +
                R"([{"index":0,"delta":{"content":"a\nb"},"logprobs":null,)"
                R"("finish_reason":null}],"usage":null})"
                "\n\n");
  EXPECT_NE(writer.reasoning_delta(0, "hm").find(
                R"("delta":{"reasoning_content":"hm","reasoning":"hm"},"logprobs":null)"),
            std::string::npos);
  EXPECT_EQ(writer.end(0, "length"),
            "data: " + head +
                R"([{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}],)"
                R"("usage":null})"
                "\n\n");
  EXPECT_NE(writer.usage({1, 0, 2}).find(R"("choices":[],"usage":{"prompt_tokens":1)"),
            std::string::npos);
}

TEST(ChatResponse, calls_take_the_place_of_an_empty_content) {
  ChatChoice choice{0, "", "tool_calls", std::nullopt};
  choice.calls = {{"call_a", "f", R"({"x": 1})"}};
  EXPECT_EQ(Json::parse(chat_response(kHead, {choice}, {}))["choices"][0]["message"].dump(),
            R"({"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"call_a",)"
            R"("type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}}]})");
  choice.content = "See:";
  choice.legacy_calls = true;
  EXPECT_EQ(Json::parse(chat_response(kHead, {choice}, {}))["choices"][0]["message"].dump(),
            R"({"role":"assistant","content":"See:","refusal":null,)"
            R"("function_call":{"name":"f","arguments":"{\"x\": 1}"}})");
}

// Clients join what is repeated: role, id and name come once.
TEST(ChatStream, a_call_has_its_id_and_name_in_its_first_event_only) {
  ChatStreamWriter writer{kHead, false};
  EXPECT_NE(writer.call_begin(0, 1, {"call_a", "f", ""})
                .find(R"("delta":{"tool_calls":[{"index":1,"id":"call_a","type":"function",)"
                      R"("function":{"name":"f","arguments":""}}]})"),
            std::string::npos);
  EXPECT_NE(writer.call_arguments(0, 1, "{\"x")
                .find(R"("delta":{"tool_calls":[{"index":1,"function":{"arguments":"{\"x"}}]})"),
            std::string::npos);
  writer.legacy_calls = true;
  EXPECT_NE(writer.call_begin(0, 0, {"call_a", "f", ""})
                .find(R"("delta":{"function_call":{"name":"f","arguments":""}})"),
            std::string::npos);
}

TEST(ChatStream, chunks_have_no_usage_key_unless_it_was_asked_for) {
  const ChatStreamWriter writer{kHead, false};
  EXPECT_EQ(writer.start(0).find("usage"), std::string::npos);
}

TEST(ChatStream, an_error_event_is_the_error_body) {
  EXPECT_EQ(sse_error({.message = "m", .param = {}, .code = "c"}),
            "data: {\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\",\"param\":null,"
            "\"code\":\"c\"}}\n\n");
}

}  // namespace
}  // namespace hearth::api
