#include "server/request_reader.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/str.h"

namespace hearth::server {

namespace {

constexpr std::string_view kCannotEnd = "so where the request ends is not certain";
constexpr std::size_t kMaxSizeDigits = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_name_character);
}

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f';
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The text up to the separator, which is removed with it; all of it where there is none.
std::string_view split_off(std::string_view& text, char separator) {
  const std::string_view front = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(front.size() + 1, text.size()));
  return front;
}

std::vector<std::string_view> values_of(const Headers& headers, std::string_view name) {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : headers) {
    if (key == name) values.emplace_back(value);
  }
  return values;
}

bool connection_says(const Headers& headers, std::string_view token) {
  for (std::string_view list : values_of(headers, "connection")) {
    while (!list.empty()) {
      if (equals_ignoring_case(trimmed(split_off(list, ',')), token)) return true;
    }
  }
  return false;
}

}  // namespace

std::size_t RequestReader::take(std::string_view bytes) {
  if (state_ == State::whole || state_ == State::refused) return 0;
  const std::size_t n_given = bytes.size();
  const State before = state_;
  if (part_ == Part::sized && state_ == State::body) check_body_room();
  while (state_ == before && !bytes.empty()) {
    if (part_ == Part::sized || part_ == Part::chunk) {
      take_body_bytes(bytes);
    } else if (take_line(bytes)) {
      end_line();
      line_.clear();
    }
  }
  return n_given - bytes.size();
}

// true: the line is whole, without its end.
bool RequestReader::take_line(std::string_view& bytes) {
  while (!bytes.empty()) {
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (++n_line_bytes_ > limits_.head_bytes) {
      refuse(431,
             cat(state_ == State::head ? "the request's head is"
                                       : "the trailers and extensions of the body's chunks are",
                 " larger than ", limits_.head_bytes, " bytes"),
             "header_too_large");
      return false;
    }
    const bool after_cr = line_.ends_with('\r');
    if (after_cr && c == '\n') {
      line_.pop_back();
      return true;
    }
    if (after_cr || (is_control(c) && c != '\r')) {
      refuse(400, cat("a line of the request ends in CR LF and has no other control characters, ",
                      "but after ", quote(line_), " came ", quote(std::string_view(&c, 1))));
      return false;
    }
    line_.push_back(c);
  }
  return false;
}

void RequestReader::end_line() {
  switch (part_) {
    case Part::request_line:
      return read_request_line();
    case Part::fields:
      return line_.empty() ? end_head() : read_field(head_.headers);
    case Part::chunk_size:
      return read_chunk_size();
    case Part::chunk_end:
      return end_chunk();
    case Part::trailers:
      return read_trailer();
    case Part::sized:
    case Part::chunk:
      return;  // bytes, no lines
  }
}

void RequestReader::read_request_line() {
  std::string_view rest = line_;
  const std::string_view method = split_off(rest, ' ');
  const std::string_view target = split_off(rest, ' ');
  const bool has_version = rest.size() == 8 && rest.starts_with("HTTP/") && is_digit(rest[5]) &&
                           rest[6] == '.' && is_digit(rest[7]);
  if (!is_name(method) || target.empty() || target.find('\t') != target.npos || !has_version) {
    return refuse(400, cat("a request begins with a method, a target and HTTP/1.1, one space "
                           "between them; this one with ",
                           quote(line_)));
  }
  if (rest != "HTTP/1.1" && rest != "HTTP/1.0") {
    return refuse(505, cat("this service speaks HTTP/1.1 and HTTP/1.0, not ", rest),
                  "http_version");
  }
  head_.method = method;
  head_.target = target;
  head_.http_1_0 = rest == "HTTP/1.0";
  part_ = Part::fields;
}

