// fuzz_http.cc - requests as the service reads them off a connection. The first byte says how the
// rest is cut: whatever the pieces, the same is read. What was read, written down anew, is read as
// the same again; what is refused says why in a body that is JSON.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/str.h"
#include "server/request_reader.h"

namespace {

using namespace hearth;
using namespace hearth::server;
using State = RequestReader::State;

constexpr ReadLimits kLimits{.head_bytes = 256, .body_bytes = 64};

struct Reading {
  RequestReader reader{kLimits};
  std::size_t n_taken = 0;
  std::string body;
};

bool has_ended(const RequestReader& reader) {
  return reader.state() == State::whole || reader.state() == State::refused;
}

Reading read(std::string_view bytes, std::size_t piece) {
  Reading reading;
  RequestReader& reader = reading.reader;
  while (!bytes.empty() && !has_ended(reader)) {
    const std::string_view here = bytes.substr(0, piece);
    const State before = reader.state();
    const std::size_t n = reader.take(here);
    CHECK(n == here.size() || reader.state() != before, "all is taken, or the state changes");
    reading.n_taken += n;
    bytes.remove_prefix(n);
  }
  if (reader.state() == State::body) reader.take({});
  if (reader.state() == State::whole) reading.body = reader.take_body();
  return reading;
}

void check_head(const RequestHead& head) {
  const auto is_plain = [](std::string_view text) {
    for (const char c : text) {
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f') return false;
    }
    return true;
  };
  CHECK(!head.method.empty() && !head.target.empty(), "a request asks for something");
  CHECK(head.target.find_first_of(" \t\r\n") == std::string::npos, "a target is one word");
  std::size_t n_lengths = 0;
  for (const auto& [name, value] : head.headers) {
    CHECK(!name.empty() && name.find_first_of(" \t\r\n:") == std::string::npos && is_plain(value),
          "no header holds another");
    n_lengths += name == "content-length" || name == "transfer-encoding" ? 1 : 0;
  }
  CHECK(n_lengths <= 1, "a body has one length");
}

void check_fault(const api::ApiError& fault) {
  CHECK((fault.status >= 400 && fault.status < 500) || fault.status == 505,
        "what cannot be read is the client's fault");
  CHECK(nlohmann::json::accept(api::error_body(fault)), "whatever was sent, the answer is JSON");
}

std::string written(const RequestHead& head, std::string_view body) {
  std::string out = cat(head.method, " ", head.target, head.http_1_0 ? " HTTP/1.0" : " HTTP/1.1");
  for (const auto& [name, value] : head.headers) {
    if (name != "transfer-encoding" && name != "content-length") {
      out += cat("\r\n", name, ":", value);
    }
  }
  return cat(out, "\r\ncontent-length:", body.size(), "\r\n\r\n", body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Reading whole = read(bytes, SIZE_MAX);
  const Reading cut = read(bytes, data[0] % 32 + 1);
  CHECK(whole.reader.state() == cut.reader.state() && whole.n_taken == cut.n_taken &&
            whole.body == cut.body,
        "how the bytes are cut changes nothing");
  if (whole.reader.state() == State::refused) check_fault(whole.reader.fault());
  if (whole.reader.state() != State::whole) return 0;
  CHECK(whole.body.size() <= kLimits.body_bytes, "a body keeps to its limit");
  check_head(whole.reader.head());
  // A length may take more room than it did: then the head may have become too large.
  const std::string again = written(whole.reader.head(), whole.body);
  const Reading second = read(again + "GET", SIZE_MAX);
  if (second.reader.state() == State::refused && second.reader.fault().status == 431) return 0;
  CHECK(second.reader.state() == State::whole && second.n_taken == again.size() &&
            second.body == whole.body && second.reader.head().method == whole.reader.head().method,
        "a request that was taken is a request");
  return 0;
}
