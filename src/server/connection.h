// connection.h - one client's socket: reads requests, drives their replies, notices that it is
// gone.
//
// Everything of a connection runs on its own strand, as one coroutine (serve) plus short handlers.
// The outside speaks to it only through finish, interrupt and abort, which any thread may call.
//
// While a reply is in the making the socket is read all the time: the end of the stream, or a
// reset, means that the client is gone, and what runs for it is cancelled. What a pipelining client
// sends meanwhile is kept for the next request, at most kMaxPipelinedBytes; beyond that the socket
// is left alone and a vanished client is noticed at the next write. A client that closes only its
// sending half counts as gone, as nginx counts it.
//
// Memory of a slow reader: one chunk of events is taken from the stream only after the chunk before
// it was accepted by the kernel, so at most kMaxChunkBytes (and one event) wait here. The tokens
// behind it wait in the engine, at most as many as the context holds.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/admission.h"
#include "server/http.h"
#include "server/request_reader.h"
#include "server/server.h"

namespace hearth::server {

namespace asio = boost::asio;

// What all connections share. Outlives them.
struct Runtime {
  Runtime(engine::Engine& engine, ServerOptions server_options, AccessRules access_rules);

  ServerOptions options;
  AccessRules rules;
  ModelDirectory models;
  ResponseStore responses;
  Downloads downloads;
  Metrics metrics;
  Service service;
  std::shared_ptr<asio::io_context> io;
  asio::thread_pool workers;  // parse, render, tokenize
  asio::thread_pool loader;   // one thread: loads take turns, and hold up no worker
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Strand = asio::strand<asio::io_context::executor_type>;
  using Socket = asio::basic_stream_socket<asio::ip::tcp, Strand>;

  // on_end is called once, by the destructor.
  Connection(Runtime& runtime, Socket socket, std::function<void(Connection*)> on_end);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  void finish();     // no further request: closes now when idle, else after the current reply
  void interrupt();  // as finish, and the current answer ends with an error
  void abort();      // closes the socket

 private:
  struct Task;
  struct Waker;

  // The coroutine. Those that return bool say whether the connection can go on. Arguments are
  // references to the caller's variables: each call is awaited where it is made, and GCC 12
  // destroys a temporary argument of an awaited call twice.
  asio::awaitable<void> serve();
  asio::awaitable<bool> serve_one();
  asio::awaitable<bool> take_request(const std::shared_ptr<Task>& task);
  void account(const Task& task, std::chrono::steady_clock::time_point began);
  asio::awaitable<bool> wait_for_request();
  asio::awaitable<bool> read_head(Request& request);
  asio::awaitable<bool> read_body(Request& request);
  asio::awaitable<void> refuse_unread(Response& refusal);
  asio::awaitable<void> read_while(RequestReader::State state);
  asio::awaitable<bool> answer(const std::shared_ptr<Task>& task);
  asio::awaitable<bool> compute(const std::shared_ptr<Task>& task);
  asio::awaitable<bool> load(const std::shared_ptr<Task>& task);
  asio::awaitable<bool> run_on(asio::thread_pool& pool, const std::shared_ptr<Task>& task,
                               const std::function<void(Task&)>& work);
  asio::awaitable<bool> send(Response& response);
  asio::awaitable<bool> send_late(LateResponse& late);
  asio::awaitable<bool> send_events(EventStream& events);
  asio::awaitable<bool> pump(EventStream& events, bool chunked);
  asio::awaitable<bool> write(std::string_view bytes);
  asio::awaitable<void> linger();
  asio::awaitable<void> stop_watching();
  asio::awaitable<bool> wait(std::chrono::milliseconds at_most);  // true: notified

  bool peer_is_loopback() const;
  void watch();
  void notify();
  void close();
  void start_deadline(std::chrono::milliseconds time);
  void end_deadline();
  std::function<void()> waker();
  Headers reply_headers(Headers own, bool keep_alive) const;
  void feed_reader();
  Response read_fault() const;

  Runtime& runtime_;
  Socket socket_;
  std::function<void(Connection*)> on_end_;
  boost::beast::flat_buffer buffer_;
  std::optional<RequestReader> reader_;

  // Of the current request.
  std::string request_id_;
  int status_ = 0;  // of the reply; 0: there was none
  Headers cors_;
  bool head_only_ = false;  // HEAD
  bool http_1_0_ = false;
  bool keep_alive_ = false;
  bool unread_ = false;  // the body was not read: nothing can follow

  asio::steady_timer deadline_;
  std::uint64_t deadline_number_ = 0;
  bool timed_out_ = false;

  asio::steady_timer wake_;
  bool notified_ = false;

  asio::cancellation_signal stop_watching_;
  bool watching_ = false, want_watching_ = false;
  bool gone_ = false;

  bool idle_ = false;  // between two requests
  bool finishing_ = false, interrupted_ = false;
};

}  // namespace hearth::server
