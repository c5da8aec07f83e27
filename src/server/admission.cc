#include "server/admission.h"

#include <array>
#include <vector>

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

struct Target {
  std::string_view path, query;
};

// "http://localhost:5273/v1/models?x=1" -> "/v1/models", "x=1". Clients behind a proxy send the
// long form.
Target split_target(std::string_view target) {
  for (const std::string_view scheme :
       {std::string_view("http://"), std::string_view("https://")}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t slash = target.find('/');
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    break;
  }
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark + 1)};
}

// A client whose base URL already ends in /v1 and that adds it once more means the same route.
std::string without_double_version(std::string path) {
  if (path.starts_with("/v1/v1/")) path.erase(0, 3);
  return path;
}

Response unknown_path(const Request& request) {
  std::vector<std::string_view> paths;
  for (const Route& route : routes()) paths.push_back(route.path);
  std::string message = cat("there is no ", request.method, " ", quote(request.path), " here");
  const std::string_view meant = nearest(request.path, paths.data(), paths.size());
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

// Any path: a preflight that is refused would keep a page from reading that the path is unknown.
Response options_reply(const Request& request, const RouteMatch& match) {
  const std::string methods =
      match.allowed.empty() ? "GET, HEAD, POST, DELETE, OPTIONS" : match.allowed;
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
  if (auto fault = check_origin(rules, request.header("origin"), request.header("host"))) {
    return error_response(*fault);
  }
  return std::nullopt;
}

// Once Host and Origin are good.
std::optional<Response> find_answer(const AccessRules& rules, Request& request,
                                    std::string_view target, Admission& admission) {
  const Target parts = split_target(target);
  const std::optional<std::string> path = percent_decode(parts.path);
  std::optional<Headers> query = parse_query(parts.query);
  if (!path || !query)
    return refuse(400, cat("the path ", quote(target), " has a bad %-escape"), {});
  request.path = without_double_version(*path);
  request.query = *std::move(query);
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
