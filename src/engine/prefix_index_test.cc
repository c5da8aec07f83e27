// prefix_index_test.cc - the index against a list of (block, whole prefix) that is searched from
// end to end.
#include "engine/prefix_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <random>
#include <utility>

#include "engine/count_allocations_testing.h"

namespace hearth::engine {
namespace {

using Tokens = std::vector<TokenId>;
using Blocks = std::vector<BlockId>;

Tokens counting(TokenId first, std::size_t n) {
  Tokens tokens(n);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

// Inserts the full blocks of `tokens` from the root; how many of `blocks` are in the index
// afterwards.
int insert_all(PrefixIndex& index, std::uint64_t salt, const Tokens& tokens, const Blocks& blocks) {
  const auto size = static_cast<std::size_t>(index.block_size());
  auto chain = index.root(salt);
  int n = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    n += index.insert(chain, std::span(tokens).subspan(i * size, size), blocks[i]) ? 1 : 0;
  }
  return n;
}

Blocks match(const PrefixIndex& index, std::uint64_t salt, const Tokens& tokens) {
  Blocks blocks = {-7};
  index.match(salt, tokens, blocks);
  return blocks;
}

TEST(PrefixIndex, the_longest_chain_of_full_blocks_is_found) {
  PrefixIndex index(8, 4);
  EXPECT_EQ(insert_all(index, 0, counting(0, 12), {5, 2, 7}), 3);
  EXPECT_EQ(index.n_cached(), 3);
  EXPECT_EQ(match(index, 0, counting(0, 12)), (Blocks{5, 2, 7}));
  EXPECT_EQ(match(index, 0, counting(0, 11)), (Blocks{5, 2})) << "the third block is not full";
  EXPECT_EQ(match(index, 0, counting(0, 40)), (Blocks{5, 2, 7}));
  EXPECT_EQ(match(index, 0, counting(0, 3)), Blocks{});
  EXPECT_EQ(match(index, 0, {}), Blocks{});
  Tokens other = counting(0, 12);
  other[6] = 99;
  EXPECT_EQ(match(index, 0, other), (Blocks{5}));
}

TEST(PrefixIndex, a_block_counts_only_behind_the_blocks_it_was_computed_behind) {
  PrefixIndex index(8, 2);
  insert_all(index, 0, {1, 2, 3, 4}, {0, 1});
  EXPECT_EQ(match(index, 0, {3, 4}), Blocks{}) << "the same tokens at another place";
  insert_all(index, 0, {9, 9, 3, 4}, {2, 3});
  EXPECT_EQ(match(index, 0, {9, 9, 3, 4}), (Blocks{2, 3}));
  EXPECT_EQ(match(index, 0, {1, 2, 3, 4}), (Blocks{0, 1}));
}

TEST(PrefixIndex, salts_never_mix) {
  PrefixIndex index(8, 2);
  insert_all(index, 1, {1, 2, 3, 4}, {0, 1});
  EXPECT_EQ(match(index, 2, {1, 2, 3, 4}), Blocks{});
  insert_all(index, 2, {1, 2, 3, 4}, {2, 3});
  EXPECT_EQ(match(index, 1, {1, 2, 3, 4}), (Blocks{0, 1}));
  EXPECT_EQ(match(index, 2, {1, 2, 3, 4}), (Blocks{2, 3}));
}

TEST(PrefixIndex, equal_content_is_kept_once_and_the_chain_goes_on_behind_it) {
  PrefixIndex index(8, 2);
  insert_all(index, 0, {1, 2}, {0});
  auto chain = index.root(0);
  const Tokens tokens = {1, 2, 3, 4};
  EXPECT_FALSE(index.insert(chain, std::span(tokens).first(2), 5));
  EXPECT_FALSE(index.contains(5));
  EXPECT_TRUE(index.insert(chain, std::span(tokens).last(2), 6));
  EXPECT_EQ(match(index, 0, tokens), (Blocks{0, 6}));
  EXPECT_EQ(insert_all(index, 0, tokens, {0, 6}), 2) << "again: already there";
  EXPECT_EQ(index.n_cached(), 2);
}

TEST(PrefixIndex, without_its_parent_a_block_is_unreachable_even_when_the_parent_comes_back) {
  PrefixIndex index(8, 2);
  const Tokens tokens = {1, 2, 3, 4, 5, 6};
  insert_all(index, 0, tokens, {0, 1, 2});
  index.forget(0);
  EXPECT_FALSE(index.contains(0));
  EXPECT_EQ(match(index, 0, tokens), Blocks{});
  insert_all(index, 0, {7, 7}, {0});  // the block has other content now
  EXPECT_EQ(match(index, 0, tokens), Blocks{});
  insert_all(index, 0, {1, 2}, {3});
  EXPECT_EQ(match(index, 0, tokens), (Blocks{3}));
  index.forget(1);
  index.forget(2);
  EXPECT_EQ(index.n_cached(), 2);
}

TEST(PrefixIndex, a_chain_whose_last_node_was_forgotten_accepts_nothing) {
  PrefixIndex index(8, 2);
  const Tokens tokens = {1, 2, 3, 4};
  auto chain = index.root(0);
  EXPECT_TRUE(index.insert(chain, std::span(tokens).first(2), 0));
  index.forget(0);
  EXPECT_FALSE(index.insert(chain, std::span(tokens).last(2), 1));
  EXPECT_FALSE(index.contains(1));
  auto other = index.root(0);
  EXPECT_TRUE(index.insert(other, std::span(tokens).first(2), 0)) << "the same content, a new node";
  EXPECT_FALSE(index.insert(chain, std::span(tokens).last(2), 1));
}

// Two blocks of three tokens with the same hash behind the chain. The last token only changes the
// low 31 bits of what is mixed in last, so beginnings whose hashes agree above them can be
// completed to a collision; among 2^18 random ones there are several.
std::pair<Tokens, Tokens> collide(const PrefixIndex::Chain& chain) {
  std::mt19937 random(17);
  std::vector<std::pair<std::uint64_t, std::array<TokenId, 2>>> beginnings(1 << 18);
  for (auto& [hash, tokens] : beginnings) {
    for (TokenId& id : tokens) id = static_cast<TokenId>(random() >> 1);
    hash = PrefixIndex::hash_of(chain, tokens);
  }
  std::sort(beginnings.begin(), beginnings.end());
  for (std::size_t i = 1; i < beginnings.size(); ++i) {
    const auto& [hash_a, a] = beginnings[i - 1];
    const auto& [hash_b, b] = beginnings[i];
    if (hash_a >> 31 != hash_b >> 31 || a == b) continue;
    return {{a[0], a[1], 0}, {b[0], b[1], static_cast<TokenId>(hash_a ^ hash_b)}};
  }
  return {};
}

TEST(PrefixIndex, colliding_hashes_never_give_another_prompts_block) {
  PrefixIndex index(8, 3);
  auto chain = index.root(0);
  const auto [a, b] = collide(chain);
  ASSERT_EQ(a.size(), 3u);
  ASSERT_NE(a, b);
  ASSERT_EQ(PrefixIndex::hash_of(chain, a), PrefixIndex::hash_of(chain, b));
  insert_all(index, 0, a, {2});
  EXPECT_EQ(match(index, 0, b), Blocks{});
  insert_all(index, 0, b, {3});
  EXPECT_EQ(match(index, 0, a), (Blocks{2}));
  EXPECT_EQ(match(index, 0, b), (Blocks{3}));
  index.forget(2);
  EXPECT_EQ(match(index, 0, b), (Blocks{3}));
}

TEST(PrefixIndex, forgetting_what_is_not_there_does_nothing) {
  PrefixIndex index(2, 2);
  index.forget(1);
  insert_all(index, 0, {1, 2}, {1});
  index.forget(1);
  index.forget(1);
  EXPECT_EQ(index.n_cached(), 0);
}

TEST(PrefixIndex, random_operations_agree_with_a_plain_list) {
  constexpr std::int32_t kBlocks = 60;
  PrefixIndex index(kBlocks, 2);
  // What a block holds: its salt and the whole text up to its end. A block is reachable while all
  // its predecessors were there without a break since it was inserted.
  struct Entry {
    std::uint64_t salt;
    Tokens prefix;
    BlockId parent;
    bool reachable;
  };
  std::map<BlockId, Entry> model;
  std::mt19937 random(3);
  const auto random_tokens = [&] {
    Tokens tokens(random() % 13);
    for (TokenId& id : tokens) id = static_cast<TokenId>(random() % 2);
    return tokens;
  };
  const auto find = [&](std::uint64_t salt, const Tokens& prefix) {
    for (const auto& [block, entry] : model) {
      if (entry.reachable && entry.salt == salt && entry.prefix == prefix) return block;
    }
    return BlockId{-1};
  };
  const auto cut_off = [&](const auto& self, BlockId parent) -> void {
    for (auto& [block, entry] : model) {
      if (!entry.reachable || entry.parent != parent) continue;
      entry.reachable = false;
      self(self, block);
    }
  };
  std::size_t n_matched = 0;
  for (int step = 0; step < 30000; ++step) {
    const std::uint64_t salt = random() % 2;
    const Tokens tokens = random_tokens();
    if (random() % 3 == 0) {
      const auto block = static_cast<BlockId>(random() % kBlocks);
      index.forget(block);
      if (model.contains(block)) {
        const bool reachable = model.at(block).reachable;
        model.erase(block);
        if (reachable) cut_off(cut_off, block);
      }
    } else {
      auto chain = index.root(salt);
      BlockId parent = -1;
      for (std::size_t end = 2; end <= tokens.size(); end += 2) {
        BlockId unused = static_cast<BlockId>(random() % kBlocks);
        if (index.contains(unused)) break;
        const Tokens prefix(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(end));
        const BlockId known = find(salt, prefix);
        ASSERT_EQ(index.insert(chain, std::span(tokens).subspan(end - 2, 2), unused), known < 0);
        if (known < 0) model[unused] = {salt, prefix, parent, true};
        parent = known < 0 ? unused : known;
        ASSERT_EQ(chain.last_block, parent);
      }
    }
    const Tokens wanted = random_tokens();
    Blocks expected;
    for (std::size_t end = 2; end <= wanted.size(); end += 2) {
      const BlockId block =
          find(salt, Tokens(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(end)));
      if (block < 0) break;
      expected.push_back(block);
    }
    ASSERT_EQ(match(index, salt, wanted), expected) << step;
    ASSERT_EQ(index.n_cached(), static_cast<std::int32_t>(model.size()));
    n_matched += expected.size();
  }
  EXPECT_GT(n_matched, 10000u);
}

TEST(PrefixIndex, a_full_index_stays_correct) {
  constexpr std::int32_t kBlocks = 64;  // a power of two: the table is exactly half full
  PrefixIndex index(kBlocks, 1);
  for (TokenId round = 0; round < 200; ++round) {
    for (BlockId block = 0; block < kBlocks; ++block) {
      index.forget(block);
      insert_all(index, 0, {round * kBlocks + block}, {block});
    }
    for (BlockId block = 0; block < kBlocks; ++block) {
      ASSERT_EQ(match(index, 0, {round * kBlocks + block}), (Blocks{block}));
    }
  }
}

TEST(PrefixIndex, nothing_allocates_after_construction) {
  PrefixIndex index(64, 16);
  const Tokens tokens = counting(0, 64 * 16);
  Blocks blocks;
  blocks.reserve(64);
  const std::int64_t before = n_allocations();
  for (int round = 0; round < 10; ++round) {
    auto chain = index.root(static_cast<std::uint64_t>(round));
    for (BlockId block = 0; block < 64; ++block) {
      index.forget(block);
      const auto first = static_cast<std::size_t>(block) * 16;
      ASSERT_TRUE(index.insert(chain, std::span(tokens).subspan(first, 16), block));
    }
    index.match(static_cast<std::uint64_t>(round), tokens, blocks);
    ASSERT_EQ(blocks.size(), 64u);
  }
  EXPECT_EQ(n_allocations(), before);
}

}  // namespace
}  // namespace hearth::engine
