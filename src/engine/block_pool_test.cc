// block_pool_test.cc - reference counts, eviction order, and random operations against a naive
// model.
#include "engine/block_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <random>

#include "engine/count_allocations_testing.h"

namespace hearth::engine {
namespace {

// Makes the block's content known: one token that no other block has.
void cache(PrefixIndex& index, BlockId block, TokenId token) {
  auto chain = index.root(0);
  const std::vector<TokenId> tokens = {token};
  ASSERT_TRUE(index.insert(chain, tokens, block));
}

std::vector<BlockId> match(const PrefixIndex& index, TokenId token) {
  std::vector<BlockId> blocks;
  index.match(0, std::vector<TokenId>{token}, blocks);
  return blocks;
}

TEST(BlockPool, every_block_is_allocated_once_and_then_none) {
  PrefixIndex index(3, 1);
  BlockPool pool(index);
  std::vector<BlockId> blocks;
  for (int i = 0; i < 3; ++i) blocks.push_back(pool.allocate().value());
  std::sort(blocks.begin(), blocks.end());
  EXPECT_EQ(blocks, (std::vector<BlockId>{0, 1, 2}));
  EXPECT_EQ(pool.allocate(), std::nullopt);
  EXPECT_EQ(pool.n_used(), 3);
  pool.release(1);
  EXPECT_EQ(pool.n_available(), 1);
  EXPECT_EQ(pool.allocate(), 1);
}

TEST(BlockPool, a_pool_without_blocks_has_none_to_give) {
  PrefixIndex index(0, 16);
  BlockPool pool(index);
  EXPECT_EQ(pool.allocate(), std::nullopt);
  EXPECT_EQ(pool.n_total(), 0);
}

TEST(BlockPool, a_shared_block_is_used_until_its_last_reference_goes) {
  PrefixIndex index(1, 1);
  BlockPool pool(index);
  const BlockId block = pool.allocate().value();
  pool.retain(block);
  EXPECT_EQ(pool.references(block), 2);
  pool.release(block);
  EXPECT_EQ(pool.allocate(), std::nullopt);
  pool.release(block);
  EXPECT_EQ(pool.n_free(), 1);
}

TEST(BlockPool, cached_content_survives_its_last_reference_until_room_is_needed) {
  PrefixIndex index(2, 1);
  BlockPool pool(index);
  const BlockId block = pool.allocate().value();
  cache(index, block, 7);
  pool.release(block);
  EXPECT_EQ(pool.n_evictable(), 1);
  EXPECT_NE(pool.allocate().value(), block) << "a free block is taken first";
  ASSERT_EQ(match(index, 7), (std::vector<BlockId>{block}));
  pool.retain(block);
  EXPECT_EQ(pool.n_evictable(), 0);
  EXPECT_EQ(pool.allocate(), std::nullopt);
  pool.release(block);
  EXPECT_EQ(pool.allocate(), block);
  EXPECT_TRUE(match(index, 7).empty()) << "allocate() must make the index forget";
}

TEST(BlockPool, blocks_are_evicted_in_the_order_of_their_release) {
  PrefixIndex index(4, 1);
  BlockPool pool(index);
  for (BlockId i = 0; i < 4; ++i) cache(index, pool.allocate().value(), i);
  for (const BlockId block : {2, 0, 3, 1}) pool.release(block);
  pool.retain(0);
  pool.release(0);  // used again: now the last to go
  for (const BlockId block : {2, 3, 1, 0}) EXPECT_EQ(pool.allocate(), block);
}

TEST(BlockPool, a_chain_released_from_its_end_loses_its_end_first) {
  PrefixIndex index(3, 1);
  BlockPool pool(index);
  const std::vector<TokenId> tokens = {5, 6, 7};
  auto chain = index.root(0);
  std::vector<BlockId> blocks;
  for (std::size_t i = 0; i < 3; ++i) {
    blocks.push_back(pool.allocate().value());
    ASSERT_TRUE(index.insert(chain, std::span(tokens).subspan(i, 1), blocks.back()));
  }
  for (std::size_t i = 3; i-- > 0;) pool.release(blocks[i]);
  for (std::size_t left = 3; left-- > 0;) {
    EXPECT_EQ(pool.allocate(), blocks[left]);
    std::vector<BlockId> found;
    index.match(0, tokens, found);
    EXPECT_EQ(found, std::vector<BlockId>(blocks.begin(),
                                          blocks.begin() + static_cast<std::ptrdiff_t>(left)));
  }
}

TEST(BlockPool, random_operations_agree_with_a_naive_model) {
  constexpr std::int32_t kBlocks = 24;
  PrefixIndex index(kBlocks, 1);
  BlockPool pool(index);
  std::map<BlockId, int> references;   // used blocks
  std::list<BlockId> evictable;        // oldest first
  std::map<BlockId, TokenId> content;  // cached blocks
  TokenId next_token = 0;
  std::mt19937 random(5);
  const auto pick_used = [&] {
    auto it = references.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random() % references.size()));
    return it->first;
  };
  int n_evicted = 0;
  for (int step = 0; step < 50000; ++step) {
    switch (random() % 5) {
      case 0:
      case 1: {
        const auto block = pool.allocate();
        if (references.size() == kBlocks) {
          ASSERT_FALSE(block);
          break;
        }
        ASSERT_TRUE(block);
        ASSERT_FALSE(references.contains(*block));
        if (references.size() + evictable.size() == kBlocks) {
          ASSERT_EQ(*block, evictable.front());
          evictable.pop_front();
          content.erase(*block);
          ++n_evicted;
        } else {
          ASSERT_FALSE(content.contains(*block)) << "a free block comes first";
        }
        references[*block] = 1;
        break;
      }
      case 2:
      case 3: {
        if (references.empty()) break;
        const BlockId block = pick_used();
        if (random() % 2 == 0 && !content.contains(block)) {
          cache(index, block, next_token);
          content[block] = next_token++;
        }
        pool.release(block);
        if (--references[block] > 0) break;
        references.erase(block);
        if (content.contains(block)) evictable.push_back(block);
        break;
      }
      default: {
        if (content.empty()) break;
        auto it = content.begin();
        std::advance(it, static_cast<std::ptrdiff_t>(random() % content.size()));
        ASSERT_EQ(match(index, it->second), (std::vector<BlockId>{it->first}));
        pool.retain(it->first);
        if (references[it->first]++ == 0) evictable.remove(it->first);
      }
    }
    ASSERT_EQ(pool.n_used(), static_cast<std::int32_t>(references.size()));
    ASSERT_EQ(pool.n_evictable(), static_cast<std::int32_t>(evictable.size()));
    ASSERT_EQ(index.n_cached(), static_cast<std::int32_t>(content.size()));
    for (const auto& [block, n] : references) ASSERT_EQ(pool.references(block), n);
  }
  EXPECT_GT(n_evicted, 1000);
}

TEST(BlockPool, nothing_allocates_after_construction) {
  PrefixIndex index(8, 1);
  BlockPool pool(index);
  const std::vector<TokenId> tokens = {1, 2, 3, 4, 5, 6, 7, 8};
  const std::int64_t before = n_allocations();
  for (int round = 0; round < 100; ++round) {
    auto chain = index.root(static_cast<std::uint64_t>(round));
    for (std::size_t i = 0; i < 8; ++i) {
      const BlockId block = pool.allocate().value();
      index.insert(chain, std::span(tokens).subspan(i, 1), block);
      pool.retain(block);
      pool.release(block);
      pool.release(block);
    }
  }
  EXPECT_EQ(n_allocations(), before);
}

TEST(BlockPoolDeathTest, misuse_is_a_bug_that_stops_the_program) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  PrefixIndex index(2, 1);
  BlockPool pool(index);
  EXPECT_DEATH(pool.release(0), "released more often");
  EXPECT_DEATH(pool.retain(0), "free block");
  EXPECT_DEATH(pool.retain(2), "block of this pool");
}

}  // namespace
}  // namespace hearth::engine
