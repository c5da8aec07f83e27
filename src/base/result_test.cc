#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace hearth {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error{ErrorKind::invalid, "odd"};
  return n / 2;
}

Result<int> quarter(int n) {
  HEARTH_TRY(const int h, half(n));
  HEARTH_TRY(const int q, half(h));
  return q;
}

Result<void> require_even(int n) {
  HEARTH_TRY(const int h, half(n));
  static_cast<void>(h);
  return {};
}

Result<void> require_even_twice(int n) {
  HEARTH_TRY_VOID(require_even(n));
  HEARTH_TRY_VOID(require_even(n + 1));
  return {};
}

TEST(Result, try_binds_a_value_and_passes_an_error_on) {
  ASSERT_TRUE(quarter(12).has_value());
  EXPECT_EQ(*quarter(12), 3);
  ASSERT_FALSE(quarter(6).has_value());
  EXPECT_EQ(quarter(6).error().kind, ErrorKind::invalid);
  EXPECT_EQ(quarter(6).error().message, "odd");
}

TEST(Result, try_void_stops_at_the_first_error) {
  EXPECT_TRUE(require_even(2));
  EXPECT_FALSE(require_even(3));
  EXPECT_EQ(require_even_twice(2).error().message, "odd");
}

TEST(Result, moves_out_what_cannot_be_copied) {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = *std::move(made);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, arrow_and_star_reach_and_change_the_value) {
  Result<std::string> text = std::string("ab");
  text->push_back('c');
  EXPECT_EQ(text->size(), 3u);
  *text += 'd';
  EXPECT_EQ(text.value(), "abcd");
}

TEST(ResultDeathTest, value_of_an_error_aborts_and_says_the_error) {
  EXPECT_DEATH(static_cast<void>(half(3).value()), "value\\(\\) of an error.*odd");
}

TEST(ResultDeathTest, error_of_a_value_aborts) {
  EXPECT_DEATH(static_cast<void>(half(4).error()), "holds a value");
}

}  // namespace
}  // namespace hearth
