// grammar_cache.h - the grammars that answers of a model use, with what was learnt of each.
//
// Requests with the same form come again and again; the second one finds its masks ready. The
// engine's thread only.
#pragma once

#include <list>
#include <memory>

#include "text/grammar/token_grammar.h"

namespace hearth::engine {

class GrammarCache {
 public:
  // Those used last; each holds at most text::TokenGrammar::kMaxBytes.
  static constexpr std::size_t kMaxGrammars = 4;

  // A grammar that is equal, or this one over the vocabulary.
  std::shared_ptr<text::TokenGrammar> find(
      const std::shared_ptr<const text::Grammar>& grammar,
      const std::shared_ptr<const text::GrammarVocabulary>& vocabulary);

 private:
  std::list<std::shared_ptr<text::TokenGrammar>> grammars_;  // used last first
};

}  // namespace hearth::engine
