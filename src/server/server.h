// server.h - the HTTP service: sockets, limits, who may ask, and the routes of routes.cc.
//
//   HEARTH_TRY(auto server, server::Server::create(engine, options));  // listens from here on
//   server->run();   // returns once all is finished
//   server->stop();  // from any thread, for example one that waits for SIGTERM; no signal handler
//
// Threads: run() serves on `io_threads` threads, the caller's among them; models load, and
// templates render, on `worker_threads` others, so a long load never holds up a stream. The engine
// must outlive the server; the server never shuts the engine down. A load that is under way cannot
// be stopped: run() returns after it.
//
// Who may ask. Without an API key only pages and programs of this machine: the socket is bound to a
// loopback address, the Host header must name it, and an Origin must be a loopback page or `null`.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/api_keys.h"
#include "catalog/catalog.h"
#include "engine/engine.h"

namespace hearth::server {

struct ServerOptions {
  std::string host = "127.0.0.1";  // an IP address, or "localhost"
  int port = 5273;                 // 0: any free one, see Server::port()
  std::string api_key;             // when set, every request needs "Authorization: Bearer <key>"
  std::vector<catalog::ApiKey> stored_keys = {};  // or one of these
  // Without it a non-loopback host is refused unless there is an API key.
  bool allow_unauthenticated = false;
  std::vector<std::string> allowed_hosts;    // further names that a Host header may carry
  std::vector<std::string> allowed_origins;  // pages that may ask beside those of this machine
  std::string default_model;  // for requests whose "model" is absent; "": they are refused
  // The models that can be loaded on demand; a test gives its own.
  std::function<Result<std::vector<catalog::CachedModel>>()> list_cached = catalog::list_models;

  // Run once, by run(), on the thread that loads models: loads that requests ask for come after it.
  std::function<void()> at_start;

  int io_threads = 2;
  int worker_threads = 2;  // and one more that loads models
  std::size_t max_header_bytes = 16 * 1024;
  std::size_t max_body_bytes = 16 * 1024 * 1024;
  std::size_t max_connections = 1024;
  std::chrono::milliseconds header_timeout{15'000};      // from the first byte to the blank line
  std::chrono::milliseconds body_timeout{60'000};        // for the whole body
  std::chrono::milliseconds keep_alive_timeout{75'000};  // idle between two requests
  std::chrono::milliseconds write_timeout{60'000};       // a reader that takes nothing is gone
  std::chrono::milliseconds heartbeat{15'000};  // a comment into a stream that is silent so long
  std::chrono::milliseconds grace{30'000};      // for running answers after stop()
};

// Can these be served at all? Whether the port is free is not asked. Errors: invalid.
Result<void> check_options(const ServerOptions& options);

class Server {
 public:
  // Binds and listens. Errors: invalid (an address or option that cannot be served, a non-loopback
  // host without a key), conflict (the port is in use; the message says what to do), io.
  static Result<std::unique_ptr<Server>> create(engine::Engine& engine, ServerOptions options);
  virtual ~Server() = default;  // after run() has returned, or when it was never called

  virtual int port() const = 0;
  virtual std::string url() const = 0;  // "http://127.0.0.1:5273"

  // Serves until stop(): then accepts nothing new, lets running answers end within `grace`, cancels
  // the rest (they end with an error event) and returns. Call once.
  virtual void run() = 0;
  // Any thread, any number of times, before or while run() runs. A second call ends the grace at
  // once.
  virtual void stop() = 0;
};

}  // namespace hearth::server
