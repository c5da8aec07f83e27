// server_test.cc - the service as a client on the wire meets it: framing, limits, clients that
// leave or dawdle, keys, stopping. What routes answer is in tests/conformance.
#include "server/server.h"

#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "server/http_client_for_tests.h"

namespace hearth::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// An answer of 900 tokens that stops growing at `held_at`.
constexpr std::string_view kLong = R"("ignore_eos":true,"max_tokens":900)";
constexpr std::string_view kLongStream = R"("ignore_eos":true,"max_tokens":900,"stream":true)";

ClientReply ask(int port, std::string_view request) {
  Client client(port);
  client.send(request);
  return client.read();
}

TEST(Connections, are_kept_alive_and_serve_one_request_after_the_other) {
  TestServer server;
  Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(chat_request(R"("max_tokens":3)")));
    const ClientReply reply = client.read();
    EXPECT_EQ(reply.status, 200);
    EXPECT_FALSE(reply.headers.contains("connection"));
    ASSERT_TRUE(client.send(chat_request(R"("max_tokens":3,"stream":true)")));
    EXPECT_TRUE(client.read().body.ends_with("data: [DONE]\n\n"));
  }
}

TEST(Connections, pipelined_requests_are_answered_in_order) {
  TestServer server;
  Client client(server.port());
  client.send(chat_request(R"("max_tokens":1)") + http_request("GET", "/health") +
              chat_request(R"("max_tokens":2,"stream":true)") + chat_request(R"("max_tokens":4)") +
              http_request("GET", "/nowhere") + http_request("GET", "/health"));
  const auto content = [](const ClientReply& reply) {
    return nlohmann::json::parse(reply.body)["choices"][0]["message"]["content"].get<std::string>();
  };
  EXPECT_EQ(content(client.read()), "H");
  EXPECT_NE(client.read().body.find(R"("status":"ok")"), std::string::npos);
  EXPECT_TRUE(client.read().body.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(content(client.read()), "Hell");
  EXPECT_EQ(client.read().status, 404);
  EXPECT_EQ(client.read().status, 200);
}

TEST(Connections, a_pipelined_request_that_comes_during_an_answer_waits_for_it) {
  TestServer server({}, [](FakeEngine& engine) { engine.held_at = 2; });
  Client client(server.port());
  client.send(chat_request(R"("max_tokens":5)"));
  ASSERT_TRUE(eventually([&] { return server.engine.n_tokens == 2; }));
  client.send(http_request("GET", "/health"));
  server.engine.held_at = SIZE_MAX;
  EXPECT_NE(client.read().body.find("Hello"), std::string::npos);
  EXPECT_NE(client.read().body.find(R"("status":"ok")"), std::string::npos);
  EXPECT_EQ(server.engine.n_cancelled, 0);
}

TEST(Connections, close_when_the_client_asks_for_it) {
  TestServer server;
  Client client(server.port());
  client.send(http_request("GET", "/health", {}, "Connection: close\r\n"));
  EXPECT_EQ(client.read().headers["connection"], "close");
  EXPECT_TRUE(client.is_closed());
}

TEST(Connections, http_1_0_gets_a_body_without_chunks_and_the_end_of_the_connection) {
  TestServer server;
  Client client(server.port());
  const std::string body = chat_body(R"("stream":true,"max_tokens":2)");
  client.send(
      cat("POST /v1/chat/completions HTTP/1.0\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  const ClientReply reply = client.read();
  EXPECT_EQ(reply.status, 200);
  EXPECT_FALSE(reply.headers.contains("transfer-encoding"));
  EXPECT_TRUE(reply.body.ends_with("data: [DONE]\n\n"));
  EXPECT_TRUE(reply.whole);
}

TEST(Connections, every_reply_has_a_request_id_of_its_own) {
  TestServer server;
  Client client(server.port());
  client.send(http_request("GET", "/health") + http_request("GET", "/nowhere"));
  const std::string first = client.read().headers["x-request-id"];
  const std::string second = client.read().headers["x-request-id"];
  EXPECT_TRUE(first.starts_with("req_"));
  EXPECT_TRUE(second.starts_with("req_"));
  EXPECT_NE(first, second);
}

TEST(RequestBodies, may_come_in_chunks_and_in_single_bytes) {
  TestServer server;
  const std::string body = chat_body(R"("max_tokens":1)");
  std::string request =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char c : body) request += cat("1;x=y\r\n", c, "\r\n");
  request += "0\r\nTrailer: t\r\n\r\n";
  Client client(server.port());
  for (const char c : request) ASSERT_TRUE(client.send(std::string_view(&c, 1)));
  EXPECT_EQ(client.read().status, 200);
}

TEST(RequestBodies, are_invited_when_the_client_asks_first) {
  TestServer server;
  Client client(server.port());
  const std::string body = chat_body(R"("max_tokens":1)");
  client.send(
      cat("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
          "Content-Length: ",
          body.size(), "\r\n\r\n"));
  ASSERT_TRUE(client.wait_for("HTTP/1.1 100 Continue\r\n\r\n"));
  client.send(body);
  EXPECT_EQ(client.read().status, 200);
}

TEST(RequestBodies, are_refused_before_they_are_sent_when_that_is_known) {
  TestServer server;
  Client client(server.port());
  client.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
      "Content-Length: 99999999\r\n\r\n");
  EXPECT_EQ(client.read().status, 413);
  EXPECT_EQ(ask(server.port(),
                "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\n"
                "Content-Length: 2\r\n\r\n")
                .status,
            417);
}

TEST(Limits, a_body_that_is_too_large_is_refused_and_the_client_can_read_why) {
  ServerOptions options;
  options.max_body_bytes = 100'000;
  TestServer server(options);
  Client declared(server.port());
  declared.send(http_request("POST", "/v1/chat/completions", std::string(3'000'000, ' ')));
  const ClientReply reply = declared.read();
  EXPECT_EQ(reply.status, 413);
  EXPECT_NE(reply.body.find("larger than 100000 bytes"), std::string::npos);
  EXPECT_EQ(reply.headers.at("connection"), "close");

  Client chunked(server.port());
  chunked.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
      "chunked\r\n\r\n");
  const std::string chunk = cat("4000\r\n", std::string(0x4000, ' '), "\r\n");
  for (int i = 0; i < 20; ++i) chunked.send(chunk);
  EXPECT_EQ(chunked.read().status, 413);
}

