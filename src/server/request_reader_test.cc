#include "server/request_reader.h"

#include <gmock/gmock.h>

#include "base/str.h"

namespace hearth::server {
namespace {

using State = RequestReader::State;
using testing::HasSubstr;

constexpr ReadLimits kLimits{.head_bytes = 1000, .body_bytes = 2000};

// One request of `bytes`, which come in pieces of this size.
struct Reading {
  explicit Reading(std::string_view bytes, std::size_t piece = SIZE_MAX) {
    for (std::string_view rest = bytes; !rest.empty();) {
      std::string_view here = rest.substr(0, piece);
      while (!here.empty()) {
        const std::size_t n = reader.take(here);
        n_taken += n;
        here.remove_prefix(n);
        const bool ended = reader.state() == State::whole || reader.state() == State::refused;
        if (ended) break;
      }
      rest.remove_prefix(std::min(piece, rest.size()));
    }
    if (reader.state() == State::body) reader.take({});
    if (reader.state() == State::whole) body = reader.take_body();
    if (reader.state() == State::refused) {
      status = reader.fault().status;
      message = reader.fault().message;
    }
  }

  RequestReader reader{kLimits};
  std::size_t n_taken = 0;
  std::string body;
  int status = 0;  // of the refusal
  std::string message;
};

std::string post(std::string_view headers, std::string_view body) {
  return cat("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n", headers, "\r\n", body);
}

std::string in_chunks(std::string_view chunks) {
  return post("Transfer-Encoding: chunked\r\n", chunks);
}

TEST(RequestReader, reads_a_request_however_its_bytes_are_cut) {
  const std::string sized = post("X-A:  b c\t \r\ncontent-length: 5\r\n", "{\r\n\r}");
  const std::string chunked = in_chunks("2\r\n{\r\r\n0003;a=\"b\"\r\n\n\r}\r\n0\r\nX-T: t\r\n\r\n");
  for (const std::string& request : {sized, chunked}) {
    const std::string bytes = request + "GET / HTTP/1.1\r\n\r\n";
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
      Reading reading(bytes, piece);
      ASSERT_EQ(reading.reader.state(), State::whole) << piece << reading.message;
      EXPECT_EQ(reading.n_taken, request.size());
      EXPECT_EQ(reading.body.size(), 5U);
    }
  }
  const Reading reading(sized);
  EXPECT_EQ(reading.body, "{\r\n\r}");
  const RequestHead& head = reading.reader.head();
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/v1/completions");
  EXPECT_THAT(head.headers,
              testing::ElementsAre(testing::Pair("host", "localhost"), testing::Pair("x-a", "b c"),
                                   testing::Pair("content-length", "5")));
  EXPECT_EQ(Reading(chunked).body, "{\r\n\r}");
}

TEST(RequestReader, stops_at_the_end_of_the_head_and_leaves_the_next_request) {
  RequestReader reader(kLimits);
  const std::string head = post("Content-Length: 3\r\n", "");
  EXPECT_EQ(reader.take(head + "abcGET"), head.size());
  EXPECT_EQ(reader.state(), State::body);
  EXPECT_EQ(reader.take("abcGET"), 3U);
  EXPECT_EQ(reader.state(), State::whole);
  EXPECT_EQ(reader.take("GET"), 0U);
  EXPECT_EQ(Reading("GET / HTTP/1.1\r\n\r\nGET").n_taken, 18U);
}

TEST(RequestReader, knows_whether_the_connection_goes_on) {
  const auto goes_on = [](std::string_view version, std::string_view headers) {
    return Reading(cat("GET / ", version, "\r\n", headers, "\r\n")).reader.head().keep_alive;
  };
  EXPECT_TRUE(goes_on("HTTP/1.1", ""));
  EXPECT_TRUE(goes_on("HTTP/1.1", "Connection: closed\r\n"));
  EXPECT_FALSE(goes_on("HTTP/1.1", "Connection: Keep-Alive, Close\r\n"));
  EXPECT_FALSE(goes_on("HTTP/1.1", "Connection: te\r\nConnection: close\r\n"));
  EXPECT_FALSE(goes_on("HTTP/1.0", ""));
  EXPECT_TRUE(goes_on("HTTP/1.0", "Connection: keep-alive\r\n"));
}

TEST(RequestReader, refuses_what_two_readers_could_end_at_different_places) {
  const std::string_view chunk = "5\r\nhello\r\n0\r\n\r\n";
  const struct {
    std::string request;
    std::string says;
  } cases[] = {
      {post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunk), "is not certain"},
      {post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunk), "is not certain"},
      {post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"), "is not certain"},
      {post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), "is not certain"},
      {post("Content-Length: 5, 5\r\n", "hello"), "not \"5, 5\""},
      {post("Content-Length: +5\r\n", "hello"), "not \"+5\""},
      {post("Content-Length: -5\r\n", "hello"), "not \"-5\""},
      {post("Content-Length: 0x5\r\n", "hello"), "not \"0x5\""},
      {post("Content-Length: 5 \t5\r\n", "hello"), "not \"5 \\t5\""},
      {post("Content-Length: \r\n", "hello"), "not \"\""},
      {post("Content-Length: 18446744073709551621\r\n", "hello"), "number of bytes"},
      {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunk), "2 times"},
      {post("Transfer-Encoding: identity\r\n", chunk), "Transfer-Encoding \"identity\""},
      {post("Transfer-Encoding: gzip, chunked\r\n", chunk), "\"gzip, chunked\""},
      {post("Transfer-Encoding: chunked, gzip\r\n", chunk), "\"chunked, gzip\""},
      {post("Transfer-Encoding: xchunked\r\n", chunk), "\"xchunked\""},
      {post("Transfer-Encoding: \"chunked\"\r\n", chunk), "is not accepted"},
      {post("Transfer-Encoding: chunked;q=1\r\n", chunk), "is not accepted"},
      {cat("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", chunk), "HTTP/1.0"},
      {post("Content-Length : 5\r\n", "hello"), "a colon right after it"},
      {post("Content-Length\t: 5\r\n", "hello"), "a colon right after it"},
      {post(" Content-Length: 5\r\n", "hello"), "in one line"},
      {post("X-A: b\r\n c\r\n", ""), "in one line"},
      {post("X-A: b\r\n\tTransfer-Encoding: chunked\r\n", chunk), "in one line"},
      {"GET / HTTP/1.1\nHost: localhost\n\n", "ends in CR LF"},
      {post("X-A: b\nContent-Length: 5\r\n", "hello"), "ends in CR LF"},
      {post("X-A: b\rContent-Length: 5\r\n", "hello"), "ends in CR LF"},
      {post("X-A: b\r\r\n", ""), "ends in CR LF"},
      {post(std::string_view("X-A: b\0c\r\n", 10), ""), "came \"\\x00\""},
      {post("X-A: b\x1b[2J\r\n", ""), "came \"\\x1b\""},
      {post("X-A: b\x7f\r\n", ""), "ends in CR LF"},
      {post(std::string_view("X-\0A: b\r\n", 9), ""), "came \"\\x00\""},
      {post("X-A\r\n", ""), "a name, a colon"},
      {post(": b\r\n", ""), "a name, a colon"},
      {post("X[A]: b\r\n", ""), "a name, a colon"},
      {post("X-\xc3\x84: b\r\n", ""), "a name, a colon"},
  };
  for (const auto& [request, says] : cases) {
    const Reading reading(request);
    EXPECT_EQ(reading.status, 400) << request;
    EXPECT_THAT(reading.message, HasSubstr(says)) << request;
  }
}

