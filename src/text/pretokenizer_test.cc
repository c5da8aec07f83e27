#include "text/pretokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hearth::text {
namespace {

using Words = std::vector<std::string>;

constexpr Pretokenizer kAll[] = {Pretokenizer::gpt2, Pretokenizer::smollm, Pretokenizer::llama3,
                                 Pretokenizer::qwen2, Pretokenizer::o200k};

Words cut(Pretokenizer kind, std::string_view text) {
  Words words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = word_end(kind, text, begin);
    EXPECT_GT(end, begin);
    words.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

TEST(Gpt2Words, a_blank_goes_with_the_word_after_it) {
  EXPECT_EQ(cut(Pretokenizer::gpt2, "Hello  world 42!"),
            (Words{"Hello", " ", " world", " 42", "!"}));
  EXPECT_EQ(cut(Pretokenizer::gpt2, "a\n\nb"), (Words{"a", "\n", "\n", "b"}));
  EXPECT_EQ(cut(Pretokenizer::gpt2, "a \t "), (Words{"a", " \t "}));
}

TEST(Gpt2Words, contractions_are_lower_case_only) {
  EXPECT_EQ(cut(Pretokenizer::gpt2, "I'll I'LL"), (Words{"I", "'ll", " I", "'", "LL"}));
  EXPECT_EQ(cut(Pretokenizer::gpt2, "'sleep"), (Words{"'s", "leep"}));
}

TEST(Gpt2Words, next_line_is_blank_and_the_byte_order_mark_is_not) {
  EXPECT_EQ(cut(Pretokenizer::gpt2, "a\u0085b"), (Words{"a", "\u0085", "b"}));
  EXPECT_EQ(cut(Pretokenizer::gpt2, "!\ufeff!"), (Words{"!\ufeff!"}));
}

TEST(SmollmWords, every_number_is_a_text_of_its_own) {
  EXPECT_EQ(cut(Pretokenizer::smollm, "a 12½Ⅷ"), (Words{"a", " ", "1", "2", "½", "Ⅷ"}));
  EXPECT_EQ(cut(Pretokenizer::smollm, "x  1"), (Words{"x", "  ", "1"}));
  EXPECT_EQ(cut(Pretokenizer::smollm, "x  y"), (Words{"x", " ", " y"}));
  // U+11DE0 became a digit with Unicode 17.
  EXPECT_EQ(cut(Pretokenizer::smollm, "! \U00011de0!"), (Words{"!", " ", "\U00011de0", "!"}));
}

TEST(Llama3Words, digits_go_in_threes_and_lines_together) {
  EXPECT_EQ(cut(Pretokenizer::llama3, "1234567"), (Words{"123", "456", "7"}));
  EXPECT_EQ(cut(Pretokenizer::llama3, "a.\r\n\n b"), (Words{"a", ".\r\n\n", " b"}));
  EXPECT_EQ(cut(Pretokenizer::llama3, "  \n  x"), (Words{"  \n", " ", " x"}));
  EXPECT_EQ(cut(Pretokenizer::qwen2, "1234"), (Words{"1", "2", "3", "4"}));
}

TEST(Llama3Words, any_one_character_may_lead_a_word) {
  EXPECT_EQ(cut(Pretokenizer::llama3, "(foo\tbar"), (Words{"(foo", "\tbar"}));
  EXPECT_EQ(cut(Pretokenizer::llama3, "\u0301a"), (Words{"\u0301a"}));
  EXPECT_EQ(cut(Pretokenizer::llama3, "\nfoo"), (Words{"\n", "foo"}));
}

TEST(Llama3Words, contractions_fold_case_and_the_long_s) {
  EXPECT_EQ(cut(Pretokenizer::llama3, "I'LL it'\u017f"), (Words{"I", "'LL", " it", "'\u017f"}));
}

TEST(O200kWords, capitals_begin_words_and_contractions_end_them) {
  EXPECT_EQ(cut(Pretokenizer::o200k, "ThisIsCamel HTTPServer"),
            (Words{"This", "Is", "Camel", " HTTPServer"}));
  EXPECT_EQ(cut(Pretokenizer::o200k, "don'T WE'LL"), (Words{"don'T", " WE'LL"}));
}

TEST(O200kWords, the_capitals_give_back_to_a_caseless_letter) {
  EXPECT_EQ(cut(Pretokenizer::o200k, "AB中CD"), (Words{"AB中", "CD"}));
  EXPECT_EQ(cut(Pretokenizer::o200k, "AB中CDe"), (Words{"AB中CDe"}));
  EXPECT_EQ(cut(Pretokenizer::o200k, "a\u0301b"), (Words{"a\u0301b"}));
}

TEST(O200kWords, a_mark_before_capitals_is_a_word) {
  EXPECT_EQ(cut(Pretokenizer::o200k, "\u0301AB"), (Words{"\u0301", "AB"}));
  EXPECT_EQ(cut(Pretokenizer::o200k, "\u0301ABc"), (Words{"\u0301ABc"}));
  EXPECT_EQ(cut(Pretokenizer::o200k, "!\u0301AB"), (Words{"!\u0301", "AB"}));
}

TEST(O200kWords, punctuation_takes_slashes_and_newlines_along) {
  EXPECT_EQ(cut(Pretokenizer::o200k, "foo//bar.\n/x"), (Words{"foo", "//", "bar", ".\n/", "x"}));
}

TEST(Words, invalid_bytes_are_punctuation_and_nothing_is_lost) {
  const std::string text =
      "ab\xff\xfe"
      "c\xf0\x9f"
      "d\xed\xa0\x80 \xc3";
  EXPECT_EQ(cut(Pretokenizer::gpt2, text),
            (Words{"ab", "\xff\xfe", "c", "\xf0\x9f", "d", "\xed\xa0\x80", " \xc3"}));
  for (const Pretokenizer kind : kAll) {
    std::string joined;
    for (const std::string& word : cut(kind, text)) joined += word;
    EXPECT_EQ(joined, text);
  }
}

TEST(Words, a_megabyte_of_anything_is_linear) {
  // Quadratic scanning of one of these takes minutes; all of them together take about a second.
  for (const std::string_view unit :
       {"a", "A", "7", " ", "\n", " \n", "!", "'", "\u0301", "中", "\u02b0", "A中", " A", "/",
        "\xff", "\u00a0", "\u0085", "'s", "\U0001f642"}) {
    std::string text;
    while (text.size() < (1u << 20)) text += unit;
    for (const Pretokenizer kind : kAll) {
      std::size_t begin = 0;
      while (begin < text.size()) begin = word_end(kind, text, begin);
      EXPECT_EQ(begin, text.size());
    }
  }
}

}  // namespace
}  // namespace hearth::text