TEST(Limits, a_head_that_is_too_large_is_refused) {
  TestServer server;
  Client client(server.port());
  client.send(http_request("GET", "/health", {}, cat("X-Big: ", std::string(20'000, 'x'), "\r\n")));
  EXPECT_EQ(client.read().status, 431);
}

TEST(Limits, what_is_not_http_is_refused) {
  TestServer server;
  for (const std::string_view bad :
       {"\x16\x03\x01\x02hello\r\n\r\n", "GET\r\n\r\n", "GET /health HTTP/9.9\r\n\r\n",
        "GET /health HTTP/1.1\r\nno colon\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
        "Content-Length: 6\r\n\r\nhello!"}) {
    const ClientReply reply = ask(server.port(), bad);
    EXPECT_TRUE(reply.status == 400 || reply.status == 505) << bad << " got " << reply.status;
    EXPECT_NE(reply.body.find("\"error\""), std::string::npos);
  }
  EXPECT_EQ(ask(server.port(), http_request("GET", "/health")).status, 200);
}

TEST(Limits, a_request_hidden_in_the_body_of_another_is_not_answered) {
  TestServer server;
  const std::string hidden = http_request("GET", "/health");
  for (const std::string_view length :
       {"Transfer-Encoding: identity", "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: xchunked", "Content-Length: 0\r\nContent-Length: 0",
        "Content-Length : 4", "X: y\r\n Content-Length: 4"}) {
    Client client(server.port());
    client.send(
        cat("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n", length, "\r\n\r\n", hidden));
    const ClientReply reply = client.read();
    EXPECT_EQ(reply.status, 400) << length;
    EXPECT_EQ(reply.headers.at("connection"), "close") << length;
    EXPECT_EQ(client.read().status, 0) << length;
  }
}

TEST(Limits, a_client_that_leaves_within_its_request_is_told) {
  TestServer server;
  for (const std::string_view part :
       {"GET /health HT",
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"}) {
    Client client(server.port());
    client.send(part);
    client.end_sending();
    EXPECT_NE(client.read().body.find("ended before the request did"), std::string::npos) << part;
  }
}

TEST(Limits, a_client_that_sends_its_head_too_slowly_is_told_and_dropped) {
  ServerOptions options;
  options.header_timeout = milliseconds(100);
  TestServer server(options);
  Client client(server.port());
  client.send("GET /health HT");
  EXPECT_EQ(client.read().status, 408);
  EXPECT_TRUE(client.is_closed());
}

TEST(Limits, a_client_that_sends_its_body_too_slowly_is_told_and_dropped) {
  ServerOptions options;
  options.body_timeout = milliseconds(100);
  TestServer server(options);
  Client client(server.port());
  client.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{");
  EXPECT_EQ(client.read().status, 408);
  EXPECT_TRUE(client.is_closed());
}

TEST(Limits, an_idle_connection_is_closed) {
  ServerOptions options;
  options.keep_alive_timeout = milliseconds(100);
  TestServer server(options);
  Client client(server.port());
  client.send(http_request("GET", "/health"));
  EXPECT_EQ(client.read().status, 200);
  EXPECT_TRUE(client.is_closed());
}

TEST(Limits, more_connections_than_allowed_are_turned_away_and_room_is_found_again) {
  ServerOptions options;
  options.max_connections = 2;
  TestServer server(options);
  auto first = std::make_unique<Client>(server.port());
  Client second(server.port());
  for (Client* client : {first.get(), &second}) {
    client->send(http_request("GET", "/health"));
    EXPECT_EQ(client->read().status, 200);
  }
  Client third(server.port());
  const ClientReply refused = third.read();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  EXPECT_TRUE(third.is_closed());
  first.reset();
  EXPECT_TRUE(
      eventually([&] { return ask(server.port(), http_request("GET", "/health")).status == 200; }));
}

TEST(Vanishing, a_blocking_client_that_leaves_cancels_its_answer) {
  TestServer server({}, [](FakeEngine& engine) { engine.held_at = 2; });
  Client client(server.port());
  client.send(chat_request(cat(kLong, R"(,"n":2)")));
  ASSERT_TRUE(eventually([&] { return server.engine.n_tokens == 4; }));
  client.leave();
  EXPECT_TRUE(eventually([&] { return server.engine.n_cancelled == 2; }));
}

TEST(Vanishing, a_streaming_client_that_leaves_or_resets_cancels_its_answer) {
  TestServer server({}, [](FakeEngine& engine) { engine.held_at = 2; });
  Client leaving(server.port());
  leaving.send(chat_request(kLongStream));
  ASSERT_TRUE(leaving.wait_for("\"content\":\"e\""));
  leaving.leave();
  EXPECT_TRUE(eventually([&] { return server.engine.n_cancelled == 1; }));
  Client resetting(server.port());
  resetting.send(chat_request(kLongStream));
  ASSERT_TRUE(resetting.wait_for("\"content\":\"e\""));
  resetting.reset();
  EXPECT_TRUE(eventually([&] { return server.engine.n_cancelled == 2; }));
}

TEST(Vanishing, a_client_that_leaves_before_its_first_token_cancels_its_answer) {
  TestServer server({}, [](FakeEngine& engine) { engine.held_at = 0; });
  for (const std::string_view members : {kLong, kLongStream}) {
    const int before = server.engine.n_submitted;
    Client client(server.port());
    client.send(chat_request(members));
    ASSERT_TRUE(eventually([&] { return server.engine.n_submitted == before + 1; }));
    client.leave();
    EXPECT_TRUE(eventually([&] { return server.engine.n_cancelled == before + 1; }));
  }
  EXPECT_EQ(server.engine.n_tokens, 0U);
}

TEST(Vanishing, nothing_is_computed_for_a_client_that_left_while_its_model_was_loading) {
  TestServer server({}, [](FakeEngine& engine) { engine.load_ms = 300; });
  Client client(server.port());
  client.send(chat_request(kLong));
  std::this_thread::sleep_for(milliseconds(50));
  client.leave();
  ASSERT_TRUE(eventually([&] { return server.engine.n_loads == 1; }));
  EXPECT_EQ(ask(server.port(), chat_request(R"("max_tokens":1)")).status, 200);
  EXPECT_EQ(server.engine.n_submitted, 1);
}

TEST(Observed, answers_and_requests_are_counted_whole_streamed_and_left) {
  TestServer server;
  EXPECT_EQ(ask(server.port(), chat_request()).status, 200);
  EXPECT_EQ(ask(server.port(), chat_request(R"("stream":true)")).status, 200);
  EXPECT_EQ(ask(server.port(), chat_request(R"("temperature":9)")).status, 400);
  {
    Client client(server.port());
    client.send(chat_request(kLongStream));
    ASSERT_TRUE(client.wait_for("\"content\":\"H\""));
    client.leave();
  }
  const auto counts = [&](const char* line) {
    return eventually([&] {
      return ask(server.port(), http_request("GET", "/metrics", "")).body.find(line) !=
             std::string::npos;
    });
  };
  EXPECT_TRUE(counts("hearth_answers_total{model=\"fake\",reason=\"stop\"} 2\n"));
  EXPECT_TRUE(counts("hearth_answers_total{model=\"fake\",reason=\"cancelled\"} 1\n"));
  EXPECT_TRUE(counts("route=\"/v1/chat/completions\",status=\"400\"} 1\n"));
}

TEST(SlowReaders, do_not_make_the_server_buffer_their_answer) {
  // The engine is far ahead, yet the events are not formatted before the reader takes them: 100
  // choices of 900 tokens would be some 20 MB.
  TestServer server;
  Client client(server.port(), 4096);
  client.send(chat_request(cat(kLongStream, R"(,"n":100,"logprobs":true,"top_logprobs":5)")));
  ASSERT_TRUE(client.wait_for("\"content\":\"H\""));
  ASSERT_TRUE(eventually([&] { return server.engine.stats().running == 0; }));
  const ClientReply reply = client.read();
  EXPECT_TRUE(reply.whole);
  EXPECT_TRUE(reply.body.ends_with("data: [DONE]\n\n"));
  EXPECT_GT(reply.body.size(), 20'000'000U);
}

TEST(SlowReaders, who_take_nothing_for_too_long_are_dropped) {
  ServerOptions options;
  options.write_timeout = milliseconds(200);
  // The answers last 18 s: far longer than it takes to fill the sockets' buffers, also under a
  // sanitizer.
  TestServer server(options, [](FakeEngine& engine) { engine.step_us = 20'000; });
  Client client(server.port(), 4096);
  client.send(chat_request(cat(kLongStream, R"(,"n":100,"logprobs":true,"top_logprobs":20)")));
  EXPECT_TRUE(eventually([&] { return server.engine.n_cancelled > 0; }));
}

TEST(Streams, a_silent_stream_gets_comments_that_clients_skip) {
  ServerOptions options;
  options.heartbeat = milliseconds(20);
  TestServer server(options, [](FakeEngine& engine) { engine.held_at = 1; });
  Client client(server.port());
  client.send(chat_request(R"("stream":true,"max_tokens":3)"));
  ASSERT_TRUE(client.wait_for("\r\n: waiting for the model\n\n\r\n"));
  server.engine.held_at = SIZE_MAX;
  EXPECT_TRUE(client.read().body.ends_with("data: [DONE]\n\n"));
}

TEST(Streams, each_event_is_sent_when_its_token_is_there) {
  TestServer server({}, [](FakeEngine& engine) { engine.held_at = 1; });
  Client client(server.port());
  client.send(chat_request(R"("stream":true,"max_tokens":3)"));
  ASSERT_TRUE(client.wait_for("\"content\":\"H\""));
  server.engine.held_at = 2;
  ASSERT_TRUE(client.wait_for("\"content\":\"e\""));
  server.engine.held_at = SIZE_MAX;
  EXPECT_TRUE(client.wait_for("[DONE]"));
}

TEST(Streams, id_and_created_are_the_same_in_all_chunks) {
  TestServer server;
  const ClientReply reply =
      ask(server.port(),
          chat_request(R"("stream":true,"n":2,"stream_options":{"include_usage":true})"));
  std::string id;
  std::istringstream lines(reply.body);
  int n = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("data: {")) continue;
    const auto chunk = nlohmann::json::parse(line.substr(6));
    const std::string here =
        cat(chunk["id"].get<std::string>(), chunk["created"].get<std::int64_t>(),
            chunk["system_fingerprint"].get<std::string>());
    if (n++ == 0) id = here;
    EXPECT_EQ(here, id);
  }
  EXPECT_EQ(n, 2 * 32 + 1);
}

TEST(Requests, seeds_differ_by_choice_and_reach_the_engine_with_every_other_field) {
  TestServer server;
  const std::string members =
      R"("n":3,"seed":-1,"temperature":0.5,"top_p":0.9,"top_k":7,"min_p":0.1,"typical_p":0.8,
         "repetition_penalty":1.1,"presence_penalty":0.2,"frequency_penalty":0.3,"logit_bias":{"65":-2},
         "stop":"zzz","max_completion_tokens":4,"logprobs":true,"top_logprobs":2)";
  ASSERT_EQ(ask(server.port(), chat_request(members)).status, 200);
  const std::lock_guard lock(server.engine.last_mutex);
  const engine::Request& last = server.engine.last_request;
  EXPECT_EQ(last.sampling.seed, 1U);  // -1 + 2, modulo 2^64
  EXPECT_EQ(last.sampling.temperature, 0.5);
  EXPECT_EQ(last.sampling.top_p, 0.9);
  EXPECT_EQ(last.sampling.top_k, 7);
  EXPECT_EQ(last.sampling.min_p, 0.1);
  EXPECT_EQ(last.sampling.typical_p, 0.8);
  EXPECT_EQ(last.sampling.repetition_penalty, 1.1);
  EXPECT_EQ(last.sampling.presence_penalty, 0.2);
  EXPECT_EQ(last.sampling.frequency_penalty, 0.3);
  EXPECT_EQ(last.sampling.logit_bias, (std::vector<std::pair<text::TokenId, float>>{{65, -2.0F}}));
  EXPECT_EQ(last.stop, std::vector<std::string>{"zzz"});
  EXPECT_EQ(last.max_tokens, 4);
  EXPECT_TRUE(last.logprobs);
  EXPECT_EQ(last.top_logprobs, 2);
}

TEST(Requests, control_tokens_in_a_users_text_stay_text) {
  TestServer server;
  ASSERT_EQ(ask(server.port(), chat_request(R"("max_tokens":1)", "<|im_end|>")).status, 200);
  const std::lock_guard lock(server.engine.last_mutex);
  const auto& prompt = server.engine.last_request.prompt;
  EXPECT_EQ(std::count(prompt.begin(), prompt.end(), kFakeEnd), 1);  // the template's own
}

TEST(Requests, the_default_model_answers_when_none_is_named) {
  ServerOptions options;
  options.default_model = "fake";
  TestServer server(options);
  const ClientReply reply =
      ask(server.port(),
          http_request("POST", "/v1/chat/completions",
                       R"({"messages":[{"role":"user","content":"x"}],"max_tokens":1})"));
  EXPECT_EQ(reply.status, 200) << reply.body;
}

TEST(Requests, a_loading_model_does_not_hold_up_those_that_are_loaded) {
  TestServer server;
  ASSERT_EQ(ask(server.port(), chat_request(R"("max_tokens":1)")).status, 200);
  server.engine.load_ms = 1500;
  std::vector<std::unique_ptr<Client>> waiting;
  for (int i = 0; i < 6; ++i) {
    waiting.push_back(std::make_unique<Client>(server.port()));
    waiting.back()->send(http_request("POST", "/v1/completions",
                                      R"({"model":"other.model","prompt":"x","max_tokens":1})"));
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(ask(server.port(), chat_request(R"("max_tokens":1)")).status, 200);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(1400));
  for (const auto& client : waiting) EXPECT_EQ(client->read().status, 200);
  EXPECT_EQ(server.engine.n_loads, 2);
}

TEST(Requests, those_that_need_no_model_are_answered_before_the_start_is_done_and_loads_wait) {
  std::promise<void> start;
  ServerOptions options;
  options.at_start = [&start] { start.get_future().wait(); };
  TestServer server(options);
  EXPECT_EQ(ask(server.port(), http_request("GET", "/health")).status, 200);
  Client waiting(server.port());
  waiting.send(chat_request(R"("max_tokens":1)"));
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(server.engine.n_loads, 0);
  start.set_value();
  EXPECT_EQ(waiting.read().status, 200);
  EXPECT_EQ(server.engine.n_loads, 1);
}

TEST(Requests, only_one_that_is_accepted_says_how_long_its_model_stays) {
  TestServer server;
  const ClientReply refused =
      ask(server.port(), chat_request(R"("ttl":60,"logit_bias":{"999999":1})"));
  EXPECT_EQ(refused.status, 400) << refused.body;
  EXPECT_EQ(server.engine.last_ttl_s, -1);
  EXPECT_EQ(ask(server.port(), chat_request(R"("ttl":60,"max_tokens":1)")).status, 200);
  EXPECT_EQ(server.engine.last_ttl_s, 60);
}

TEST(Requests, loading_says_by_each_sdks_word_how_long_its_model_stays) {
  TestServer server;
  for (const auto& [query, ttl_s] : {std::pair("?ttl=600&ep=", 600), {"?timeout=90", 90}}) {
    const std::string request = http_request("GET", cat("/openai/load/fake", query));
    EXPECT_EQ(ask(server.port(), request).status, 200) << query;
    EXPECT_EQ(server.engine.last_ttl_s, ttl_s) << query;
  }
}

TEST(Requests, many_at_once_are_all_answered) {
  TestServer server;
  std::vector<std::thread> threads;
  std::atomic<int> n_good{0};
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      Client client(server.port());
      for (int k = 0; k < 5; ++k) {
        client.send(chat_request(i % 2 == 0 ? R"("stream":true)" : ""));
        const ClientReply reply = client.read();
        n_good += reply.whole && reply.status == 200 ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(n_good, 80);
}

TEST(Keys, without_the_key_nothing_but_health_is_answered) {
  ServerOptions options;
  options.api_key = "sk-secret";
  TestServer server(options);
  const ClientReply refused = ask(server.port(), http_request("GET", "/v1/models"));
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.headers.at("www-authenticate"), "Bearer");
  EXPECT_NE(refused.body.find("invalid_api_key"), std::string::npos);
  EXPECT_EQ(refused.body.find("sk-secret"), std::string::npos);
  EXPECT_EQ(ask(server.port(),
                http_request("GET", "/v1/models", {}, "Authorization: Bearer sk-secret\r\n"))
                .status,
            200);
  EXPECT_EQ(ask(server.port(), http_request("GET", "/health")).status, 200);
}

TEST(Create, refuses_what_cannot_or_must_not_be_served) {
  FakeEngine engine;
  const auto refused = [&](const std::function<void(ServerOptions&)>& change) {
    ServerOptions options;
    options.port = 0;
    change(options);
    const auto server = Server::create(engine, std::move(options));
    return server ? std::string() : server.error().message;
  };
  EXPECT_NE(refused([](auto& o) { o.host = "0.0.0.0"; }).find("hearth service key add"),
            std::string::npos);
  EXPECT_NE(refused([](auto& o) { o.host = "example.com"; }).find("IP address"), std::string::npos);
  EXPECT_NE(refused([](auto& o) { o.port = 70000; }).find("got 70000"), std::string::npos);
  EXPECT_NE(refused([](auto& o) { o.api_key = "a b"; }).find("printable ASCII"), std::string::npos);
  for (const char* name : {"", "http://hearth.lan", "hearth.lan:5273", "a,b", "*"}) {
    EXPECT_NE(refused([&](auto& o) { o.allowed_hosts = {name}; }).find(quote(name)),
              std::string::npos)
        << name;
  }
  EXPECT_EQ(refused([](auto& o) { o.allowed_hosts = {"host.docker.internal", "fe80::1"}; }), "");
  EXPECT_EQ(refused([](auto& o) { o.host = "localhost"; }), "");
  EXPECT_EQ(refused([](auto& o) {
              o.host = "0.0.0.0";
              o.api_key = "k";
            }),
            "");
  EXPECT_EQ(refused([](auto& o) {
              o.host = "0.0.0.0";
              o.allow_unauthenticated = true;
            }),
            "");
}

TEST(Create, a_port_in_use_is_an_error_that_says_what_to_do) {
  TestServer server;
  FakeEngine engine;
  ServerOptions options;
  options.port = server.port();
  const auto second = Server::create(engine, std::move(options));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::conflict);
  EXPECT_NE(second.error().message.find(cat("127.0.0.1:", server.port(), " is in use")),
            std::string::npos);
}

TEST(Create, the_url_names_the_port_that_was_found) {
  TestServer server;
  EXPECT_GT(server.port(), 0);
  EXPECT_EQ(server.server().url(), cat("http://127.0.0.1:", server.port()));
}

TEST(Stop, lets_a_stream_finish_and_accepts_nothing_new) {
  TestServer server({}, [](FakeEngine& engine) { engine.held_at = 2; });
  Client idle(server.port());
  idle.send(http_request("GET", "/health"));
  ASSERT_EQ(idle.read().status, 200);
  Client streaming(server.port());
  streaming.send(chat_request(R"("stream":true,"max_tokens":6)"));
  ASSERT_TRUE(streaming.wait_for("\"content\":\"e\""));
  server.server().stop();
  EXPECT_TRUE(idle.is_closed());
  EXPECT_TRUE(eventually([&] { return !Client(server.port()).connected(); }));
  server.engine.held_at = SIZE_MAX;
  const ClientReply reply = streaming.read();
  EXPECT_TRUE(reply.whole);
  EXPECT_TRUE(reply.body.ends_with("data: [DONE]\n\n"));
  EXPECT_TRUE(streaming.is_closed());
  server.join();
  EXPECT_EQ(server.engine.n_cancelled, 0);
}

TEST(Stop, ends_what_is_still_running_after_the_grace_with_an_error) {
  ServerOptions options;
  options.grace = milliseconds(50);
  TestServer server(options, [](FakeEngine& engine) { engine.held_at = 2; });
  Client streaming(server.port()), blocking(server.port());
  streaming.send(chat_request(kLongStream));
  blocking.send(chat_request(kLong));
  ASSERT_TRUE(streaming.wait_for("\"content\":\"e\""));
  ASSERT_TRUE(eventually([&] { return server.engine.n_tokens == 4; }));
  server.server().stop();
  server.join();
  const ClientReply stream = streaming.read();
  EXPECT_NE(stream.body.find("the service is stopping"), std::string::npos);
  EXPECT_EQ(stream.body.find("[DONE]"), std::string::npos);
  EXPECT_EQ(blocking.read().status, 503);
  EXPECT_TRUE(eventually([&] { return server.engine.n_cancelled == 2; }));
}

TEST(Stop, a_second_call_ends_the_grace) {
  TestServer server({}, [](FakeEngine& engine) { engine.held_at = 2; });
  Client streaming(server.port());
  streaming.send(chat_request(kLongStream));
  ASSERT_TRUE(streaming.wait_for("\"content\":\"e\""));
  const auto begin = std::chrono::steady_clock::now();
  server.server().stop();
  server.server().stop();
  server.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(15));  // the grace is 30
}

TEST(Stop, before_run_makes_run_return_at_once) {
  FakeEngine engine;
  ServerOptions options;
  options.port = 0;
  auto server = Server::create(engine, std::move(options));
  ASSERT_TRUE(server);
  (*server)->stop();
  (*server)->run();
}

}  // namespace
}  // namespace hearth::server
