// sampler.cc - see sampler.h.
//
// How the filters avoid sorting the vocabulary (n tokens, chunks of 64, Z = sum of all weights):
//
//   top_k      The k-th largest of the chunk maxima is no larger than the k-th largest logit: k
//              chunks each hold one at least as large. Only chunks that reach it are looked into.
//   top_p      Tokens with w < (1 - p) Z / n weigh less than (1 - p) Z together, so those above
//              hold p Z already and contain the nucleus. Usually far fewer do: the nearest are
//              tried first, then those twice as far, until they weigh p Z.
//   typical_p  With d = -ln w and D = sum(w d) / Z the order is by |d - D| (the constant ln Z
//              cancels in "surprise minus entropy"). The tokens with d <= c, where
//              c = -ln((1 - p) Z / n), hold p Z and all have |d - D| <= max(D, c - D); so what is
//              kept has d <= D + that = max(2 D, c).
//   min_p      d <= -ln(min_p).
//
// At 200000 tokens on one EPYC core, SSE2 code: top_k or temperature 0 take 0.1 ms, an exp of
// every token (no filter, top_p, typical_p, logprobs) 0.9 ms.
//
// What is left is cut by a quickselect over sums of weights. Both that and the sums are written out
// here: std::nth_element and std::partition leave their elements in an order that differs between
// standard libraries, and with it the rounding of a sum.
#include "engine/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>

#include "base/check.h"

// A loop over the whole vocabulary is compiled for each width of vectors, and which one runs is
// chosen when the program starts. The same operations in the same order: no bit depends on the
// choice. Sanitizers are not ready at that time, and go without.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HEARTH_EACH_WIDTH [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define HEARTH_EACH_WIDTH
#endif

namespace hearth::engine {
namespace {

using sampler_detail::Candidate;
using sampler_detail::Mass;
using sampler_detail::Ranked;

constexpr std::size_t kChunk = 64;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargestFloat = std::numeric_limits<float>::max();

// -ln of a weight that counts as 0: 2 to the power of -1023, whose exponent field is that of 0.
constexpr double kFarthest = 709.1;

std::size_t n_chunks_of(std::size_t n) { return (n + kChunk - 1) / kChunk; }

// exp(-d) for 0 <= d <= kFarthest, within 2 units in the last place. Our own because libraries
// differ in the last bit, and because this form (no branch, no call) becomes vector code.
[[gnu::always_inline]] inline double exp_minus(double d) {
  constexpr double kLog2E = 0x1.71547652b82fep0;
  constexpr double kLn2High = 0x1.62e42fefa0000p-1;  // 37 bits: k * kLn2High is exact
  constexpr double kLn2Low = 0x1.cf79abc9e3b3ap-40;
  constexpr double kRound = 0x1.8p52;  // adding it rounds to an integer in the low bits
  const double shifted = -d * kLog2E + kRound;
  const double k = shifted - kRound;
  const double r = (-d - k * kLn2High) - k * kLn2Low;  // |r| <= ln(2) / 2
  // The Taylor series to r^13 / 13!; the next term is below 5e-18.
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const auto exponent =
      std::bit_cast<std::uint64_t>(shifted) - std::bit_cast<std::uint64_t>(kRound);
  return p * std::bit_cast<double>((exponent + 1023) << 52);
}

// Temperature as it is used: w = exp(-(largest - logit) * inverse).
struct Scale {
  double largest;
  double inverse;
  Scale(float largest_logit, double temperature)
      : largest(static_cast<double>(largest_logit)),
        inverse(std::min(1.0 / temperature, 1e300)) {}  // 0 * inf would be NaN

