#include "server/connection.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <exception>

#include "api/generation_fields.h"
#include "base/log.h"
#include "base/seconds.h"
#include "base/str.h"

namespace hearth::server {

namespace {

using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxPipelinedBytes = 64 * 1024;
constexpr std::size_t kMaxChunkBytes = 16 * 1024;
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::chrono::milliseconds kLinger{5'000};
constexpr std::chrono::milliseconds kApart{200};  // within which a client that is not held up reads
constexpr std::chrono::hours kForever{24 * 365};
constexpr int kMaxLoads = 3;  // of one request's model, when others crowd it out again and again

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  const std::size_t n = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return std::string(text, n);
}

std::string as_chunk(std::string_view bytes) {
  char size[20];
  const int n = std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return cat(std::string_view(size, static_cast<std::size_t>(n)), bytes, "\r\n");
}

Response stopping() {
  return error_response(
      api::to_api_error({ErrorKind::busy, "the service is stopping; try again soon"}));
}

// What a handler throws is a fault of ours, or memory that ran out: the client hears of it, and the
// process lives.
Reply handle_safely(std::string_view what, const std::function<Reply()>& handle) {
  try {
    return handle();
  } catch (const std::exception& e) {
    log_error(cat(what, " failed: ", e.what()));
    return error_response({.status = 500,
                           .message = cat("the request failed inside the service: ", e.what()),
                           .param = {},
                           .code = "internal_error",
                           .type = "server_error"});
  }
}

}  // namespace

Runtime::Runtime(engine::Engine& engine, ServerOptions server_options, AccessRules access_rules)
    : options(std::move(server_options)),
      rules(std::move(access_rules)),
      models(engine, options.list_cached),
      service{engine, models, responses, downloads, metrics, options.default_model},
      io(std::make_shared<asio::io_context>()),
      workers(static_cast<std::size_t>(options.worker_threads)),
      loader(1) {}

// A request on its way through the pools. A worker may still hold it when the connection has given
// up.
struct Connection::Task {
  Request request;
  const Route* route = nullptr;
  std::optional<Reply> reply;
  std::atomic<bool> done{false}, abandoned{false};
};

// Wakes a connection from any thread, also when the connection, or all of them, are gone by then:
// it keeps the io_context, to which it posts, alive. Many wakes before the first is served are one.
struct Connection::Waker {
  std::shared_ptr<asio::io_context> io;
  Strand strand;
  std::weak_ptr<Connection> connection;
  std::shared_ptr<std::atomic<bool>> posted = std::make_shared<std::atomic<bool>>(false);

  void operator()() const {
    if (posted->exchange(true)) return;
    asio::post(strand, [flag = posted, weak = connection] {
      flag->store(false);
      if (auto self = weak.lock()) self->notify();
    });
  }
};

Connection::Connection(Runtime& runtime, Socket socket, std::function<void(Connection*)> on_end)
    : runtime_(runtime),
      socket_(std::move(socket)),
      on_end_(std::move(on_end)),
      deadline_(socket_.get_executor()),
      wake_(socket_.get_executor()) {}

Connection::~Connection() { on_end_(this); }

void Connection::start() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  asio::co_spawn(
      socket_.get_executor(), [self = shared_from_this()] { return self->serve(); },
      [self = shared_from_this()](std::exception_ptr thrown) {
        self->close();
        if (!thrown) return;
        try {
          std::rethrow_exception(thrown);
        } catch (const std::exception& e) {
          log_error(cat("a connection ended by an exception: ", e.what()));
        }
      });
}

void Connection::finish() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->finishing_ = true;
    if (self->idle_) self->close();
  });
}

void Connection::interrupt() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->finishing_ = self->interrupted_ = true;
    // Without a task under way there is nothing to tell the client.
    if (!self->want_watching_) self->close();
    self->notify();
  });
}

void Connection::abort() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->gone_ = true;
    self->close();
    self->notify();
  });
}

