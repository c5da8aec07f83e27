// number_range_test.cc - every number near the bounds is tried, as text, against arithmetic.
#include "text/grammar/number_range.h"

#include <cmath>
#include <cstdio>

#include "base/str.h"
#include "text/grammar/grammar_for_tests.h"

namespace hearth::text {
namespace {

std::optional<Bound> bound(const char* text, bool excluded) {
  if (text == nullptr) return std::nullopt;
  return Bound{*parse_decimal(text), excluded};
}

// nullopt: there are none.
std::optional<GrammarAutomaton> numbers(bool whole, const char* low, bool low_out, const char* high,
                                        bool high_out) {
  GrammarBuilder b;
  const auto expr = whole ? integers_between(b, bound(low, low_out), bound(high, high_out))
                          : numbers_between(b, bound(low, low_out), bound(high, high_out));
  if (!expr) return std::nullopt;
  const auto root = b.declare("root");
  b.define(root, *expr);
  return GrammarAutomaton(*b.build(root));
}

TEST(NumberRange, decimals_are_written_out) {
  const auto shown = [](const char* text) {
    const auto d = parse_decimal(text);
    return d ? cat(d->negative ? "-" : "", d->whole, ".", d->fraction) : "none";
  };
  EXPECT_EQ(shown("0"), "0.");
  EXPECT_EQ(shown("-0.0"), "0.");
  EXPECT_EQ(shown("-12.50"), "-12.5");
  EXPECT_EQ(shown("1e3"), "1000.");
  EXPECT_EQ(shown("1.25e+1"), "12.5");
  EXPECT_EQ(shown("1e-07"), "0.0000001");
  EXPECT_EQ(shown("1e308"), "none");
}

constexpr const char* kBounds[] = {nullptr, "-120", "-99", "-10.5", "-1", "-0.25", "0",  "0.05",
                                   "0.5",   "1",    "1.5", "9",     "10", "12.34", "99", "1005"};

TEST(NumberRange, integers_are_those_between_the_bounds) {
  for (const char* low : kBounds) {
    for (const char* high : kBounds) {
      for (int excluded = 0; excluded < 4; ++excluded) {
        const bool low_out = (excluded & 1) != 0, high_out = (excluded & 2) != 0;
        auto grammar = numbers(true, low, low_out, high, high_out);
        for (int n = -1100; n <= 1100; ++n) {
          const bool above = low == nullptr || (low_out ? n > std::atof(low) : n >= std::atof(low));
          const bool below =
              high == nullptr || (high_out ? n < std::atof(high) : n <= std::atof(high));
          const bool fits = grammar && fit(*grammar, cat(n)) == "whole";
          ASSERT_EQ(fits, above && below) << n << " between " << (low ? low : "none") << " and "
                                          << (high ? high : "none") << ", excluded " << excluded;
        }
      }
    }
  }
}

TEST(NumberRange, numbers_are_those_between_the_bounds) {
  std::vector<std::string> texts;
  for (int n = -1300; n <= 1300; ++n) {
    // Hundredths, in the shortest form and with a zero more.
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", n / 100.0);
    if (n != 0 && std::string_view(text) == "-0.00") continue;
    texts.emplace_back(text);
    texts.emplace_back(std::string(text) + "0");
    if (n % 100 == 0) texts.push_back(cat(n / 100));
  }
  for (const char* low : kBounds) {
    for (const char* high : kBounds) {
      for (int excluded = 0; excluded < 4; ++excluded) {
        const bool low_out = (excluded & 1) != 0, high_out = (excluded & 2) != 0;
        auto grammar = numbers(false, low, low_out, high, high_out);
        for (const std::string& text : texts) {
          const double x = std::atof(text.c_str());
          const bool above = low == nullptr || (low_out ? x > std::atof(low) : x >= std::atof(low));
          const bool below =
              high == nullptr || (high_out ? x < std::atof(high) : x <= std::atof(high));
          const bool fits = grammar && fit(*grammar, text) == "whole";
          ASSERT_EQ(fits, above && below) << text << " between " << (low ? low : "none") << " and "
                                          << (high ? high : "none") << ", excluded " << excluded;
        }
      }
    }
  }
}

TEST(NumberRange, what_is_no_number_does_not_fit) {
  auto grammar = numbers(false, "0", false, "10", false);
  for (const char* text : {"", "-", "00", "05", "1.", ".5", "1e0", "-0", "1..2", "+1"}) {
    EXPECT_NE(fit(*grammar, text), "whole") << text;
  }
}

}  // namespace
}  // namespace hearth::text
