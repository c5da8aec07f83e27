#include "text/grammar/token_grammar.h"

#include <algorithm>
#include <utility>

namespace hearth::text {

namespace {

void set_bit(std::vector<std::uint64_t>& mask, TokenId id) {
  const auto i = static_cast<std::size_t>(id);
  mask[i / 64] |= std::uint64_t{1} << (i % 64);
}

}  // namespace

TokenGrammar::TokenGrammar(std::shared_ptr<const Grammar> grammar,
                           std::shared_ptr<const GrammarVocabulary> vocabulary)
    : automaton_(std::move(grammar)),
      vocabulary_(std::move(vocabulary)),
      walked_(vocabulary_->longest_token() + 1) {
  for (const std::string& tag : automaton_.grammar().tags) {
    tag_tokens_.push_back(vocabulary_->control_token(tag));
  }
}

GrammarAutomaton::State TokenGrammar::after(State state, TokenId id) {
  if (automaton_.expects_tag(state)) {
    const auto tag = std::find(tag_tokens_.begin(), tag_tokens_.end(), std::optional(id));
    if (tag != tag_tokens_.end()) {
      return automaton_.step_tag(state, static_cast<std::uint32_t>(tag - tag_tokens_.begin()));
    }
  }
  const Tokenizer& tokenizer = vocabulary_->tokenizer();
  if (id < 0 || static_cast<std::size_t>(id) >= tokenizer.n_vocab()) return GrammarAutomaton::kDead;
  const TokenKind kind = tokenizer.spec().kinds[static_cast<std::size_t>(id)];
  const std::string_view bytes = tokenizer.token_bytes(id, false);
  if (bytes.empty() || is_control(kind) || kind == TokenKind::unused)
    return GrammarAutomaton::kDead;
  for (const char c : bytes) {
    state = automaton_.step(state, static_cast<std::uint8_t>(c));
    if (state == GrammarAutomaton::kDead) break;
  }
  return state;
}

std::optional<std::span<const std::uint64_t>> TokenGrammar::mask(State state) {
  if (const auto known = masks_.find(state); known != masks_.end()) return known->second;
  std::vector<std::uint64_t> mask((vocabulary_->tokenizer().n_vocab() + 63) / 64);
  if (!walk(state, mask)) return std::nullopt;
  if (automaton_.accepts(state)) {
    for (const TokenId id : vocabulary_->end_of_generation()) set_bit(mask, id);
  }
  for (std::uint32_t tag = 0; tag < tag_tokens_.size(); ++tag) {
    const bool fits =
        tag_tokens_[tag] && automaton_.step_tag(state, tag) != GrammarAutomaton::kDead;
    if (fits) set_bit(mask, *tag_tokens_[tag]);
  }
  return masks_[state] = std::move(mask);
}

// False if it would take too long.
bool TokenGrammar::walk(State state, std::vector<std::uint64_t>& mask) {
  const auto nodes = vocabulary_->nodes();
  const std::uint64_t most_work = automaton_.work() + kMaxWork;
  walked_[0] = state;
  for (std::size_t i = 0; i < nodes.size();) {
    const GrammarVocabulary::Node& node = nodes[i];
    const State next = automaton_.step(walked_[node.depth], node.byte);
    if (next == GrammarAutomaton::kDead) {
      i = node.end;
      continue;
    }
    for (const TokenId id : vocabulary_->tokens_at(i)) set_bit(mask, id);
    walked_[node.depth + std::size_t{1}] = next;
    ++i;
    if (automaton_.work() > most_work) return false;
  }
  return !automaton_.gave_up();
}

void TokenGrammar::make_room() {
  const std::size_t mask_bytes = (vocabulary_->tokenizer().n_vocab() + 63) / 64 * 8;
  if (automaton_.n_bytes() + masks_.size() * mask_bytes <= kMaxBytes) return;
  masks_.clear();
  automaton_.forget_all_but(in_use_);
}

GrammarMatcher::GrammarMatcher(std::shared_ptr<TokenGrammar> grammar)
    : grammar_(std::move(grammar)), state_(grammar_->automaton_.start()) {
  grammar_->in_use_.push_back(&state_);
}

GrammarMatcher::~GrammarMatcher() { std::erase(grammar_->in_use_, &state_); }

std::optional<std::span<const std::uint64_t>> GrammarMatcher::allowed() {
  grammar_->make_room();
  return grammar_->mask(state_);
}

bool GrammarMatcher::allows(TokenId id) {
  if (grammar_->vocabulary_->tokenizer().is_end_of_generation(id) && may_end()) return true;
  return grammar_->after(state_, id) != GrammarAutomaton::kDead;
}

bool GrammarMatcher::accept(TokenId id) {
  if (grammar_->vocabulary_->tokenizer().is_end_of_generation(id) && may_end()) return true;
  const GrammarAutomaton::State next = grammar_->after(state_, id);
  if (next == GrammarAutomaton::kDead) return false;
  state_ = next;
  return true;
}

bool GrammarMatcher::may_end() const { return grammar_->automaton_.accepts(state_); }

}  // namespace hearth::text
