#include "text/bpe.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace hearth::text {
namespace {

TokenizerSpec make_spec(std::vector<std::string> tokens, std::vector<std::string> merges) {
  TokenizerSpec spec;
  spec.kinds.assign(tokens.size(), TokenKind::normal);
  spec.tokens = std::move(tokens);
  spec.merges = std::move(merges);
  return spec;
}

Result<BytePairMerges> build(const TokenizerSpec& spec) {
  TokenIndex index(spec.tokens.size());
  const auto text_of = [&](TokenId id) -> std::string_view {
    return spec.tokens[static_cast<std::size_t>(id)];
  };
  for (std::size_t i = 0; i < spec.tokens.size(); ++i) {
    index.insert(spec.tokens[i], static_cast<TokenId>(i), text_of);
  }
  return BytePairMerges::build(spec, index);
}

std::vector<TokenId> merge(const BytePairMerges& merges, std::vector<TokenId> symbols) {
  BytePairMerges::Scratch scratch;
  symbols.resize(merges.merge(symbols, scratch));
  return symbols;
}

// The definition, word for word: the earliest merge that applies anywhere, leftmost first.
std::vector<TokenId> merge_by_definition(const TokenizerSpec& spec, std::vector<TokenId> symbols) {
  std::map<std::string, TokenId> ids;
  for (std::size_t i = 0; i < spec.tokens.size(); ++i)
    ids[spec.tokens[i]] = static_cast<TokenId>(i);
  while (true) {
    bool merged = false;
    for (const std::string& line : spec.merges) {
      const std::size_t blank = line.find(' ');
      const TokenId left = ids[line.substr(0, blank)];
      const TokenId right = ids[line.substr(blank + 1)];
      for (std::size_t i = 0; i + 1 < symbols.size() && !merged; ++i) {
        if (symbols[i] != left || symbols[i + 1] != right) continue;
        symbols[i] = ids[line.substr(0, blank) + line.substr(blank + 1)];
        symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        merged = true;
      }
      if (merged) break;
    }
    if (!merged) return symbols;
  }
}

TEST(BytePairMerges, earlier_merges_win_and_the_leftmost_of_equals) {
  const TokenizerSpec spec = make_spec({"a", "b", "aa", "ab", "aab"}, {"a b", "a a", "a ab"});
  const auto merges = build(spec);
  ASSERT_TRUE(merges);
  EXPECT_EQ(merge(*merges, {0, 0, 1}), (std::vector<TokenId>{4}));
  EXPECT_EQ(merge(*merges, {0, 0, 0}), (std::vector<TokenId>{2, 0}));
  EXPECT_EQ(merge(*merges, {1}), (std::vector<TokenId>{1}));
  EXPECT_EQ(merge(*merges, {}), (std::vector<TokenId>{}));
}

TEST(BytePairMerges, short_and_long_words_follow_the_definition) {
  const TokenizerSpec spec =
      make_spec({"a", "b", "c", "ab", "bc", "abc", "aa", "aaaa", "ca", "cab", "bca", "aabc"},
                {"b c", "a a", "a bc", "aa aa", "c a", "a b", "ca b", "bc a", "a abc"});
  const auto merges = build(spec);
  ASSERT_TRUE(merges);
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<TokenId> symbols(random() % 200);  // merging by a heap begins at 65
    for (TokenId& symbol : symbols) symbol = static_cast<TokenId>(random() % 3);
    ASSERT_EQ(merge(*merges, symbols), merge_by_definition(spec, symbols));
  }
}

TEST(BytePairMerges, a_megabyte_of_one_letter_takes_n_log_n) {
  TokenizerSpec spec = make_spec({"a"}, {});
  for (int i = 0; i < 9; ++i) {
    const std::string half(std::size_t{1} << i, 'a');
    spec.tokens.push_back(half + half);
    spec.kinds.push_back(TokenKind::normal);
    spec.merges.push_back(half + " " + half);
  }
  const auto merges = build(spec);
  ASSERT_TRUE(merges);
  EXPECT_EQ(merge(*merges, std::vector<TokenId>(1 << 20, 0)), std::vector<TokenId>(1 << 11, 9));
}

TEST(BytePairMerges, scores_stand_in_for_a_list_of_merges) {
  TokenizerSpec spec = make_spec({"a", "b", "c", "ab", "bc", "abc"}, {});
  spec.scores = {0, 0, 0, -2, -1, -3};
  const auto merges = build(spec);
  ASSERT_TRUE(merges);
  EXPECT_EQ(merge(*merges, {0, 1, 2}), std::vector<TokenId>{5});
  EXPECT_EQ(merge(*merges, {0, 1, 0, 1, 2, 1}), (std::vector<TokenId>{3, 5, 1}));
  EXPECT_EQ(merge(*merges, {1, 2, 2}), (std::vector<TokenId>{4, 2}));
}

void expect_corrupt(const TokenizerSpec& spec, std::string_view part) {
  const auto merges = build(spec);
  ASSERT_FALSE(merges);
  EXPECT_EQ(merges.error().kind, ErrorKind::corrupt);
  EXPECT_NE(merges.error().message.find(part), std::string::npos) << merges.error().message;
}

TEST(BytePairMerges, refuses_a_merge_of_or_to_what_is_no_token) {
  expect_corrupt(make_spec({"a", "b", "ab"}, {"a b", "a x"}), "merge 1 \"a x\": \"x\" is not");
  expect_corrupt(make_spec({"a", "b", "ab"}, {"x b"}), "\"x\" is not in the vocabulary");
  expect_corrupt(make_spec({"a", "b"}, {"a b"}), "\"ab\" is not in the vocabulary");
}

TEST(BytePairMerges, refuses_a_line_that_is_not_two_texts_and_a_pair_that_comes_twice) {
  expect_corrupt(make_spec({"a", "aa"}, {"a"}), "expected two token texts");
  expect_corrupt(make_spec({"a", "aa"}, {"a a a"}), "expected two token texts");
  expect_corrupt(make_spec({"a", "aa"}, {"a a", "a a"}), "is merge 0 already");
}

TEST(BytePairMerges, no_merge_makes_a_control_token) {
  TokenizerSpec spec = make_spec({"<", ">", "<>"}, {"< >"});
  spec.kinds[2] = TokenKind::control;
  expect_corrupt(spec, "is a control token");
}

}  // namespace
}  // namespace hearth::text
