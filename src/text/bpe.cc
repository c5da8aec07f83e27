#include "text/bpe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <optional>
#include <string>

#include "base/check.h"
#include "base/str.h"
#include "text/added_tokens.h"

namespace hearth::text {

namespace {

constexpr std::uint32_t kNoNode = 0xffffffff;

Error bad_merge(std::uint32_t rank, std::string_view line, std::string_view what) {
  return {ErrorKind::corrupt, cat("tokenizer: merge ", rank, " ", quote(line), ": ", what)};
}

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

}  // namespace

// Collects merges before it is known how many there are.
class BytePairMerges::Builder {
 public:
  Builder(const TokenizerSpec& spec, const TokenIndex& index) : spec_(spec), index_(index) {}

  Result<std::vector<Merge>> from_list() {
    if (spec_.merges.size() >= kNoRank) {
      return Error{ErrorKind::corrupt, cat("tokenizer: ", spec_.merges.size(),
                                           " merges, fewer than 2^32 are possible")};
    }
    merges_.reserve(spec_.merges.size());
    for (std::uint32_t rank = 0; rank < spec_.merges.size(); ++rank) {
      HEARTH_TRY_VOID(add_line(spec_.merges[rank], rank));
    }
    return std::move(merges_);
  }

  Result<std::vector<Merge>> from_scores() {
    std::vector<TokenId> ids;
    for (std::size_t i = 0; i < spec_.scores.size(); ++i) {
      if (std::isnan(spec_.scores[i])) {
        return Error{ErrorKind::corrupt, cat("tokenizer: the score of token ", i, " is no number")};
      }
      if (is_plain(static_cast<TokenId>(i))) ids.push_back(static_cast<TokenId>(i));
    }
    std::sort(ids.begin(), ids.end(), [&](TokenId a, TokenId b) {
      return score(a) != score(b) ? score(a) > score(b) : a < b;
    });
    std::uint32_t rank = 0;  // equal scores have equal ranks: the leftmost goes first
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i > 0 && score(ids[i]) != score(ids[i - 1])) ++rank;
      HEARTH_TRY_VOID(add_splits(ids[i], rank));
    }
    return std::move(merges_);
  }

 private:
  std::string_view text_of(TokenId id) const { return spec_.tokens[static_cast<std::size_t>(id)]; }
  TokenKind kind_of(TokenId id) const { return spec_.kinds[static_cast<std::size_t>(id)]; }
  double score(TokenId id) const { return spec_.scores[static_cast<std::size_t>(id)]; }
  bool is_plain(TokenId id) const { return is_plain_token(kind_of(id), text_of(id)); }
  std::optional<TokenId> find(std::string_view text) const {
    return index_.find(text, [&](TokenId id) { return text_of(id); });
  }

  Result<void> add_line(std::string_view line, std::uint32_t rank) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos || line.find(' ', blank + 1) != std::string_view::npos) {
      return bad_merge(rank, line, "expected two token texts with one blank between them");
    }
    const std::string_view left_text = line.substr(0, blank);
    const std::string_view right_text = line.substr(blank + 1);
    const std::optional<TokenId> left = find(left_text);
    const std::optional<TokenId> right = find(right_text);
    if (!left) return bad_merge(rank, line, cat(quote(left_text), " is not in the vocabulary"));
    if (!right) return bad_merge(rank, line, cat(quote(right_text), " is not in the vocabulary"));
    const std::string joined = cat(left_text, right_text);
    const std::optional<TokenId> result = find(joined);
    if (!result) return bad_merge(rank, line, cat(quote(joined), " is not in the vocabulary"));
    // Any user could write the token by writing its parts.
    if (is_control(kind_of(*result))) {
      return bad_merge(rank, line, cat("its result ", quote(joined), " is a control token"));
    }
    if (kind_of(*result) == TokenKind::user_defined && !is_layout(joined)) return {};
    merges_.push_back({*left, *right, rank, *result});
    return {};
  }

  // Every two tokens that make this one.
  Result<void> add_splits(TokenId id, std::uint32_t rank) {
    const std::string_view text = text_of(id);
    if (text.size() > kMaxScoredBytes) {
      return Error{ErrorKind::corrupt,
                   cat("tokenizer: token ", id, " ", quote(text), " has ", text.size(),
                       " bytes, at most ", kMaxScoredBytes, " are possible where scores decide")};
    }
    for (std::size_t n = 1; n < text.size(); ++n) {
      if (!begins_character(text[n])) continue;
      const std::optional<TokenId> left = find(text.substr(0, n));
      if (!left || !is_plain(*left)) continue;
      const std::optional<TokenId> right = find(text.substr(n));
      if (right && is_plain(*right)) merges_.push_back({*left, *right, rank, id});
    }
    return {};
  }

  const TokenizerSpec& spec_;
  const TokenIndex& index_;
  std::vector<Merge> merges_;
};

