// gbnf_test.cc - the notation: what each form matches, and what is refused with which words.
#include "text/grammar/gbnf.h"

#include "text/grammar/grammar_for_tests.h"

namespace hearth::text {
namespace {

TEST(Gbnf, texts_classes_and_groups) {
  EXPECT_EQ(gbnf_fit("root ::= \"yes\" | \"no\"", "yes"), "whole");
  EXPECT_EQ(gbnf_fit("root ::= \"yes\" | \"no\"", "ye"), "beginning");
  EXPECT_EQ(gbnf_fit("root ::= \"yes\" | \"no\"", "yesno"), "no");
  EXPECT_EQ(gbnf_fit("root ::= [a-cx] [^0-9]", "xé"), "whole");
  EXPECT_EQ(gbnf_fit("root ::= [a-cx] [^0-9]", "x5"), "no");
  EXPECT_EQ(gbnf_fit("root ::= (\"a\" | \"b\" (\"c\" | \"d\")) \"e\"", "bde"), "whole");
  EXPECT_EQ(gbnf_fit("root ::= .", "\xF0\x9F\x99\x82"), "whole");
  EXPECT_EQ(gbnf_fit("root ::= .", "\xF0\x9F\x99"), "beginning");
  EXPECT_EQ(gbnf_fit("root ::= .", "\xED\xA0"), "no") << "a surrogate is no character";
  EXPECT_EQ(gbnf_fit("root ::= \"\\x41\\u00e9\\U0001F642\\n\\t\\\"\\\\\"", "Aé🙂\n\t\"\\"),
            "whole");
  EXPECT_EQ(gbnf_fit("root ::= [\\]\\-\\^a]+", "]-^a"), "whole");
  EXPECT_EQ(gbnf_fit("root ::= [a-]+", "-a-"), "whole");
}

TEST(Gbnf, repetitions) {
  const auto fits = [](const char* grammar, std::size_t n) {
    return gbnf_fit(grammar, std::string(n, 'a')) == "whole";
  };
  EXPECT_TRUE(fits("root ::= \"a\"*", 0) && fits("root ::= \"a\"*", 5));
  EXPECT_FALSE(fits("root ::= \"a\"+", 0));
  EXPECT_TRUE(fits("root ::= \"a\"?", 0) && !fits("root ::= \"a\"?", 2));
  EXPECT_TRUE(fits("root ::= \"a\"{3}", 3) && !fits("root ::= \"a\"{3}", 2));
  EXPECT_TRUE(fits("root ::= \"a\"{2,}", 9) && !fits("root ::= \"a\"{2,}", 1));
  EXPECT_TRUE(fits("root ::= \"a\"{2,4}", 4) && !fits("root ::= \"a\"{2,4}", 5));
  EXPECT_TRUE(fits("root ::= \"a\"{0,2}", 0));
  EXPECT_TRUE(fits("root ::= (\"a\"*)* (\"a\"?)+", 7)) << "what matches nothing may be repeated";
}

TEST(Gbnf, rules_over_lines_with_comments_and_recursion) {
  const char* const json = R"(# JSON, a little
root   ::= object
value  ::= object | array | string | [0-9]+   # more
  | "true"
object ::= "{" ( pair ("," pair)* )? "}"
pair   ::= string ":" value
array  ::= "[" (
    value ("," value)*
  )? "]"
string ::= "\"" [^"\\]* "\""
)";
  EXPECT_EQ(gbnf_fit(json, R"({"a":[1,{"b":"c"},true],"d":{}})"), "whole");
  EXPECT_EQ(gbnf_fit(json, R"({"a":[1,{"b":)"), "beginning");
  EXPECT_EQ(gbnf_fit(json, R"({"a":[1}])"), "no");
}

TEST(Gbnf, recursion_at_the_end_does_not_grow_the_stack) {
  EXPECT_EQ(gbnf_fit("root ::= \"a\" root | \"\"", std::string(100'000, 'a')), "whole");
}

TEST(Gbnf, what_is_wrong_is_told_with_its_line) {
  const auto says = [](const char* grammar, const char* words) {
    EXPECT_NE(gbnf_fit(grammar, "").find(words), std::string::npos) << gbnf_fit(grammar, "");
  };
  says("x ::= \"a\"", "no rule \"root\"");
  says("root ::= \"a\"\n  thing", "line 2: there is no rule \"thing\"");
  says("root ::= \"a\"\nroot ::= \"b\"", "line 2: a second rule \"root\"");
  says("root ::= root \"a\" | \"b\"", "left recursion");
  says("root ::= x\nx ::= y? root\ny ::= \"q\"", "left recursion");
  says("root ::= \"a\" root", "no text of finite length");
  says("root ::= \"a", "does not end in \"");
  says("root ::= [a", "does not end in ]");
  says("root ::= (\"a\"", "does not end in )");
  says("root ::= \"a\")", "unexpected \")\"");
  says("root ::= [b-a]", "a range that descends");
  says("root ::= \"a\"{3,2}", "bounds descend");
  says("root ::= \"a\"{}", "without a number");
  says("root ::= \"a\"{99999999999}", "more than 10000");
  says("root ::= \"\\q\"", "unknown escape");
  says("root ::= \"\\ud800\"", "surrogate");
  says("root ::= <think>", "tokens (<…>) are not supported");
  says("root = \"a\"", "expected a rule");
  says("root ::= ((\"a\"{9999}){9999}){9999}", "more than 262144 instructions");
  says("", "no rule \"root\"");
}

TEST(Gbnf, deep_groups_are_refused_and_not_followed) {
  const std::string deep = "root ::= " + std::string(100'000, '(') + "\"a\"";
  EXPECT_NE(gbnf_fit(deep, "").find("more than 64 groups"), std::string::npos);
}

}  // namespace
}  // namespace hearth::text
