#include "server/admission.h"

#include <gtest/gtest.h>

namespace hearth::server {
namespace {

const AccessRules kRules{.bound_host = "127.0.0.1", .allowed_hosts = {}};
const AccessRules kKeyRules{
    .bound_host = "127.0.0.1", .allowed_hosts = {}, .keys = {*catalog::hashed_key("key", "k")}};

struct Case {
  const char* method;
  const char* target;
  Headers headers;
  int status;  // 0: admitted
};

int status_of(const AccessRules& rules, const Case& c, bool http_1_0 = false) {
  Request request;
  request.method = c.method;
  request.headers = c.headers;
  const Admission admission = admit(rules, request, c.target, http_1_0);
  EXPECT_EQ(admission.answer.has_value(), c.status != 0) << c.method << " " << c.target;
  return admission.answer ? admission.answer->status : 0;
}

TEST(Admission, decides_from_the_head) {
  const std::pair<std::string, std::string> host = {"host", "localhost"};
  const Case cases[] = {
      {"GET", "/health", {host}, 0},
      {"HEAD", "/health", {host}, 0},
      {"GET", "http://localhost:5273/v1/models?x=1#y", {host}, 0},
      {"GET", "http://localhost", {host}, 0},
      {"GET", "/v1/models/org/name", {host}, 0},
      {"GET", "/v1/models/org%2Fname", {host}, 0},
      {"GET", "/v1/models/", {host}, 404},
      {"GET", "/v1/modules", {host}, 404},
      {"GET", "/%zz", {host}, 400},
      {"GET", "/a%00", {host}, 400},
      {"GET", "*", {host}, 404},
      {"POST", "/health", {host}, 405},
      {"TRACE", "/health", {host}, 405},
      {"PUT", "/v1/chat/completions", {host}, 405},
      {"GET", "/v1/chat/completions", {host}, 405},
      {"OPTIONS", "/v1/chat/completions", {host}, 204},
      {"OPTIONS", "*", {host}, 204},
      {"OPTIONS", "/nowhere", {host}, 204},
      {"POST", "/v1/chat/completions", {host}, 0},
      {"POST",
       "/v1/chat/completions",
       {host, {"content-type", "application/json; charset=utf-8"}},
       0},
      {"POST", "/v1/chat/completions", {host, {"content-type", "Application/JSON"}}, 0},
      {"POST", "/v1/chat/completions", {host, {"content-type", "application/problem+json"}}, 0},
      {"POST", "/v1/chat/completions", {host, {"content-type", "text/plain"}}, 415},
      {"POST", "/v1/chat/completions", {host, {"content-type", ""}}, 415},
      {"POST",
       "/v1/chat/completions",
       {host, {"content-type", "application/x-www-form-urlencoded"}},
       415},
      {"POST", "/v1/chat/completions", {host, {"content-encoding", "gzip"}}, 415},
      {"GET", "/health", {}, 400},
      {"GET", "/health", {host, host}, 400},
      {"GET", "/health", {{"host", "evil.test"}}, 403},
      {"GET", "/health", {host, {"origin", "http://evil.test"}}, 403},
      {"GET", "/health", {host, {"origin", "null"}}, 0},
      {"GET", "/health", {host, {"origin", "null"}, {"origin", "http://evil.test"}}, 400},
      {"OPTIONS", "/v1/models", {host, {"origin", "http://evil.test"}}, 403},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(status_of(kRules, c), c.status) << c.method << " " << c.target;
  }
}

TEST(Admission, only_http_1_0_may_lack_a_host) {
  EXPECT_EQ(status_of(kRules, {"GET", "/health", {}, 0}, true), 0);
  EXPECT_EQ(status_of(kRules, {"GET", "/health", {{"host", "evil.test"}}, 403}, true), 403);
}

TEST(Admission, the_key_comes_before_everything_it_protects) {
  const std::pair<std::string, std::string> host = {"host", "localhost"};
  const std::pair<std::string, std::string> key = {"authorization", "Bearer k"};
  EXPECT_EQ(status_of(kKeyRules, {"GET", "/v1/models", {host}, 401}), 401);
  EXPECT_EQ(status_of(kKeyRules, {"GET", "/nowhere", {host}, 401}), 401);
  EXPECT_EQ(status_of(kKeyRules, {"GET", "/v1/models", {host, key}, 0}), 0);
  EXPECT_EQ(status_of(kKeyRules, {"GET", "/health", {host}, 0}), 0);
  EXPECT_EQ(status_of(kKeyRules, {"OPTIONS", "/v1/models", {host}, 204}), 204);
}

TEST(Admission, a_refused_origin_gets_no_cors_headers_and_others_do) {
  Request request;
  request.method = "GET";
  request.headers = {{"host", "localhost"}, {"origin", "http://evil.test"}};
  EXPECT_TRUE(admit(kRules, request, "/health", false).cors.empty());
  request.headers = {{"host", "localhost"}, {"origin", "http://localhost:3000"}};
  const Admission refused = admit(kRules, request, "/nowhere", false);
  EXPECT_EQ(refused.answer->status, 404);
  ASSERT_FALSE(refused.cors.empty());
  EXPECT_EQ(refused.cors[0].second, "http://localhost:3000");
}

TEST(Routes, each_path_lists_its_methods) {
  EXPECT_EQ(find_route("PUT", "/v1/models/x").allowed, "GET, HEAD, OPTIONS");
  EXPECT_EQ(find_route("PUT", "/v1/completions").allowed, "POST, OPTIONS");
  EXPECT_EQ(find_route("GET", "/v1/models/a/b").path_rest, "a/b");
  EXPECT_TRUE(find_route("GET", "/v1").allowed.empty());
}

}  // namespace
}  // namespace hearth::server
