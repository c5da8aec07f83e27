#include "cli/service_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/str.h"

namespace hearth::cli {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

// "http://127.0.0.1:5273" -> its address and port; the service writes an address, never a name.
std::optional<asio::ip::tcp::endpoint> endpoint_of(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const std::size_t colon = url.rfind(':');
  if (!url.starts_with(kScheme) || colon <= kScheme.size()) return std::nullopt;
  std::string host(url.substr(kScheme.size(), colon - kScheme.size()));
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  const auto port = parse_int(url.substr(colon + 1));
  if (error || !port || *port < 1 || *port > 65535) return std::nullopt;
  return asio::ip::tcp::endpoint(address, static_cast<asio::ip::port_type>(*port));
}

// Beast's deadlines hold for asynchronous operations only, so each of the three steps is one.
class Exchange {
 public:
  explicit Exchange(std::chrono::seconds at_most) : stream_(io_) { stream_.expires_after(at_most); }

  error_code run(const asio::ip::tcp::endpoint& where,
                 const http::request<http::empty_body>& request,
                 http::response<http::string_body>& response) {
    const auto keep = [this](const error_code& error, auto&&...) { error_ = error; };
    stream_.async_connect(where, keep);
    if (step()) return error_;
    http::async_write(stream_, request, keep);
    if (step()) return error_;
    http::async_read(stream_, buffer_, response, keep);
    step();
    return error_;
  }

 private:
  bool step() {
    io_.restart();
    io_.run();
    return error_.failed();
  }

  asio::io_context io_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{16U << 20U};
  error_code error_;
};

std::string message_of(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const auto pointer = nlohmann::json::json_pointer("/error/message");
  if (json.is_object() && json.contains(pointer) && json[pointer].is_string()) {
    return json[pointer].get<std::string>();
  }
  return body.substr(0, 200);
}

}  // namespace

Result<std::string> ask_service(const ServiceProcess& service, const std::string& target,
                                std::chrono::seconds at_most) {
  const auto where = endpoint_of(service.url);
  if (!where) return Error{ErrorKind::io, cat("the service's address is no URL: ", service.url)};
  http::request<http::empty_body> request(http::verb::get, target, 11);
  request.set(http::field::host, service.url.substr(service.url.find("//") + 2));
  if (const char* key = std::getenv("HEARTH_API_KEY"); key != nullptr && *key != '\0') {
    request.set(http::field::authorization, cat("Bearer ", key));
  }
  http::response<http::string_body> response;
  const error_code error = Exchange(at_most).run(*where, request, response);
  if (error) {
    return Error{ErrorKind::io,
                 cat("the service on ", service.url, " does not answer: ", error.message())};
  }
  const unsigned status = response.result_int();
  if (status == 200) return std::move(response.body());
  const ErrorKind kind = status == 404   ? ErrorKind::not_found
                         : status >= 500 ? ErrorKind::io
                                         : ErrorKind::invalid;
  return Error{kind, message_of(response.body())};
}

std::string percent_encode(std::string_view path_segment) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : path_segment) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return out;
}

}  // namespace hearth::cli