  // -ln w; at most kFarthest, for -inf too.
  [[gnu::always_inline]] double distance(float logit) const {
    const double d = (largest - static_cast<double>(logit)) * inverse;
    return d < kFarthest ? d : kFarthest;
  }
  double weight(float logit) const { return exp_minus(distance(logit)); }
  // The smallest logit whose distance is at most d, or a little less: a logit and the largest are
  // floats, so unless equal they are 6e-8 apart in relation, and this subtraction is good to 2e-9
  // of the distance.
  double logit_at(double d) const { return largest - (d * (1 + 1e-6) + 1e-6) / inverse; }
};

[[gnu::always_inline]] inline double sum_of_lanes(const double (&s)[8]) {
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

// The larger of each of the first n and the n behind them.
template <std::size_t n>
[[gnu::always_inline]] inline void fold(const float* x, float* larger) {
  for (std::size_t i = 0; i < n; ++i) larger[i] = x[i] > x[i + n] ? x[i] : x[i + n];
}

// Largest of one whole chunk, by folding it, which becomes vector code; NaN and +inf set `bad`.
[[gnu::always_inline]] inline float chunk_maximum(const float* x, bool& bad) {
  std::int32_t n_good = 0;
  for (std::size_t i = 0; i < kChunk; ++i) n_good += x[i] <= kLargestFloat ? 1 : 0;
  bad = bad || n_good != static_cast<std::int32_t>(kChunk);
  float a[kChunk / 2], b[kChunk / 4];
  fold<32>(x, a);
  fold<16>(a, b);
  fold<8>(b, a);
  fold<4>(a, b);
  fold<2>(b, a);
  return a[0] > a[1] ? a[0] : a[1];
}

// A chunk, or the last part of the vocabulary with impossible tokens behind it.
struct PaddedChunk {
  const float* begin;
  float padded[kChunk];

  [[gnu::always_inline]] PaddedChunk(std::span<const float> logits, std::size_t chunk)
      : begin(logits.data() + chunk * kChunk) {
    const std::size_t n = logits.size() - chunk * kChunk;
    if (n >= kChunk) return;
    std::fill(padded, padded + kChunk, -kInfinity);
    std::copy(begin, begin + n, padded);
    begin = padded;
  }
};

// Fills chunk_max. The largest logit; -inf also when a logit is NaN or +inf.
HEARTH_EACH_WIDTH float scan(std::span<const float> logits, std::span<float> chunk_max) {
  bool bad = false;
  float largest = -kInfinity;
  for (std::size_t c = 0; c < chunk_max.size(); ++c) {
    chunk_max[c] = chunk_maximum(PaddedChunk(logits, c).begin, bad);
    largest = std::max(largest, chunk_max[c]);
  }
  return bad ? -kInfinity : largest;
}

// What one chunk weighs, in loops of constant length that become vector code; tokens beyond the end
// of the vocabulary count as impossible.
struct ChunkMass {
  double distance[kChunk];
  double weight[kChunk];

  [[gnu::always_inline]] void compute(std::span<const float> logits, std::size_t chunk,
                                      const Scale& scale) {
    const PaddedChunk x(logits, chunk);
    for (std::size_t i = 0; i < kChunk; ++i) distance[i] = scale.distance(x.begin[i]);
    for (std::size_t i = 0; i < kChunk; ++i) weight[i] = exp_minus(distance[i]);
  }
  [[gnu::always_inline]] double total() const {
    double lanes[8] = {};
    for (std::size_t i = 0; i < kChunk; i += 8) {
      for (std::size_t j = 0; j < 8; ++j) lanes[j] += weight[i + j];
    }
    return sum_of_lanes(lanes);
  }
  [[gnu::always_inline]] double surprise() const {
    double lanes[8] = {};
    for (std::size_t i = 0; i < kChunk; i += 8) {
      for (std::size_t j = 0; j < 8; ++j) lanes[j] += weight[i + j] * distance[i + j];
    }
    return sum_of_lanes(lanes);
  }
};

// Total and, if wanted, surprise of all tokens; leaves the total of each chunk.
HEARTH_EACH_WIDTH Mass weigh(std::span<const float> logits, const Scale& scale, bool want_surprise,
                             std::span<double> chunk_weight) {
  ChunkMass chunk;
  Mass mass{0, 0};
  for (std::size_t c = 0; c < chunk_weight.size(); ++c) {
    chunk.compute(logits, c, scale);
    chunk_weight[c] = chunk.total();
    mass.total += chunk_weight[c];
    if (want_surprise) mass.surprise += chunk.surprise();
  }
  return mass;
}

// A logit that at least k tokens reach and that is as large as chunk maxima can tell.
double reached_by(std::size_t k, std::span<const float> chunk_max, std::span<float> order) {
  if (k > chunk_max.size()) return -static_cast<double>(kLargestFloat);
  std::copy(chunk_max.begin(), chunk_max.end(), order.begin());
  const auto kth = order.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(order.begin(), kth, order.end(), std::greater<>());
  return static_cast<double>(*kth);
}

// The possible tokens whose logit is at least `threshold`, by id.
void collect(std::span<const float> logits, std::span<const float> chunk_max, double threshold,
             const Scale& scale, std::vector<Candidate>& out) {
  out.clear();
  for (std::size_t c = 0; c < chunk_max.size(); ++c) {
    if (static_cast<double>(chunk_max[c]) < threshold) continue;
    const std::size_t end = std::min(logits.size(), (c + 1) * kChunk);
    for (std::size_t i = c * kChunk; i < end; ++i) {
      if (static_cast<double>(logits[i]) < threshold || logits[i] == -kInfinity) continue;
      out.push_back({scale.weight(logits[i]), logits[i], static_cast<TokenId>(i)});
    }
  }
}

bool precedes(const Ranked& a, const Ranked& b) {
  return a.key != b.key ? a.key < b.key : a.id < b.id;
}

// The last element of the shortest beginning, in order of (key, id), whose weights sum to `target`;
// the very last one when all together do not. Reorders `items`, which are not empty.
Ranked last_kept(std::span<Ranked> items, double target) {
  std::size_t low = 0, high = items.size();
  double before = 0;  // weight of [0, low), all kept
  // Pivots that a hostile order makes useless end in a sort instead of quadratic time.
  for (int rounds = 2 * static_cast<int>(std::bit_width(items.size()));
       high - low > 16 && rounds > 0; --rounds) {
    Ranked a = items[low], pivot = items[low + (high - low) / 2], b = items[high - 1];
    if (precedes(b, a)) std::swap(a, b);
    if (precedes(pivot, a)) pivot = a;
    if (precedes(b, pivot)) pivot = b;  // the median: neither side will be empty
    std::size_t middle = low;
    double left = 0;
    for (std::size_t i = low; i < high; ++i) {
      if (precedes(pivot, items[i])) continue;
      left += items[i].weight;
      std::swap(items[i], items[middle++]);
    }
    if (before + left >= target) {
      high = middle;
    } else {
      before += left;
      low = middle;
    }
  }
  std::sort(items.begin() + static_cast<std::ptrdiff_t>(low),
            items.begin() + static_cast<std::ptrdiff_t>(high), precedes);
  for (std::size_t i = low; i < high; ++i) {
    before += items[i].weight;
    if (before >= target) return items[i];
  }
  return items[high - 1];
}

// Keeps the shortest beginning, in order of (key(c), id), whose measure(c) sums to `target`; the
// candidates stay in order of ids.
template <class Key, class Measure>
void keep_until(std::vector<Candidate>& candidates, std::vector<Ranked>& ranked, double target,
                Key key, Measure measure) {
  ranked.clear();
  for (const Candidate& c : candidates) ranked.push_back({key(c), measure(c), c.id});
  const Ranked last = last_kept(ranked, target);
  std::erase_if(candidates,
                [&](const Candidate& c) { return precedes(last, Ranked{key(c), 0, c.id}); });
}

double by_logit(const Candidate& c) { return -static_cast<double>(c.logit); }
double by_weight(const Candidate& c) { return c.weight; }

Mass mass_of(const std::vector<Candidate>& candidates, const Scale& scale) {
  Mass mass{0, 0};
  for (const Candidate& c : candidates) {
    mass.total += c.weight;
    mass.surprise += c.weight * scale.distance(c.logit);
  }
  return mass;
}

void keep_top_k(std::size_t k, std::vector<Candidate>& candidates, std::vector<Ranked>& ranked) {
  if (candidates.size() <= k) return;
  keep_until(candidates, ranked, static_cast<double>(k), by_logit,
             [](const Candidate&) { return 1.0; });
}

void keep_min_p(double min_p, std::vector<Candidate>& candidates) {
  double largest = 0;  // typical_p may have removed the largest of all
  for (const Candidate& c : candidates) largest = std::max(largest, c.weight);
  std::erase_if(candidates, [&](const Candidate& c) { return c.weight < min_p * largest; });
}

TokenId draw(const std::vector<Candidate>& candidates, double u) {
  double total = 0;
  for (const Candidate& c : candidates) total += c.weight;
  const double target = u * total;
  double cumulative = 0;
  TokenId last = -1;  // when rounding leaves the sum at the target
  for (const Candidate& c : candidates) {
    if (c.weight <= 0) continue;
    cumulative += c.weight;
    last = c.id;
    if (cumulative > target) break;
  }
  return last;
}

TokenId first_equal(std::span<const float> logits, std::span<const float> chunk_max, float value) {
  const auto c = static_cast<std::size_t>(std::find(chunk_max.begin(), chunk_max.end(), value) -
                                          chunk_max.begin());
  std::size_t i = c * kChunk;
  while (logits[i] != value) ++i;
  return static_cast<TokenId>(i);
}

// As float, a number too small for it is the smallest: -inf is no number in JSON.
float as_logprob(double value) {
  return static_cast<float>(std::max(value, -static_cast<double>(kLargestFloat)));
}

// The log-softmax of raw logits at one place: (logit - largest) - ln Z.
struct LogSoftmax {
  double largest, log_total;
  float at(float logit) const {
    return as_logprob((static_cast<double>(logit) - largest) - log_total);
  }
};

std::int32_t most_likely(std::span<const float> logits, std::span<const float> chunk_max,
                         std::span<float> order, const LogSoftmax& log_softmax,
                         std::vector<Candidate>& candidates, std::span<TokenLogprob> top) {
  const double threshold = reached_by(top.size(), chunk_max, order);
  const Scale scale(static_cast<float>(log_softmax.largest), 1.0);
  collect(logits, chunk_max, threshold, scale, candidates);
  const std::size_t n = std::min(top.size(), candidates.size());
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(n),
                    candidates.end(), [](const Candidate& a, const Candidate& b) {
                      return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
                    });
  for (std::size_t i = 0; i < n; ++i) {
    top[i] = {candidates[i].id, log_softmax.at(candidates[i].logit)};
  }
  return static_cast<std::int32_t>(n);
}

// A bijection of 64-bit numbers whose every output bit depends on every input bit (the finaliser of
// SplitMix64).
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

float add(float logit, double delta) {
  if (logit == -kInfinity) return logit;
  const double limit = static_cast<double>(kLargestFloat);
  return static_cast<float>(std::clamp(static_cast<double>(logit) + delta, -limit, limit));
}

float scale_by(float logit, double penalty) {
  if (logit == -kInfinity) return logit;
  const double limit = static_cast<double>(kLargestFloat);
  const auto value = static_cast<double>(logit);
  return static_cast<float>(
      std::clamp(value > 0 ? value / penalty : value * penalty, -limit, limit));
}

}  // namespace

void SamplerScratch::reserve(std::int64_t n_vocab) {
  const auto n = static_cast<std::size_t>(n_vocab);
  if (n <= adjusted_.size()) return;
  adjusted_.resize(n);
  chunk_max_.resize(n_chunks_of(n));
  chunk_order_.resize(n_chunks_of(n));
  chunk_weight_.resize(n_chunks_of(n));
  candidates_.reserve(n);
  ranked_.reserve(n);
}

Sampler::Sampler(const SamplingParams& params, std::uint64_t seed, std::int64_t n_vocab,
                 std::span<const TokenId> prompt)
    : params_(params), seed_(seed), n_vocab_(n_vocab) {
  CHECK(n_vocab > 0, "a model has at least one token");
  const auto has_logit = [&](TokenId id) { return id >= 0 && id < n_vocab; };
  std::erase_if(params_.logit_bias, [&](const auto& entry) { return !has_logit(entry.first); });
  if (!counts_tokens()) return;
  const bool prompt_counts = params_.repetition_penalty != 1.0;
  reserve(prompt_counts ? static_cast<std::int64_t>(prompt.size()) : 0);
  if (!prompt_counts) return;
  for (const TokenId id : prompt) {
    if (has_logit(id)) seen(id);
  }
}

bool Sampler::counts_tokens() const {
  return params_.repetition_penalty != 1.0 || params_.presence_penalty != 0.0 ||
         params_.frequency_penalty != 0.0;
}

void Sampler::reserve(std::int64_t n_tokens) {
  if (!counts_tokens()) return;
  const std::size_t n = std::min(static_cast<std::size_t>(n_vocab_),
                                 seen_.size() + static_cast<std::size_t>(n_tokens));
  if (n > seen_.capacity()) seen_.reserve(n);
  const std::size_t n_slots = std::bit_ceil(2 * std::max<std::size_t>(n, 8));
  if (n_slots > slots_.size()) rehash(n_slots);
}

void Sampler::rehash(std::size_t n_slots) {
  slots_.assign(n_slots, -1);
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    std::size_t slot = mix(static_cast<std::uint64_t>(seen_[i].id)) & (n_slots - 1);
    while (slots_[slot] >= 0) slot = (slot + 1) & (n_slots - 1);
    slots_[slot] = static_cast<std::int32_t>(i);
  }
}

