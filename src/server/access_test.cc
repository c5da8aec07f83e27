#include "server/access.h"

#include <gtest/gtest.h>

namespace hearth::server {
namespace {

catalog::ApiKey key(std::string_view secret) { return *catalog::hashed_key("key", secret); }

TEST(HostOfAuthority, splits_host_and_port) {
  EXPECT_EQ(host_of_authority("Example.com:80"), "example.com");
  EXPECT_EQ(host_of_authority("localhost"), "localhost");
  EXPECT_EQ(host_of_authority("[::1]:5273"), "::1");
  EXPECT_EQ(host_of_authority("[::1]"), "::1");
  for (const std::string_view bad : {"", ":80", "a:b", "a:", "a:-1", "a:70000", "user@localhost",
                                     "[::1", "[::1]x", "localhost/x", "localhost:80:80", "a b"}) {
    EXPECT_FALSE(host_of_authority(bad)) << bad;
  }
}

TEST(LoopbackHost, knows_this_machine_by_its_names) {
  for (const std::string_view good :
       {"localhost", "LOCALHOST", "localhost.", "app.localhost", "127.0.0.1", "127.9.8.7", "::1"}) {
    EXPECT_TRUE(is_loopback_host(good)) << good;
  }
  for (const std::string_view bad : {"evil.test", "localhost.evil.test", "127.0.0.1.evil.test",
                                     "127.1.evil", "notlocalhost", "128.0.0.1", "::2", ""}) {
    EXPECT_FALSE(is_loopback_host(bad)) << bad;
  }
}

TEST(CheckHost, a_loopback_service_answers_only_to_loopback_names) {
  const AccessRules rules{.bound_host = "127.0.0.1", .allowed_hosts = {"hearth.lan"}};
  for (const std::string_view good : {"localhost:5273", "127.0.0.1", "[::1]:1", "Hearth.LAN:80"}) {
    EXPECT_FALSE(check_host(rules, good)) << good;
  }
  for (const std::string_view bad :
       {"evil.test", "evil.test:5273", "192.168.1.2", "", "localhost@evil.test"}) {
    const auto fault = check_host(rules, bad);
    ASSERT_TRUE(fault) << bad;
    EXPECT_EQ(fault->status, 403);
    EXPECT_NE(fault->message.find("--allow-host NAME"), std::string::npos) << fault->message;
  }
}

TEST(CheckHost, an_open_service_answers_to_addresses_but_not_to_foreign_names) {
  const AccessRules rules{
      .loopback_only = false, .bound_host = "0.0.0.0", .allowed_hosts = {}, .keys = {key("k")}};
  EXPECT_FALSE(check_host(rules, "192.168.1.2:5273"));
  EXPECT_FALSE(check_host(rules, "[fe80::1]:5273"));
  EXPECT_FALSE(check_host(rules, "localhost"));
  EXPECT_TRUE(check_host(rules, "evil.test"));
}

TEST(CheckOrigin, pages_of_this_machine_and_null_pass) {
  for (const std::string_view good :
       {"", "null", "http://localhost:3000", "https://localhost", "http://127.0.0.1:8080",
        "http://[::1]:80", "http://192.168.1.2:5273"}) {
    EXPECT_FALSE(check_origin({}, good, "192.168.1.2:5273")) << good;
  }
  for (const std::string_view bad :
       {"http://evil.test", "https://localhost.evil.test", "http://127.0.0.1.evil.test", "file://",
        "http://", "localhost", "http://192.168.1.2:80", "http://localhost@evil.test", "Null"}) {
    const auto fault = check_origin({}, bad, "192.168.1.2:5273");
    ASSERT_TRUE(fault) << bad;
    EXPECT_EQ(fault->status, 403);
  }
}

TEST(CheckKey, wants_the_whole_key_in_the_bearer_scheme) {
  const AccessRules rules{.bound_host = {}, .allowed_hosts = {}, .keys = {key("secret")}};
  EXPECT_FALSE(check_key(rules, "Bearer secret"));
  EXPECT_FALSE(check_key(rules, "bearer secret"));
  for (const std::string_view bad :
       {"", "secret", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Bearer secretsecret",
        "Basic secret", "Bearer  secret"}) {
    const auto fault = check_key(rules, bad);
    ASSERT_TRUE(fault) << bad;
    EXPECT_EQ(fault->status, 401);
    EXPECT_EQ(fault->message.find("secret\""), std::string::npos);
  }
  EXPECT_FALSE(check_key(AccessRules{.bound_host = {}, .allowed_hosts = {}}, ""));
}

TEST(CheckKey, each_of_several_is_good) {
  catalog::ApiKey stored{.name = "a", .salt = "5a17", .sha256 = {}};
  // SHA-256 of "5a17kept"
  stored.sha256 = "00875066176faec260e8fd19e4171108b46e21b14a5b6a39812c0655683e0d9c";
  AccessRules rules{.bound_host = {}, .allowed_hosts = {}, .keys = {stored}};
  EXPECT_FALSE(check_key(rules, "Bearer kept"));
  EXPECT_TRUE(check_key(rules, "Bearer given"));
  EXPECT_TRUE(check_key(rules, "Bearer "));
  EXPECT_TRUE(check_key(rules, ""));
  rules.keys.push_back(key("given"));
  EXPECT_FALSE(check_key(rules, "Bearer given"));
  EXPECT_FALSE(check_key(rules, "Bearer kept"));
}

TEST(Preflight, echoes_only_header_names) {
  Request request;
  request.headers = {{"access-control-request-headers", "content-type, x-stainless-os"}};
  const Headers good = preflight_headers(request, "POST, OPTIONS");
  EXPECT_EQ(good.back().second, "content-type, x-stainless-os");
  request.headers = {{"access-control-request-headers", "a: b"}};
  for (const auto& header : preflight_headers(request, "POST")) {
    EXPECT_NE(header.first, "access-control-allow-headers");
  }
}

}  // namespace
}  // namespace hearth::server
