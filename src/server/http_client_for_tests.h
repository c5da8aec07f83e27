// http_client_for_tests.h - a client that can also misbehave: it writes what bytes it likes, reads
// when it likes, and leaves how it likes. With a running server over a fake engine to talk to.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "base/str.h"
#include "server/fake_engine_for_tests.h"
#include "server/http.h"
#include "server/server.h"

namespace hearth::server {

struct ClientReply {
  int status = 0;  // 0: nothing came
  std::map<std::string, std::string> headers;
  std::string body;    // without its chunks' frames
  bool whole = false;  // came to its end
};

class Client {
 public:
  explicit Client(int port, int receive_buffer = 0) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) {
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { leave(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }

  // false when the other side has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  void end_sending() { shutdown(fd_, SHUT_WR); }
  void leave() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    leave();
  }

  // Reads more; false at the end of the stream, or when nothing comes for `patience`.
  bool receive(std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    pollfd wanted{.fd = fd_, .events = POLLIN, .revents = 0};
    if (poll(&wanted, 1, static_cast<int>(patience.count())) <= 0) return false;
    char bytes[16 * 1024];
    const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) {
      closed_ = true;
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  // Whether the other side has closed and nothing is left to read.
  bool is_closed() {
    while (receive(std::chrono::seconds(10))) {
    }
    return closed_;
  }

  // Reads until the text has come; what came is left for read().
  bool wait_for(std::string_view text) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (buffer_.find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > end || !receive()) return false;
    }
    return true;
  }

  // One reply. has_body: false after HEAD.
  ClientReply read(bool has_body = true) {
    ClientReply reply;
    std::size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return reply;
    }
    read_head(buffer_.substr(0, end + 2), reply);
    buffer_.erase(0, end + 4);
    if (reply.status == 100) return read(has_body);
    if (!has_body || reply.status == 204) {
      reply.whole = true;
    } else if (reply.headers.contains("transfer-encoding")) {
      read_chunks(reply);
    } else if (reply.headers.contains("content-length")) {
      const auto size = static_cast<std::size_t>(*parse_int(reply.headers["content-length"]));
      while (buffer_.size() < size && receive()) {
      }
      reply.whole = buffer_.size() >= size;
      reply.body = buffer_.substr(0, size);
      buffer_.erase(0, size);
    } else {
      reply.whole = is_closed();
      reply.body = std::exchange(buffer_, {});
    }
    return reply;
  }

 private:
  static void read_head(std::string_view head, ClientReply& reply) {
    reply.status = static_cast<int>(*parse_int(head.substr(9, 3)));
    std::size_t at = head.find("\r\n") + 2;
    while (at < head.size()) {
      const std::size_t end = head.find("\r\n", at);
      const std::string_view line = head.substr(at, end - at);
      const std::size_t colon = line.find(": ");
      reply.headers[lower_case(line.substr(0, colon))] = std::string(line.substr(colon + 2));
      at = end + 2;
    }
  }

  void read_chunks(ClientReply& reply) {
    for (;;) {
      std::size_t line;
      while ((line = buffer_.find("\r\n")) == std::string::npos) {
        if (!receive()) return;
      }
      const std::size_t size = std::stoul(buffer_.substr(0, line), nullptr, 16);
      while (buffer_.size() < line + 2 + size + 2) {
        if (!receive()) return;
      }
      reply.body += buffer_.substr(line + 2, size);
      buffer_.erase(0, line + 2 + size + 2);
      if (size > 0) continue;
      reply.whole = true;
      return;
    }
  }

  int fd_;
  bool connected_ = false, closed_ = false;
  std::string buffer_;
};

// A server in this process. Cached models: "fake", "Other.Model", "thinker", "caller", "embedder",
// and "broken", which does not load.
class TestServer {
 public:
  explicit TestServer(ServerOptions options = {},
                      const std::function<void(FakeEngine&)>& prepare = {}) {
    if (prepare) prepare(engine);
    options.port = 0;
    options.list_cached = [] {
      std::vector<catalog::CachedModel> models;
      for (const auto& [alias, path] :
           {std::pair("broken", "/models/corrupt.gguf"), std::pair("caller", "/models/caller.gguf"),
            std::pair("embedder", "/models/embedder.gguf"), std::pair("fake", "/models/fake.gguf"),
            std::pair("Other.Model", "/models/other.gguf"),
            std::pair("thinker", "/models/thinker.gguf")}) {
        catalog::CachedModel& model = models.emplace_back();
        model.alias = alias;
        model.path = path;
        model.imported_at = 1700000000 + std::ssize(models);
      }
      return Result<std::vector<catalog::CachedModel>>(std::move(models));
    };
    auto made = Server::create(engine, std::move(options));
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    server_ = *std::move(made);
    thread_ = std::thread([this] { server_->run(); });
  }
  ~TestServer() {
    server_->stop();
    server_->stop();
    join();
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  int port() const { return server_->port(); }
  Server& server() { return *server_; }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  FakeEngine engine;

 private:
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

// A whole request. Headers: "name: value\r\n…"; Host and Content-Length are added.
inline std::string http_request(std::string_view method, std::string_view target,
                                std::string_view body = {}, std::string_view headers = {}) {
  std::string out = cat(method, " ", target, " HTTP/1.1\r\nHost: localhost\r\n", headers);
  if (method == "POST") {
    out += cat("Content-Type: application/json\r\nContent-Length: ", body.size(), "\r\n");
  }
  return cat(out, "\r\n", body);
}

inline std::string chat_body(std::string_view members = {}, std::string_view content = "Hi") {
  return cat(R"({"model":"fake","messages":[{"role":"user","content":")", content, "\"}]",
             members.empty() ? "" : ",", members, "}");
}

inline std::string chat_request(std::string_view members = {}, std::string_view content = "Hi") {
  return http_request("POST", "/v1/chat/completions", chat_body(members, content));
}

// Waits until the condition holds, at most 20 s: generous, since only a failing test waits so long.
inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 10'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

}  // namespace hearth::server
