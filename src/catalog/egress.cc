#include "catalog/egress.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/ascii.h"
#include "base/str.h"

namespace hearth::catalog {

namespace {

struct Block {
  std::uint32_t address;
  int bits;
};

// IANA's registry of special-purpose IPv4 addresses, and multicast.
constexpr std::array<Block, 15> kSpecial = {{{0x00000000, 8},
                                             {0x0A000000, 8},
                                             {0x64400000, 10},
                                             {0x7F000000, 8},
                                             {0xA9FE0000, 16},
                                             {0xAC100000, 12},
                                             {0xC0000000, 24},
                                             {0xC0000200, 24},
                                             {0xC0586300, 24},
                                             {0xC0A80000, 16},
                                             {0xC6120000, 15},
                                             {0xC6336400, 24},
                                             {0xCB007100, 24},
                                             {0xE0000000, 4},
                                             {0xF0000000, 4}}};

bool is_public(std::uint32_t v4) {
  return std::none_of(kSpecial.begin(), kSpecial.end(), [&](const Block& block) {
    return (v4 ^ block.address) >> (32 - block.bits) == 0;
  });
}

std::uint32_t four_bytes(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | bytes[3];
}

bool is_public(const in6_addr& v6) {
  const std::uint8_t* b = v6.s6_addr;
  const std::uint32_t first = four_bytes(b);
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return is_public(four_bytes(b + 12));
  if (first == 0x0064FF9B) return is_public(four_bytes(b + 12));   // NAT64
  if (first >> 16 == 0x2002) return is_public(four_bytes(b + 2));  // 6to4
  if (first == 0x20010000 || first == 0x20010DB8) return false;    // Teredo, documentation
  return (b[0] & 0xE0) == 0x20;                                    // global unicast, 2000::/3
}

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return is_public(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    return is_public(v6.sin6_addr);
  }
  return false;
}

Result<Url> parse_url(const std::string& text) {
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  const bool parsed = url && curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
  if (!parsed) return Error{ErrorKind::invalid, cat(quote(text, 200), " is not a URL")};
  Url out;
  out.scheme = part(url.get(), CURLUPART_SCHEME);
  out.host = part(url.get(), CURLUPART_HOST);
  if (out.scheme != "http" && out.scheme != "https") {
    return Error{ErrorKind::invalid,
                 cat(quote(text, 200), ": expected a URL of http or https, not ", out.scheme)};
  }
  if (out.host.empty()) return Error{ErrorKind::invalid, cat(quote(text, 200), " has no host")};
  if (!part(url.get(), CURLUPART_USER).empty()) {
    return Error{ErrorKind::invalid, "a URL with a user name is not followed; use a token"};
  }
  out.host = ascii_lower(out.host);
  if (out.host.front() == '[') out.host = out.host.substr(1, out.host.size() - 2);
  out.authority = cat(out.host, ":", part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
  return out;
}

}  // namespace hearth::catalog