TEST(RequestReader, refuses_what_is_no_request_of_this_protocol) {
  for (const std::string_view line :
       {"", "GET", "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1",
        "GET /a b HTTP/1.1", "GET /\tb HTTP/1.1", "GET\t/ HTTP/1.1", "G(T / HTTP/1.1",
        "GET / http/1.1", "GET / HTTP/1.1x", "GET / HTTP/11", "GET / HTTPS/1.1"}) {
    EXPECT_EQ(Reading(cat(line, "\r\n\r\n")).status, 400) << line;
  }
  for (const std::string_view version : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/9.9"}) {
    EXPECT_EQ(Reading(cat("GET / ", version, "\r\n\r\n")).status, 505) << version;
  }
}

TEST(RequestReader, refuses_at_the_first_byte_what_cannot_become_a_request) {
  EXPECT_EQ(Reading("\x16\x03\x01\x02").status, 400);  // TLS on a port without it
}

TEST(RequestReader, refuses_chunks_that_are_not_framed_to_the_letter) {
  const std::string_view wrong[] = {
      "+5\r\nhello\r\n0\r\n\r\n",
      "-5\r\nhello\r\n0\r\n\r\n",
      " 5\r\nhello\r\n0\r\n\r\n",
      "5 \r\nhello\r\n0\r\n\r\n",
      "5 ;x\r\nhello\r\n0\r\n\r\n",
      "0x5\r\nhello\r\n0\r\n\r\n",
      "5_0\r\nhello\r\n0\r\n\r\n",
      "g\r\n",
      "\r\nhello\r\n0\r\n\r\n",
      ";x\r\nhello\r\n0\r\n\r\n",
      "5\nhello\r\n0\r\n\r\n",
      "5\rhello\r\n0\r\n\r\n",
      "5;x\nhello\r\n0\r\n\r\n",
      "5;\x01\r\nhello\r\n0\r\n\r\n",
      "5\r\nhello0\r\n\r\n",
      "5\r\nhello!\r\n0\r\n\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "5\r\nhello\r\n0\r\nX-T : t\r\n\r\n",
      "5\r\nhello\r\n0\r\nX-T: t\r\n folded\r\n\r\n",
      "5\r\nhello\r\n0\r\n\nGET",
      "00000000000000005\r\nhello\r\n0\r\n\r\n",
      "10000000000000005\r\nhello\r\n0\r\n\r\n",
  };
  for (const std::string_view chunks : wrong) {
    EXPECT_EQ(Reading(in_chunks(chunks)).status, 400) << chunks;
  }
  EXPECT_EQ(Reading(in_chunks("ffffffffffffffff\r\nhello")).status, 413);
}

