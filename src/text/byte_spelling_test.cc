#include "text/byte_spelling.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/utf8.h"

namespace hearth::text {
namespace {

TEST(ByteSpelling, every_byte_has_its_own_character_and_comes_back) {
  std::set<char32_t> seen;
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t code = spelling_of(static_cast<std::uint8_t>(byte));
    EXPECT_TRUE(seen.insert(code).second);
    std::string text;
    append_utf8(text, code);
    EXPECT_EQ(bytes_of_spelling(text), std::string(1, static_cast<char>(byte)));
  }
}

TEST(ByteSpelling, is_the_published_one) {
  EXPECT_EQ(bytes_of_spelling("Ġthe"), " the");
  EXPECT_EQ(bytes_of_spelling("Ċ"), "\n");
  EXPECT_EQ(bytes_of_spelling("ĉ"), "\t");
  EXPECT_EQ(bytes_of_spelling("Ã©"), "é");
  EXPECT_EQ(spelling_of(0xad), U'\u0143');
}

TEST(ByteSpelling, other_characters_and_invalid_utf8_spell_nothing) {
  EXPECT_EQ(bytes_of_spelling("a b"), std::nullopt);
  EXPECT_EQ(bytes_of_spelling("中"), std::nullopt);
  EXPECT_EQ(bytes_of_spelling("a\xff"), std::nullopt);
  EXPECT_EQ(bytes_of_spelling(""), "");
}

}  // namespace
}  // namespace hearth::text
