// sampler.h - from the logits of one position to one token. Part of the portable core.
//
//   raw logits --(log-softmax)--> logprob, top_logprobs
//       | + logit_bias, repetition, frequency, presence penalties, mask
//       v
//   temperature 0: the largest logit, lowest id on a tie
//   otherwise:     w = exp((logit - largest) / temperature); top_k, typical_p, top_p, min_p, each
//                  on the renormalised rest of the one before; one draw in order of ids: the first
//                  whose cumulative w exceeds u * (sum of w)
//
// u depends only on (seed, number of accepted tokens), every sum has one fixed order and exp is our
// own: the same logits give the same token on every machine, whatever runs beside them.
//
// Cost: nothing sorts the vocabulary. The largest logit of each chunk of 64 is found in one pass; a
// filter then looks only into chunks that can hold what it keeps.
//
// Nothing allocates after construction and reserve(). A Sampler belongs to one sequence; a
// SamplerScratch serves any number of them, one at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/request.h"

namespace hearth::engine {

namespace sampler_detail {
struct Candidate {
  double weight;  // exp((logit - largest) / temperature)
  float logit;
  TokenId id;
};
struct Ranked {
  double key;  // smaller is kept first; equal keys by id
  double weight;
  TokenId id;
};
struct Mass {
  double total;     // sum of w over the tokens that a share refers to
  double surprise;  // sum of w * -ln w over them; when typical_p needs it
};
}  // namespace sampler_detail

// Working memory, about 45 bytes a vocabulary entry.
class SamplerScratch {
 public:
  SamplerScratch() = default;
  explicit SamplerScratch(std::int64_t n_vocab) { reserve(n_vocab); }
  // Enough for vocabularies of up to n_vocab tokens; never shrinks.
  void reserve(std::int64_t n_vocab);

 private:
  friend class Sampler;
  std::vector<float> adjusted_;       // logits after bias, penalties and mask
  std::vector<float> chunk_max_;      // of the logits looked at last
  std::vector<float> chunk_order_;    // chunk_max_ again, for selection
  std::vector<double> chunk_weight_;  // sum of the weights of a chunk
  std::vector<sampler_detail::Candidate> candidates_;
  std::vector<sampler_detail::Ranked> ranked_;
};

struct SampledToken {
  TokenId id = -1;
  float logprob = 0;       // natural logarithm, from the raw logits; 0 unless asked for
  std::int32_t n_top = 0;  // entries of `top` that were filled

  // False when there is no distribution to draw from: a logit is NaN or +inf, or every one (after
  // the mask) is -inf. The model computed nonsense; the answer ends with FinishReason::error.
  bool ok() const { return id >= 0; }
};

struct SampleOptions {
  bool logprob = false;              // fill SampledToken::logprob
  std::span<TokenLogprob> top = {};  // filled with that many most likely tokens, best first, equal
                                     // ones by id; fewer when fewer are possible
  std::span<const std::uint64_t> allowed = {};  // bit id % 64 of word id / 64: token may be chosen;
                                                // empty: all may
};

class Sampler {
 public:
  // `params` must have passed validate(). n_vocab is the number of logits: a model may have padding
  // tokens behind it, which are never chosen; in prompt and logit_bias they have no effect.
  // params.seed is not looked at: `seed` is.
  Sampler(const SamplingParams& params, std::uint64_t seed, std::int64_t n_vocab,
          std::span<const TokenId> prompt);

  // Room for the penalties of n more accepted tokens. Accepting more works, and allocates.
  void reserve(std::int64_t n_tokens);

  // One token for these logits [n_vocab]; -inf means impossible. Pure: until accept() is called the
  // same logits give the same answer.
  SampledToken sample(std::span<const float> logits, SamplerScratch& scratch,
                      const SampleOptions& options = {}) const;

  // The token (sampled, or forced by whoever knows better) is now part of the answer: the penalties
  // count it and the next sample() uses the next random number.
  void accept(TokenId token);

  std::uint64_t n_accepted() const { return n_accepted_; }

 private:
  struct Seen {
    TokenId id;
    std::int32_t n_in_answer;  // 0: only in the prompt
  };
  bool counts_tokens() const;
  bool changes_logits(const SampleOptions& options) const;
  Seen& seen(TokenId id);
  void rehash(std::size_t n_slots);
  void adjust(std::span<const float> logits, const SampleOptions& options,
              std::span<float> adjusted) const;
  TokenId choose(std::span<const float> logits, float largest, SamplerScratch& scratch) const;
  TokenId draw_unfiltered(std::span<const float> logits, float largest,
                          SamplerScratch& scratch) const;
  sampler_detail::Mass gather(std::span<const float> logits, float largest,
                              SamplerScratch& scratch) const;
  void filter(sampler_detail::Mass mass, float largest, SamplerScratch& scratch) const;
  double uniform() const;  // in [0, 1)

  SamplingParams params_;
  std::uint64_t seed_;
  std::int64_t n_vocab_;
  std::uint64_t n_accepted_ = 0;
  // Distinct tokens seen, in order of appearance, and an open-addressing table of positions in it.
  std::vector<Seen> seen_;
  std::vector<std::int32_t> slots_;  // -1: empty
};

}  // namespace hearth::engine
