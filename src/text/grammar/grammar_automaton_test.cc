// grammar_automaton_test.cc - states: ambiguity, tags, depth, and forgetting.
#include "text/grammar/grammar_automaton.h"

#include "text/grammar/grammar_for_tests.h"

namespace hearth::text {
namespace {

using State = GrammarAutomaton::State;

State walk(GrammarAutomaton& automaton, State state, std::string_view text) {
  for (const char c : text) state = automaton.step(state, static_cast<std::uint8_t>(c));
  return state;
}

TEST(GrammarAutomaton, ambiguous_grammars_follow_every_way) {
  // Palindromes of even length: where the middle is, is not known before the end.
  const char* const palindromes = "root ::= \"a\" root \"a\" | \"b\" root \"b\" | \"\"";
  EXPECT_EQ(gbnf_fit(palindromes, "abbaabba"), "whole");
  EXPECT_EQ(gbnf_fit(palindromes, "abbaabb"), "beginning");
  EXPECT_EQ(gbnf_fit(palindromes, "ab"), "beginning");
}

TEST(GrammarAutomaton, the_same_place_is_the_same_state) {
  const auto grammar = *compile_gbnf("root ::= [ab]* \"!\"");
  GrammarAutomaton automaton(grammar);
  EXPECT_EQ(walk(automaton, automaton.start(), "a"), walk(automaton, automaton.start(), "abba"));
  EXPECT_EQ(walk(automaton, automaton.start(), "a!x"), GrammarAutomaton::kDead);
}

TEST(GrammarAutomaton, tags_are_no_bytes) {
  GrammarBuilder b;
  const auto root = b.declare("root");
  b.define(root, b.sequence({b.text("x"), b.tag("<think>"), b.text("y")}));
  const auto grammar = *b.build(root);
  GrammarAutomaton automaton(grammar);
  const State behind_x = automaton.step(automaton.start(), 'x');
  EXPECT_TRUE(automaton.expects_tag(behind_x));
  EXPECT_EQ(automaton.step(behind_x, '<'), GrammarAutomaton::kDead);
  EXPECT_EQ(automaton.step_tag(automaton.start(), 0), GrammarAutomaton::kDead);
  const State behind_tag = automaton.step_tag(behind_x, 0);
  EXPECT_TRUE(automaton.accepts(automaton.step(behind_tag, 'y')));
}

TEST(GrammarAutomaton, deeper_nesting_than_the_bound_leads_nowhere) {
  const auto grammar = *compile_gbnf("root ::= \"[\" root \"]\" | \"x\"");
  EXPECT_EQ(fit(grammar, std::string(GrammarAutomaton::kMaxDepth, '[')), "beginning");
  EXPECT_EQ(fit(grammar, std::string(GrammarAutomaton::kMaxDepth + 1, '[')), "no");
}

TEST(GrammarAutomaton, states_in_use_outlive_forgetting) {
  const auto grammar = *compile_gbnf("root ::= \"[\" root* \"]\" | \"a\"");
  GrammarAutomaton automaton(grammar);
  State deep = walk(automaton, automaton.start(), "[[a[");
  State shallow = walk(automaton, automaton.start(), "[");
  for (int i = 0; i < 100; ++i)
    walk(automaton, automaton.start(), std::string(static_cast<std::size_t>(i), '['));
  const std::size_t before = automaton.n_bytes();
  State* const in_use[] = {&deep, &shallow};
  automaton.forget_all_but(in_use);
  EXPECT_LT(automaton.n_bytes(), before / 4);
  EXPECT_TRUE(automaton.accepts(walk(automaton, deep, "a]a]]")));
  EXPECT_FALSE(automaton.accepts(walk(automaton, deep, "a]a]")));
  EXPECT_TRUE(automaton.accepts(walk(automaton, shallow, "a]")));
  EXPECT_TRUE(automaton.accepts(walk(automaton, automaton.start(), "[a]")));
}

}  // namespace
}  // namespace hearth::text
