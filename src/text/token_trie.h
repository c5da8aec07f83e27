// token_trie.h - finds the tokens that a text begins with.
//
// A trie of bytes; the children of a node lie side by side, sorted. 12 bytes for each distinct
// beginning of a token.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace hearth::text {

class TokenTrie {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;  // of all tokens; XLM-R: 2 MB
  static constexpr std::size_t kMaxTokenBytes = 512;               // of one; XLM-R: 48

  // The texts are copied; of equal ones the lowest id is found. Errors: too_large.
  static Result<TokenTrie> build(std::vector<std::pair<std::string_view, TokenId>> tokens);

  // Calls on_token(its size in bytes, its id) for every token that text begins with, the shortest
  // first.
  template <class OnToken>
  void for_each_prefix(std::string_view text, const OnToken& on_token) const {
    std::uint32_t node = 0;
    for (std::size_t n = 0; n < text.size(); ++n) {
      node = child(node, static_cast<unsigned char>(text[n]));
      if (node == 0) return;
      if (nodes_[node].id >= 0) on_token(n + 1, nodes_[node].id);
    }
  }

 private:
  struct Node {
    std::uint32_t first_child = 0;
    std::uint16_t n_children = 0;
    unsigned char label = 0;
    TokenId id = -1;  // of the token that ends here, or negative
  };

  std::uint32_t child(std::uint32_t node, unsigned char label) const;  // 0: none

  std::vector<Node> nodes_ = std::vector<Node>(1);  // the root first
};

}  // namespace hearth::text