asio::awaitable<void> Connection::serve() {
  bool go_on = true;
  while (go_on) go_on = co_await serve_one();
  close();
}

asio::awaitable<bool> Connection::serve_one() {
  if (!co_await wait_for_request()) co_return false;
  const auto began = std::chrono::steady_clock::now();
  const auto task = std::make_shared<Task>();
  const bool go_on = co_await take_request(task);
  account(*task, began);
  co_return go_on;
}

asio::awaitable<bool> Connection::take_request(const std::shared_ptr<Task>& task) {
  status_ = 0;
  unread_ = true;
  keep_alive_ = false;
  cors_.clear();
  request_id_ = task->request.id = "req_" + random_hex(24);
  if (!co_await read_head(task->request)) co_return false;

  Admission admission = admit(runtime_.rules, task->request, reader_->head().target, http_1_0_);
  cors_ = std::move(admission.cors);
  unread_ = reader_->state() != RequestReader::State::whole;
  if (admission.answer) {
    Response refusal = *std::move(admission.answer);
    const bool go_on = co_await send(refusal);
    if (go_on && unread_) co_await linger();
    co_return go_on && !unread_ && keep_alive_;
  }
  task->route = admission.route;
  task->request.path_rest = std::move(admission.path_rest);
  if (head_only_) task->request.method = "GET";
  if (!co_await read_body(task->request)) co_return false;
  reader_.reset();
  const bool go_on = co_await answer(task);
  co_return go_on&& keep_alive_;
}

// One line of the log and one count a request. What a client wrote is quoted; query and body, which
// may hold secrets, are not there.
void Connection::account(const Task& task, std::chrono::steady_clock::time_point began) {
  if (status_ == 0) return;
  const double taken = seconds(began, std::chrono::steady_clock::now());
  const Request& request = task.request;
  const std::string_view method = head_only_ ? std::string_view("HEAD") : request.method;
  runtime_.metrics.add_request(method, task.route == nullptr ? "" : task.route->path, status_,
                               taken);
  log_info(cat("request id=", request_id_, " method=", quote(method, 20),
               " path=", quote(request.path, 200), " status=", status_, " seconds=", taken));
}

asio::awaitable<bool> Connection::wait_for_request() {
  if (finishing_) co_return false;
  if (buffer_.size() > 0) co_return true;
  idle_ = true;
  start_deadline(runtime_.options.keep_alive_timeout);
  const auto space = buffer_.prepare(4096);
  const auto [error, n] = co_await socket_.async_read_some(space, kAwait);
  end_deadline();
  idle_ = false;
  buffer_.commit(n);
  co_return !error;
}

bool Connection::peer_is_loopback() const {
  error_code error;
  const asio::ip::address address = socket_.remote_endpoint(error).address();
  if (error) return false;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  }
  return address.is_loopback();
}

asio::awaitable<bool> Connection::read_head(Request& request) {
  reader_.emplace(ReadLimits{.head_bytes = runtime_.options.max_header_bytes,
                             .body_bytes = runtime_.options.max_body_bytes});
  http_1_0_ = head_only_ = false;
  start_deadline(runtime_.options.header_timeout);
  co_await read_while(RequestReader::State::head);
  end_deadline();
  const RequestReader::State state = reader_->state();
  if (state == RequestReader::State::head && !timed_out_ && reader_->is_empty()) co_return false;
  if (state == RequestReader::State::head || state == RequestReader::State::refused) {
    Response refusal = read_fault();
    co_await refuse_unread(refusal);
    co_return false;
  }
  const RequestHead& head = reader_->head();
  http_1_0_ = head.http_1_0;
  keep_alive_ = head.keep_alive;
  request.method = head.method;
  request.headers = head.headers;
  request.from_loopback = peer_is_loopback();
  head_only_ = request.method == "HEAD";
  co_return true;
}

