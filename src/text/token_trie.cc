#include "text/token_trie.h"

#include <algorithm>

#include "base/str.h"

namespace hearth::text {

Result<TokenTrie> TokenTrie::build(std::vector<std::pair<std::string_view, TokenId>> tokens) {
  std::size_t n_bytes = 0;
  for (const auto& [text, id] : tokens) {
    n_bytes += text.size();
    if (text.size() > kMaxTokenBytes) {
      return Error{ErrorKind::too_large,
                   cat("tokenizer: token ", id, " ", quote(text), " has ", text.size(),
                       " bytes, at most ", kMaxTokenBytes, " are supported")};
    }
  }
  if (n_bytes > kMaxBytes) {
    return Error{ErrorKind::too_large,
                 cat("tokenizer: the tokens have ", human_bytes(n_bytes), " of text, at most ",
                     human_bytes(kMaxBytes), " are supported")};
  }
  std::sort(tokens.begin(), tokens.end());
  // Level by level: the tokens below a node are one range of them, and the nodes still to be opened
  // are those behind `at`.
  struct Range {
    std::size_t begin, end, depth;
  };
  TokenTrie trie;
  std::vector<Range> ranges = {{0, tokens.size(), 0}};
  for (std::size_t at = 0; at < trie.nodes_.size(); ++at) {
    auto [begin, end, depth] = ranges[at];
    if (begin < end && tokens[begin].first.size() == depth) {
      trie.nodes_[at].id = tokens[begin].second;
      while (begin < end && tokens[begin].first.size() == depth) ++begin;
    }
    trie.nodes_[at].first_child = static_cast<std::uint32_t>(trie.nodes_.size());
    while (begin < end) {
      const auto label = static_cast<unsigned char>(tokens[begin].first[depth]);
      const auto split = std::partition_point(
          tokens.begin() + static_cast<std::ptrdiff_t>(begin),
          tokens.begin() + static_cast<std::ptrdiff_t>(end), [&](const auto& token) {
            return static_cast<unsigned char>(token.first[depth]) == label;
          });
      const auto next = static_cast<std::size_t>(split - tokens.begin());
      trie.nodes_.push_back({.label = label});
      ranges.push_back({begin, next, depth + 1});
      ++trie.nodes_[at].n_children;
      begin = next;
    }
  }
  return trie;
}

std::uint32_t TokenTrie::child(std::uint32_t node, unsigned char label) const {
  const Node* begin = nodes_.data() + nodes_[node].first_child;
  const Node* end = begin + nodes_[node].n_children;
  const Node* it =
      std::partition_point(begin, end, [label](const Node& child) { return child.label < label; });
  return it != end && it->label == label ? static_cast<std::uint32_t>(it - nodes_.data()) : 0;
}

}  // namespace hearth::text
