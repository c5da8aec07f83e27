#include "engine/drafter.h"

#include <algorithm>
#include <bit>
#include <new>

namespace hearth::engine {

namespace {

constexpr std::size_t kMostSlots = std::size_t{1} << 16;
constexpr int kMostPlaces = 8;             // that one call looks at
constexpr std::size_t kLongestMatch = 32;  // agreement beyond it decides nothing

// How many tokens before `place` are those before the end.
std::size_t agreement(std::span<const TokenId> tokens, std::size_t place) {
  std::size_t n = 0;
  const std::size_t most = std::min(place, kLongestMatch);
  while (n < most && tokens[place - 1 - n] == tokens[tokens.size() - 1 - n]) ++n;
  return n;
}

}  // namespace

NgramDrafter::NgramDrafter(std::int64_t most_tokens) {
  const auto n = static_cast<std::size_t>(std::max<std::int64_t>(most_tokens, 1));
  n_slots_ = std::min(std::bit_ceil(n), kMostSlots);
  latest_.reset(static_cast<std::int32_t*>(std::calloc(n_slots_, sizeof(std::int32_t))));
  if (!latest_) throw std::bad_alloc();
  before_.reserve(n + 1);
}

// The slot of the gram that ends at `end`.
std::int32_t& NgramDrafter::latest(std::span<const TokenId> tokens, std::size_t end) {
  std::uint64_t hash = 0;
  for (const TokenId id : tokens.subspan(end - kGram, kGram)) {
    hash = (hash ^ static_cast<std::uint32_t>(id)) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  }
  return latest_[hash & (n_slots_ - 1)];
}

// Every gram that has a token behind it.
void NgramDrafter::learn(std::span<const TokenId> tokens) {
  if (before_.empty()) before_.resize(kGram, 0);
  for (std::size_t place = before_.size(); place < tokens.size(); ++place) {
    std::int32_t& slot = latest(tokens, place);
    before_.push_back(slot);
    slot = static_cast<std::int32_t>(place);
  }
}

// The place from which the sequence is likeliest to go on; 0: none.
std::size_t NgramDrafter::continuation(std::span<const TokenId> tokens) {
  std::size_t best = 0, longest = kGram - 1;
  auto place = static_cast<std::size_t>(latest(tokens, tokens.size()));
  for (int i = 0; i < kMostPlaces && place > 0; ++i) {
    const std::size_t n = agreement(tokens, place);
    if (n > longest) {
      best = place;
      longest = n;
    }
    place = static_cast<std::size_t>(before_[place]);
  }
  return best;
}

std::size_t NgramDrafter::propose(std::span<const TokenId> tokens, std::span<TokenId> draft) {
  if (tokens.size() <= kGram) return 0;
  learn(tokens);
  const std::size_t from = continuation(tokens);
  if (from == 0) return 0;
  const std::size_t period = tokens.size() - from;
  for (std::size_t i = 0; i < draft.size(); ++i) {
    draft[i] = i < period ? tokens[from + i] : draft[i - period];
  }
  return draft.size();
}

}  // namespace hearth::engine
