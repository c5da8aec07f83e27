// sampler_test.cc - the sampler against a slow reference that sorts everything.
//
// The reference knows nothing of the sampler's random numbers. They are measured: with 2^16 equal
// logits the token drawn is floor(u * 2^16), which confines u of a seed to an interval; wherever
// both ends of it lead the reference to one token, the sampler must draw that token.
#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <string>

#include "base/str.h"
#include "engine/count_allocations_testing.h"

namespace hearth::engine {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kBins = 65536;

using Logits = std::vector<float>;

SampledToken sample(const SamplingParams& params, const Logits& logits, std::uint64_t seed = 0,
                    const SampleOptions& options = {}) {
  const auto n = static_cast<std::int64_t>(logits.size());
  SamplerScratch scratch(n);
  return Sampler(params, seed, n, {}).sample(logits, scratch, options);
}

struct Interval {
  double low, high;
};

// Where u of (seed, step 0) lies, for seeds 0, 1, …
const std::vector<Interval>& uniforms() {
  static const std::vector<Interval> all = [] {
    std::vector<Interval> result;
    const Logits equal(kBins, 1.0f);
    SamplerScratch scratch(kBins);
    for (std::uint64_t seed = 0; seed < 600; ++seed) {
      const TokenId id = Sampler({}, seed, kBins, {}).sample(equal, scratch).id;
      result.push_back({static_cast<double>(id) / kBins, static_cast<double>(id + 1) / kBins});
    }
    return result;
  }();
  return all;
}

// Keeps the first tokens of `order` until their probabilities sum to at least `share` of the sum of
// all.
void keep_share(std::vector<std::size_t> order, double share, std::vector<long double>& p) {
  const long double target =
      static_cast<long double>(share) * std::accumulate(p.begin(), p.end(), 0.0L);
  long double sum = 0;
  for (const std::size_t i : order) {
    const bool enough = sum >= target * (1 - 1e-15L);
    sum += p[i];
    if (enough) p[i] = 0;
  }
}

// Probabilities of the tokens after all filters, by definition.
std::vector<long double> reference(const SamplingParams& params, const Logits& logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  std::vector<long double> p;
  for (const float l : logits) {
    p.push_back(std::exp((static_cast<long double>(l) - largest) /
                         static_cast<long double>(params.temperature)));
  }
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  });
  const auto k = static_cast<std::size_t>(params.top_k);
  for (std::size_t i = k; k > 0 && i < order.size(); ++i) p[order[i]] = 0;
  if (params.typical_p < 1) {
    const long double total = std::accumulate(p.begin(), p.end(), 0.0L);
    long double entropy = 0;
    std::vector<std::size_t> possible;
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (p[i] <= 0) continue;
      possible.push_back(i);
      entropy -= p[i] / total * std::log(p[i] / total);
    }
    const auto atypical = [&](std::size_t i) {
      return std::abs(-std::log(p[i] / total) - entropy);
    };
    std::sort(possible.begin(), possible.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(atypical(a), a) < std::pair(atypical(b), b);
    });
    keep_share(possible, params.typical_p, p);
  }
  if (params.top_p < 1) keep_share(order, params.top_p, p);
  const long double most = *std::max_element(p.begin(), p.end());
  for (long double& x : p) {
    if (x < static_cast<long double>(params.min_p) * most) x = 0;
  }
  const long double total = std::accumulate(p.begin(), p.end(), 0.0L);
  for (long double& x : p) x /= total;
  return p;
}

TokenId reference_draw(const std::vector<long double>& cumulative, double u) {
  const auto it =
      std::upper_bound(cumulative.begin(), cumulative.end(), static_cast<long double>(u));
  return static_cast<TokenId>(it - cumulative.begin());
}

