#include "server/server.h"

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/host.h"
#include "base/log.h"
#include "base/str.h"
#include "server/connection.h"

namespace hearth::server {

namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kAfterInterrupt{2'000};  // to write the last words
constexpr std::chrono::milliseconds kAcceptPause{100};

using Acceptor = asio::basic_socket_acceptor<tcp, Connection::Strand>;

Result<asio::ip::address> parse_host(const std::string& host) {
  if (equals_ignoring_case(host, "localhost")) return asio::ip::make_address("127.0.0.1");
  error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (!error) return address;
  return Error{ErrorKind::invalid,
               cat("the host to serve on must be an IP address or localhost, got ", quote(host),
                   "; for every interface use 0.0.0.0")};
}

Result<void> check_options(const ServerOptions& options, const asio::ip::address& address) {
  if (options.port < 0 || options.port > 65535) {
    return Error{ErrorKind::invalid,
                 cat("the port must be between 0 and 65535, got ", options.port)};
  }
  if (options.io_threads < 1 || options.worker_threads < 1) {
    return Error{ErrorKind::invalid, "the service needs at least one I/O thread and one worker"};
  }
  for (const char c : options.api_key) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
      return Error{
          ErrorKind::invalid,
          "the API key must consist of printable ASCII characters without spaces: it travels "
          "in a header"};
    }
  }
  for (const std::string& name : options.allowed_hosts) {
    if (is_host_name(name)) continue;
    return Error{ErrorKind::invalid,
                 cat("a name to be asked by must be one such as host.docker.internal, without "
                     "scheme and port; got ",
                     quote(name))};
  }
  const bool asks_for_key = !options.api_key.empty() || !options.stored_keys.empty();
  if (!address.is_loopback() && !asks_for_key && !options.allow_unauthenticated) {
    return Error{ErrorKind::invalid,
                 cat("serving on ", options.host,
                     " lets other machines use this one: set an API key (hearth service key "
                     "add NAME, or HEARTH_API_KEY), or allow it without one explicitly")};
  }
  return {};
}

Error bind_fault(const error_code& error, const std::string& where) {
  if (error == asio::error::address_in_use) {
    return {ErrorKind::conflict,
            cat(where,
                " is in use by another program, perhaps another hearth; stop that one or choose "
                "another port with --port")};
  }
  if (error == asio::error::access_denied) {
    return {ErrorKind::io,
            cat("not permitted to serve on ", where, "; ports below 1024 need privileges")};
  }
  return {ErrorKind::io, cat("cannot serve on ", where, ": ", error.message())};
}

std::string authority(const asio::ip::address& address, int port) {
  return address.is_v6() ? cat("[", address.to_string(), "]:", port)
                         : cat(address.to_string(), ":", port);
}

class ServerImpl final : public Server {
 public:
  ServerImpl(engine::Engine& engine, ServerOptions options, AccessRules rules)
      : runtime_(engine, std::move(options), std::move(rules)),
        strand_(asio::make_strand(*runtime_.io)),
        acceptor_(strand_),
        grace_(strand_),
        pause_(strand_) {}

  Result<void> listen(const asio::ip::address& address) {
    const tcp::endpoint endpoint(address, static_cast<asio::ip::port_type>(runtime_.options.port));
    const std::string where = authority(address, runtime_.options.port);
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && address.is_v6()) acceptor_.set_option(asio::ip::v6_only(false), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return bind_fault(error, where);
    endpoint_ = acceptor_.local_endpoint(error);
    if (error) return bind_fault(error, where);
    runtime_.service.url = url();
    runtime_.service.asks_for_key = !runtime_.rules.keys.empty();
    runtime_.service.stop = [this] { stop(); };
    return {};
  }

  int port() const override { return endpoint_.port(); }
  std::string url() const override {
    return cat("http://", authority(endpoint_.address(), endpoint_.port()));
  }

  void run() override {
    if (runtime_.options.at_start) asio::post(runtime_.loader, runtime_.options.at_start);
    asio::co_spawn(strand_, accept(), asio::detached);
    std::vector<std::thread> threads;
    for (int i = 1; i < runtime_.options.io_threads; ++i) threads.emplace_back([this] { serve(); });
    serve();
    for (std::thread& thread : threads) thread.join();
    runtime_.workers.join();
    runtime_.loader.join();
  }

  void stop() override {
    asio::post(strand_, [this] {
      if (!stopping_) {
        begin_stop();
      } else {
        end_grace();
      }
    });
  }

