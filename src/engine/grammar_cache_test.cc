#include "engine/grammar_cache.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <nlohmann/json.hpp>

#include "base/str.h"
#include "text/grammar/grammar_for_tests.h"

namespace hearth::engine {
namespace {

using Json = nlohmann::ordered_json;

std::shared_ptr<const text::Grammar> grammar(int i) {
  return *text::compile_json_schema(Json{{"const", cat("value ", i)}});
}

class GrammarCacheTest : public testing::Test {
 protected:
  std::shared_ptr<text::TokenGrammar> find(int i) { return cache_.find(grammar(i), vocabulary_); }

  std::shared_ptr<const text::GrammarVocabulary> vocabulary_ =
      std::make_shared<const text::GrammarVocabulary>(text::byte_vocabulary());
  GrammarCache cache_;
};

TEST_F(GrammarCacheTest, equal_grammars_are_one_and_the_one_not_used_for_longest_goes) {
  const auto first = find(0), second = find(1);
  EXPECT_NE(first, second);
  for (int i = 2; i < static_cast<int>(GrammarCache::kMaxGrammars); ++i) find(i);
  EXPECT_EQ(find(0), first);
  find(100);
  EXPECT_EQ(find(0), first);
  EXPECT_NE(find(1), second) << "it was forgotten and is made anew";
}

TEST_F(GrammarCacheTest, a_hundred_thousand_schemas_leave_no_memory_behind) {
  std::size_t before = 0;
  for (int i = 0; i < 100'000; ++i) {
    text::GrammarMatcher matcher(find(i));
    ASSERT_TRUE(matcher.allowed());
    if (i == 1000) before = mallinfo2().uordblks;
  }
  EXPECT_LT(mallinfo2().uordblks, before + 1'000'000);
}

}  // namespace
}  // namespace hearth::engine
