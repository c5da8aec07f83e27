// bpe.h - byte-pair merging of one word.
//
// A word starts as its single bytes; as long as two neighbours have a merge, the one that stands
// earliest in the merge list is applied, the leftmost of equals first. Words of up to kShortWord
// bytes are merged by looking at all neighbours again each time (fastest for real words), longer
// ones with a heap over a linked list: O(n log n), so a megabyte without a blank is no attack.
#pragma once

#include <array>
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
  // index: finds spec.tokens. Errors: corrupt.
  static Result<BytePairMerges> build(const TokenizerSpec& spec, const TokenIndex& index);

  // The token that is this single byte, or a negative number: the vocabulary cannot spell it.
  TokenId byte_token(std::uint8_t byte) const { return byte_tokens_[byte]; }

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

  Result<void> add(std::string_view line, std::uint32_t rank, const TokenizerSpec& spec,
                   const TokenIndex& index);
  std::size_t slot_of(TokenId left, TokenId right) const;
  const Merge& find(TokenId left, TokenId right) const { return merges_[slot_of(left, right)]; }
  std::size_t merge_short(std::span<TokenId> symbols) const;
  std::size_t merge_long(std::span<TokenId> symbols, Scratch& scratch) const;
  void set_rank(Scratch& scratch, std::uint32_t node) const;

  std::array<TokenId, 256> byte_tokens_{};
  std::vector<Merge> merges_;  // open addressing, at most half full
};

}  // namespace hearth::text
