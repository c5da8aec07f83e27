// token_grammar_test.cc - masks, against asking the matcher about every token.
#include "text/grammar/token_grammar.h"

#include <random>

#include "base/str.h"
#include "text/grammar/grammar_for_tests.h"

namespace hearth::text {
namespace {

const std::vector<std::string> kWords = {"he",  "hello", "{\"", "\":", "\": ", "\"}", "},", "true",
                                         "rue", "tr",    "12",  "1.5", "é",    "]}",  "[[", "null"};

std::shared_ptr<TokenGrammar> over(std::shared_ptr<const Tokenizer> tokenizer,
                                   std::shared_ptr<const Grammar> grammar) {
  auto vocabulary = std::make_shared<const GrammarVocabulary>(std::move(tokenizer));
  return std::make_shared<TokenGrammar>(std::move(grammar), std::move(vocabulary));
}

bool has(std::span<const std::uint64_t> mask, TokenId id) {
  return (mask[static_cast<std::size_t>(id) / 64] >> (id % 64) & 1) != 0;
}

std::string allowed_texts(GrammarMatcher& matcher, const Tokenizer& tokenizer) {
  const auto mask = matcher.allowed();
  std::string out;
  for (TokenId id = 0; static_cast<std::size_t>(id) < tokenizer.n_vocab(); ++id) {
    if (!has(*mask, id)) continue;
    out += (out.empty() ? "" : " ") + std::string(tokenizer.token_bytes(id, true));
  }
  return out;
}

TEST(TokenGrammar, a_mask_has_every_token_that_fits_whole) {
  const auto tokenizer = byte_vocabulary(kWords);
  GrammarMatcher matcher(over(tokenizer, *compile_gbnf("root ::= \"true\" | \"two\" \"]}\"?")));
  EXPECT_EQ(allowed_texts(matcher, *tokenizer), "t true tr");
  EXPECT_FALSE(matcher.accept('x'));
  EXPECT_TRUE(matcher.accept('t'));
  EXPECT_EQ(allowed_texts(matcher, *tokenizer), "r w rue");
  EXPECT_FALSE(matcher.may_end());
  EXPECT_TRUE(matcher.accept('w'));
  EXPECT_TRUE(matcher.accept('o'));
  EXPECT_EQ(allowed_texts(matcher, *tokenizer), "] ]} <|end|>");
  EXPECT_TRUE(matcher.may_end());
  EXPECT_TRUE(matcher.accept(']'));
  EXPECT_FALSE(matcher.accept(*tokenizer->spec().eos));
  EXPECT_TRUE(matcher.accept('}'));
  EXPECT_EQ(allowed_texts(matcher, *tokenizer), "<|end|>");
  EXPECT_TRUE(matcher.accept(*tokenizer->spec().eos));
}

TEST(TokenGrammar, control_tokens_only_where_the_grammar_names_them) {
  const auto tokenizer = byte_vocabulary({}, {"<a>", "<b>"});
  GrammarBuilder b;
  const auto root = b.declare("root");
  b.define(root, b.sequence({b.tag("<b>"), b.tag("<missing>"), b.text("x")}));
  GrammarMatcher matcher(over(tokenizer, *b.build(root)));
  EXPECT_EQ(allowed_texts(matcher, *tokenizer), "<b>");
  EXPECT_FALSE(matcher.accept(*tokenizer->find("<a>")));
  EXPECT_TRUE(matcher.accept(*tokenizer->find("<b>")));
  EXPECT_EQ(allowed_texts(matcher, *tokenizer), "") << "the vocabulary cannot write it";
  GrammarMatcher free_text(over(tokenizer, *compile_gbnf("root ::= .*")));
  EXPECT_FALSE(free_text.allows(*tokenizer->find("<a>")));
}

TEST(TokenGrammar, masks_agree_with_asking_about_every_token) {
  const auto tokenizer = byte_vocabulary(kWords);
  const auto json = *compile_json_schema(nlohmann::ordered_json::object());
  const auto shared = over(tokenizer, json);
  std::mt19937 random(1);
  for (int round = 0; round < 30; ++round) {
    GrammarMatcher matcher(shared);
    for (int step = 0; step < 60; ++step) {
      const auto mask = matcher.allowed();
      ASSERT_TRUE(mask);
      const std::vector<std::uint64_t> copy(mask->begin(), mask->end());
      std::vector<TokenId> fitting;
      for (TokenId id = 0; static_cast<std::size_t>(id) < tokenizer->n_vocab(); ++id) {
        ASSERT_EQ(has(copy, id), matcher.allows(id)) << "token " << id;
        if (has(copy, id)) fitting.push_back(id);
      }
      ASSERT_FALSE(fitting.empty());
      const TokenId next = fitting[random() % fitting.size()];
      ASSERT_TRUE(matcher.accept(next));
      if (tokenizer->is_end_of_generation(next)) break;
    }
  }
}

TEST(TokenGrammar, what_is_learnt_is_bounded_and_matchers_survive_forgetting) {
  const auto tokenizer = byte_vocabulary(kWords);
  // Each length is a state of its own, and each has a mask.
  const auto shared = over(tokenizer, *compile_gbnf("root ::= [a-z]{0,10000} \"!\""));
  GrammarMatcher waiting(shared);
  ASSERT_TRUE(waiting.accept('a'));
  GrammarMatcher matcher(shared);
  for (int i = 0; i < 10'000; ++i) {
    const auto mask = matcher.allowed();
    ASSERT_TRUE(mask && has(*mask, '!')) << i;
    ASSERT_TRUE(matcher.accept('b')) << i;
  }
  EXPECT_EQ(allowed_texts(matcher, *tokenizer), "!");
  EXPECT_TRUE(waiting.accept('!'));
  EXPECT_TRUE(waiting.may_end());
}

TEST(TokenGrammar, a_grammar_that_was_made_to_be_slow_gives_up) {
  std::vector<std::string> words;
  std::mt19937 random(2);
  for (int i = 0; i < 4000; ++i) {
    std::string word;
    for (int j = 0; j < 60; ++j) word += "ab"[random() % 2];
    words.push_back(word);
  }
  const auto tokenizer = byte_vocabulary(words);
  GrammarMatcher matcher(over(tokenizer, *compile_gbnf("root ::= [ab]* \"a\" [ab]{400} \"!\"")));
  EXPECT_FALSE(matcher.allowed());
}

// Each rule may be empty and calls all behind it: 2^60 ways to be at the first byte.
TEST(TokenGrammar, a_grammar_with_more_places_than_can_be_looked_at_gives_up) {
  constexpr int kRules = 60;
  std::string rules;
  for (int i = 0; i < kRules; ++i) {
    rules += i == 0 ? std::string("root ::=") : cat("r", i, " ::=");
    for (int j = i + 1; j < kRules; ++j) rules += cat(" r", j);
    rules += " \"x\"?\n";
  }
  GrammarMatcher matcher(over(byte_vocabulary(), *compile_gbnf(rules)));
  EXPECT_FALSE(matcher.allowed());
  EXPECT_FALSE(matcher.accept('x'));
  EXPECT_FALSE(matcher.may_end());
}

}  // namespace
}  // namespace hearth::text