void RequestReader::read_field(Headers& into) {
  std::string_view value = line_;
  const std::string_view name = split_off(value, ':');
  if (!is_name(name) || name.size() == line_.size()) {
    return refuse(400, cat("a header is a name, a colon right after it and a value, in one line; ",
                           "this is ", quote(line_)));
  }
  into.emplace_back(lower_case(name), trimmed(value));
}

void RequestReader::end_head() {
  state_ = State::body;
  n_line_bytes_ = 0;
  head_.keep_alive = head_.http_1_0 ? connection_says(head_.headers, "keep-alive")
                                    : !connection_says(head_.headers, "close");
  const auto lengths = values_of(head_.headers, "content-length");
  const auto codings = values_of(head_.headers, "transfer-encoding");
  if (lengths.size() + codings.size() > 1) {
    return refuse(400,
                  cat("Content-Length is given ", lengths.size(), " times and Transfer-Encoding ",
                      codings.size(), " times, ", kCannotEnd, "; give one of them, once"));
  }
  if (!lengths.empty()) return read_body_length(lengths.front());
  if (codings.empty()) {
    state_ = State::whole;
    return;
  }
  if (head_.http_1_0) {
    return refuse(
        400, cat("HTTP/1.0 has no Transfer-Encoding, ", kCannotEnd, "; give a Content-Length"));
  }
  if (!equals_ignoring_case(codings.front(), "chunked")) {
    return refuse(400, cat("Transfer-Encoding ", quote(codings.front()),
                           " is not accepted; send the body uncompressed, with Content-Length or "
                           "Transfer-Encoding: chunked"));
  }
  part_ = Part::chunk_size;
}

void RequestReader::read_body_length(std::string_view value) {
  const bool digits = std::all_of(value.begin(), value.end(), is_digit);
  const std::optional<std::int64_t> length = digits ? parse_int(value) : std::nullopt;
  if (!length) {
    return refuse(400, cat("Content-Length is a number of bytes, not ", quote(value)));
  }
  n_missing_ = static_cast<std::uint64_t>(*length);
  part_ = Part::sized;
  if (n_missing_ == 0) state_ = State::whole;
}

void RequestReader::read_chunk_size() {
  const std::string_view digits = std::string_view(line_).substr(0, line_.find(';'));
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, n_missing_, 16);
  if (digits.size() > kMaxSizeDigits || stop != end || error != std::errc()) {
    return refuse(400, cat("a chunk of the body begins with its size, at most ", kMaxSizeDigits,
                           " hexadecimal digits, not with ", quote(line_)));
  }
  n_line_bytes_ -= digits.size() + 2;  // small chunks are no fault, long extensions are
  part_ = n_missing_ == 0 ? Part::trailers : Part::chunk;
  check_body_room();
}

void RequestReader::end_chunk() {
  if (!line_.empty()) {
    return refuse(400, cat("after a chunk of the body came ", quote(line_),
                           " in place of CR LF: it is longer than its size"));
  }
  n_line_bytes_ -= 2;
  part_ = Part::chunk_size;
}

void RequestReader::read_trailer() {
  Headers unused;
  if (!line_.empty()) return read_field(unused);
  state_ = State::whole;
}

void RequestReader::take_body_bytes(std::string_view& bytes) {
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(n_missing_, bytes.size()));
  body_ += bytes.substr(0, n);
  bytes.remove_prefix(n);
  n_missing_ -= n;
  if (n_missing_ > 0) return;
  if (part_ == Part::chunk) {
    part_ = Part::chunk_end;
  } else {
    state_ = State::whole;
  }
}

void RequestReader::check_body_room() {
  if (n_missing_ <= limits_.body_bytes - body_.size()) return;
  refuse(413, cat("the request's body is larger than ", limits_.body_bytes, " bytes"),
         "body_too_large");
}

void RequestReader::refuse(int status, std::string message, std::string code) {
  state_ = State::refused;
  fault_ = api::ApiError{
      .status = status, .message = std::move(message), .param = {}, .code = std::move(code)};
}

}  // namespace hearth::server
