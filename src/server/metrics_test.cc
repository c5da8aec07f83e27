// metrics_test.cc - the text format, and what is counted.
#include "server/metrics.h"

#include <gtest/gtest.h>

#include "server/fake_engine_for_tests.h"

namespace hearth::server {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, answers_are_counted_by_model_and_reason) {
  FakeEngine engine;
  Metrics metrics;
  engine::Usage usage{.prompt_tokens = 10, .cached_tokens = 4, .completion_tokens = 3};
  usage.checked_guesses = 7;
  usage.right_guesses = 2;
  usage.queue_s = 0.02;
  usage.prompt_s = 0.1;
  usage.decode_s = 0.5;
  metrics.add_answer("phi", engine::FinishReason::stop, usage);
  metrics.add_answer("phi", engine::FinishReason::cancelled, {});
  const std::string text = metrics.text(engine);
  EXPECT_TRUE(has_line(text, "hearth_answers_total{model=\"phi\",reason=\"stop\"} 1"));
  EXPECT_TRUE(has_line(text, "hearth_answers_total{model=\"phi\",reason=\"cancelled\"} 1"));
  EXPECT_TRUE(has_line(text, "hearth_prompt_tokens_total{model=\"phi\"} 10"));
  EXPECT_TRUE(has_line(text, "hearth_cached_tokens_total{model=\"phi\"} 4"));
  EXPECT_TRUE(has_line(text, "hearth_generated_tokens_total{model=\"phi\"} 3"));
  EXPECT_TRUE(has_line(text, "hearth_speculated_tokens_total{model=\"phi\"} 7"));
  EXPECT_TRUE(has_line(text, "hearth_accepted_tokens_total{model=\"phi\"} 2"));
  EXPECT_TRUE(
      has_line(text, "hearth_time_to_first_token_seconds_bucket{model=\"phi\",le=\"0.1\"} 0"));
  EXPECT_TRUE(
      has_line(text, "hearth_time_to_first_token_seconds_bucket{model=\"phi\",le=\"0.25\"} 1"));
  EXPECT_TRUE(
      has_line(text, "hearth_time_to_first_token_seconds_bucket{model=\"phi\",le=\"+Inf\"} 1"));
  EXPECT_TRUE(has_line(text, "hearth_time_between_tokens_seconds_count{model=\"phi\"} 2"));
  EXPECT_TRUE(has_line(text, "hearth_time_between_tokens_seconds_sum{model=\"phi\"} 0.5"));
}

TEST(Metrics, requests_are_counted_by_route_and_never_by_what_a_client_wrote) {
  FakeEngine engine;
  Metrics metrics;
  metrics.add_request("GET", "/v1/models/{id}", 200, 0.004);
  metrics.add_request("BREW\n", "", 405, 0.001);
  const std::string text = metrics.text(engine);
  EXPECT_TRUE(has_line(
      text,
      "hearth_http_requests_total{method=\"GET\",route=\"/v1/models/{id}\",status=\"200\"} 1"));
  EXPECT_TRUE(
      has_line(text, "hearth_http_requests_total{method=\"other\",route=\"\",status=\"405\"} 1"));
  EXPECT_TRUE(has_line(text, "# TYPE hearth_http_request_seconds histogram"));
}

TEST(Metrics, names_are_escaped) {
  FakeEngine engine;
  Metrics metrics;
  metrics.add_answer("a\"b\\c\nd", engine::FinishReason::length, {});
  EXPECT_TRUE(has_line(metrics.text(engine),
                       "hearth_answers_total{model=\"a\\\"b\\\\c\\nd\",reason=\"length\"} 1"));
}

}  // namespace
}  // namespace hearth::server
