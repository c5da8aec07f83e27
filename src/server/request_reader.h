// request_reader.h - one request of HTTP/1.1 or HTTP/1.0, out of a connection's bytes as they come:
// no sockets.
//
//   request = method SP target SP "HTTP/1." ("0" / "1") CRLF *(name ":" value CRLF) CRLF body
//   body    = nothing | Content-Length bytes | *(size [";" extension] CRLF bytes CRLF)
//             "0" [";" extension] CRLF *(name ":" value CRLF) CRLF
//
// Strict on purpose. Where two readers of one connection can disagree about where a request ends, a
// request can be hidden inside another. So what RFC 9112 lets a reader forgive is refused: a bare
// LF or CR, a value that goes on in the next line, a space before a colon, lengths given twice
// (even the same one), Content-Length beside Transfer-Encoding, any coding but `chunked`, signs and
// spaces in sizes.
//
// Memory: the head's limit and the body's, whatever is declared. Extensions of chunks and trailers
// are read over; together they may have as many bytes as a head.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/error.h"
#include "server/http.h"

namespace hearth::server {

struct ReadLimits {
  std::size_t head_bytes, body_bytes;
};

struct RequestHead {
  std::string method, target;  // as they came
  Headers headers;
  bool http_1_0 = false;
  bool keep_alive = false;  // the client is ready for another request after this one
};

class RequestReader {
 public:
  enum class State { head, body, whole, refused };

  explicit RequestReader(const ReadLimits& limits) : limits_(limits) {}

  // Takes bytes from the front until the state changes, and returns how many: all, while it does
  // not. What is left belongs to the body, or to the next request. Once the head is there, a call
  // without bytes refuses a body that is declared too large.
  std::size_t take(std::string_view bytes);

  State state() const { return state_; }
  bool is_empty() const { return line_.empty() && head_.method.empty(); }  // nothing came yet
  const RequestHead& head() const { return head_; }       // once the state is no longer `head`
  std::string take_body() { return std::move(body_); }    // once it is `whole`
  const api::ApiError& fault() const { return *fault_; }  // once it is `refused`

 private:
  enum class Part { request_line, fields, sized, chunk_size, chunk, chunk_end, trailers };

  bool take_line(std::string_view& bytes);
  void end_line();
  void read_request_line();
  void read_field(Headers& into);
  void end_head();
  void read_body_length(std::string_view value);
  void read_chunk_size();
  void end_chunk();
  void read_trailer();
  void take_body_bytes(std::string_view& bytes);
  void check_body_room();
  void refuse(int status, std::string message, std::string code = {});

  ReadLimits limits_;
  State state_ = State::head;
  Part part_ = Part::request_line;
  std::string line_;              // as much of the current line as has come
  std::size_t n_line_bytes_ = 0;  // of all lines of the head; then of extensions and trailers
  std::uint64_t n_missing_ = 0;   // bytes of the body, or of the chunk
  RequestHead head_;
  std::string body_;
  std::optional<api::ApiError> fault_;
};

}  // namespace hearth::server
