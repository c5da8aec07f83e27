#include "base/host.h"

#include <arpa/inet.h>

#include <string>

#include "base/ascii.h"

namespace hearth {

bool is_ipv4_address(std::string_view host) {
  in_addr address;
  return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
}

bool is_ip_address(std::string_view host) {
  in6_addr address;
  return is_ipv4_address(host) || inet_pton(AF_INET6, std::string(host).c_str(), &address) == 1;
}

bool is_host_name(std::string_view name) {
  if (is_ip_address(name)) return true;
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-._";
  return !name.empty() && ascii_lower(name).find_first_not_of(kLetters) == std::string::npos;
}

bool is_origin(std::string_view text) {
  const std::size_t end_of_scheme = text.find("://");
  if (end_of_scheme == std::string_view::npos || end_of_scheme == 0) return false;
  const std::string_view rest = text.substr(end_of_scheme + 3);
  return !rest.empty() && rest.find_first_of("/?#@ \\") == std::string_view::npos;
}

}  // namespace hearth