void expect_like_reference(const SamplingParams& params, const Logits& logits,
                           const std::string& what, std::uint64_t n_seeds = 600) {
  std::vector<long double> cumulative = reference(params, logits);
  std::partial_sum(cumulative.begin(), cumulative.end(), cumulative.begin());
  const auto n = static_cast<std::int64_t>(logits.size());
  SamplerScratch scratch(n);
  std::uint64_t n_decided = 0;
  for (std::uint64_t seed = 0; seed < n_seeds; ++seed) {
    const auto [low, high] = uniforms()[seed];
    const TokenId expected = reference_draw(cumulative, low + 1e-9);
    if (expected != reference_draw(cumulative, high - 1e-9)) continue;
    ++n_decided;
    ASSERT_EQ(Sampler(params, seed, n, {}).sample(logits, scratch).id, expected)
        << what << ", seed " << seed;
  }
  EXPECT_GT(n_decided, n_seeds / 2) << what << ": the test has become blind";
}

Logits random_logits(std::size_t n, float spread, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  Logits logits(n);
  for (float& l : logits) l = normal(random);
  return logits;
}

// As a language model's: a few likely tokens and a long tail.
Logits peaked_logits(std::size_t n, std::uint32_t seed) {
  Logits logits = random_logits(n, 1.5f, seed);
  for (std::size_t i = 0; i < 12 && i < n; ++i) {
    logits[(i * 7919 + seed) % n] = 14.0f - 0.7f * static_cast<float>(i);
  }
  return logits;
}

std::vector<SamplingParams> filter_settings() {
  std::vector<SamplingParams> all;
  for (const std::int32_t top_k : {0, 1, 5, 90, 100000}) all.push_back({.top_k = top_k});
  for (const double p : {1e-9, 0.1, 0.5, 0.9, 0.999}) {
    all.push_back({.top_p = p});
    all.push_back({.typical_p = p});
  }
  for (const double p : {1e-12, 0.02, 0.3, 0.99}) all.push_back({.min_p = p});
  for (const double temperature : {0.2, 1.7}) {
    all.push_back({.temperature = temperature});
    all.push_back({.temperature = temperature, .top_k = 40, .top_p = 0.95, .min_p = 0.05});
    all.push_back({.temperature = temperature, .top_k = 60, .top_p = 0.8, .typical_p = 0.7});
    all.push_back({.temperature = temperature, .top_p = 0.85, .min_p = 0.1, .typical_p = 0.9});
    all.push_back({.temperature = temperature, .min_p = 0.4, .typical_p = 0.3});
  }
  return all;
}

std::string describe(const SamplingParams& p) {
  return cat("temperature ", p.temperature, ", top_k ", p.top_k, ", typical_p ", p.typical_p,
             ", top_p ", p.top_p, ", min_p ", p.min_p);
}

TEST(Sampler, every_filter_agrees_with_the_reference_on_small_vocabularies) {
  for (const std::size_t n : {1u, 2u, 17u, 64u, 200u}) {
    for (const float spread : {0.3f, 3.0f}) {
      const Logits logits = random_logits(n, spread, static_cast<std::uint32_t>(n));
      for (const SamplingParams& params : filter_settings()) {
        expect_like_reference(params, logits, cat(describe(params), ", ", n, " tokens"));
      }
    }
  }
}

TEST(Sampler, every_filter_agrees_with_the_reference_on_a_large_vocabulary) {
  const Logits logits = peaked_logits(20011, 5);
  for (const SamplingParams& params : filter_settings()) {
    expect_like_reference(params, logits, describe(params), 60);
  }
}

TEST(Sampler, sorted_and_repeated_logits_agree_with_the_reference) {
  Logits rising = random_logits(3000, 2.0f, 3);
  std::sort(rising.begin(), rising.end());
  Logits falling(rising.rbegin(), rising.rend());
  Logits stairs = rising;
  for (float& l : stairs) l = std::round(l * 2) / 2;
  for (const SamplingParams& params : filter_settings()) {
    for (const Logits& logits : {rising, falling, stairs}) {
      expect_like_reference(params, logits, describe(params), 60);
    }
  }
}

// Where the largest logit is so untypical that tokens less likely than any top_p would reach come
// before it: 0.3 at surprise d = 0, 0.6 at d = 6.75, 0.1 at d = 9, mean 4.95.
TEST(Sampler, typical_p_reaches_into_the_tail_before_it_keeps_the_likeliest_token) {
  Logits logits(1 + 1708 + 2701, -9.0f);
  std::fill_n(logits.begin(), 1709, -6.75f);
  logits[0] = 0.0f;
  expect_like_reference({.typical_p = 0.65}, logits, "three groups");
}