Result<BytePairMerges> BytePairMerges::build(const TokenizerSpec& spec, const TokenIndex& index) {
  Builder builder(spec, index);
  const bool scored = spec.merges.empty() && !spec.scores.empty();
  HEARTH_TRY(const std::vector<Merge> merges, scored ? builder.from_scores() : builder.from_list());
  BytePairMerges made;
  made.merges_.assign(std::bit_ceil(2 * merges.size() + 2), Merge{0, 0, kNoRank, 0});
  for (const Merge& merge : merges) {
    Merge& slot = made.merges_[made.slot_of(merge.left, merge.right)];
    if (slot.rank != kNoRank) {
      return bad_merge(merge.rank, spec.merges[merge.rank],
                       cat("the same pair is merge ", slot.rank, " already"));
    }
    slot = merge;
  }
  return made;
}

std::size_t BytePairMerges::slot_of(TokenId left, TokenId right) const {
  const std::uint64_t key = static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
                            static_cast<std::uint32_t>(right);
  const std::uint64_t product = key * 0x9e3779b97f4a7c15u;
  const std::size_t mask = merges_.size() - 1;
  std::size_t i = (product ^ product >> 32) & mask;
  while (merges_[i].rank != kNoRank && (merges_[i].left != left || merges_[i].right != right)) {
    i = (i + 1) & mask;
  }
  return i;
}

std::size_t BytePairMerges::merge(std::span<TokenId> symbols, Scratch& scratch) const {
  if (symbols.size() < 2) return symbols.size();
  return symbols.size() <= kShortWord ? merge_short(symbols) : merge_long(symbols, scratch);
}

std::size_t BytePairMerges::merge_short(std::span<TokenId> symbols) const {
  std::array<const Merge*, kShortWord> merges;  // of each symbol with the next
  std::size_t n = symbols.size();
  for (std::size_t i = 0; i + 1 < n; ++i) merges[i] = &find(symbols[i], symbols[i + 1]);
  while (n > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < n; ++i) {
      if (merges[i]->rank < merges[best]->rank) best = i;
    }
    if (merges[best]->rank == kNoRank) break;
    symbols[best] = merges[best]->result;
    for (std::size_t i = best + 1; i + 1 < n; ++i) {
      symbols[i] = symbols[i + 1];
      merges[i] = merges[i + 1];
    }
    --n;
    if (best + 1 < n) merges[best] = &find(symbols[best], symbols[best + 1]);
    if (best > 0) merges[best - 1] = &find(symbols[best - 1], symbols[best]);
  }
  return n;
}

// Sets the rank of a node's merge with its next one and enters it in the heap.
void BytePairMerges::set_rank(Scratch& scratch, std::uint32_t node) const {
  Scratch::Node& left = scratch.nodes[node];
  left.rank = left.next == kNoNode ? kNoRank : find(left.id, scratch.nodes[left.next].id).rank;
  if (left.rank == kNoRank) return;
  scratch.heap.push_back(static_cast<std::uint64_t>(left.rank) << 32 | node);
  std::push_heap(scratch.heap.begin(), scratch.heap.end(), std::greater<>());
}

// A heap entry is stale when its node has another rank by now. Each merge enters at most two, so
// there are at most 3n.
std::size_t BytePairMerges::merge_long(std::span<TokenId> symbols, Scratch& scratch) const {
  auto& nodes = scratch.nodes;
  auto& heap = scratch.heap;
  CHECK(symbols.size() < kNoNode, "the tokenizer refuses longer texts");
  const auto n_symbols = static_cast<std::uint32_t>(symbols.size());
  nodes.resize(symbols.size());
  heap.clear();
  for (std::uint32_t i = 0; i < n_symbols; ++i) {
    nodes[i] = {symbols[i], kNoRank, i == 0 ? kNoNode : i - 1,
                i + 1 == n_symbols ? kNoNode : i + 1};
  }
  for (std::uint32_t i = 0; i < n_symbols; ++i) set_rank(scratch, i);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const std::uint64_t entry = heap.back();
    heap.pop_back();
    const auto at = static_cast<std::uint32_t>(entry);
    if (nodes[at].rank != static_cast<std::uint32_t>(entry >> 32)) continue;
    const std::uint32_t gone = nodes[at].next;
    nodes[at].id = find(nodes[at].id, nodes[gone].id).result;
    nodes[at].next = nodes[gone].next;
    nodes[gone].rank = kNoRank;
    if (nodes[at].next != kNoNode) nodes[nodes[at].next].previous = at;
    set_rank(scratch, at);
    if (nodes[at].previous != kNoNode) set_rank(scratch, nodes[at].previous);
  }
  std::size_t n = 0;
  for (std::uint32_t i = 0; i != kNoNode; i = nodes[i].next) symbols[n++] = nodes[i].id;
  return n;
}

}  // namespace hearth::text
