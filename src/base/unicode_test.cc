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

// ---- the other forms ----------------------------------------------------------------------------

TEST(NormalForms, decompose_canonically_or_compatibly) {
  const std::string text = utf8(U"\u00e9 \ufb01 \u00b2 \u1e9b\u0323 \uac01");
  EXPECT_EQ(to_normal_form(text, NormalForm::nfd),
            utf8(U"e\u0301 \ufb01 \u00b2 \u017f\u0323\u0307 \u1100\u1161\u11a8"));
  EXPECT_EQ(to_normal_form(text, NormalForm::nfkd),
            utf8(U"e\u0301 fi 2 s\u0323\u0307 \u1100\u1161\u11a8"));
  EXPECT_EQ(to_normal_form(text, NormalForm::nfkc), utf8(U"\u00e9 fi 2 \u1e69 \uac01"));
}

TEST(NormalForms, the_longest_decomposition_is_whole) {
  EXPECT_EQ(to_normal_form("\ufdfa", NormalForm::nfkd),
            "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064a\u0647 "
            "\u0648\u0633\u0644\u0645");
}

TEST(NormalForms, are_version_9) {
  // U+11938 (13.0) decomposes, U+32FF (12.1) is a ligature, U+1DF6 (10.0) has a class of its own.
  for (const char32_t code : {U'\U00011938', U'\u32ff'}) {
    const char32_t codes[] = {code};
    const std::string text = utf8(std::u32string_view(codes, 1));
    EXPECT_EQ(to_normal_form(text, NormalForm::nfkd), text);
  }
  EXPECT_EQ(to_nfc(utf8(U"\U00011935\U00011930")), utf8(U"\U00011935\U00011930"));
  EXPECT_EQ(combining_class(U'\u1df6'), 0);
  EXPECT_EQ(combining_class(U'\u1df5'), 230);
}

TEST(NormalForms, every_form_is_settled_by_doing_it_once) {
  for (const NormalForm form : {NormalForm::nfd, NormalForm::nfkc, NormalForm::nfkd}) {
    for (char32_t code = 0; code <= 0x10ffff; ++code) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const char32_t codes[] = {U'a', code, 0x0323, code};
      const std::string once = to_normal_form(utf8(std::u32string_view(codes, 4)), form);
      ASSERT_EQ(to_normal_form(once, form), once) << static_cast<std::uint32_t>(code);
    }
  }
}

TEST(NormalForms, bytes_that_are_not_utf8_stay) {
  EXPECT_EQ(to_normal_form("\xc3\xa9\xff\xcc", NormalForm::nfkd), "e\xcc\x81\xff\xcc");
}

TEST(Age, tells_what_8_and_9_had) {
  EXPECT_EQ(age_of(U'a'), Age::unicode_8);
  EXPECT_EQ(age_of(U'\u08d4'), Age::unicode_9);
  EXPECT_EQ(age_of(U'\u0afa'), Age::later);  // 10.0
  EXPECT_EQ(age_of(U'\u0378'), Age::later);  // never
  EXPECT_EQ(age_of(static_cast<char32_t>(0x110000)), Age::later);
}

TEST(LowerCase, is_each_characters_own) {
  EXPECT_EQ(to_lower_case("AbZ[{ ÀÉ ΑΣ Жѵ"), "abz[{ àé ασ жѵ");
  EXPECT_EQ(to_lower_case("\u0130\u1e9e\u2126"), "i\u0307\u00df\u03c9");
  EXPECT_EQ(to_lower_case("\U00016ea0"), "\U00016ebb");  // new in 17.0
  EXPECT_EQ(to_lower_case("A\xffÉ\xc3"), "a\xffé\xc3");
}

}  // namespace
}  // namespace hearth
