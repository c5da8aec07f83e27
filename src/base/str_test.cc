#include "base/str.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>

namespace hearth {
namespace {

TEST(Cat, joins_text_numbers_characters_and_truth) {
  const std::string text = "t";
  const char* pointer = "p";
  EXPECT_EQ(cat("a", text, pointer, std::string_view("v"), 'c', true, false), "atpvctruefalse");
  EXPECT_EQ(cat(-5, " ", 7u, " ", std::size_t{9}, " ", std::uint8_t{200}, " ", 0.5),
            "-5 7 9 200 0.5");
  EXPECT_EQ(cat(), "");
}

TEST(Cat, writes_the_extreme_integers) {
  EXPECT_EQ(cat(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(cat(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(cat(0), "0");
}

TEST(Cat, writes_floating_point_with_six_digits) {
  EXPECT_EQ(cat(1.0 / 3), "0.333333");
  EXPECT_EQ(cat(1e300), "1e+300");
  EXPECT_EQ(cat(1.5f), "1.5");
}

TEST(Quote, escapes_what_a_terminal_would_act_on) {
  EXPECT_EQ(quote("a\"b\\c\n\t\x1b[0m\x7f"), R"("a\"b\\c\n\t\x1b[0m\x7f")");
  EXPECT_EQ(quote("\xc2\x9b"
                  "1m"),
            R"("\xc2\x9b1m")");
}

TEST(Quote, keeps_valid_characters_and_escapes_invalid_bytes) {
  EXPECT_EQ(quote("é🙂"), "\"é🙂\"");
  EXPECT_EQ(quote("a\xff\xf0\x9f"), R"("a\xff\xf0\x9f")");
}

TEST(Quote, cuts_long_text_at_a_character_and_says_so) {
  EXPECT_EQ(quote("abcdef", 3), "\"abc\"…");
  EXPECT_EQ(quote("abc", 3), "\"abc\"");
  EXPECT_EQ(quote("aé", 2), "\"aé\"");
}

TEST(HumanBytes, has_three_significant_digits_in_decimal_units) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1.00 kB");
  EXPECT_EQ(human_bytes(98'362'432), "98.4 MB");
  EXPECT_EQ(human_bytes(999'600), "1.00 MB");
  EXPECT_EQ(human_bytes(123'400'000'000), "123 GB");
  EXPECT_EQ(human_bytes(std::numeric_limits<std::uint64_t>::max()), "18.4 EB");
}

TEST(ParseInt, reads_whole_base_ten_integers) {
  EXPECT_EQ(parse_int("0"), 0);
  EXPECT_EQ(parse_int("-17"), -17);
  EXPECT_EQ(parse_int("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_int("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
}

TEST(ParseInt, refuses_everything_else) {
  for (const std::string_view text :
       {"", "-", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "--1", "9223372036854775808",
        "-9223372036854775809", "18446744073709551617", "100000000000000000000"}) {
    EXPECT_FALSE(parse_int(text).has_value()) << text;
  }
}

TEST(Nearest, finds_a_misspelt_word_and_leaves_a_strange_one) {
  static constexpr std::array<std::string_view, 3> kWords = {"temperature", "top_p", "seed"};
  EXPECT_EQ(nearest("temprature", kWords.data(), kWords.size()), "temperature");
  EXPECT_EQ(nearest("topp", kWords.data(), kWords.size()), "top_p");
  EXPECT_EQ(nearest("banana", kWords.data(), kWords.size()), "");
  EXPECT_EQ(nearest(std::string(1000, 'x'), kWords.data(), kWords.size()), "");
  EXPECT_EQ(nearest("seed", kWords.data(), 0), "");
}

}  // namespace
}  // namespace hearth
