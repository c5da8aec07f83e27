#include "api/error.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hearth::api {
namespace {

TEST(ApiError, every_kind_has_the_status_that_result_h_promises) {
  const std::pair<ErrorKind, int> table[] = {
      {ErrorKind::invalid, 400},   {ErrorKind::not_found, 404},
      {ErrorKind::corrupt, 400},   {ErrorKind::unsupported, 400},
      {ErrorKind::too_large, 507}, {ErrorKind::context_overflow, 400},
      {ErrorKind::busy, 503},      {ErrorKind::conflict, 409},
      {ErrorKind::cancelled, 499}, {ErrorKind::io, 500},
  };
  for (const auto& [kind, status] : table) {
    EXPECT_EQ(to_api_error({kind, "why"}).status, status) << "kind " << static_cast<int>(kind);
  }
}

TEST(ApiError, a_prompt_that_does_not_fit_has_the_code_clients_look_for) {
  const ApiError error = to_api_error({ErrorKind::context_overflow, "300 of 256"}, "messages");
  EXPECT_EQ(error.code, "context_length_exceeded");
  EXPECT_EQ(error.param, "messages");
}

TEST(ApiError, the_body_has_all_four_keys_and_null_for_what_is_unknown) {
  const auto body = nlohmann::json::parse(error_body({.message = "m", .param = {}, .code = {}}));
  EXPECT_EQ(
      body,
      nlohmann::json::parse(
          R"({"error":{"message":"m","type":"invalid_request_error","param":null,"code":null}})"));
}

TEST(ApiError, a_message_that_is_not_utf8_still_makes_valid_json) {
  const auto body = nlohmann::json::parse(error_body({.message = "\xff", .param = {}, .code = {}}));
  EXPECT_EQ(body["error"]["message"], "\xef\xbf\xbd");
}

TEST(ApiError, only_faults_that_pass_by_themselves_are_retryable) {
  EXPECT_TRUE(retryable(to_api_error({ErrorKind::busy, ""})));
  EXPECT_FALSE(retryable(to_api_error({ErrorKind::too_large, ""})));
  EXPECT_FALSE(retryable(to_api_error({ErrorKind::invalid, ""})));
}

}  // namespace
}  // namespace hearth::api
