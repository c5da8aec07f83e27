// stop_matcher_test.cc - the matcher against a search that looks at the whole text again after
// every byte.
#include "engine/stop_matcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/utf8.h"
#include "engine/count_allocations_testing.h"

namespace hearth::engine {
namespace {

using Texts = std::vector<std::string>;

struct Answer {
  std::string text;
  bool stopped = false;
  bool operator==(const Answer&) const = default;
};

// The definition: the first byte after which the text ends with a stop text ends the answer; the
// longest that ends there is cut off.
Answer naive(const Texts& stops, const std::string& text) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::size_t longest = 0;
    for (const std::string& stop : stops) {
      if (text.substr(0, end).ends_with(stop)) longest = std::max(longest, stop.size());
    }
    if (longest > 0) return {text.substr(0, end - longest), true};
  }
  return {text, false};
}

Answer run(const Texts& stops, const Texts& pieces) {
  StopMatcher matcher(stops);
  Answer answer;
  for (const std::string& piece : pieces) {
    if (matcher.push(piece, answer.text)) {
      answer.stopped = true;
      break;
    }
  }
  matcher.finish(answer.text);
  EXPECT_EQ(matcher.stopped(), answer.stopped);
  return answer;
}

TEST(StopMatcher, without_stop_texts_everything_passes_at_once) {
  StopMatcher matcher({});
  std::string out;
  EXPECT_FALSE(matcher.push("abc", out));
  EXPECT_EQ(out, "abc");
}

TEST(StopMatcher, a_stop_text_across_pieces_never_comes_out) {
  StopMatcher matcher(Texts{"\n\nUser:"});
  std::string out;
  EXPECT_FALSE(matcher.push("Hello\n", out));
  EXPECT_EQ(out, "Hello");
  EXPECT_FALSE(matcher.push("\nUs", out));
  EXPECT_EQ(out, "Hello");
  EXPECT_TRUE(matcher.push("er: more", out));
  EXPECT_EQ(out, "Hello");
  EXPECT_TRUE(matcher.push("and more", out));
  matcher.finish(out);
  EXPECT_EQ(out, "Hello");
}

TEST(StopMatcher, what_turns_out_to_be_no_stop_text_comes_out_at_once) {
  StopMatcher matcher(Texts{"<end>"});
  std::string out;
  EXPECT_FALSE(matcher.push("a <en", out));
  EXPECT_EQ(out, "a ");
  EXPECT_EQ(matcher.n_held_back(), 3u);
  EXPECT_FALSE(matcher.push("try> b", out));
  EXPECT_EQ(out, "a <entry> b");
  EXPECT_EQ(matcher.n_held_back(), 0u);
}

TEST(StopMatcher, finish_lets_out_what_was_held_back) {
  StopMatcher matcher(Texts{"<end>"});
  std::string out;
  EXPECT_FALSE(matcher.push("a <en", out));
  matcher.finish(out);
  EXPECT_EQ(out, "a <en");
}

TEST(StopMatcher, the_stop_text_that_is_complete_first_wins) {
  EXPECT_EQ(run({"abcd", "bc"}, {"abcde"}), (Answer{"a", true}));
  EXPECT_EQ(run({"abcd", "bc"}, {"ab", "cde"}), (Answer{"a", true}));
  EXPECT_EQ(run({"abc", "bc"}, {"xab", "cd"}), (Answer{"x", true})) << "the longest is cut off";
  EXPECT_EQ(run({"\n", "\n\nUser:"}, {"a\n\nUser:"}), (Answer{"a", true}));
}

TEST(StopMatcher, a_stop_text_that_overlaps_itself_is_found_after_a_false_start) {
  EXPECT_EQ(run({"aab"}, {"a", "a", "a", "a", "b", "c"}), (Answer{"aa", true}));
  EXPECT_EQ(run({"abab c"}, {"ababab", " c"}), (Answer{"ab", true}));
}

TEST(StopMatcher, whole_characters_stay_whole) {
  StopMatcher matcher(Texts{"é€x"});
  std::string out;
  for (const char* piece : {"aé", "€", "é", "€y"}) {
    EXPECT_FALSE(matcher.push(piece, out));
    EXPECT_TRUE(is_valid_utf8(out)) << out;
  }
  EXPECT_EQ(out, "aé€é€y");
}

TEST(StopMatcher, random_texts_and_splits_agree_with_the_naive_search) {
  std::mt19937 random(1);
  const auto text_of = [&](std::size_t n, unsigned n_letters) {
    std::string text(n, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % n_letters);
    return text;
  };
  int n_stopped = 0;
  for (int round = 0; round < 20000; ++round) {
    const unsigned n_letters = 1 + random() % 4;
    Texts stops(1 + random() % 4);
    for (std::string& stop : stops) stop = text_of(1 + random() % 7, n_letters);
    const std::string text = text_of(random() % 40, n_letters);
    const Answer expected = naive(stops, text);
    n_stopped += expected.stopped ? 1 : 0;

    StopMatcher matcher(stops);
    std::string out;
    std::size_t at = 0;
    while (at < text.size() && !matcher.stopped()) {
      const std::size_t n = random() % 5;
      const std::string piece = text.substr(at, n);
      at += piece.size();
      matcher.push(piece, out);
      // All that is safe is out, and nothing else.
      ASSERT_TRUE(expected.text.starts_with(out));
      if (!matcher.stopped()) {
        std::size_t n_held = 0;
        for (const std::string& stop : stops) {
          for (std::size_t k = 1; k < stop.size(); ++k) {
            if (text.substr(0, at).ends_with(stop.substr(0, k))) n_held = std::max(n_held, k);
          }
        }
        ASSERT_EQ(out, text.substr(0, at - n_held));
      }
    }
    matcher.finish(out);
    ASSERT_EQ(out, expected.text) << text;
    ASSERT_EQ(matcher.stopped(), expected.stopped) << text;
  }
  EXPECT_GT(n_stopped, 5000);
  EXPECT_LT(n_stopped, 19000);
}

TEST(StopMatcher, nothing_allocates_after_reserve) {
  const std::string stop = std::string(1000, 'a') + "b";
  StopMatcher matcher(Texts{stop, "aac"});
  matcher.reserve(50);
  std::string out;
  out.reserve(20000);
  const std::int64_t before = n_allocations();
  const std::string_view piece = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
  for (int i = 0; i < 300; ++i) ASSERT_FALSE(matcher.push(piece, out));
  EXPECT_EQ(matcher.n_held_back(), 1000u);
  EXPECT_TRUE(matcher.push("b", out));
  EXPECT_EQ(n_allocations(), before);
  EXPECT_EQ(out.size(), 14000u);
}

TEST(StopMatcher, text_after_the_end_of_a_part_begins_afresh) {
  const std::vector<std::string> texts = {"STOP"};
  StopMatcher stops(texts);
  std::string out;
  EXPECT_FALSE(stops.push("a ST", out));
  stops.finish(out);
  EXPECT_EQ(out, "a ST");
  EXPECT_FALSE(stops.push("OP b", out));
  EXPECT_EQ(out, "a STOP b");
  EXPECT_TRUE(stops.push("STOP", out));
  EXPECT_EQ(out, "a STOP b");
}

}  // namespace
}  // namespace hearth::engine