// The entry of a token, made if there is none.
Sampler::Seen& Sampler::seen(TokenId id) {
  if (2 * (seen_.size() + 1) > slots_.size()) rehash(2 * slots_.size());
  std::size_t slot = mix(static_cast<std::uint64_t>(id)) & (slots_.size() - 1);
  while (slots_[slot] >= 0) {
    Seen& entry = seen_[static_cast<std::size_t>(slots_[slot])];
    if (entry.id == id) return entry;
    slot = (slot + 1) & (slots_.size() - 1);
  }
  slots_[slot] = static_cast<std::int32_t>(seen_.size());
  return seen_.emplace_back(Seen{id, 0});
}

void Sampler::accept(TokenId token) {
  CHECK(token >= 0 && token < n_vocab_, "only tokens of the vocabulary are accepted");
  ++n_accepted_;
  if (counts_tokens()) ++seen(token).n_in_answer;
}

double Sampler::uniform() const {
  // The seed is mixed first: seeds that differ by a multiple of the step would share a sequence.
  const std::uint64_t z = mix(mix(seed_) + (n_accepted_ + 1) * 0x9e3779b97f4a7c15u);
  return static_cast<double>(z >> 11) * 0x1p-53;
}

bool Sampler::changes_logits(const SampleOptions& options) const {
  return !params_.logit_bias.empty() || !seen_.empty() || !options.allowed.empty();
}

