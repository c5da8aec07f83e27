// speculation.h - how many guessed tokens a step should check.
//
// A step that reads every weight for one token can check a few more for little. What "little" is
// depends on the machine, the model and what else runs, so it is measured (StepTimes), and how
// often guesses come true is measured too, for each sequence (Draft). A guess is checked while it
// brings more tokens a second than the step without it:
//
//   share of a step that a row takes  <  chance that the guess and all before it are right,
//                                        over the tokens that the step brings already
//
// so that many sequences in one step, or a text that does not repeat itself, end speculation by
// themselves. A guess that is not checked is still compared with the token that is drawn.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/drafter.h"

namespace hearth::engine {

// Rows of a step with guesses, one for each sequence included.
inline constexpr std::int64_t kSpeculatedRows = 16;

// How long the decoding steps of a model take.
class StepTimes {
 public:
  // A step without prompt rows took `seconds`: one row for each of the sequences and n_guesses
  // more.
  void add(std::int64_t n_sequences, std::int64_t n_guesses, double seconds);
  // What one row more takes, as a share of the step without guesses; nullopt until such a step was
  // measured, and when one must be measured again. n_sequences < kSpeculatedRows.
  std::optional<double> row_share(std::int64_t n_sequences) const;

 private:
  std::array<double, kSpeculatedRows> plain_s_{};  // by the number of sequences; 0: not known
  double row_share_ = 0;                           // of a plain step
  int n_guessing_steps_ = 0;                       // since the last plain one
};

// A sequence's guesses, and how often they came true.
struct Draft {
  explicit Draft(std::unique_ptr<Drafter> source);

  void forget();
  // Guesses up to n tokens.
  void propose(std::span<const TokenId> sequence, std::int64_t n);
  // The sequence went on with `drawn` where guess i stood.
  bool confirms(std::int64_t i, TokenId drawn);

  std::unique_ptr<Drafter> drafter;
  std::vector<TokenId> tokens;  // guessed in this step
  std::int64_t n_checked = 0;   // of them: computed in this step
  double chance = 0.5;          // that a guess is right, when those before it are
};

// How many of a draft's tokens are worth a row; `expected` and `cost` are what the step brings
// (tokens) and takes (steps without guesses) so far, and are brought up to date.
std::int64_t worth_checking(const Draft& draft, double row_share, double& expected, double& cost);

}  // namespace hearth::engine
