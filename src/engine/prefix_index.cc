// prefix_index.cc - see prefix_index.h.
//
// The table uses linear probing; deletion moves later entries of the run back, so that no markers
// pile up however long the process lives. It is at most half full.
#include "engine/prefix_index.h"

#include <algorithm>
#include <bit>
#include <cstddef>

#include "base/check.h"

namespace hearth::engine {
namespace {

std::uint64_t mix(std::uint64_t h, std::uint64_t v) {
  h = (h ^ v) * 0x9e3779b97f4a7c15u;
  return h ^ (h >> 32);
}

std::size_t at(BlockId block) { return static_cast<std::size_t>(block); }

}  // namespace

PrefixIndex::PrefixIndex(std::int32_t n_blocks, std::int32_t block_size) : block_size_(block_size) {
  CHECK(n_blocks >= 0 && block_size > 0, "a pool's size is decided before its index is made");
  nodes_.resize(at(n_blocks));
  tokens_.resize(at(n_blocks) * at(block_size));
  slots_.assign(std::bit_ceil(2 * std::max<std::size_t>(at(n_blocks), 1)), -1);
}

std::uint64_t PrefixIndex::hash_of(const Chain& chain, std::span<const TokenId> tokens) {
  std::uint64_t h = mix(mix(0, chain.salt), chain.last);
  for (const TokenId id : tokens) h = mix(h, static_cast<std::uint64_t>(id));
  return h;
}

std::span<const TokenId> PrefixIndex::tokens_of(BlockId block) const {
  return std::span(tokens_).subspan(at(block) * at(block_size_), at(block_size_));
}

// The block that continues the chain with these tokens, or -1.
BlockId PrefixIndex::find(const Chain& chain, std::span<const TokenId> tokens,
                          std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash & mask; slots_[slot] >= 0; slot = (slot + 1) & mask) {
    const Node& node = nodes_[at(slots_[slot])];
    if (node.hash == hash && node.parent == chain.last && node.salt == chain.salt &&
        std::ranges::equal(tokens_of(slots_[slot]), tokens)) {
      return slots_[slot];
    }
  }
  return -1;
}

bool PrefixIndex::is_alive(const Chain& chain) const {
  return chain.last == 0 || nodes_[at(chain.last_block)].number == chain.last;
}

void PrefixIndex::match(std::uint64_t salt, std::span<const TokenId> tokens,
                        std::vector<BlockId>& blocks) const {
  blocks.clear();
  Chain chain = root(salt);
  for (const std::size_t n = at(block_size_); tokens.size() >= n; tokens = tokens.subspan(n)) {
    const auto next = tokens.first(n);
    const BlockId block = find(chain, next, hash_of(chain, next));
    if (block < 0) return;
    blocks.push_back(block);
    chain.last = nodes_[at(block)].number;
    chain.last_block = block;
  }
}

bool PrefixIndex::insert(Chain& chain, std::span<const TokenId> tokens, BlockId block) {
  CHECK(tokens.size() == at(block_size_), "only full blocks are cached");
  CHECK(block >= 0 && block < n_blocks(), "a block of this index");
  if (!is_alive(chain)) return false;
  const std::uint64_t hash = hash_of(chain, tokens);
  BlockId known = find(chain, tokens, hash);
  if (known < 0) {
    CHECK(!contains(block), "a block is forgotten before it gets other content");
    nodes_[at(block)] = {next_number_++, chain.last, chain.salt, hash};
    std::ranges::copy(tokens, tokens_.begin() + block * static_cast<std::ptrdiff_t>(block_size_));
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = hash & mask;
    while (slots_[slot] >= 0) slot = (slot + 1) & mask;
    slots_[slot] = block;
    ++n_cached_;
    known = block;
  }
  chain.last = nodes_[at(known)].number;
  chain.last_block = known;
  return known == block;
}

void PrefixIndex::forget(BlockId block) {
  CHECK(block >= 0 && block < n_blocks(), "a block of this index");
  if (!contains(block)) return;
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = nodes_[at(block)].hash & mask;
  while (slots_[hole] != block) hole = (hole + 1) & mask;
  slots_[hole] = -1;
  // An entry further on may move into the hole unless its own first place lies behind the hole.
  for (std::size_t slot = (hole + 1) & mask; slots_[slot] >= 0; slot = (slot + 1) & mask) {
    const std::size_t home = nodes_[at(slots_[slot])].hash & mask;
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
    slots_[hole] = slots_[slot];
    slots_[slot] = -1;
    hole = slot;
  }
  nodes_[at(block)] = {};
  --n_cached_;
}

}  // namespace hearth::engine
