// output_test.cc - what a terminal gets to see.
#include "cli/output.h"

#include <gtest/gtest.h>

namespace hearth::cli {
namespace {

TEST(Printable, control_characters_cannot_steer_a_terminal) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable("bell\a del\x7f"), "bell\\x07 del\\x7f");
  EXPECT_EQ(printable("c1 \xc2\x9b"), "c1 \\x9b");
}

TEST(Printable, lines_tabs_and_letters_stay) {
  EXPECT_EQ(printable("caf\xc3\xa9\n\t\xf0\x9f\x94\xa5"), "caf\xc3\xa9\n\t\xf0\x9f\x94\xa5");
}

TEST(Printable, what_is_not_utf8_becomes_the_replacement_character) {
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a\xef\xbf\xbd"
            "b");
}

TEST(OneLine, has_no_line_ends) { EXPECT_EQ(one_line("a\nb\tc\r"), "a\\nb\\tc\\x0d"); }

TEST(Table, columns_are_as_wide_as_their_widest_cell_in_characters) {
  EXPECT_EQ(table({{"a", "b"}, {"\xc3\xa9\xc3\xa9\xc3\xa9", "c"}}),
            "a    b\n\xc3\xa9\xc3\xa9\xc3\xa9  c\n");
}

}  // namespace
}  // namespace hearth::cli
