#include "engine/grammar_cache.h"

#include <algorithm>

namespace hearth::engine {

std::shared_ptr<text::TokenGrammar> GrammarCache::find(
    const std::shared_ptr<const text::Grammar>& grammar,
    const std::shared_ptr<const text::GrammarVocabulary>& vocabulary) {
  const auto known = std::find_if(grammars_.begin(), grammars_.end(),
                                  [&](const auto& entry) { return entry->grammar() == *grammar; });
  if (known != grammars_.end()) {
    grammars_.splice(grammars_.begin(), grammars_, known);
  } else {
    grammars_.push_front(std::make_shared<text::TokenGrammar>(grammar, vocabulary));
    if (grammars_.size() > kMaxGrammars) grammars_.pop_back();
  }
  return grammars_.front();
}

}  // namespace hearth::engine
