#include "server/http.h"

#include <gtest/gtest.h>

namespace hearth::server {
namespace {

TEST(PercentDecode, decodes_escapes_and_refuses_bad_ones) {
  EXPECT_EQ(percent_decode("/a%2Fb%20c"), "/a/b c");
  EXPECT_EQ(percent_decode("plain"), "plain");
  for (const std::string_view bad : {"%", "%1", "%zz", "a%00b", "%2"}) {
    EXPECT_FALSE(percent_decode(bad)) << bad;
  }
}

TEST(ResponseHead, a_value_cannot_begin_a_header_of_its_own) {
  EXPECT_EQ(response_head(204, {{"a", "x\r\nevil: 1"}}),
            "HTTP/1.1 204 No Content\r\na: xevil: 1\r\n\r\n");
}

TEST(ErrorResponse, tells_clients_whether_to_try_again) {
  const auto has = [](const Response& r, std::string_view name, std::string_view value) {
    for (const auto& [n, v] : r.headers) {
      if (n == name) return v == value;
    }
    return false;
  };
  EXPECT_TRUE(has(error_response(api::to_api_error({ErrorKind::busy, ""})), "retry-after", "1"));
  EXPECT_TRUE(has(error_response(api::to_api_error({ErrorKind::too_large, ""})), "x-should-retry",
                  "false"));
  const Response plain = error_response(api::to_api_error({ErrorKind::invalid, ""}));
  EXPECT_FALSE(has(plain, "retry-after", "1"));
  EXPECT_FALSE(has(plain, "x-should-retry", "false"));
}

TEST(RandomHex, has_the_length_and_differs) {
  EXPECT_EQ(random_hex(24).size(), 24U);
  EXPECT_NE(random_hex(24), random_hex(24));
}

TEST(EqualsIgnoringCase, folds_ascii_only) {
  EXPECT_TRUE(equals_ignoring_case("SmolLM2", "smollm2"));
  EXPECT_FALSE(equals_ignoring_case("a", "ab"));
  EXPECT_FALSE(equals_ignoring_case("\xc3\x84", "\xc3\xa4"));
}

}  // namespace
}  // namespace hearth::server