 private:
  void serve() {
    for (;;) {
      try {
        runtime_.io->run();
        return;
      } catch (const std::exception& e) {
        log_error(cat("an I/O handler failed: ", e.what()));
      }
    }
  }

  asio::awaitable<void> accept() {
    while (!stopping_) {
      auto [error, socket] = co_await acceptor_.async_accept(asio::make_strand(*runtime_.io),
                                                             asio::as_tuple(asio::use_awaitable));
      if (stopping_) break;
      if (!error) {
        admit_socket(std::move(socket));
      } else if (error != asio::error::connection_aborted) {
        log_warn(cat("cannot accept a connection: ", error.message()));  // out of descriptors
        pause_.expires_after(kAcceptPause);
        co_await pause_.async_wait(asio::as_tuple(asio::use_awaitable));
      }
    }
  }

  void admit_socket(Connection::Socket socket) {
    if (const std::size_t n = count(); n >= runtime_.options.max_connections) {
      return turn_away(std::move(socket), n);
    }
    const auto connection = std::make_shared<Connection>(
        runtime_, std::move(socket), [this](Connection* ended) { forget(ended); });
    {
      // Not held while `connection` goes: it may be the last to hold it, and forget() locks too.
      const std::lock_guard lock(mutex_);
      connections_.emplace(connection.get(), connection);
    }
    connection->start();
  }

  static void turn_away(Connection::Socket socket, std::size_t n_connections) {
    Response refusal = error_response(api::to_api_error(
        {ErrorKind::busy, cat("the service already holds ", n_connections, " connections")}));
    refusal.headers.emplace_back("content-length", cat(refusal.body.size()));
    refusal.headers.emplace_back("connection", "close");
    refusal.headers.emplace_back("x-request-id", "req_" + random_hex(24));
    const std::string bytes = response_head(refusal.status, refusal.headers) + refusal.body;
    error_code ignored;
    // A new socket's buffer takes this at once; one that does not is not waited for.
    socket.non_blocking(true, ignored);
    asio::write(socket, asio::buffer(bytes), ignored);
    socket.shutdown(Connection::Socket::shutdown_send, ignored);
  }

  void forget(Connection* ended) {
    const std::lock_guard lock(mutex_);
    connections_.erase(ended);
    if (!connections_.empty()) return;
    asio::post(strand_, [this] {
      if (stopping_ && count() == 0) grace_.cancel();
    });
  }

  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return connections_.size();
  }

  std::vector<std::shared_ptr<Connection>> live() {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Connection>> out;
    for (const auto& [pointer, weak] : connections_) {
      if (auto connection = weak.lock()) out.push_back(std::move(connection));
    }
    return out;
  }

  void begin_stop() {
    stopping_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (const auto& connection : live()) connection->finish();
    if (count() > 0) after(runtime_.options.grace, [this] { end_grace(); });
  }

  void end_grace() {
    for (const auto& connection : live()) connection->interrupt();
    after(kAfterInterrupt, [this] {
      for (const auto& connection : live()) connection->abort();
    });
  }

  void after(std::chrono::milliseconds time, std::function<void()> then) {
    grace_.expires_after(time);
    grace_.async_wait([then = std::move(then)](const error_code& error) {
      if (!error) then();
    });
    if (count() == 0) grace_.cancel();
  }

  Runtime runtime_;
  Connection::Strand strand_;  // of everything below but the connections
  Acceptor acceptor_;
  tcp::endpoint endpoint_;
  asio::steady_timer grace_, pause_;
  bool stopping_ = false;

  std::mutex mutex_;
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections_;
};

}  // namespace

Result<void> check_options(const ServerOptions& options) {
  HEARTH_TRY(const asio::ip::address address, parse_host(options.host));
  return check_options(options, address);
}

Result<std::unique_ptr<Server>> Server::create(engine::Engine& engine, ServerOptions options) {
  HEARTH_TRY(const asio::ip::address address, parse_host(options.host));
  HEARTH_TRY_VOID(check_options(options, address));
  AccessRules rules{.loopback_only = address.is_loopback(),
                    .bound_host = options.host,
                    .allowed_hosts = options.allowed_hosts,
                    .allowed_origins = options.allowed_origins,
                    .keys = options.stored_keys};
  if (!options.api_key.empty()) {
    HEARTH_TRY(catalog::ApiKey key, catalog::hashed_key("--api-key", options.api_key));
    rules.keys.push_back(std::move(key));
    options.api_key.clear();
  }
  auto server = std::make_unique<ServerImpl>(engine, std::move(options), std::move(rules));
  HEARTH_TRY_VOID(server->listen(address));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace hearth::server