// The tokens that can be drawn, found by drawing often.
std::set<TokenId> support(const SamplingParams& params, const Logits& logits) {
  std::set<TokenId> drawn;
  for (std::uint64_t seed = 0; seed < 600; ++seed) drawn.insert(sample(params, logits, seed).id);
  return drawn;
}

TEST(Sampler, ties_at_the_border_of_a_filter_keep_the_lowest_ids) {
  const Logits equal(8, 2.5f);
  EXPECT_EQ(support({.top_k = 3}, equal), (std::set<TokenId>{0, 1, 2}));
  EXPECT_EQ(support({.top_p = 0.5}, equal), (std::set<TokenId>{0, 1, 2, 3}));
  EXPECT_EQ(support({.top_p = 0.51}, equal), (std::set<TokenId>{0, 1, 2, 3, 4}));
  EXPECT_EQ(support({.typical_p = 0.25}, equal), (std::set<TokenId>{0, 1}));
  EXPECT_EQ(support({.min_p = 0.999}, equal).size(), 8u);
}

TEST(Sampler, top_p_keeps_the_token_that_reaches_the_share) {
  const Logits logits = {std::log(0.5f), std::log(0.3f), std::log(0.15f), std::log(0.05f)};
  EXPECT_EQ(support({.top_p = 0.49}, logits), (std::set<TokenId>{0}));
  EXPECT_EQ(support({.top_p = 0.51}, logits), (std::set<TokenId>{0, 1}));
  EXPECT_EQ(support({.top_p = 0.81}, logits), (std::set<TokenId>{0, 1, 2}));
  EXPECT_EQ(support({.top_p = 0.96}, logits), (std::set<TokenId>{0, 1, 2, 3}));
}

TEST(Sampler, temperature_comes_before_top_p_and_top_k_before_top_p) {
  const Logits logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  // Temperature 0.25 makes the first 0.88 of all: alone enough for 0.8, not so at temperature 1.
  EXPECT_EQ(support({.temperature = 0.25, .top_p = 0.8}, logits), (std::set<TokenId>{0}));
  EXPECT_EQ(support({.temperature = 1, .top_p = 0.79}, logits), (std::set<TokenId>{0, 1}));
  // Among the first two the first is 0.625: enough for 0.6, which it is not among all three.
  EXPECT_EQ(support({.top_k = 2, .top_p = 0.6}, logits), (std::set<TokenId>{0}));
  EXPECT_EQ(support({.top_p = 0.6}, logits), (std::set<TokenId>{0, 1}));
}

TEST(Sampler, typical_p_comes_before_min_p_and_may_remove_the_likeliest_token) {
  // Entropy 3.8; the surprise of token 0 is 1.2, that of the hundred others 5.0.
  const Logits flat_tail = [] {
    Logits l(101, std::log(0.007f));
    l[0] = std::log(0.3f);
    return l;
  }();
  const std::set<TokenId> tail = support({.min_p = 0.9, .typical_p = 0.5}, flat_tail);
  EXPECT_FALSE(tail.contains(0));
  EXPECT_GT(tail.size(), 50u) << "min_p is relative to what typical_p left";
}

TEST(Sampler, draws_follow_the_exact_probabilities) {
  const Logits logits = random_logits(20, 1.0f, 8);
  for (const SamplingParams& params :
       {SamplingParams{}, SamplingParams{.temperature = 0.7, .top_k = 19}}) {
    const std::vector<long double> p = reference(params, logits);
    constexpr int kDraws = 40000;
    std::vector<int> by_seed(20), by_step(20);
    SamplerScratch scratch(20);
    Sampler steps(params, 4711, 20, {});
    for (int i = 0; i < kDraws; ++i) {
      const Sampler fresh(params, static_cast<std::uint64_t>(i), 20, {});
      ++by_seed[static_cast<std::size_t>(fresh.sample(logits, scratch).id)];
      ++by_step[static_cast<std::size_t>(steps.sample(logits, scratch).id)];
      steps.accept(0);
    }
    for (const std::vector<int>& counts : {by_seed, by_step}) {
      double chi_square = 0;
      for (std::size_t i = 0; i < 20; ++i) {
        const double expected = static_cast<double>(p[i]) * kDraws;
        if (expected == 0) {
          EXPECT_EQ(counts[i], 0);
          continue;
        }
        chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
      }
      EXPECT_LT(chi_square, 50) << "19 degrees of freedom: exceeded once in 8000 times by chance";
    }
  }
}

