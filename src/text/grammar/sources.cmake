set(GRAMMAR_SOURCES
  grammar/answer_grammar.cc grammar/code_point_set.cc grammar/gbnf.cc grammar/grammar_automaton.cc
  grammar/grammar_builder.cc grammar/grammar_vocabulary.cc grammar/json_grammar.cc
  grammar/json_schema.cc grammar/number_range.cc grammar/regular_expression.cc
  grammar/token_grammar.cc)
set(GRAMMAR_TEST_SOURCES
  grammar/answer_grammar_test.cc grammar/gbnf_test.cc grammar/grammar_automaton_test.cc
  grammar/json_schema_test.cc grammar/number_range_test.cc grammar/regular_expression_test.cc
  grammar/token_grammar_test.cc)