void Sampler::adjust(std::span<const float> logits, const SampleOptions& options,
                     std::span<float> adjusted) const {
  std::copy(logits.begin(), logits.end(), adjusted.begin());
  for (const auto& [id, bias] : params_.logit_bias) {
    float& logit = adjusted[static_cast<std::size_t>(id)];
    logit = add(logit, static_cast<double>(bias));
  }
  for (const Seen& entry : seen_) {
    float& logit = adjusted[static_cast<std::size_t>(entry.id)];
    logit = scale_by(logit, params_.repetition_penalty);
    if (entry.n_in_answer == 0) continue;
    const double frequency = static_cast<double>(entry.n_in_answer) * params_.frequency_penalty;
    logit = add(logit, -(frequency + params_.presence_penalty));
  }
  if (options.allowed.empty()) return;
  for (std::size_t i = 0; i < adjusted.size(); ++i) {
    if ((options.allowed[i / 64] >> (i % 64) & 1) == 0) adjusted[i] = -kInfinity;
  }
}

SampledToken Sampler::sample(std::span<const float> logits, SamplerScratch& scratch,
                             const SampleOptions& options) const {
  const std::size_t n = logits.size();
  CHECK(n == static_cast<std::size_t>(n_vocab_), "logits for another vocabulary");
  CHECK(n <= scratch.adjusted_.size(), "the scratch was not reserved for this vocabulary");
  CHECK(options.allowed.empty() || options.allowed.size() >= (n + 63) / 64,
        "the mask is shorter than the vocabulary");
  const auto chunk_max = std::span(scratch.chunk_max_).first(n_chunks_of(n));
  float largest = scan(logits, chunk_max);
  if (largest == -kInfinity) return {};

  SampledToken result;
  LogSoftmax log_softmax{static_cast<double>(largest), 0};
  if (options.logprob || !options.top.empty()) {
    const auto chunk_weight = std::span(scratch.chunk_weight_).first(chunk_max.size());
    log_softmax.log_total = std::log(weigh(logits, Scale(largest, 1.0), false, chunk_weight).total);
  }
  if (!options.top.empty()) {
    result.n_top =
        most_likely(logits, chunk_max, std::span(scratch.chunk_order_).first(chunk_max.size()),
                    log_softmax, scratch.candidates_, options.top);
  }
  std::span<const float> adjusted = logits;
  if (changes_logits(options)) {
    adjust(logits, options, std::span(scratch.adjusted_).first(n));
    adjusted = std::span(scratch.adjusted_).first(n);
    largest = scan(adjusted, chunk_max);
    if (largest == -kInfinity) return {};
  }
  result.id = choose(adjusted, largest, scratch);
  if (options.logprob) {
    result.logprob = log_softmax.at(logits[static_cast<std::size_t>(result.id)]);
  }
  return result;
}