TEST(RequestReader, a_head_may_be_as_large_as_its_limit_and_no_larger) {
  const std::size_t room = kLimits.head_bytes - post("X: \r\n", "").size();
  EXPECT_EQ(Reading(post(cat("X: ", std::string(room, 'x'), "\r\n"), "")).reader.state(),
            State::whole);
  const Reading larger(post(cat("X: ", std::string(room + 1, 'x'), "\r\n"), ""));
  EXPECT_EQ(larger.status, 431);
  EXPECT_THAT(larger.message, HasSubstr("larger than 1000 bytes"));
  EXPECT_LE(larger.n_taken, kLimits.head_bytes + 1);
  EXPECT_EQ(Reading(std::string(5000, 'G')).status, 431);
}

TEST(RequestReader, a_body_may_be_as_large_as_its_limit_and_no_larger) {
  const std::string body(kLimits.body_bytes, 'b');
  EXPECT_EQ(Reading(post("Content-Length: 2000\r\n", body)).body, body);
  EXPECT_EQ(Reading(in_chunks(cat("7cf\r\n", body.substr(1), "\r\n1\r\nb\r\n0\r\n\r\n"))).body,
            body);
  EXPECT_EQ(Reading(in_chunks(cat("7cf\r\n", body.substr(1), "\r\n2\r\n"))).status, 413);
  // Known from the head: no byte of it is wanted.
  RequestReader reader(kLimits);
  reader.take(post("Content-Length: 2001\r\n", ""));
  EXPECT_EQ(reader.state(), State::body);
  reader.take({});
  ASSERT_EQ(reader.state(), State::refused);
  EXPECT_EQ(reader.fault().status, 413);
  EXPECT_THAT(reader.fault().message, HasSubstr("larger than 2000 bytes"));
}

TEST(RequestReader, small_chunks_are_free_and_extensions_and_trailers_are_bounded) {
  std::string chunks;
  for (int i = 0; i < 1500; ++i) chunks += "1\r\nb\r\n";
  EXPECT_EQ(Reading(in_chunks(chunks + "0\r\n\r\n")).body.size(), 1500U);
  std::string extended;
  for (int i = 0; i < 20; ++i) extended += cat("1;", std::string(60, 'x'), "\r\nb\r\n");
  EXPECT_EQ(Reading(in_chunks(extended + "0\r\n\r\n")).status, 431);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 20; ++i) trailers += cat("X: ", std::string(60, 'x'), "\r\n");
  EXPECT_EQ(Reading(in_chunks(trailers + "\r\n")).status, 431);
}

TEST(RequestReader, trailers_are_no_headers) {
  const Reading reading(in_chunks("0\r\nAuthorization: Bearer k\r\n\r\n"));
  EXPECT_EQ(reading.reader.state(), State::whole);
  for (const auto& [name, value] : reading.reader.head().headers) EXPECT_NE(name, "authorization");
}

}  // namespace
}  // namespace hearth::server
