// http.h - requests and replies as the routes see them: no sockets, no Asio.
//
// A route is a function from a Request to a Reply. What takes longer than the function itself comes
// back as an object that the connection drives on its own thread:
//   Response     everything is known
//   LoadModel    "call me again once this model is loaded"
//   LateResponse an answer computed elsewhere, sent when it is whole
//   EventStream  server-sent events, sent as they come
// Destroying a LateResponse or an EventStream cancels what still runs for it: that is what happens
// when the client is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "api/error.h"

namespace hearth::server {

using Headers = std::vector<std::pair<std::string, std::string>>;  // names in lower case

struct Request {
  std::string method;  // "GET"; HEAD requests reach a GET route as "GET"
  std::string path;    // percent-decoded, without the query
  Headers query;       // names and values, percent-decoded
  Headers headers;
  std::string body;
  std::string id;              // x-request-id
  std::string path_rest;       // what a route's trailing "{…}" stands for
  bool from_loopback = false;  // the peer is a program of this machine
  int n_loads = 0;             // how often a model was loaded for this request already

  // The header's value, "" when absent.
  std::string_view header(std::string_view lower_case_name) const;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

Response json_response(std::string body, int status = 200);
// With Retry-After when a later try can help, "x-should-retry: false" when a 5xx will not go away.
Response error_response(const api::ApiError& error);

struct LoadModel {
  std::string id, path;
};

class Pending {
 public:
  virtual ~Pending() = default;
  // `wake` is called, from any thread and perhaps at once, whenever polling again can bring
  // something.
  virtual void on_ready(std::function<void()> wake) = 0;
  // The service is stopping: what still runs ends with an error that says so.
  virtual void interrupt() = 0;
};

class LateResponse : public Pending {
 public:
  virtual std::optional<Response> poll() = 0;  // nullopt: not yet
};

class EventStream : public Pending {
 public:
  // more: call again when out is sent; apart: and a while later, so that the client does not read
  // what follows together with what was sent.
  enum class State { waiting, more, apart, done };
  // Appends whole events to out and stops soon after max_bytes.
  virtual State poll(std::string& out, std::size_t max_bytes) = 0;
  Headers headers;  // beside those every stream has
};

using Reply =
    std::variant<Response, LoadModel, std::unique_ptr<LateResponse>, std::unique_ptr<EventStream>>;

std::string_view reason_phrase(int status);
// "%2F" -> "/"; nullopt for a bad escape or a NUL.
std::optional<std::string> percent_decode(std::string_view text);
// "a=1&b=x%20y" -> {a, 1}, {b, x y}; nullopt for a bad escape.
std::optional<Headers> parse_query(std::string_view query);
std::string lower_case(std::string_view ascii);
bool equals_ignoring_case(std::string_view a, std::string_view b);  // ASCII
std::string random_hex(int n_digits);

// "HTTP/1.1 200 OK\r\n…\r\n\r\n". A header value's control characters are dropped: no value can
// begin a header of its own.
std::string response_head(int status, const Headers& headers);

}  // namespace hearth::server