TEST(Sampler, the_draw_depends_on_seed_and_number_of_accepted_tokens_only) {
  const Logits logits = random_logits(1000, 1.0f, 9);
  SamplerScratch fresh(1000), used(4000);
  Sampler a({}, 7, 1000, {}), b({}, 7, 1000, {}), other({}, 8, 1000, {});
  std::vector<TokenId> from_a, from_b, from_other;
  for (int step = 0; step < 50; ++step) {
    from_a.push_back(a.sample(logits, fresh).id);
    from_other.push_back(other.sample(logits, used).id);
    sample({.top_p = 0.5}, random_logits(77, 1.0f, 1));
    from_b.push_back(b.sample(logits, used).id);
    EXPECT_EQ(b.sample(logits, used).id, from_b.back()) << "sample() twice without accept()";
    a.accept(from_a.back());
    b.accept(from_b.back());
    other.accept(0);
  }
  EXPECT_EQ(from_a, from_b);
  EXPECT_NE(from_a, from_other);
  EXPECT_EQ(a.n_accepted(), 50u);
}

// Written down once from this implementation: a change of the random numbers, of exp or of the
// order of a sum would change what users get for the seed they noted.
TEST(Sampler, a_seed_gives_the_tokens_it_always_gave) {
  const Logits logits = [] {
    Logits l(1000);
    for (std::size_t i = 0; i < l.size(); ++i) {
      l[i] = static_cast<float>((i * 7919) % 1000) / 250.0f;
    }
    return l;
  }();
  SamplerScratch scratch(1000);
  Sampler sampler({.temperature = 0.8, .top_p = 0.9}, 42, 1000, {});
  std::vector<TokenId> tokens;
  for (int step = 0; step < 8; ++step) {
    tokens.push_back(sampler.sample(logits, scratch).id);
    sampler.accept(tokens.back());
  }
  EXPECT_EQ(tokens, (std::vector<TokenId>{595, 163, 173, 50, 977, 236, 284, 161}));
}

TEST(Sampler, temperature_zero_takes_the_largest_logit_and_the_lowest_id_on_a_tie) {
  for (const std::size_t n : {1u, 15u, 16u, 64u, 65u, 1000u}) {
    for (std::size_t at = 0; at < n; at += 1 + n / 13) {
      Logits logits(n, -3.0f);
      logits[at] = -1.0f;
      logits[n - 1] = -1.0f;
      EXPECT_EQ(sample({.temperature = 0}, logits).id, static_cast<TokenId>(at)) << n;
    }
  }
}

TEST(Sampler, temperature_zero_ignores_the_filters) {
  const Logits logits = {1.0f, 3.0f, 2.0f};
  EXPECT_EQ(sample({.temperature = 0, .top_k = 1, .typical_p = 0.01}, logits).id, 1);
}

TEST(Sampler, a_tiny_temperature_draws_among_the_largest_logits_only) {
  const Logits logits = {1.0f, 3.0f, 2.999999f, 3.0f};
  EXPECT_EQ(support({.temperature = 5e-324}, logits), (std::set<TokenId>{1, 3}));
  EXPECT_EQ(support({.temperature = 5e-324, .top_p = 0.99}, logits), (std::set<TokenId>{1, 3}));
  EXPECT_EQ(support({.temperature = 5e-324, .typical_p = 0.4}, logits), (std::set<TokenId>{1}));
}

TEST(Sampler, huge_logits_neither_overflow_nor_crash) {
  const float most = std::numeric_limits<float>::max();
  const Logits logits = {-most, most, 0.0f, -kInf, most};
  for (const SamplingParams& params : filter_settings()) {
    const TokenId id = sample(params, logits, 3).id;
    EXPECT_TRUE(id == 1 || id == 4) << describe(params) << ": " << id;
  }
  SamplingParams biased{.temperature = 0, .repetition_penalty = 1e-300};
  biased.logit_bias = {{1, 100.0f}, {0, -100.0f}};
  SamplerScratch scratch(5);
  const Sampler sampler(biased, 0, 5, std::vector<TokenId>{0, 1, 2, 3, 4});
  EXPECT_EQ(sampler.sample(logits, scratch).id, 1);
}

