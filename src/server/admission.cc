#include "server/admission.h"

#include <array>

#include "base/str.h"

namespace hearth::server {

namespace {

Response refuse(int status, std::string message, std::string code) {
  return error_response(
      {.status = status, .message = std::move(message), .param = {}, .code = std::move(code)});
}

// Several of these would let two readers of one request disagree about it.
std::optional<Response> check_single(const Request& request) {
  static constexpr std::array<std::string_view, 5> kSingle = {"host", "origin", "authorization",
                                                              "content-type", "content-encoding"};
  for (const std::string_view name : kSingle) {
    int n = 0;
    for (const auto& header : request.headers) n += header.first == name ? 1 : 0;
    if (n > 1) return refuse(400, cat("the header ", name, " is given ", n, " times"), {});
  }
  return std::nullopt;
}

bool has(const Request& request, std::string_view name) {
  for (const auto& header : request.headers) {
    if (header.first == name) return true;
  }
  return false;
}

// "http://localhost:5273/v1/models?x=1" -> "/v1/models". Clients behind a proxy send the long form.
std::string_view path_of(std::string_view target) {
  for (const std::string_view scheme :
       {std::string_view("http://"), std::string_view("https://")}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t slash = target.find('/');
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    break;
  }
  return target.substr(0, target.find_first_of("?#"));
}

Response unknown_path(const Request& request) {
  std::array<std::string_view, 32> paths;
  std::size_t n = 0;
  for (const Route& route : routes()) {
    if (n < paths.size()) paths[n++] = route.path;
  }
  std::string message = cat("there is no ", request.method, " ", quote(request.path), " here");
  const std::string_view meant = nearest(request.path, paths.data(), n);
  if (!meant.empty()) message += cat("; did you mean ", meant, "?");
  return refuse(404, std::move(message), "unknown_url");
}

std::optional<Response> check_body_type(const Request& request) {
  const std::string_view encoding = request.header("content-encoding");
  if (!encoding.empty() && !equals_ignoring_case(encoding, "identity")) {
    return refuse(415,
                  cat("a body with Content-Encoding ", quote(encoding),
                      " is not accepted; send it uncompressed"),
                  {});
  }
  if (!has(request, "content-type")) return std::nullopt;
  const std::string_view value = request.header("content-type");
  std::string type = lower_case(value.substr(0, value.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  if (type == "application/json" || (type.starts_with("application/") && type.ends_with("+json"))) {
    return std::nullopt;
  }
  return refuse(415, cat("the body must be application/json, got Content-Type ", quote(value)), {});
}

Response options_reply(const Request& request, const RouteMatch& match) {
  if (match.allowed.empty() && request.path != "*") return unknown_path(request);
  const std::string methods = match.allowed.empty() ? "GET, HEAD, POST, OPTIONS" : match.allowed;
  Response response{204, {{"allow", methods}}, {}};
  if (has(request, "access-control-request-method")) {
    for (auto& header : preflight_headers(request, methods)) {
      response.headers.push_back(std::move(header));
    }
  }
  return response;
}

std::optional<Response> check_access(const AccessRules& rules, const Request& request,
                                     bool http_1_0) {
  if (auto refusal = check_single(request)) return refusal;
  if (has(request, "host") || !http_1_0) {
    if (!has(request, "host")) return refuse(400, "a request of HTTP/1.1 needs a Host header", {});
    if (auto fault = check_host(rules, request.header("host"))) return error_response(*fault);
  }
  if (auto fault = check_origin(request.header("origin"), request.header("host"))) {
    return error_response(*fault);
  }
  return std::nullopt;
}

// Once Host and Origin are good.
std::optional<Response> find_answer(const AccessRules& rules, Request& request,
                                    std::string_view target, Admission& admission) {
  const std::optional<std::string> path = percent_decode(path_of(target));
  if (!path) return refuse(400, cat("the path ", quote(target), " has a bad %-escape"), {});
  request.path = *path;
  RouteMatch match = find_route(request.method, request.path);
  if (request.method == "OPTIONS") return options_reply(request, match);
  if (match.route == nullptr || !match.route->open) {
    if (auto fault = check_key(rules, request.header("authorization"))) {
      Response response = error_response(*fault);
      response.headers.emplace_back("www-authenticate", "Bearer");
      return response;
    }
  }
  if (match.allowed.empty()) return unknown_path(request);
  if (match.route == nullptr) {
    Response response = refuse(
        405,
        cat(request.method, " is not for ", quote(request.path), "; it answers ", match.allowed),
        "method_not_allowed");
    response.headers.emplace_back("allow", match.allowed);
    return response;
  }
  admission.route = match.route;
  admission.path_rest = std::move(match.path_rest);
  if (match.route->method == "POST") return check_body_type(request);
  return std::nullopt;
}

}  // namespace

Admission admit(const AccessRules& rules, Request& request, std::string_view target,
                bool http_1_0) {
  Admission admission;
  admission.answer = check_access(rules, request, http_1_0);
  if (admission.answer) return admission;
  admission.cors = cors_headers(request.header("origin"));
  admission.answer = find_answer(rules, request, target, admission);
  return admission;
}

}  // namespace hearth::server
