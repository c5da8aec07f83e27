// host.h - what may name a machine: addresses and names, as a Host header and a setting write them.
#pragma once

#include <string_view>

namespace hearth {

bool is_ipv4_address(std::string_view host);
bool is_ip_address(std::string_view host);  // of either kind, IPv6 without brackets
bool is_host_name(std::string_view name);   // or an address; without a port
// As a browser writes it: scheme, "://", what follows up to a path; not "null".
bool is_origin(std::string_view text);

}  // namespace hearth
