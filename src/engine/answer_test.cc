#include "engine/answer.h"

#include <gtest/gtest.h>

#include <thread>

namespace hearth::engine {
namespace {

TEST(Answer, tokens_come_out_in_order_with_their_own_text_and_alternatives) {
  Answer answer({.max_tokens = 3, .text_bytes = 100, .n_top = 2}, 7);
  const TokenLogprob top[] = {{5, -0.5f}, {6, -1.5f}};
  answer.push(5, -0.5f, top, {"Hel"});
  answer.push(6, -1.0f, {}, {"lo"});
  answer.finish(FinishReason::stop, {.prompt_tokens = 4, .completion_tokens = 2}, {});
  const auto first = answer.read(true);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, 5);
  EXPECT_EQ(first->text, "Hel");
  ASSERT_EQ(first->top_logprobs.size(), 2u);
  EXPECT_EQ(first->top_logprobs[1].id, 6);
  EXPECT_FALSE(answer.done());
  EXPECT_EQ(answer.read(true)->text, "lo");
  EXPECT_FALSE(answer.read(true));
  EXPECT_TRUE(answer.done());
  EXPECT_EQ(answer.finish_reason(), FinishReason::stop);
  EXPECT_EQ(answer.usage().prompt_tokens, 4);
  EXPECT_EQ(answer.seed(), 7u);
}

TEST(Answer, reasoning_and_spans_stay_with_their_token) {
  Answer answer({.max_tokens = 2, .text_bytes = 4, .with_spans = true}, 0);
  const SourceSpan first[] = {{3, 0}}, second[] = {{8, 0}, {2, 2}};
  answer.push(1, 0, {}, {.text = "", .reasoning = "hm ", .spans = first});
  answer.push(2, 0, {}, {.text = "ok", .reasoning = "so", .spans = second});
  answer.finish(FinishReason::stop, {}, {});
  const auto thought = answer.read(true);
  EXPECT_EQ(thought->text, "");
  EXPECT_EQ(thought->reasoning, "hm ");
  EXPECT_EQ(thought->spans.size(), 1u);
  const auto both = answer.read(true);
  EXPECT_EQ(both->text, "ok");
  EXPECT_EQ(both->reasoning, "so");
  ASSERT_EQ(both->spans.size(), 2u);
  EXPECT_EQ(both->spans[1].n_text_bytes, 2u);
}

TEST(Answer, reading_without_waiting_tells_nothing_yet_from_the_end) {
  Answer answer({.max_tokens = 1, .text_bytes = 10, .n_top = 0}, 0);
  EXPECT_FALSE(answer.read(false));
  EXPECT_FALSE(answer.done());
  answer.finish(FinishReason::length, {}, {});
  EXPECT_FALSE(answer.read(false));
  EXPECT_TRUE(answer.done());
}

TEST(Answer, a_waiting_reader_wakes_for_each_token_and_for_the_end) {
  Answer answer({.max_tokens = 100, .text_bytes = 1000, .n_top = 0}, 0);
  std::string text;
  std::thread reader([&] {
    while (const auto event = answer.read(true)) text += event->text;
  });
  for (int i = 0; i < 100; ++i) answer.push(i, 0, {}, {"x"});
  answer.finish(FinishReason::stop, {}, {});
  reader.join();
  EXPECT_EQ(text, std::string(100, 'x'));
}

TEST(Answer, the_callback_runs_at_once_when_something_is_there_and_then_for_each_piece) {
  Answer answer({.max_tokens = 2, .text_bytes = 10, .n_top = 0}, 0);
  int calls = 0;
  answer.push(1, 0, {}, {"a"});
  answer.on_ready([&] { ++calls; });
  EXPECT_EQ(calls, 1);
  answer.push(2, 0, {}, {"b"});
  EXPECT_EQ(calls, 2);
  answer.on_ready({});
  answer.finish(FinishReason::stop, {}, {});
  EXPECT_EQ(calls, 2);
}

TEST(Answer, an_error_is_readable_after_the_end) {
  Answer answer({.max_tokens = 1, .text_bytes = 1, .n_top = 0}, 0);
  answer.finish(FinishReason::error, {}, Error{ErrorKind::corrupt, "broken"});
  EXPECT_FALSE(answer.read(true));
  ASSERT_TRUE(answer.error());
  EXPECT_EQ(answer.error()->message, "broken");
}

}  // namespace
}  // namespace hearth::engine