TEST(Sampler, minus_infinity_is_never_drawn) {
  Logits logits(300, -kInf);
  logits[77] = -5.0f;
  logits[200] = -5.0f;
  for (const SamplingParams& params : filter_settings()) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const TokenId id = sample(params, logits, seed).id;
      EXPECT_TRUE(id == 77 || id == 200) << describe(params);
    }
  }
}

TEST(Sampler, logits_without_a_distribution_are_an_error_whatever_the_parameters) {
  std::vector<SamplingParams> settings = filter_settings();
  settings.push_back({.temperature = 0});
  settings.push_back({.temperature = 0, .logit_bias = {{0, 1.0f}}});
  for (const SamplingParams& params : settings) {
    for (const std::size_t n : {1u, 40u, 130u}) {
      EXPECT_FALSE(sample(params, Logits(n, -kInf)).ok());
      for (const float bad : {kNan, kInf}) {
        for (const std::size_t at : {std::size_t{0}, n / 2, n - 1}) {
          Logits logits(n, 1.0f);
          logits[at] = bad;
          EXPECT_FALSE(sample(params, logits).ok()) << describe(params);
        }
      }
    }
  }
}

TEST(Sampler, logit_bias_is_added_and_minus_one_hundred_bans) {
  Logits logits = {10.0f, 9.5f, 0.0f};
  EXPECT_EQ(sample({.temperature = 0, .logit_bias = {{0, -1.0f}}}, logits).id, 1);
  EXPECT_EQ(sample({.temperature = 0, .logit_bias = {{2, 100.0f}}}, logits).id, 2);
  EXPECT_FALSE(support({.logit_bias = {{0, -100.0f}}}, logits).contains(0));
  logits[2] = -kInf;
  EXPECT_EQ(sample({.temperature = 0, .logit_bias = {{2, 100.0f}}}, logits).id, 0);
}

TEST(Sampler, repetition_penalty_divides_positive_and_multiplies_negative_logits_once_a_token) {
  SamplerScratch scratch(4);
  const std::vector<TokenId> prompt = {0, 0, 0, 2};
  Sampler sampler({.temperature = 0, .repetition_penalty = 2.0}, 0, 4, prompt);
  EXPECT_EQ(sampler.sample(Logits{4.0f, 2.1f, -9.0f, -9.0f}, scratch).id, 1) << "4 / 2 < 2.1";
  EXPECT_EQ(sampler.sample(Logits{4.0f, 1.9f, -9.0f, -9.0f}, scratch).id, 0) << "not 4 / 8";
  EXPECT_EQ(sampler.sample(Logits{-9.0f, -9.0f, -1.0f, -1.5f}, scratch).id, 3) << "-1 * 2 < -1.5";
  sampler.accept(1);
  EXPECT_EQ(sampler.sample(Logits{-9.0f, 4.0f, -9.0f, 2.1f}, scratch).id, 3) << "the answer counts";
}

TEST(Sampler, presence_and_frequency_penalties_count_the_answer_only) {
  SamplerScratch scratch(3);
  const std::vector<TokenId> prompt = {0, 0, 0, 0};
  Sampler presence({.temperature = 0, .presence_penalty = 1.0}, 0, 3, prompt);
  Sampler frequency({.temperature = 0, .frequency_penalty = 1.0}, 0, 3, prompt);
  const Logits logits = {2.5f, 1.0f, -5.0f};
  EXPECT_EQ(presence.sample(logits, scratch).id, 0);
  EXPECT_EQ(frequency.sample(logits, scratch).id, 0);
  for (Sampler* sampler : {&presence, &frequency}) {
    sampler->accept(0);
    EXPECT_EQ(sampler->sample(logits, scratch).id, 0) << "2.5 - 1 > 1";
    sampler->accept(0);
  }
  EXPECT_EQ(presence.sample(logits, scratch).id, 0) << "once, however often";
  EXPECT_EQ(frequency.sample(logits, scratch).id, 1) << "2.5 - 2 < 1";
  Sampler reward({.temperature = 0, .presence_penalty = -2.0}, 0, 3, prompt);
  reward.accept(1);
  EXPECT_EQ(reward.sample(logits, scratch).id, 1) << "2.5 < 1 + 2";
}

