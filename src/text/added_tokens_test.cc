#include "text/added_tokens.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace hearth::text {
namespace {

TokenizerSpec make_spec(const std::vector<std::string>& names) {
  TokenizerSpec spec;
  spec.tokens = names;
  spec.kinds.assign(names.size(), TokenKind::control);
  return spec;
}

using Found = std::vector<std::pair<std::string, TokenId>>;

Found find(const TokenizerSpec& spec, const std::string& text, std::vector<TextRange> trusted) {
  const auto added = AddedTokens::build(spec);
  EXPECT_TRUE(added) << (added ? "" : added.error().message);
  Found found;
  for (const AddedTokenMatch& match : added->find(text, trusted)) {
    found.emplace_back(text.substr(match.range.begin, match.range.end - match.range.begin),
                       match.id);
  }
  return found;
}

Found find(const TokenizerSpec& spec, const std::string& text) {
  return find(spec, text, {{0, text.size()}});
}

TEST(AddedTokens, are_found_leftmost_and_longest) {
  const TokenizerSpec spec = make_spec({"<a>", "<a>b", "b<", "<ab"});
  EXPECT_EQ(find(spec, "x<a>b<a>"), (Found{{"<a>b", 1}, {"<a>", 0}}));
  EXPECT_EQ(find(spec, "<a<ab<"), (Found{{"<ab", 3}}));
  EXPECT_EQ(find(spec, ""), Found{});
}

TEST(AddedTokens, lie_in_trusted_text_with_every_byte) {
  const TokenizerSpec spec = make_spec({"<|end|>", "<|"});
  const std::string text = "<|end|><|end|>";
  EXPECT_EQ(find(spec, text, {}), Found{});
  EXPECT_EQ(find(spec, text, {{7, 14}}), (Found{{"<|end|>", 0}}));
  EXPECT_EQ(find(spec, text, {{0, 6}}), (Found{{"<|", 1}}));
  EXPECT_EQ(find(spec, text, {{1, 7}, {8, 14}}), Found{});
}

TEST(AddedTokens, lstrip_and_rstrip_take_white_space_along) {
  TokenizerSpec spec = make_spec({"<m>", "<r>"});
  spec.added = {{.id = 0, .lstrip = true}, {.id = 1, .rstrip = true}};
  EXPECT_EQ(find(spec, "a \u3000\n<m> b"), (Found{{" \u3000\n<m>", 0}}));
  EXPECT_EQ(find(spec, "<r>  \n z"), (Found{{"<r>  \n ", 1}}));
  EXPECT_EQ(find(spec, "<r>  <m>"), (Found{{"<r>  ", 1}, {"<m>", 0}}));
}

TEST(AddedTokens, single_word_needs_a_border_on_both_sides) {
  TokenizerSpec spec = make_spec({"cat"});
  spec.added = {{.id = 0, .single_word = true}};
  EXPECT_EQ(find(spec, "cat, concat cats écat cat\u0301 (cat)").size(), 2u);
}

TEST(AddedTokens, normalized_ones_come_after_the_others) {
  TokenizerSpec spec = make_spec({"xa", "ab"});
  spec.added = {{.id = 0, .normalized = true}};
  EXPECT_EQ(find(spec, "xab xa"), (Found{{"ab", 1}, {"xa", 0}}));
}

TEST(AddedTokens, a_long_run_of_beginnings_is_linear) {
  const TokenizerSpec spec = make_spec({std::string(60, '<') + ">"});
  EXPECT_EQ(find(spec, std::string(1 << 20, '<') + ">").size(), 1u);
}

TEST(AddedTokens, refuse_names_and_rules_that_cannot_be) {
  EXPECT_EQ(AddedTokens::build(make_spec({"a", ""})).error().kind, ErrorKind::corrupt);
  EXPECT_EQ(AddedTokens::build(make_spec({std::string(1025, 'a')})).error().kind,
            ErrorKind::corrupt);
  TokenizerSpec spec = make_spec({"a"});
  spec.added = {{.id = 1}};
  EXPECT_EQ(AddedTokens::build(spec).error().kind, ErrorKind::corrupt);
  spec.added = {{.id = -1}};
  EXPECT_EQ(AddedTokens::build(spec).error().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace hearth::text
