// validate_test.cc - every range of request.h, at its ends and just outside.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "engine/engine.h"

namespace hearth::engine {
namespace {

constexpr std::int64_t kVocab = 100;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

using Change = std::function<void(Request&)>;

Result<void> validated(const Change& change) {
  Request request;
  request.prompt = {0, 99};
  change(request);
  return validate(request, kVocab);
}

void expect_accepted(const Change& change) {
  const auto result = validated(change);
  EXPECT_TRUE(result) << result.error().message;
}

void expect_refused(const Change& change, const std::vector<std::string>& parts) {
  const auto result = validated(change);
  ASSERT_FALSE(result) << "expected a complaint about " << parts.front();
  EXPECT_EQ(result.error().kind, ErrorKind::invalid);
  for (const std::string& part : parts) {
    EXPECT_NE(result.error().message.find(part), std::string::npos)
        << result.error().message << "\nlacks " << part;
  }
}

struct RealField {
  std::string name;
  double SamplingParams::* member;
  std::vector<double> accepted, refused;
};

TEST(Validate, real_numbers_are_accepted_up_to_their_limits_and_refused_beyond) {
  const double above_zero = 5e-324, below_one = std::nextafter(1.0, 0.0);
  const double above_one = std::nextafter(1.0, 2.0), above_two = std::nextafter(2.0, 3.0);
  const std::vector<RealField> fields = {
      {"temperature", &SamplingParams::temperature, {0, 2}, {-0.01, above_two}},
      {"top_p", &SamplingParams::top_p, {above_zero, 1}, {0, -1, above_one}},
      {"min_p", &SamplingParams::min_p, {0, below_one}, {-above_zero, 1}},
      {"typical_p", &SamplingParams::typical_p, {above_zero, 1}, {0, above_one}},
      {"repetition_penalty", &SamplingParams::repetition_penalty, {above_zero, 2}, {0, above_two}},
      {"presence_penalty", &SamplingParams::presence_penalty, {-2, 2}, {-above_two, above_two}},
      {"frequency_penalty", &SamplingParams::frequency_penalty, {-2, 2}, {-above_two, above_two}},
  };
  for (const RealField& field : fields) {
    for (const double value : field.accepted) {
      expect_accepted([&](Request& r) { r.sampling.*field.member = value; });
    }
    std::vector<double> refused = field.refused;
    refused.insert(refused.end(), {kNan, kInf, -kInf});
    for (const double value : refused) {
      expect_refused([&](Request& r) { r.sampling.*field.member = value; },
                     {field.name, "must be"});
    }
  }
  expect_refused([](Request& r) { r.sampling.temperature = 2.5; },
                 {"temperature is 2.5", "from 0 to 2"});
}

TEST(Validate, whole_numbers_have_limits_too) {
  expect_accepted([](Request& r) { r.sampling.top_k = 0; });
  expect_accepted([](Request& r) { r.sampling.top_k = 2147483647; });
  expect_refused([](Request& r) { r.sampling.top_k = -1; }, {"top_k is -1", "0 (off) or more"});
  expect_accepted([](Request& r) { r.max_tokens = -1; });
  expect_accepted([](Request& r) { r.max_tokens = 1; });
  expect_refused([](Request& r) { r.max_tokens = 0; }, {"max_tokens is 0", "1 or more"});
  expect_refused([](Request& r) { r.max_tokens = -2; }, {"max_tokens is -2"});
}

TEST(Validate, the_prompt_has_tokens_and_only_those_of_the_vocabulary) {
  expect_refused([](Request& r) { r.prompt.clear(); }, {"prompt is empty"});
  expect_refused([](Request& r) { r.prompt = {5, 100}; },
                 {"token 1 of the prompt is 100", "0 to 99"});
  expect_refused([](Request& r) { r.prompt = {-1}; }, {"token 0 of the prompt is -1"});
}

TEST(Validate, logit_bias_names_each_token_once_with_a_value_in_range) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  expect_accepted([](Request& r) { r.sampling.logit_bias = {{0, -100.0f}, {99, 100.0f}}; });
  expect_refused([](Request& r) { r.sampling.logit_bias = {{100, 0.0f}}; }, {"logit_bias", "100"});
  expect_refused([](Request& r) { r.sampling.logit_bias = {{-1, 0.0f}}; }, {"logit_bias", "-1"});
  expect_refused([](Request& r) { r.sampling.logit_bias = {{7, 100.5f}}; },
                 {"logit_bias of token 7 is 100.5", "from -100 to 100"});
  expect_refused([&](Request& r) { r.sampling.logit_bias = {{7, nan}}; },
                 {"logit_bias of token 7"});
  expect_refused([](Request& r) { r.sampling.logit_bias = {{7, 1.0f}, {3, 1.0f}, {7, 2.0f}}; },
                 {"logit_bias names token 7 more than once"});
}

TEST(Validate, stop_texts_are_few_short_and_real) {
  expect_accepted([](Request& r) { r.stop.assign(16, std::string(1024, 'x')); });
  expect_refused([](Request& r) { r.stop.assign(17, "x"); }, {"stop has 17 texts", "at most 16"});
  expect_refused([](Request& r) { r.stop = {"x", ""}; }, {"stop text 1 is empty"});
  expect_refused([](Request& r) { r.stop = {std::string(1025, 'x')}; },
                 {"stop text 0 has 1025 bytes", "at most 1024"});
  expect_refused([](Request& r) { r.stop = {"a\xff"}; }, {"stop text 0", "\\xff", "UTF-8"});
}

TEST(Validate, top_logprobs_need_logprobs) {
  expect_accepted([](Request& r) {
    r.logprobs = true;
    r.top_logprobs = 20;
  });
  expect_refused([](Request& r) { r.top_logprobs = 1; }, {"top_logprobs is 1 without logprobs"});
  for (const std::int32_t n : {-1, 21}) {
    expect_refused(
        [n](Request& r) {
          r.logprobs = true;
          r.top_logprobs = n;
        },
        {"top_logprobs is", "from 0 to 20"});
  }
}

}  // namespace
}  // namespace hearth::engine
