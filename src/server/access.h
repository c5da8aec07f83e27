// access.h - who may ask: the rules about Host, Origin and Authorization, without sockets.
//
// The danger is a web page that the user of this machine happens to visit.
//   Host    a page of evil.test whose name is made to resolve to 127.0.0.1 (DNS rebinding) is of
//   the
//           same origin for the browser; only the Host header still says evil.test.
//   Origin  a page of evil.test may send requests here without being able to read the answers; they
//           would still cost the machine's time. Only pages of this machine, `null` (a file, a
//           sandboxed frame) and this service's own pages pass.
//   key     known as a salted hash only, and compared as one: the time tells nothing of the key.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/error.h"
#include "catalog/api_keys.h"
#include "server/http.h"

namespace hearth::server {

struct AccessRules {
  bool loopback_only = true;                      // bound to a loopback address
  std::string bound_host;                         // as the user wrote it
  std::vector<std::string> allowed_hosts;         // further names
  std::vector<std::string> allowed_origins = {};  // pages beside those of this machine
  std::vector<catalog::ApiKey> keys = {};         // any of these is good; none: none is asked for
};

// "example.com:80" -> "example.com", "[::1]:80" -> "::1"; nullopt when it is no host.
std::optional<std::string> host_of_authority(std::string_view authority);
bool is_loopback_host(std::string_view host);  // localhost, *.localhost, 127.0.0.0/8, ::1

// 403 when the Host header's value names neither this machine nor what it is bound to.
std::optional<api::ApiError> check_host(const AccessRules& rules, std::string_view host_header);
// 403 for a page from elsewhere; host_header was checked before.
std::optional<api::ApiError> check_origin(const AccessRules& rules, std::string_view origin,
                                          std::string_view host_header);
// 401 without the right key.
std::optional<api::ApiError> check_key(const AccessRules& rules, std::string_view authorization);

// What every reply to an allowed Origin carries; nothing when there is no Origin.
Headers cors_headers(std::string_view origin);
// The further headers of a preflight's reply. `methods`: "GET, HEAD, OPTIONS".
Headers preflight_headers(const Request& request, std::string_view methods);

}  // namespace hearth::server