asio::awaitable<bool> Connection::read_body(Request& request) {
  const std::string_view expect = request.header("expect");
  if (!expect.empty() && !equals_ignoring_case(expect, "100-continue")) {
    Response refusal = error_response({.status = 417,
                                       .message = cat("Expect: ", quote(expect), " cannot be met"),
                                       .param = {},
                                       .code = {}});
    co_await refuse_unread(refusal);
    co_return false;
  }
  feed_reader();
  if (!expect.empty() && !http_1_0_ && reader_->state() == RequestReader::State::body) {
    if (!co_await write("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
  }
  start_deadline(runtime_.options.body_timeout);
  co_await read_while(RequestReader::State::body);
  end_deadline();
  if (reader_->state() != RequestReader::State::whole) {
    Response refusal = read_fault();
    co_await refuse_unread(refusal);
    co_return false;
  }
  unread_ = false;
  request.body = reader_->take_body();
  co_return true;
}

// Nothing can follow a request that was not read to its end.
asio::awaitable<void> Connection::refuse_unread(Response& refusal) {
  keep_alive_ = false;
  const bool sent = co_await send(refusal);
  if (sent) co_await linger();
}

// Returns early when the client is gone or too slow.
asio::awaitable<void> Connection::read_while(RequestReader::State state) {
  for (;;) {
    feed_reader();
    if (reader_->state() != state) co_return;
    const auto space = buffer_.prepare(kReadBytes);
    const auto [error, n] = co_await socket_.async_read_some(space, kAwait);
    if (error) co_return;
    buffer_.commit(n);
  }
}

void Connection::feed_reader() {
  const auto bytes = buffer_.cdata();
  buffer_.consume(
      reader_->take(std::string_view(static_cast<const char*>(bytes.data()), bytes.size())));
}

// What a request that could not be read is answered.
Response Connection::read_fault() const {
  if (reader_->state() == RequestReader::State::refused) return error_response(reader_->fault());
  if (timed_out_) {
    return error_response({.status = 408,
                           .message = "the request did not arrive in time",
                           .param = {},
                           .code = "request_timeout"});
  }
  return error_response(
      {.message = "the connection ended before the request did", .param = {}, .code = {}});
}

asio::awaitable<bool> Connection::answer(const std::shared_ptr<Task>& task) {
  if (task->route->quick) {
    Reply reply = handle_safely(task->route->path, [&task, this] {
      return task->route->handle(runtime_.service, task->request);
    });
    Response* response = std::get_if<Response>(&reply);
    CHECK(response != nullptr, "a quick route answers at once");
    const bool sent = co_await send(*response);
    co_return sent;
  }
  want_watching_ = true;
  watch();
  bool sent = co_await compute(task);
  if (sent) {
    Reply& reply = *task->reply;
    if (auto* response = std::get_if<Response>(&reply)) {
      sent = co_await send(*response);
    } else if (auto* late = std::get_if<std::unique_ptr<LateResponse>>(&reply)) {
      sent = co_await send_late(**late);
    } else if (auto* events = std::get_if<std::unique_ptr<EventStream>>(&reply)) {
      sent = co_await send_events(**events);
    }
    task->reply.reset();
  }
  co_await stop_watching();
  co_return sent && !gone_;
}

// Calls the route until it has an answer; false when the client is gone by then.
asio::awaitable<bool> Connection::compute(const std::shared_ptr<Task>& task) {
  Runtime& runtime = runtime_;
  const std::function<void(Task&)> call_route = [&runtime](Task& t) {
    t.reply =
        handle_safely(t.route->path, [&] { return t.route->handle(runtime.service, t.request); });
  };
  for (int n_loads = 0;; ++n_loads) {
    if (!co_await run_on(runtime.workers, task, call_route)) co_return false;
    const LoadModel* wanted = std::get_if<LoadModel>(&*task->reply);
    if (wanted == nullptr) co_return true;
    if (n_loads == kMaxLoads) {
      task->reply = error_response(api::to_api_error(
          {ErrorKind::busy, cat("the model ", quote(wanted->id),
                                " was unloaded again before it could answer: memory is short")}));
      co_return true;
    }
    if (!co_await load(task)) co_return false;
    if (std::holds_alternative<Response>(*task->reply)) co_return true;
  }
}

// Loads what task->reply asks for and leaves it as it is; an error takes its place.
asio::awaitable<bool> Connection::load(const std::shared_ptr<Task>& task) {
  engine::Engine& engine = runtime_.service.engine;
  const std::function<void(Task&)> load_model = [&engine](Task& t) {
    const LoadModel wanted = *std::get_if<LoadModel>(&*t.reply);
    t.reply = handle_safely("loading a model", [&]() -> Reply {
      const auto model = engine.load(wanted.id, wanted.path);
      if (model) {
        ++t.request.n_loads;
        return wanted;
      }
      return error_response(api::to_api_error(model.error(), "model"));
    });
  };
  const bool tried = co_await run_on(runtime_.loader, task, load_model);
  co_return tried;
}

// false: the client is gone; the work may still be running, its result goes with the task.
asio::awaitable<bool> Connection::run_on(asio::thread_pool& pool, const std::shared_ptr<Task>& task,
                                         const std::function<void(Task&)>& work) {
  task->done = false;
  asio::post(pool, [task, work, wake = waker()] {
    if (!task->abandoned) work(*task);
    task->done = true;
    wake();
  });
  while (!task->done) {
    if (gone_) {
      task->abandoned = true;
      co_return false;
    }
    if (interrupted_) {
      task->abandoned = true;
      Response refusal = stopping();
      co_await send(refusal);
      co_return false;
    }
    co_await wait(kForever);
  }
  co_return !gone_;
}

asio::awaitable<bool> Connection::send(Response& response) {
  const bool keep = keep_alive_ && !unread_ && !finishing_;
  keep_alive_ = keep;
  status_ = response.status;
  Headers headers = reply_headers(std::move(response.headers), keep);
  if (response.status != 204) headers.emplace_back("content-length", cat(response.body.size()));
  std::string bytes = response_head(response.status, headers);
  if (!head_only_) bytes += response.body;
  const bool written = co_await write(bytes);
  co_return written;
}

asio::awaitable<bool> Connection::send_late(LateResponse& late) {
  late.on_ready(waker());
  while (!gone_) {
    if (interrupted_) late.interrupt();
    if (std::optional<Response> response = late.poll()) {
      const bool sent = co_await send(*response);
      co_return sent;
    }
    co_await wait(kForever);
  }
  co_return false;
}

asio::awaitable<bool> Connection::send_events(EventStream& events) {
  const bool chunked = !http_1_0_;
  status_ = 200;
  keep_alive_ = keep_alive_ && chunked && !finishing_;
  Headers own = {{"content-type", "text/event-stream; charset=utf-8"},
                 {"cache-control", "no-cache"},
                 {"x-accel-buffering", "no"}};
  own.insert(own.end(), events.headers.begin(), events.headers.end());
  Headers headers = reply_headers(std::move(own), keep_alive_);
  if (chunked) headers.emplace_back("transfer-encoding", "chunked");
  const std::string head = response_head(200, headers);
  if (!co_await write(head)) co_return false;
  events.on_ready(waker());
  const bool whole = co_await pump(events, chunked);
  co_return whole;
}

asio::awaitable<bool> Connection::pump(EventStream& events, bool chunked) {
  bool told = false;
  std::string out;
  EventStream::State state = EventStream::State::more;
  while (state != EventStream::State::done) {
    if (interrupted_ && !told) {
      events.interrupt();
      told = true;
    }
    out.clear();
    state = events.poll(out, kMaxChunkBytes);
    if (out.empty() && state == EventStream::State::waiting) {
      if (gone_) co_return false;
      if (co_await wait(runtime_.options.heartbeat)) continue;
      out = api::kSseHeartbeat;
    }
    if (!out.empty()) {
      const std::string frame = chunked ? as_chunk(out) : out;
      if (!co_await write(frame)) co_return false;
    }
    if (state == EventStream::State::apart) {
      asio::steady_timer pause(socket_.get_executor(), kApart);
      co_await pause.async_wait(kAwait);
    }
  }
  if (!chunked) co_return true;
  const bool ended = co_await write("0\r\n\r\n");
  co_return ended;
}

// The time limit is for each step forward, not for the whole: a slow reader is not a dead one.
asio::awaitable<bool> Connection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (gone_) co_return false;
    start_deadline(runtime_.options.write_timeout);
    const auto [error, n] =
        co_await socket_.async_write_some(asio::buffer(bytes.data(), bytes.size()), kAwait);
    end_deadline();
    if (error) {
      gone_ = true;
      co_return false;
    }
    bytes.remove_prefix(n);
  }
  co_return true;
}

