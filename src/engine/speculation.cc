#include "engine/speculation.h"

#include <algorithm>
#include <utility>

namespace hearth::engine {

namespace {

// Until a row was measured, and where its measure drifts to while nothing is checked, so that one
// slow step does not end speculation for good.
constexpr double kUsualRowShare = 0.25;
constexpr double kDrift = 1.0 / 128;
// Steps with guesses before one without: only that one tells what a plain step takes by now.
constexpr int kGuessingSteps = 32;
constexpr double kNewStep = 1.0 / 8;   // weight of the latest step
constexpr double kNewGuess = 1.0 / 5;  // weight of the latest guess

void approach(double& value, double target, double weight) { value += (target - value) * weight; }

}  // namespace

void StepTimes::add(std::int64_t n_sequences, std::int64_t n_guesses, double seconds) {
  if (n_sequences >= kSpeculatedRows) return;
  double& plain = plain_s_[static_cast<std::size_t>(n_sequences)];
  if (n_guesses == 0) {
    approach(plain, seconds, plain == 0 ? 1 : kNewStep);
    const double usual = kUsualRowShare / static_cast<double>(n_sequences);
    approach(row_share_, usual, row_share_ == 0 ? 1 : kDrift);
    n_guessing_steps_ = 0;
  } else if (plain > 0) {
    ++n_guessing_steps_;
    // A step that something else on the machine held up says nothing of a row.
    const double row = (seconds - plain) / plain / static_cast<double>(n_guesses);
    approach(row_share_, std::clamp(row, 0.01, 1.0), kNewStep);
  }
}

std::optional<double> StepTimes::row_share(std::int64_t n_sequences) const {
  const bool known = plain_s_[static_cast<std::size_t>(n_sequences)] > 0;
  if (!known || n_guessing_steps_ >= kGuessingSteps) return std::nullopt;
  return row_share_;
}

Draft::Draft(std::unique_ptr<Drafter> source) : drafter(std::move(source)) {
  tokens.reserve(kSpeculatedRows);
}

void Draft::forget() {
  tokens.clear();
  n_checked = 0;
}

void Draft::propose(std::span<const TokenId> sequence, std::int64_t n) {
  if (!drafter) return;
  tokens.resize(static_cast<std::size_t>(n));
  tokens.resize(drafter->propose(sequence, tokens));
}

bool Draft::confirms(std::int64_t i, TokenId drawn) {
  const auto at = static_cast<std::size_t>(i);
  if (at >= tokens.size()) return false;
  const bool right = tokens[at] == drawn;
  approach(chance, right ? 1 : 0, kNewGuess);
  return right && i < n_checked;
}

std::int64_t worth_checking(const Draft& draft, double row_share, double& expected, double& cost) {
  double chance = draft.chance;
  std::int64_t n = 0;
  for (; n < static_cast<std::int64_t>(draft.tokens.size()); ++n) {
    if (chance * cost <= row_share * expected) break;
    expected += chance;
    cost += row_share;
    chance *= draft.chance;
  }
  return n;
}

}  // namespace hearth::engine
