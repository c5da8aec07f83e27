#include "kernels/cpu/read_ahead.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>

#include "kernels/packed_matrix.h"
#include "kernels/test_data.h"

namespace hearth::kernels {
namespace {

// A step that comes to these products, each of which begins at its own number in `memory`.
class Steps {
 public:
  Steps() { ahead_.resize(3, 2); }
  void come_to(std::int32_t product) {
    for (auto& stretch : ahead_.come_to(product)) stretch = {&memory_[at(product)], 1};
  }
  bool next_is(std::int32_t product) const {
    const auto next = ahead_.next();
    return next.size() == 2 && next[0].begin == &memory_[at(product)] &&
           next[1].begin == &memory_[at(product)];
  }
  ReadAhead& ahead() { return ahead_; }

 private:
  static std::size_t at(std::int32_t product) { return static_cast<std::size_t>(product); }
  std::array<std::uint8_t, 3> memory_{};
  ReadAhead ahead_;
};

TEST(ReadAhead, knows_what_follows_after_one_step) {
  Steps steps;
  EXPECT_TRUE(steps.ahead().next().empty());
  for (const std::int32_t product : {0, 2, 1}) {
    steps.come_to(product);
    EXPECT_TRUE(steps.ahead().next().empty());
  }
  steps.come_to(0);
  EXPECT_TRUE(steps.next_is(2));
  steps.come_to(2);
  EXPECT_TRUE(steps.next_is(1));
  steps.come_to(1);
  EXPECT_TRUE(steps.next_is(0));  // the next step's
}

TEST(ReadAhead, follows_a_step_that_takes_another_way) {
  Steps steps;
  for (const std::int32_t product : {0, 1, 0, 2, 0}) steps.come_to(product);
  EXPECT_TRUE(steps.next_is(2));
}

TEST(ReadAhead, says_nothing_where_nothing_should_be_read_early) {
  Steps steps;
  for (const std::int32_t product : {0, 1, 0}) steps.come_to(product);
  steps.ahead().come_to_none();
  EXPECT_TRUE(steps.ahead().next().empty());
  steps.come_to(2);  // follows nothing
  steps.come_to(0);
  EXPECT_TRUE(steps.next_is(1));
}

TEST(ReadAhead, a_stretch_ends_with_its_matrix) {
  std::mt19937 random(3);
  ThreadPool pool(1);
  const PackedMatrix first = pack(random_tensor(DType::q4_0, 48, 64, random).view, false, pool);
  const PackedMatrix second = pack(random_tensor(DType::q8_0, 16, 64, random).view, false, pool);
  const PackedMatrix large = pack(random_tensor(DType::f32, 64, 1024, random).view, false, pool);
  const MatMul products[] = {{.w = &first, .x = {}, .xq = {}, .y = {}, .add = false},
                             {.w = &second, .x = {}, .xq = {}, .y = {}, .add = false},
                             {.w = &large, .x = {}, .xq = {}, .y = {}, .add = false}};
  const auto expect = [&](std::int64_t panel, const std::uint8_t* begin, std::int64_t n_bytes) {
    const ThreadPool::Ahead stretch = stretch_from(products, panel);
    EXPECT_EQ(stretch.begin, begin) << panel;
    EXPECT_EQ(stretch.n_bytes, n_bytes) << panel;
  };
  expect(0, first.panel(0), 3 * first.panel_bytes);
  expect(2, first.panel(2), first.panel_bytes);
  expect(3, second.panel(0), second.panel_bytes);
  expect(4, large.panel(0), kReadAhead);  // of 256 KiB
  expect(8, nullptr, 0);
}

}  // namespace
}  // namespace hearth::kernels