// After a refusal whose request is still arriving: closing at once would make the kernel answer the
// rest with a reset, which can destroy the refusal before the client has read it.
asio::awaitable<void> Connection::linger() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  buffer_.consume(buffer_.size());
  start_deadline(kLinger);
  for (;;) {
    const auto space = buffer_.prepare(16 * 1024);
    const auto [error, n] = co_await socket_.async_read_some(space, kAwait);
    if (error || timed_out_) break;
  }
  end_deadline();
}

void Connection::watch() {
  if (watching_ || !want_watching_ || gone_ || buffer_.size() >= kMaxPipelinedBytes) return;
  watching_ = true;
  const auto seen = [self = shared_from_this()](const error_code& error, std::size_t n) {
    self->watching_ = false;
    self->buffer_.commit(n);
    if (error && error != asio::error::operation_aborted) {
      self->gone_ = true;
      error_code ignored;
      self->socket_.cancel(ignored);  // a write that waits for a reader who has left
    } else if (!error) {
      self->watch();
    }
    self->notify();
  };
  socket_.async_read_some(buffer_.prepare(4096),
                          asio::bind_cancellation_slot(stop_watching_.slot(), seen));
}

// Leaves no read outstanding: the next request's own reads use the same buffer.
asio::awaitable<void> Connection::stop_watching() {
  want_watching_ = false;
  if (watching_) stop_watching_.emit(asio::cancellation_type::all);
  while (watching_) co_await wait(kForever);
}