TEST(Sampler, bias_comes_before_the_penalties_and_division_before_subtraction) {
  SamplingParams params{.temperature = 0,
                        .repetition_penalty = 2.0,
                        .presence_penalty = 1.0,
                        .logit_bias = {{0, 8.0f}}};
  SamplerScratch scratch(2);
  Sampler sampler(params, 0, 2, {});
  sampler.accept(0);
  // (0 + 8) / 2 - 1 = 3; the bias last would give 7.5, the subtraction first 3.5.
  EXPECT_EQ(sampler.sample(Logits{0.0f, 2.9f}, scratch).id, 0);
  EXPECT_EQ(sampler.sample(Logits{0.0f, 3.1f}, scratch).id, 1);
}

TEST(Sampler, penalties_of_many_tokens_agree_with_a_plain_count) {
  constexpr std::int64_t kVocab = 500;
  const SamplingParams params{.temperature = 0,
                              .repetition_penalty = 1.3,
                              .presence_penalty = 0.2,
                              .frequency_penalty = 0.05};
  std::mt19937 random(11);
  std::vector<TokenId> prompt(300);
  for (TokenId& id : prompt) id = static_cast<TokenId>(random() % kVocab);
  Sampler sampler(params, 0, kVocab, prompt);
  std::vector<int> in_answer(kVocab);
  std::set<TokenId> any(prompt.begin(), prompt.end());
  SamplerScratch scratch(kVocab);
  for (int step = 0; step < 2000; ++step) {
    const Logits logits = random_logits(kVocab, 2.0f, static_cast<std::uint32_t>(step));
    std::vector<double> expected(logits.begin(), logits.end());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (any.contains(static_cast<TokenId>(i))) expected[i] *= expected[i] > 0 ? 1 / 1.3 : 1.3;
      if (in_answer[i] > 0) expected[i] -= 0.2 + 0.05 * in_answer[i];
    }
    const auto best = std::max_element(expected.begin(), expected.end()) - expected.begin();
    ASSERT_EQ(sampler.sample(logits, scratch).id, static_cast<TokenId>(best)) << step;
    const auto id = static_cast<TokenId>(random() % kVocab);
    sampler.accept(id);
    any.insert(id);
    ++in_answer[static_cast<std::size_t>(id)];
  }
}

TEST(Sampler, tokens_that_have_no_logit_are_ignored_in_bias_and_prompt) {
  const SamplingParams params{
      .temperature = 0, .repetition_penalty = 2.0, .logit_bias = {{1, 5.0f}, {3, 100.0f}}};
  SamplerScratch scratch(3);
  const Sampler sampler(params, 0, 3, std::vector<TokenId>{0, 7, 3});
  EXPECT_EQ(sampler.sample(Logits{8.0f, 0.0f, 4.5f}, scratch).id, 1);
}

TEST(Sampler, the_mask_allows_exactly_its_bits) {
  const Logits logits = random_logits(130, 1.0f, 12);
  std::vector<std::uint64_t> allowed(3);
  allowed[1] = 1u << 3;  // 67
  allowed[2] = 1u << 1;  // 129
  for (const SamplingParams& params : filter_settings()) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const TokenId id = sample(params, logits, seed, {.allowed = allowed}).id;
      EXPECT_TRUE(id == 67 || id == 129) << describe(params);
    }
  }
  allowed.assign(3, 0);
  EXPECT_FALSE(sample({}, logits, 0, {.allowed = allowed}).ok());
}

