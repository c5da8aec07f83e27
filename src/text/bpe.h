// bpe.h - byte-pair merging of one word.
//
// A word starts as single symbols (bytes, or characters); as long as two neighbours have a merge,
// the one that stands earliest in the merge list is applied, the leftmost of equals first. Words of
// up to kShortWord symbols are merged by looking at all neighbours again each time (fastest for
// real words), longer ones with a heap over a linked list: O(n log n), so a megabyte without a
// blank is no attack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/token_index.h"
#include "text/tokenizer.h"

namespace hearth::text {

class BytePairMerges {
 public:
  // From spec.merges; when there are none, from spec.scores: then any two tokens merge into the
  // token that their texts make, and of two merges the one with the higher score goes first.
  // index: finds spec.tokens. A merge that makes a user-defined token that is not layout is left
  // out, because such a token is recognised by name and in trusted text only. Errors: corrupt.
  static Result<BytePairMerges> build(const TokenizerSpec& spec, const TokenIndex& index);

  static constexpr std::size_t kMaxScoredBytes = 1024;  // of a token that has a score

  // What merging needs besides the tables; kept between words so that it allocates rarely.
  class Scratch {
    friend class BytePairMerges;
    struct Node {
      TokenId id;
      std::uint32_t rank;  // of the merge with the next node; kNoRank: none, or the node is gone
      std::uint32_t previous;
      std::uint32_t next;
    };
    std::vector<Node> nodes;
    std::vector<std::uint64_t> heap;  // rank << 32 | node
  };

  // Merges symbols in place; returns how many are left, at the front. Fewer than 2^32 symbols.
  std::size_t merge(std::span<TokenId> symbols, Scratch& scratch) const;

 private:
  static constexpr std::uint32_t kNoRank = 0xffffffff;
  static constexpr std::size_t kShortWord = 64;

  struct Merge {
    TokenId left;
    TokenId right;
    std::uint32_t rank;  // kNoRank: a free slot
    TokenId result;
  };

  class Builder;

  std::size_t slot_of(TokenId left, TokenId right) const;
  const Merge& find(TokenId left, TokenId right) const { return merges_[slot_of(left, right)]; }
  std::size_t merge_short(std::span<TokenId> symbols) const;
  std::size_t merge_long(std::span<TokenId> symbols, Scratch& scratch) const;
  void set_rank(Scratch& scratch, std::uint32_t node) const;

  std::vector<Merge> merges_;  // open addressing, at most half full
};

}  // namespace hearth::text