TokenId Sampler::choose(std::span<const float> logits, float largest,
                        SamplerScratch& scratch) const {
  if (params_.temperature == 0.0) {
    return first_equal(logits, std::span(scratch.chunk_max_).first(n_chunks_of(logits.size())),
                       largest);
  }
  if (params_.top_k == 0 && params_.typical_p == 1.0 && params_.top_p == 1.0 &&
      params_.min_p == 0.0) {
    return draw_unfiltered(logits, largest, scratch);
  }
  filter(gather(logits, largest, scratch), largest, scratch);
  return draw(scratch.candidates_, uniform());
}

TokenId Sampler::draw_unfiltered(std::span<const float> logits, float largest,
                                 SamplerScratch& scratch) const {
  const Scale scale(largest, params_.temperature);
  const auto chunk_weight = std::span(scratch.chunk_weight_).first(n_chunks_of(logits.size()));
  const double target = uniform() * weigh(logits, scale, false, chunk_weight).total;
  double before = 0;  // weight of the chunks before `chosen`
  double cumulative = 0;
  std::size_t chosen = 0;
  for (std::size_t c = 0; c < chunk_weight.size(); ++c) {
    if (chunk_weight[c] <= 0) continue;
    before = cumulative;
    cumulative += chunk_weight[c];
    chosen = c;
    if (cumulative > target) break;
  }
  // A chunk was summed in lanes; should the plain sum end at the target, its last token is drawn.
  TokenId last = -1;
  const std::size_t end = std::min(logits.size(), (chosen + 1) * kChunk);
  for (std::size_t i = chosen * kChunk; i < end; ++i) {
    const double weight = scale.weight(logits[i]);
    if (weight <= 0) continue;
    before += weight;
    last = static_cast<TokenId>(i);
    if (before > target) break;
  }
  return last;
}

