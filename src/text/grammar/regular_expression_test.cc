// regular_expression_test.cc - patterns as contents of JSON strings.
#include "text/grammar/regular_expression.h"

#include "text/grammar/grammar_for_tests.h"

namespace hearth::text {
namespace {

std::string pattern_fit(std::string_view pattern, std::string_view text) {
  GrammarBuilder builder;
  JsonGrammar json(builder);
  const auto content = matching_pattern(builder, json, pattern);
  if (!content) return content.error().message;
  const auto root = builder.declare("root");
  builder.define(root, *content);
  const auto grammar = builder.build(root);
  return grammar ? fit(*grammar, text) : grammar.error().message;
}

TEST(RegularExpression, matches_what_it_means) {
  EXPECT_EQ(pattern_fit("^[A-Z]{2}-\\d+$", "AB-12"), "whole");
  EXPECT_EQ(pattern_fit("^[A-Z]{2}-\\d+$", "AB-"), "beginning");
  EXPECT_EQ(pattern_fit("^[A-Z]{2}-\\d+$", "Ab"), "no");
  EXPECT_EQ(pattern_fit("^(cat|dog)s?$", "dogs"), "whole");
  EXPECT_EQ(pattern_fit("^a|b$", "axx"), "whole") << "each alternative has its own anchors";
  EXPECT_EQ(pattern_fit("^a|b$", "xxb"), "whole");
  EXPECT_EQ(pattern_fit("b", "abc"), "whole") << "without anchors it is found anywhere";
  EXPECT_EQ(pattern_fit("b", "acc"), "beginning");
  EXPECT_EQ(pattern_fit("^(?:x(?<n>y))*?$", "xyxy"), "whole");
  EXPECT_EQ(pattern_fit("^.$", "世"), "whole");
  EXPECT_EQ(pattern_fit("^[^a-z\\d]$", "5"), "no");
  EXPECT_EQ(pattern_fit("^[\\w.-]+@\\S{2,3}$", "a_b.c@xy"), "whole");
  EXPECT_EQ(pattern_fit("^\\x41\\u00e9\\u{1F642}\\cA?$", "x").substr(0, 11), "the pattern");
  EXPECT_EQ(pattern_fit("^\\x41\\u00e9\\u{1F642}\\ud83d\\ude42$", "Aé🙂🙂"), "whole");
  EXPECT_EQ(pattern_fit("^$", ""), "whole");
  EXPECT_EQ(pattern_fit("^[^]a$", "xa"), "whole") << "all characters, as in ECMA-262";
}

TEST(RegularExpression, characters_are_written_as_json_writes_them) {
  EXPECT_EQ(pattern_fit("^\"\\\\\\n\\x01$", "\\\"\\\\\\n\\u0001"), "whole");
  EXPECT_EQ(pattern_fit("^\"$", "\""), "no");
  EXPECT_EQ(pattern_fit("^\\s$", "\\t"), "whole");
  EXPECT_EQ(pattern_fit("^/$", "/"), "whole");
}

TEST(RegularExpression, what_cannot_be_enforced_is_refused_by_name) {
  const auto says = [](const char* pattern, const char* words) {
    EXPECT_NE(pattern_fit(pattern, "").find(words), std::string::npos) << pattern_fit(pattern, "");
  };
  says("(?=a)b", "looks around");
  says("(?<!a)b", "looks around");
  says("(a)\\1", "a reference to a group");
  says("\\bword", "the border of a word");
  says("\\p{L}", "a property of Unicode");
  says("(^a)", "an anchor inside a group");
  says("a^b", "an anchor inside");
  says("*a", "a repetition of nothing");
  says("a**", "a repetition of a repetition");
  says("{2}", "repeats nothing");
  says("a{2", "does not end in }");
  says("a{3,2}", "bounds descend");
  says("a{99999}", "more than 10000");
  says("[a", "does not end in ]");
  says("[z-a]", "a range that descends");
  says("(a", "a group that does not end");
  says("a)", "closes nothing");
  says("\\", "a \\ at the end");
  says("\\y", "has no meaning");
  says("\\u12", "too few hexadecimal digits");
  says("\\ud800", "half a character");
}

TEST(RegularExpression, deep_groups_are_refused_and_not_followed) {
  EXPECT_NE(pattern_fit(std::string(100'000, '('), "").find("more than 64 groups"),
            std::string::npos);
}

}  // namespace
}  // namespace hearth::text