asio::awaitable<bool> Connection::wait(std::chrono::milliseconds at_most) {
  if (!notified_) {
    wake_.expires_after(at_most);
    co_await wake_.async_wait(kAwait);
  }
  co_return std::exchange(notified_, false);
}

void Connection::notify() {
  notified_ = true;
  wake_.cancel();
}

void Connection::close() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
}

void Connection::start_deadline(std::chrono::milliseconds time) {
  timed_out_ = false;
  const std::uint64_t number = ++deadline_number_;
  deadline_.expires_after(time);
  deadline_.async_wait([self = shared_from_this(), number](const error_code& error) {
    if (error || number != self->deadline_number_) return;
    self->timed_out_ = true;
    // Reading a request is several reads, and this may fall between two of them, where there is
    // nothing to cancel: then the shutdown ends the next one.
    error_code ignored;
    self->socket_.shutdown(Socket::shutdown_receive, ignored);
    self->socket_.cancel(ignored);
  });
}

void Connection::end_deadline() {
  ++deadline_number_;
  deadline_.cancel();
}

std::function<void()> Connection::waker() {
  return Waker{runtime_.io, socket_.get_executor(), weak_from_this()};
}

Headers Connection::reply_headers(Headers own, bool keep_alive) const {
  own.emplace_back("date", http_date());
  own.emplace_back("server", "hearth");
  own.emplace_back("x-request-id", request_id_);
  own.emplace_back("x-content-type-options", "nosniff");
  own.emplace_back("vary", "Origin");
  own.insert(own.end(), cors_.begin(), cors_.end());
  if (!keep_alive) {
    own.emplace_back("connection", "close");
  } else if (http_1_0_) {
    own.emplace_back("connection", "keep-alive");
  }
  return own;
}

}  // namespace hearth::server
