#include "base/host.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(Host, is_an_address_or_a_name_without_a_port) {
  for (const std::string_view address : {"127.0.0.1", "::1", "fe80::1"}) {
    EXPECT_TRUE(is_ip_address(address)) << address;
    EXPECT_TRUE(is_host_name(address)) << address;
  }
  for (const std::string_view name : {"hearth.lan", "Host.Docker.Internal", "a_b-c", "127.1"}) {
    EXPECT_FALSE(is_ip_address(name)) << name;
    EXPECT_TRUE(is_host_name(name)) << name;
  }
  for (const std::string_view bad :
       {"", "hearth.lan:80", "[::1]", "http://hearth.lan", "a,b", "*", "a b", "bücher.de"}) {
    EXPECT_FALSE(is_host_name(bad)) << bad;
  }
  EXPECT_TRUE(is_ipv4_address("127.0.0.1"));
  EXPECT_FALSE(is_ipv4_address("::1"));
}

TEST(Host, an_origin_is_what_a_browser_sends) {
  for (const std::string_view origin : {"https://example.org", "http://a.lan:3000",
                                        "http://[::1]:80", "chrome-extension://abcdefgh"}) {
    EXPECT_TRUE(is_origin(origin)) << origin;
  }
  for (const std::string_view bad : {"", "*", "null", "example.org", "https://", "://example.org",
                                     "https://example.org/", "https://me@example.org"}) {
    EXPECT_FALSE(is_origin(bad)) << bad;
  }
}

}  // namespace
}  // namespace hearth
