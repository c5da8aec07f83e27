#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth {
namespace {

TEST(Utf8, every_scalar_value_survives_writing_and_reading) {
  for (char32_t code = 0; code <= 0x10ffff; ++code) {
    if (code >= 0xd800 && code < 0xe000) continue;
    std::string text;
    append_utf8(text, code);
    const Utf8Char c = decode_utf8(text);
    ASSERT_TRUE(c.valid);
    ASSERT_EQ(c.code, code);
    ASSERT_EQ(c.size, text.size());
  }
}

TEST(Utf8, overlong_forms_are_invalid) {
  EXPECT_FALSE(is_valid_utf8("\xc0\x80"));
  EXPECT_FALSE(is_valid_utf8("\xc1\xbf"));
  EXPECT_FALSE(is_valid_utf8("\xe0\x9f\xbf"));
  EXPECT_FALSE(is_valid_utf8("\xf0\x8f\xbf\xbf"));
}

TEST(Utf8, surrogates_and_values_beyond_unicode_are_invalid) {
  EXPECT_FALSE(is_valid_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_valid_utf8("\xf4\x90\x80\x80"));
  EXPECT_FALSE(is_valid_utf8("\xf5\x80\x80\x80"));
  EXPECT_TRUE(is_valid_utf8("\xf4\x8f\xbf\xbf"));
  EXPECT_TRUE(is_valid_utf8(""));
}

TEST(Utf8, a_maximal_invalid_prefix_becomes_one_replacement_character) {
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(to_valid_utf8("\xf0\x9f\x99"), r);
  EXPECT_EQ(to_valid_utf8("\x9f\x99\x82"), r + r + r);
  EXPECT_EQ(to_valid_utf8("\xed\xa0\x80"), r + r + r);
  EXPECT_EQ(to_valid_utf8("a\xe2\x82z"), "a" + r + "z");
  EXPECT_EQ(to_valid_utf8("\xf0\x9f\xf0\x9f\x99\x82"), r + "🙂");
  EXPECT_EQ(to_valid_utf8("\xc3"), r);
}

TEST(Utf8, the_incomplete_suffix_is_what_later_bytes_may_complete) {
  EXPECT_EQ(incomplete_utf8_suffix(""), 0u);
  EXPECT_EQ(incomplete_utf8_suffix("abc"), 0u);
  EXPECT_EQ(incomplete_utf8_suffix("🙂"), 0u);
  EXPECT_EQ(incomplete_utf8_suffix("a\xf0"), 1u);
  EXPECT_EQ(incomplete_utf8_suffix("a\xf0\x9f"), 2u);
  EXPECT_EQ(incomplete_utf8_suffix("a\xf0\x9f\x99"), 3u);
  EXPECT_EQ(incomplete_utf8_suffix("a\xe2\x82"), 2u);
}

TEST(Utf8, what_no_byte_can_complete_is_not_held_back) {
  EXPECT_EQ(incomplete_utf8_suffix("\xed\xa0"), 0u);
  EXPECT_EQ(incomplete_utf8_suffix("\xff"), 0u);
  EXPECT_EQ(incomplete_utf8_suffix("\x80\x80\x80\x80"), 0u);
  EXPECT_EQ(incomplete_utf8_suffix("\xf0\xff"), 0u);
}

// Holding the suffix back and replacing the rest gives the same text as replacing all at once.
TEST(Utf8, splitting_anywhere_changes_nothing) {
  const std::string text = "a\xf0\x9f\x99\x82\xe2\x82z\xc3\xa9\xed\xa0\x80\xf0\x9f\xff";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::string_view head = std::string_view(text).substr(0, cut);
    const std::size_t held = incomplete_utf8_suffix(head);
    const std::string first = to_valid_utf8(head.substr(0, cut - held));
    EXPECT_EQ(first + to_valid_utf8(std::string_view(text).substr(cut - held)),
              to_valid_utf8(text));
  }
}

}  // namespace
}  // namespace hearth