TEST(Sampler, logprobs_are_the_log_softmax_of_the_raw_logits) {
  const Logits logits = random_logits(777, 4.0f, 13);
  long double total = 0;
  for (const float l : logits) total += std::exp(static_cast<long double>(l));
  std::vector<TokenLogprob> top(777);
  const SamplingParams params{
      .temperature = 0.3, .top_k = 5, .repetition_penalty = 1.5, .logit_bias = {{3, 20.0f}}};
  SamplerScratch scratch(777);
  const Sampler sampler(params, 1, 777, std::vector<TokenId>{1, 2, 3});
  const SampledToken token = sampler.sample(logits, scratch, {.logprob = true, .top = top});
  const auto expected = [&](TokenId id) {
    return static_cast<double>(static_cast<long double>(logits[static_cast<std::size_t>(id)]) -
                               std::log(total));
  };
  EXPECT_NEAR(token.logprob, expected(token.id), 2e-6);
  ASSERT_EQ(token.n_top, 777);
  double sum = 0;
  for (const TokenLogprob& entry : top) {
    EXPECT_NEAR(entry.logprob, expected(entry.id), 2e-6);
    sum += std::exp(static_cast<double>(entry.logprob));
  }
  EXPECT_NEAR(sum, 1.0, 1e-6);
}

TEST(Sampler, top_logprobs_are_the_likeliest_tokens_best_first_equal_ones_by_id) {
  for (const std::size_t n : {5u, 1300u, 5000u}) {
    Logits logits = random_logits(n, 2.0f, 14);
    for (float& l : logits) l = std::round(l * 4) / 4;  // many ties
    std::vector<TokenId> order(n);
    std::iota(order.begin(), order.end(), 0);
    const auto logit = [&](TokenId id) { return logits[static_cast<std::size_t>(id)]; };
    std::sort(order.begin(), order.end(), [&](TokenId a, TokenId b) {
      return logit(a) != logit(b) ? logit(a) > logit(b) : a < b;
    });
    for (const std::size_t k : {1u, 5u, 20u}) {
      std::vector<TokenLogprob> top(k);
      const SampledToken token = sample({}, logits, 0, {.top = top});
      ASSERT_EQ(token.n_top, static_cast<std::int32_t>(std::min(n, k)));
      for (std::size_t i = 0; i < std::min(n, k); ++i) EXPECT_EQ(top[i].id, order[i]) << i;
    }
  }
}

TEST(Sampler, impossible_tokens_are_no_alternatives_and_every_logprob_is_finite) {
  const float most = std::numeric_limits<float>::max();
  std::vector<TokenLogprob> top(4);
  const SampledToken token =
      sample({.temperature = 0}, {-kInf, most, -most, -kInf}, 0, {.logprob = true, .top = top});
  EXPECT_EQ(token.logprob, 0.0f);
  ASSERT_EQ(token.n_top, 2);
  EXPECT_EQ(top[0].id, 1);
  EXPECT_EQ(top[1].id, 2);
  EXPECT_TRUE(std::isfinite(top[1].logprob));
}

TEST(Sampler, a_vocabulary_of_one_token_gives_it_with_certainty) {
  std::vector<TokenLogprob> top(20);
  for (const SamplingParams& params : filter_settings()) {
    const SampledToken token = sample(params, {-7.5f}, 5, {.logprob = true, .top = top});
    EXPECT_EQ(token.id, 0);
    EXPECT_EQ(token.logprob, 0.0f);
    EXPECT_EQ(token.n_top, 1);
  }
}

TEST(Sampler, nothing_allocates_after_reserve) {
  constexpr std::int64_t kVocab = 5000;
  const Logits logits = random_logits(kVocab, 0.01f, 15);  // flat: the filters keep the most
  std::vector<TokenLogprob> top(20);
  std::vector<std::uint64_t> allowed(kVocab / 64 + 1, ~std::uint64_t{0});
  SamplerScratch scratch(kVocab);
  for (SamplingParams params : filter_settings()) {
    params.repetition_penalty = 1.1;
    params.frequency_penalty = 0.1;
    Sampler sampler(params, 1, kVocab, std::vector<TokenId>{4, 5, 6, 6});
    sampler.reserve(30);
    const std::int64_t before = n_allocations();
    for (TokenId id = 0; id < 30; ++id) {
      ASSERT_TRUE(
          sampler.sample(logits, scratch, {.logprob = true, .top = top, .allowed = allowed}).ok());
      sampler.accept(id + 1000);
    }
    EXPECT_EQ(n_allocations(), before) << describe(params);
  }
}

}  // namespace
}  // namespace hearth::engine
