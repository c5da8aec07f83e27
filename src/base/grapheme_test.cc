#include "base/grapheme.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hearth {
namespace {

using Clusters = std::vector<std::string>;

Clusters cut(std::string_view text) {
  Clusters clusters;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = grapheme_end(text, begin);
    EXPECT_GT(end, begin);
    clusters.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return clusters;
}

TEST(Grapheme, marks_and_joiners_go_with_their_base) {
  EXPECT_EQ(cut("ae\u0301\u0323b"), (Clusters{"a", "e\u0301\u0323", "b"}));
  EXPECT_EQ(cut("a\u200db"), (Clusters{"a\u200d", "b"}));
  EXPECT_EQ(cut("\u0915\u093e"), (Clusters{"\u0915\u093e"}));  // a spacing mark
  EXPECT_EQ(cut("\u06001"), (Clusters{"\u06001"}));            // a prepended sign
}

TEST(Grapheme, controls_stand_alone_but_crlf_is_one) {
  EXPECT_EQ(cut("\r\n\n\r"), (Clusters{"\r\n", "\n", "\r"}));
  EXPECT_EQ(cut("\n\u0301"), (Clusters{"\n", "\u0301"}));
  EXPECT_EQ(cut("\u0600\n"), (Clusters{"\u0600", "\n"}));
}

TEST(Grapheme, hangul_syllables_are_put_together) {
  EXPECT_EQ(cut("\u1100\u1161\u11a8\u1100"), (Clusters{"\u1100\u1161\u11a8", "\u1100"}));
  EXPECT_EQ(cut("\uac00\u11a8"), (Clusters{"\uac00\u11a8"}));
  EXPECT_EQ(cut("\uac01\u1161"), (Clusters{"\uac01", "\u1161"}));
  EXPECT_EQ(cut("\uac01\u11a8"), (Clusters{"\uac01\u11a8"}));
}

TEST(Grapheme, flags_are_pairs_and_families_are_joined) {
  EXPECT_EQ(cut("🇫🇷🇩🇪🇫"), (Clusters{"🇫🇷", "🇩🇪", "🇫"}));
  EXPECT_EQ(cut("👨\u200d👩🏽\u200d👧a"), (Clusters{"👨\u200d👩🏽\u200d👧", "a"}));
  EXPECT_EQ(cut("a\u200d👩"), (Clusters{"a\u200d", "👩"}));
}

TEST(Grapheme, a_linker_joins_consonants) {
  EXPECT_EQ(cut("\u0915\u094d\u0924\u0941"), (Clusters{"\u0915\u094d\u0924\u0941"}));
  EXPECT_EQ(cut("\u0915\u0924"), (Clusters{"\u0915", "\u0924"}));
  EXPECT_EQ(cut("\u0915\u094da"), (Clusters{"\u0915\u094d", "a"}));
  EXPECT_EQ(cut("\u0915\u094d\u200d\u0924"), (Clusters{"\u0915\u094d\u200d\u0924"}));
}

TEST(Grapheme, an_invalid_byte_is_alone) {
  EXPECT_EQ(cut("a\xff\u0301"), (Clusters{"a", "\xff", "\u0301"}));
}

}  // namespace
}  // namespace hearth
