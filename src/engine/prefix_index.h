// prefix_index.h - which block of keys and values holds which tokens after which others, so that a
// prompt that begins like an earlier one is not computed again.
//
// A node is a full block: (salt, the node before it, its block_size token ids) -> block id. Nodes
// are compared in full, and the node before is named by a number that is never used twice: no
// collision of hashes can make one prompt read another's keys and values.
//
//   PrefixIndex index(n_blocks, 16);
//   index.match(salt, prompt, blocks);     // retain() them before allocating others
//
//   auto chain = index.root(salt);         // then for each full block i of a sequence, in order:
//   index.insert(chain, tokens_of_block_i, block_id_i);
//
// The salt is everything else that keys and values depend on (model, RoPE factor set, adapter):
// blocks of different salts never match.
//
// A node whose predecessor was forgotten is unreachable until it is forgotten itself; it costs
// nothing but its block's place among the evictable ones. Not thread-safe. Allocates only when
// constructed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/tokenizer.h"

namespace hearth::engine {

using text::TokenId;

// A block of keys and values, 0 … n_blocks - 1.
using BlockId = std::int32_t;

class PrefixIndex {
 public:
  // A place in the tree: where the next block of a sequence would be. Cheap to copy and keep.
  struct Chain {
    std::uint64_t salt = 0;
    std::uint64_t last = 0;   // number of the last node; 0: none yet
    BlockId last_block = -1;  // where that node is
  };

  PrefixIndex(std::int32_t n_blocks, std::int32_t block_size);

  Chain root(std::uint64_t salt) const { return {salt, 0, -1}; }

  // Replaces `blocks` by the longest cached chain of full blocks that begins `tokens`. Does not
  // allocate when the vector has room for tokens.size() / block_size entries. A caller that must
  // compute at least the last token's logits passes all tokens but the last.
  void match(std::uint64_t salt, std::span<const TokenId> tokens,
             std::vector<BlockId>& blocks) const;

  // `block` now holds the keys and values of `tokens` (exactly block_size) at the end of `chain`;
  // moves the chain behind it. True: `block` itself is in the index (now, or already at this
  // place). False: it is not, because another block with the same content is (the chain goes on
  // from that one), or because the chain's last node was forgotten meanwhile (the chain stays;
  // start again from root() to cache the rest).
  bool insert(Chain& chain, std::span<const TokenId> tokens, BlockId block);

  // The block's content is about to be overwritten. No effect when it is not in the index.
  void forget(BlockId block);

  // Of a block behind a chain. Not a cryptographic hash: a prompt can be made to collide, which
  // costs a comparison. Public so that a test can make one.
  static std::uint64_t hash_of(const Chain& chain, std::span<const TokenId> tokens);

  bool contains(BlockId block) const { return nodes_[static_cast<std::size_t>(block)].number != 0; }
  std::int32_t n_blocks() const { return static_cast<std::int32_t>(nodes_.size()); }
  std::int32_t block_size() const { return block_size_; }
  std::int32_t n_cached() const { return n_cached_; }

 private:
  struct Node {
    std::uint64_t number = 0;  // unique for all time; 0: not in the index
    std::uint64_t parent = 0;  // number of the node before; 0: the first block of a prompt
    std::uint64_t salt = 0;
    std::uint64_t hash = 0;
  };
  BlockId find(const Chain& chain, std::span<const TokenId> tokens, std::uint64_t hash) const;
  bool is_alive(const Chain& chain) const;
  std::span<const TokenId> tokens_of(BlockId block) const;

  std::int32_t block_size_;
  std::int32_t n_cached_ = 0;
  std::uint64_t next_number_ = 1;
  std::vector<Node> nodes_;      // by block id
  std::vector<TokenId> tokens_;  // [n_blocks, block_size]
  std::vector<BlockId> slots_;   // open addressing, a power of two >= 2 * n_blocks; -1: empty
};

}  // namespace hearth::engine
