// egress.h - where downloads may go. A name or a redirect must not lead into the network that this
// machine is in (CVE-2026-5530 and its like): private, loopback and link-local addresses are
// refused, unless their host is the one that the user configured.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::catalog {

struct Url {
  std::string scheme;     // "http" or "https"
  std::string host;       // lower case, without the brackets of an IPv6 address
  std::string authority;  // host and port, as credentials belong to it: "example.org:443"
};

// Errors: invalid, when it is no URL of these schemes, has no host, or carries a user name.
Result<Url> parse_url(const std::string& url);

// Whether the address is one of the public internet: no private, loopback, link-local, multicast,
// shared or reserved one, nor one of those inside an IPv6 address.
bool is_public_address(const sockaddr& address);

}  // namespace hearth::catalog
