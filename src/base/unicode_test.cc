#include "base/unicode.h"

#include <gtest/gtest.h>

#include <string>

#include "base/utf8.h"

namespace hearth {
namespace {

std::string utf8(std::u32string_view codes) {
  std::string out;
  for (const char32_t code : codes) append_utf8(out, code);
  return out;
}

TEST(Unicode, knows_the_category_of_one_character_of_each_kind) {
  EXPECT_EQ(category_of(U'A'), Category::lu);
  EXPECT_EQ(category_of(U'ß'), Category::ll);
  EXPECT_EQ(category_of(U'\u01c5'), Category::lt);
  EXPECT_EQ(category_of(U'\u02b0'), Category::lm);
  EXPECT_EQ(category_of(U'中'), Category::lo);
  EXPECT_EQ(category_of(U'\u0301'), Category::mn);
  EXPECT_EQ(category_of(U'\u0903'), Category::mc);
  EXPECT_EQ(category_of(U'\u20dd'), Category::me);
  EXPECT_EQ(category_of(U'٣'), Category::nd);
  EXPECT_EQ(category_of(U'Ⅷ'), Category::nl);
  EXPECT_EQ(category_of(U'½'), Category::no);
  EXPECT_EQ(category_of(U'_'), Category::pc);
  EXPECT_EQ(category_of(U'€'), Category::sc);
  EXPECT_EQ(category_of(U'\u00a0'), Category::zs);
  EXPECT_EQ(category_of(U'\n'), Category::cc);
  EXPECT_EQ(category_of(U'\ufeff'), Category::cf);
  EXPECT_EQ(category_of(static_cast<char32_t>(0xd800)), Category::cs);
  EXPECT_EQ(category_of(U'\ue000'), Category::co);
  EXPECT_EQ(category_of(U'\U0010ffff'), Category::cn);
  EXPECT_EQ(category_of(static_cast<char32_t>(0x110000)), Category::cn);
}

TEST(Unicode, is_version_16) {
  EXPECT_EQ(category_of(U'\u1c89'), Category::lu);        // new in 16.0
  EXPECT_EQ(category_of(U'\U00011de0'), Category::cn);    // new in 17.0
  std::size_t n_letters = 0, n_numbers = 0, n_marks = 0;  // counts of the published 16.0 data
  for (char32_t code = 0; code <= 0x10ffff; ++code) {
    const Category c = category_of(code);
    n_letters += is_letter(c);
    n_numbers += is_number(c);
    n_marks += is_mark(c);
  }
  EXPECT_EQ(n_letters, 141028u);
  EXPECT_EQ(n_numbers, 1911u);
  EXPECT_EQ(n_marks, 2501u);
}

TEST(Unicode, white_space_has_next_line_and_not_the_byte_order_mark) {
  std::size_t n = 0;
  for (char32_t code = 0; code <= 0x10ffff; ++code) n += is_white_space(code);
  EXPECT_EQ(n, 25u);
  EXPECT_TRUE(is_white_space(0x85));
  EXPECT_TRUE(is_white_space(0x3000));
  EXPECT_FALSE(is_white_space(0xfeff));
  EXPECT_FALSE(is_white_space(0x200b));
  EXPECT_FALSE(is_white_space(0x1c));
}

TEST(Unicode, word_characters_are_alphabetic_marks_digits_and_joiners) {
  for (const char32_t code : {U'a', U'中', U'9', U'_', U'\u0301', U'Ⅷ', U'\u200d', U'ⓐ'}) {
    EXPECT_TRUE(is_word_character(code)) << static_cast<std::uint32_t>(code);
  }
  for (const char32_t code : {U' ', U'-', U'½', U'²', U'🙂', U'$'}) {
    EXPECT_FALSE(is_word_character(code)) << static_cast<std::uint32_t>(code);
  }
}

TEST(Nfc, composes_and_reorders_marks) {
  EXPECT_EQ(to_nfc(utf8(U"e\u0301")), "é");
  EXPECT_EQ(to_nfc(utf8(U"a\u0301\u0323")), utf8(U"\u1ea1\u0301"));
  EXPECT_EQ(to_nfc(utf8(U"\u212b")), "Å");
  EXPECT_EQ(to_nfc(utf8(U"\u1e9b\u0323")), utf8(U"\u1e9b\u0323"));
  EXPECT_EQ(to_nfc(utf8(U"<\u0338")), utf8(U"\u226e"));
}

TEST(Nfc, a_mark_of_the_same_class_blocks_composition) {
  EXPECT_EQ(to_nfc(utf8(U"a\u0305\u0301")), utf8(U"a\u0305\u0301"));
}

TEST(Nfc, composition_exclusions_stay_apart) {
  EXPECT_EQ(to_nfc(utf8(U"\u0958")), utf8(U"\u0915\u093c"));
  EXPECT_EQ(to_nfc(utf8(U"\u0344")), utf8(U"\u0308\u0301"));
}

TEST(Nfc, hangul_is_arithmetic) {
  EXPECT_EQ(to_nfc(utf8(U"\u1112\u1161\u11ab")), "한");
  EXPECT_EQ(to_nfc(utf8(U"\uac00\u11a8")), utf8(U"\uac01"));
  EXPECT_EQ(to_nfc(utf8(U"\uac00\u11a7")), utf8(U"\uac00\u11a7"));
}

TEST(Nfc, bytes_that_are_not_utf8_stay_and_separate) {
  EXPECT_EQ(to_nfc("e\xff\xcc\x81"), "e\xff\xcc\x81");
  EXPECT_EQ(to_nfc("\xf0\x9f"), "\xf0\x9f");
}

TEST(Nfc, doing_it_twice_changes_nothing) {
  for (char32_t code = 0; code <= 0x10ffff; ++code) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const char32_t codes[] = {U'a', code, 0x0323, code, 0x0301};
    const std::string once = to_nfc(utf8(std::u32string_view(codes, 5)));
    ASSERT_EQ(to_nfc(once), once) << static_cast<std::uint32_t>(code);
  }
}

TEST(Nfc, a_long_run_of_marks_is_sorted_in_good_time) {
  std::string text = "a";
  std::string sorted = "a";
  constexpr int kMarks = 200'000;  // alternating classes 230 and 220
  for (int i = 0; i < kMarks; ++i) append_utf8(text, i % 2 == 0 ? 0x0305 : 0x0316);
  for (int i = 0; i < kMarks; ++i) append_utf8(sorted, i < kMarks / 2 ? 0x0316 : 0x0305);
  EXPECT_EQ(to_nfc(text), sorted);
}

}  // namespace
}  // namespace hearth
