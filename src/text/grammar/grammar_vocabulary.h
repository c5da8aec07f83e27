// grammar_vocabulary.h - a vocabulary's tokens in the order of their bytes, as grammar masks need
// them. Part of the portable core.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace hearth::text {

class GrammarVocabulary {
 public:
  // About 12 bytes for each distinct beginning of a token: 6 MB for 200000 tokens.
  explicit GrammarVocabulary(std::shared_ptr<const Tokenizer> tokenizer);

  // A trie of the ordinary tokens, its nodes in the order in which a walk meets them.
  struct Node {
    std::uint32_t end;          // the first node that is not below this one
    std::uint32_t first_token;  // of tokens(); it has those up to the next node's first
    std::uint16_t depth;        // its last byte's index in a token
    std::uint8_t byte;
  };
  std::span<const Node> nodes() const { return std::span(nodes_).first(nodes_.size() - 1); }
  std::span<const TokenId> tokens_at(std::size_t node) const {
    return std::span(tokens_).subspan(nodes_[node].first_token,
                                      nodes_[node + 1].first_token - nodes_[node].first_token);
  }
  std::size_t longest_token() const { return longest_; }  // in bytes

  // The control token that is written like this.
  std::optional<TokenId> control_token(std::string_view text) const;
  std::span<const TokenId> end_of_generation() const;
  const Tokenizer& tokenizer() const { return *tokenizer_; }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::vector<Node> nodes_;  // and one behind the last, for first_token
  std::vector<TokenId> tokens_;
  std::size_t longest_ = 0;
};

}  // namespace hearth::text