// Leaves in scratch.candidates_ what top_k keeps or, without it, a superset of what the first
// active filter keeps (see the top of this file), and returns the mass that this filter's share
// refers to.
Mass Sampler::gather(std::span<const float> logits, float largest, SamplerScratch& scratch) const {
  const std::size_t n = logits.size();
  const Scale scale(largest, params_.temperature);
  const auto chunk_max = std::span(scratch.chunk_max_).first(n_chunks_of(n));
  const bool typical = params_.typical_p < 1.0;
  auto& candidates = scratch.candidates_;
  const auto k = static_cast<std::size_t>(params_.top_k);
  if (k > 0 && k < n) {
    const auto order = std::span(scratch.chunk_order_).first(chunk_max.size());
    collect(logits, chunk_max, reached_by(k, chunk_max, order), scale, candidates);
    keep_top_k(k, candidates, scratch.ranked_);
    return mass_of(candidates, scale);
  }
  if (!typical && params_.top_p == 1.0) {
    const double distance = params_.min_p > 0 ? -std::log(params_.min_p) : kFarthest;
    collect(logits, chunk_max, scale.logit_at(distance), scale, candidates);
    return mass_of(candidates, scale);
  }
  const Mass mass =
      weigh(logits, scale, typical, std::span(scratch.chunk_weight_).first(chunk_max.size()));
  const double share = 1.0 - (typical ? params_.typical_p : params_.top_p);
  // Half of the weight that the argument allows: room for the rounding of the sums.
  double distance = -std::log(0.5 * share * mass.total / static_cast<double>(n));
  if (typical) distance = std::max(distance, 2.0 * mass.surprise / mass.total);
  distance = std::min(distance, kFarthest);
  // More than p Z, by more than sums in another order can differ.
  const double enough = typical ? 2 * mass.total : params_.top_p * mass.total * (1 + 1e-9);
  for (double near = typical ? distance : 4;; near *= 2) {
    collect(logits, chunk_max, scale.logit_at(std::min(near, distance)), scale, candidates);
    if (near >= distance || mass_of(candidates, scale).total >= enough) return mass;
  }
}

// typical_p, top_p, min_p over scratch.candidates_.
void Sampler::filter(Mass mass, float largest, SamplerScratch& scratch) const {
  const Scale scale(largest, params_.temperature);
  auto& candidates = scratch.candidates_;
  if (params_.typical_p < 1.0) {
    const double mean = mass.surprise / mass.total;
    keep_until(
        candidates, scratch.ranked_, params_.typical_p * mass.total,
        [&](const Candidate& c) { return std::abs(scale.distance(c.logit) - mean); }, by_weight);
    mass = mass_of(candidates, scale);
  }
  if (params_.top_p < 1.0) {
    keep_until(candidates, scratch.ranked_, params_.top_p * mass.total, by_logit, by_weight);
  }
  if (params_.min_p > 0.0) keep_min_p(params_.min_p, candidates);
}

}  // namespace hearth::engine
