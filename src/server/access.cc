#include "server/access.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/host.h"
#include "base/str.h"

namespace hearth::server {

namespace {

std::string machine_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

bool is_port(std::string_view text) {
  const std::optional<std::int64_t> port = parse_int(text);
  return port && *port >= 0 && *port <= 65535 && text.front() != '-';
}

std::string_view without_scheme(std::string_view origin) {
  for (const std::string_view scheme :
       {std::string_view("http://"), std::string_view("https://")}) {
    if (origin.size() > scheme.size() &&
        equals_ignoring_case(origin.substr(0, scheme.size()), scheme)) {
      return origin.substr(scheme.size());
    }
  }
  return {};
}

// Names in a preflight's answer are echoed, so only what a header name may consist of.
bool is_header_list(std::string_view text) {
  return text.size() <= 1024 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("-_, ").find(c) != std::string_view::npos;
         });
}

}  // namespace

std::optional<std::string> host_of_authority(std::string_view authority) {
  if (authority.empty() || authority.size() > 300) return std::nullopt;
  if (authority.front() == '[') {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view port = authority.substr(end + 1);
    if (!port.empty() && (port.size() < 2 || port.front() != ':' || !is_port(port.substr(1)))) {
      return std::nullopt;
    }
    return lower_case(authority.substr(1, end - 1));
  }
  const std::size_t colon = authority.find(':');
  const std::string_view host = authority.substr(0, colon);
  if (host.empty() || host.find_first_of("@/?#\\ ") != std::string_view::npos) return std::nullopt;
  if (colon != std::string_view::npos &&
      (colon + 1 == authority.size() || !is_port(authority.substr(colon + 1)))) {
    return std::nullopt;
  }
  return lower_case(host);
}

bool is_loopback_host(std::string_view host) {
  std::string name = lower_case(host);
  if (!name.empty() && name.back() == '.') name.pop_back();  // "localhost." is the same name
  if (name == "localhost" || name == "::1" || name.ends_with(".localhost")) return true;
  return name.starts_with("127.") && is_ipv4_address(name);
}

std::optional<api::ApiError> check_host(const AccessRules& rules, std::string_view host_header) {
  const std::optional<std::string> host = host_of_authority(host_header);
  if (host) {
    if (is_loopback_host(*host) || equals_ignoring_case(*host, rules.bound_host))
      return std::nullopt;
    const auto is_host = [&](const std::string& name) { return equals_ignoring_case(*host, name); };
    if (std::any_of(rules.allowed_hosts.begin(), rules.allowed_hosts.end(), is_host)) {
      return std::nullopt;
    }
    // An address cannot be rebound: only names are resolved.
    if (!rules.loopback_only && (is_ip_address(*host) || is_host(machine_name()))) {
      return std::nullopt;
    }
  }
  return api::ApiError{
      .status = 403,
      .message =
          cat("the Host header ", quote(host_header),
              " does not name this service; ask for localhost or the address it is bound to, "
              "or allow the name when the service is started: --allow-host NAME, or the setting "
              "service.allowed_hosts"),
      .param = {},
      .code = "host_not_allowed",
      .type = "permission_error"};
}

std::optional<api::ApiError> check_origin(const AccessRules& rules, std::string_view origin,
                                          std::string_view host_header) {
  if (origin.empty() || origin == "null") return std::nullopt;
  const std::string_view authority = without_scheme(origin);
  const std::optional<std::string> host = host_of_authority(authority);
  const bool own =
      host && (is_loopback_host(*host) || equals_ignoring_case(authority, host_header));
  const auto is_origin = [&](const std::string& allowed) {
    return equals_ignoring_case(origin, allowed);
  };
  if (own || std::any_of(rules.allowed_origins.begin(), rules.allowed_origins.end(), is_origin)) {
    return std::nullopt;
  }
  return api::ApiError{
      .status = 403,
      .message = cat("pages of the origin ", quote(origin),
                     " may not use this service; only pages of this machine may, and those of "
                     "the setting service.allowed_origins"),
      .param = {},
      .code = "origin_not_allowed",
      .type = "permission_error"};
}

std::optional<api::ApiError> check_key(const AccessRules& rules, std::string_view authorization) {
  if (rules.keys.empty()) return std::nullopt;
  static constexpr std::string_view kScheme = "bearer ";
  std::string_view given;
  if (equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) {
    given = authorization.substr(kScheme.size());
  }
  // All are compared, whichever fits: the time does not tell which.
  bool good = false;
  for (const catalog::ApiKey& key : rules.keys) good |= catalog::is_key(key, given);
  if (good) return std::nullopt;
  return api::ApiError{
      .status = 401,
      .message =
          given.empty()
              ? "this service asks for a key: send \"Authorization: Bearer <key>\""
              : "the key in the Authorization header is none that this service was started with",
      .param = {},
      .code = "invalid_api_key",
      .type = "authentication_error"};
}

Headers cors_headers(std::string_view origin) {
  if (origin.empty()) return {};
  return {{"access-control-allow-origin", std::string(origin)},
          {"access-control-expose-headers", "x-request-id, retry-after, x-should-retry"}};
}

Headers preflight_headers(const Request& request, std::string_view methods) {
  Headers headers = {{"access-control-allow-methods", std::string(methods)},
                     {"access-control-max-age", "600"}};
  const std::string_view wanted = request.header("access-control-request-headers");
  if (!wanted.empty() && is_header_list(wanted)) {
    headers.emplace_back("access-control-allow-headers", std::string(wanted));
  }
  if (request.header("access-control-request-private-network") == "true") {
    headers.emplace_back("access-control-allow-private-network", "true");
  }
  return headers;
}

}  // namespace hearth::server
