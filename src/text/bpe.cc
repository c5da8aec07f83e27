#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <optional>
#include <string>

#include "base/check.h"
#include "base/str.h"
#include "base/utf8.h"
#include "text/byte_spelling.h"

namespace hearth::text {

namespace {

constexpr std::uint32_t kNoNode = 0xffffffff;

bool is_reserved(TokenKind kind) {
  return kind == TokenKind::control || kind == TokenKind::unknown;
}

Error bad_merge(std::uint32_t rank, std::string_view line, std::string_view what) {
  return {ErrorKind::corrupt, cat("tokenizer: merge ", rank, " ", quote(line), ": ", what)};
}

}  // namespace

Result<BytePairMerges> BytePairMerges::build(const TokenizerSpec& spec, const TokenIndex& index) {
  const auto text_of = [&](TokenId id) -> std::string_view {
    return spec.tokens[static_cast<std::size_t>(id)];
  };
  BytePairMerges made;
  for (std::size_t byte = 0; byte < made.byte_tokens_.size(); ++byte) {
    std::string spelling;
    append_utf8(spelling, spelling_of(static_cast<std::uint8_t>(byte)));
    const std::optional<TokenId> id = index.find(spelling, text_of);
    const bool usable = id && !is_reserved(spec.kinds[static_cast<std::size_t>(*id)]);
    made.byte_tokens_[byte] = usable ? *id : -1;
  }
  if (spec.merges.size() >= kNoRank) {
    return Error{ErrorKind::corrupt,
                 cat("tokenizer: ", spec.merges.size(), " merges, fewer than 2^32 are possible")};
  }
  made.merges_.assign(std::bit_ceil(2 * spec.merges.size() + 2), Merge{0, 0, kNoRank, 0});
  for (std::uint32_t rank = 0; rank < spec.merges.size(); ++rank) {
    HEARTH_TRY_VOID(made.add(spec.merges[rank], rank, spec, index));
  }
  return made;
}

Result<void> BytePairMerges::add(std::string_view line, std::uint32_t rank,
                                 const TokenizerSpec& spec, const TokenIndex& index) {
  const auto text_of = [&](TokenId id) -> std::string_view {
    return spec.tokens[static_cast<std::size_t>(id)];
  };
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos || line.find(' ', blank + 1) != std::string_view::npos) {
    return bad_merge(rank, line, "expected two token texts with one blank between them");
  }
  const std::string_view left_text = line.substr(0, blank);
  const std::string_view right_text = line.substr(blank + 1);
  const std::optional<TokenId> left = index.find(left_text, text_of);
  const std::optional<TokenId> right = index.find(right_text, text_of);
  if (!left) return bad_merge(rank, line, cat(quote(left_text), " is not in the vocabulary"));
  if (!right) return bad_merge(rank, line, cat(quote(right_text), " is not in the vocabulary"));
  const std::string joined = cat(left_text, right_text);
  const std::optional<TokenId> result = index.find(joined, text_of);
  if (!result) return bad_merge(rank, line, cat(quote(joined), " is not in the vocabulary"));
  // Any user could write the token by writing its parts.
  if (is_reserved(spec.kinds[static_cast<std::size_t>(*result)])) {
    return bad_merge(rank, line, cat("its result ", quote(joined), " is a control token"));
  }
  Merge& slot = merges_[slot_of(*left, *right)];
  if (slot.rank != kNoRank) {
    return bad_merge(rank, line, cat("the same pair is merge ", slot.rank, " already"));
  }
  slot = {*left, *right, rank, *result};
  return {};
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

// A heap entry is stale when its node has another rank by now: a rank names one pair of tokens.
// Each merge enters at most two, so there are at most 3n.
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
