#include "text/answer/json_scanner.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace hearth::text {
namespace {

// "complete", "more", or "broken at N".
std::string verdict(std::string_view text) {
  JsonScanner scanner;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const JsonScanner::Result result = scanner.push(text[i]);
    if (result == JsonScanner::Result::broken) return "broken at " + std::to_string(i);
    if (result == JsonScanner::Result::complete) {
      return i + 1 == text.size() ? "complete" : "complete at " + std::to_string(i);
    }
  }
  return "more";
}

TEST(JsonScanner, tells_whole_from_unfinished_and_broken) {
  EXPECT_EQ(verdict("{}"), "complete");
  EXPECT_EQ(verdict(" \n[ ]"), "complete");
  EXPECT_EQ(verdict(R"({"a": [1, -0.5e+7, true, null, "x\u00e9\n"], "b": {}})"), "complete");
  EXPECT_EQ(verdict("{}x"), "complete at 1");
  EXPECT_EQ(verdict(R"({"a": ")"), "more");
  EXPECT_EQ(verdict(R"({"a": 1)"), "more");
  EXPECT_EQ(verdict("3"), "broken at 0");
  EXPECT_EQ(verdict(R"({"name": "f, "arguments")"), "broken at 14");
  EXPECT_EQ(verdict("[1,]"), "broken at 3");
  EXPECT_EQ(verdict("{,"), "broken at 1");
  EXPECT_EQ(verdict(R"({"a":1,})"), "broken at 7");
  EXPECT_EQ(verdict("[01"), "broken at 2");
  EXPECT_EQ(verdict("[-]"), "broken at 2");
  EXPECT_EQ(verdict("[1.]"), "broken at 3");
  EXPECT_EQ(verdict("[1e]"), "broken at 3");
  EXPECT_EQ(verdict("[tru]"), "broken at 4");
  EXPECT_EQ(verdict("[}"), "broken at 1");
  EXPECT_EQ(verdict("{]"), "broken at 1");
  EXPECT_EQ(verdict("[\"a\nb\"]"), "broken at 3");
  EXPECT_EQ(verdict(R"(["\x"])"), "broken at 3");
  EXPECT_EQ(verdict(R"(["\u00g0"])"), "broken at 6");
}

TEST(JsonScanner, nesting_is_bounded) {
  EXPECT_EQ(verdict(std::string(64, '[')), "more");
  EXPECT_EQ(verdict(std::string(64, '[') + std::string(64, ']')), "complete");
  EXPECT_EQ(verdict(std::string(65, '[')), "broken at 64");
}

// nlohmann-json decides what is valid.
TEST(JsonScanner, agrees_with_a_parser_on_damaged_texts) {
  const std::string sample =
      R"({"a": [1, -2.5e+3, 0.1, true, false, null, "x\n\u00e9"], "b": {"c": [], "d": {}}})";
  const std::string bytes = "{}[],:\"\\10-+.eutn x";
  std::mt19937 random(11);
  std::size_t n_valid = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string text = sample;
    for (std::size_t n = random() % 3; n > 0; --n) {
      const std::size_t at = random() % text.size();
      text.replace(at, random() % 2, random() % 2, bytes[random() % bytes.size()]);
    }
    const auto value = nlohmann::json::parse(text, nullptr, false);
    const bool is_valid = value.is_structured() && !text.ends_with(' ');
    n_valid += is_valid;
    ASSERT_EQ(verdict(text) == "complete", is_valid) << text;
    ASSERT_EQ(is_json_object(text), value.is_object()) << text;
  }
  EXPECT_GT(n_valid, 30'000u);
  EXPECT_LT(n_valid, 90'000u);
}

}  // namespace
}  // namespace hearth::text
