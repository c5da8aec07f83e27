#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

namespace hearth {
namespace {

TEST(ThreadPool, runs_every_index_exactly_once) {
  for (const int n_threads : {1, 2, 3, 8}) {
    ThreadPool pool(n_threads);
    EXPECT_EQ(pool.n_threads(), n_threads);
    for (const std::int64_t n : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> counts(static_cast<std::size_t>(n));
      pool.run(n, [&](std::int64_t i) { ++counts[static_cast<std::size_t>(i)]; });
      for (const auto& count : counts) EXPECT_EQ(count, 1);
    }
  }
}

TEST(ThreadPool, stretches_of_threads_follow_one_another_and_leave_nothing_out) {
  for (const int n_threads : {1, 2, 3, 8}) {
    const ThreadPool pool(n_threads);
    for (const std::int64_t n : {1, 2, 7, 1000}) {
      EXPECT_EQ(pool.first_index(n, 0), 0);
      EXPECT_EQ(pool.first_index(n, n_threads), n);
      for (int t = 0; t < n_threads; ++t) {
        const std::int64_t size = pool.first_index(n, t + 1) - pool.first_index(n, t);
        EXPECT_TRUE(size == n / n_threads || size == n / n_threads + 1);
      }
    }
  }
}

TEST(ThreadPool, a_thread_begins_with_its_own_stretch_and_helps_with_the_others) {
  ThreadPool pool(2);
  std::atomic<bool> other_began = false, last_began = false;
  std::thread::id ran[8];
  pool.run(8, [&](std::int64_t i) {
    ran[i] = std::this_thread::get_id();
    if (i == 4) other_began = true;
    if (i == 7) last_began = true;
    while (i == 0 && !other_began) std::this_thread::yield();
    while (i == 4 && !last_began) std::this_thread::yield();
  });
  for (const int i : {0, 1, 2, 3, 5, 6, 7}) EXPECT_EQ(ran[i], std::this_thread::get_id());
  EXPECT_NE(ran[4], std::this_thread::get_id());
}

TEST(ThreadPool, memory_that_is_read_ahead_need_not_be_readable) {
  ThreadPool pool(2);
  constexpr std::size_t kBytes = 1 << 20;
  void* memory = mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const ThreadPool::Ahead stretch{static_cast<const std::uint8_t*>(memory), kBytes};
  const ThreadPool::Ahead ahead[2] = {stretch, stretch};
  std::atomic<int> n_run = 0;
  for (int loop = 0; loop < 100; ++loop) {
    pool.run(
        2,
        [&](std::int64_t i) {
          ++n_run;
          if (i == 0) std::this_thread::sleep_for(std::chrono::microseconds(5));
        },
        ahead);
  }
  EXPECT_EQ(n_run, 200);
  munmap(memory, kBytes);
}

TEST(ThreadPool, a_loop_sees_what_the_loop_before_it_wrote) {
  ThreadPool pool(4);
  std::vector<std::int64_t> values(64, 0);
  const auto add_one = [&](std::int64_t i) { values[static_cast<std::size_t>(i)] += 1; };
  constexpr int kLoops = 2000;
  for (int loop = 0; loop < kLoops; ++loop) pool.run(64, add_one);
  EXPECT_EQ(values, std::vector<std::int64_t>(64, kLoops));
}

TEST(ThreadPool, parked_workers_wake_again) {
  ThreadPool pool(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // far beyond the spin of 20 µs
    // Each body waits until all three have begun: it ends only if both workers woke up.
    std::atomic<int> n_begun{0};
    pool.run(3, [&](std::int64_t) {
      ++n_begun;
      while (n_begun < 3) std::this_thread::yield();
    });
    EXPECT_EQ(n_begun, 3);
  }
}

TEST(ThreadPool, callers_from_several_threads_take_turns) {
  ThreadPool pool(2);
  std::atomic<std::int64_t> total{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int loop = 0; loop < 200; ++loop) pool.run(10, [&](std::int64_t i) { total += i; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total, 4 * 200 * 45);
}

TEST(ThreadPool, one_thread_means_the_caller) {
  ThreadPool pool(1);
  std::set<std::thread::id> ids;
  pool.run(10, [&](std::int64_t) { ids.insert(std::this_thread::get_id()); });
  EXPECT_EQ(ids, std::set<std::thread::id>{std::this_thread::get_id()});
}

TEST(ThreadPool, can_be_made_and_dropped_without_work) {
  for (int i = 0; i < 50; ++i) const ThreadPool pool(4);
}

TEST(ThreadPool, who_waits_comes_before_a_caller_of_loop_after_loop) {
  ThreadPool pool(2);
  int n_served_first = 0;
  for (int i = 0; i < 5; ++i) {
    std::atomic<bool> calls = false, served = false;
    std::thread other;
    pool.run(1, [&](std::int64_t) {
      other = std::thread([&] {
        calls = true;
        pool.run(1, [&](std::int64_t) { served = true; });
      });
      while (!calls) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));  // for it to begin to wait
    });
    pool.run(1, [&](std::int64_t) { n_served_first += served ? 1 : 0; });
    other.join();
  }
  EXPECT_GE(n_served_first, 3);
}

TEST(ThreadPoolDeathTest, a_loop_inside_a_loop_is_refused) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        ThreadPool pool(1);
        pool.run(1, [&](std::int64_t) { pool.run(1, [](std::int64_t) {}); });
      },
      "inside a loop body");
}

TEST(PhysicalCores, are_at_least_one_and_at_most_the_threads_of_the_machine) {
  EXPECT_GE(physical_cores(), 1);
  EXPECT_LE(physical_cores(), static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace
}  // namespace hearth
