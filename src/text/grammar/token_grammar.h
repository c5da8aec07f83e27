// token_grammar.h - a grammar over a vocabulary: which tokens may come next. Part of the portable
// core.
//
//   GrammarMatcher matcher(token_grammar);
//   for (;;) {
//     token = sample(logits, *matcher.allowed());
//     matcher.accept(token);
//     if (it was an end-of-generation token) break;
//   }
//
// A mask is the walk of the automaton through the trie of the vocabulary: one look into a table
// for each distinct beginning of a token that may still come. Masks are kept by state, and in an
// answer the states come back (inside a string, behind a comma), so that most are not computed at
// all.
//
// One thread at a time for a TokenGrammar and all of its matchers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "text/grammar/grammar_automaton.h"
#include "text/grammar/grammar_vocabulary.h"

namespace hearth::text {

class GrammarMatcher;

class TokenGrammar {
 public:
  // What is learnt of a grammar is forgotten beyond this, except what is in use.
  static constexpr std::size_t kMaxBytes = std::size_t{32} << 20;
  // Of one mask: about 0.15 s. Ordinary grammars need 10 000; one that needs more was made to.
  static constexpr std::uint64_t kMaxWork = 5'000'000;

  TokenGrammar(std::shared_ptr<const Grammar> grammar,
               std::shared_ptr<const GrammarVocabulary> vocabulary);

  const Grammar& grammar() const { return automaton_.grammar(); }

 private:
  friend class GrammarMatcher;
  using State = GrammarAutomaton::State;

  State after(State state, TokenId id);
  std::optional<std::span<const std::uint64_t>> mask(State state);
  bool walk(State state, std::vector<std::uint64_t>& mask);
  void make_room();

  GrammarAutomaton automaton_;
  std::shared_ptr<const GrammarVocabulary> vocabulary_;
  std::vector<std::optional<TokenId>> tag_tokens_;  // of the grammar's tags
  std::unordered_map<State, std::vector<std::uint64_t>> masks_;
  std::vector<State*> in_use_;  // the matchers' states
  std::vector<State> walked_;   // the state behind each byte of the walk's token
};

// A place in an output.
class GrammarMatcher {
 public:
  explicit GrammarMatcher(std::shared_ptr<TokenGrammar> grammar);
  ~GrammarMatcher();
  GrammarMatcher(const GrammarMatcher&) = delete;
  GrammarMatcher& operator=(const GrammarMatcher&) = delete;

  // Bit id % 64 of word id / 64: the token may come next; an end-of-generation token, if the output
  // may end here. Valid until the next call to any matcher of this grammar. nullopt: the grammar
  // is so ambiguous that it costs more than TokenGrammar::kMaxWork.
  std::optional<std::span<const std::uint64_t>> allowed();
  // Whether one token may come next: the same, much faster.
  bool allows(TokenId id);
  // False, and nothing changes, when it may not.
  bool accept(TokenId id);
  bool may_end() const;

 private:
  std::shared_ptr<TokenGrammar> grammar_;
  GrammarAutomaton::State state_;
};

}  // namespace hearth::text
