// drafter.h - guesses how a sequence goes on, so that one step can check several tokens at once.
//
// What a guess is worth shows when the model computes it: a token is taken only if it is the one
// that would have been drawn anyway. So a drafter changes when an answer comes and never what it
// says. A small model or a text that the client expects is another class beside NgramDrafter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "text/tokenizer.h"

namespace hearth::engine {

using text::TokenId;

// Belongs to one sequence and to the engine's thread.
class Drafter {
 public:
  virtual ~Drafter() = default;
  // `tokens`: prompt and answer so far; from call to call it only grows. Writes guesses of the
  // tokens behind it to the front of `draft` and returns how many; 0: no idea. Does not allocate.
  virtual std::size_t propose(std::span<const TokenId> tokens, std::span<TokenId> draft) = 0;
};

// What followed the last few tokens when they stood in the sequence before: a text that is edited,
// quoted or summarised repeats itself. Of the latest such places the one that agrees furthest back
// is taken. Behind the end of the sequence its own guess goes on, so a loop is guessed for as long
// as it is asked for.
class NgramDrafter final : public Drafter {
 public:
  static constexpr std::size_t kGram = 3;  // tokens that must agree

  explicit NgramDrafter(std::int64_t most_tokens);  // of the sequence
  std::size_t propose(std::span<const TokenId> tokens, std::span<TokenId> draft) override;

 private:
  std::int32_t& latest(std::span<const TokenId> tokens, std::size_t end);
  void learn(std::span<const TokenId> tokens);
  std::size_t continuation(std::span<const TokenId> tokens);

  // A place is the index of the token behind a gram, 0 for none. The latest place of each hash, and
  // for each place the one before it with the same hash.
  // Zero pages of the system until something is learnt: many requests wait, few guess.
  struct Free {
    void operator()(std::int32_t* p) const { std::free(p); }
  };
  std::unique_ptr<std::int32_t[], Free> latest_;
  std::size_t n_slots_;
  std::vector<std::int32_t> before_;
};

}  // namespace hearth::engine
