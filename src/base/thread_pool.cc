#include "base/thread_pool.h"

#include <sched.h>

#include <chrono>
#include <fstream>
#include <set>
#include <string>

#include "base/check.h"
#include "base/str.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hearth {

namespace {

thread_local bool inside_loop = false;

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// 20 µs: longer than the gap between two operators of a decode step (measured 1 to 5 µs), shorter
// than what a parked thread costs to wake (about 50 µs on the virtual machines this was written
// on).
constexpr auto kSpin = std::chrono::microseconds(20);

template <class Done>
bool spin_until(Done&& done, ThreadPool::Ahead ahead) {
  const auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
      if (ahead.n_bytes > 0) {
        for (int line = 0; line < 4; ++line) __builtin_prefetch(ahead.begin + 64 * line, 0, 2);
        ahead = {ahead.begin + 256, ahead.n_bytes - 256};
      } else {
        pause_briefly();
      }
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return done();
}

}  // namespace

ThreadPool::ThreadPool(int n_threads) : ranges_(static_cast<std::size_t>(n_threads)) {
  CHECK(n_threads >= 1, "a pool has at least the calling thread");
  for (std::size_t i = 1; i < ranges_.size(); ++i) workers_.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(park_);
    stop_ = true;
    ++generation_;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::drain(std::size_t thread) {
  inside_loop = true;
  for (std::size_t k = 0; k < ranges_.size(); ++k) {
    Range& range = ranges_[(thread + k) % ranges_.size()];
    for (std::int64_t i = range.next.fetch_add(1); i < range.end; i = range.next.fetch_add(1)) {
      task_(context_, i);
    }
  }
  inside_loop = false;
}

void ThreadPool::run_erased(std::int64_t n, Task task, void* context,
                            std::span<const Ahead> ahead) {
  CHECK(!inside_loop, "ThreadPool::run inside a loop body would wait for itself");
  if (n <= 0) return;
  // Who waits holds next_turn_, so that a caller of loop after loop lets it go first: a mutex alone
  // is taken again by who gave it back, long before a sleeper wakes.
  std::unique_lock next(next_turn_);
  const std::lock_guard turn(turn_);
  next.unlock();
  task_ = task;
  context_ = context;
  ahead_ = ahead;
  for (int t = 0; t < n_threads(); ++t) {
    Range& range = ranges_[static_cast<std::size_t>(t)];
    range.next = first_index(n, t);
    range.end = first_index(n, t + 1);
  }
  if (workers_.empty() || n == 1) return drain(0);
  open_ = true;
  ++generation_;
  if (n_parked_ > 0) {
    // Taking the lock orders this with a worker that is about to park: it either sees the new
    // generation before it sleeps or is asleep and hears the notification.
    {
      const std::lock_guard lock(park_);
    }
    wake_.notify_all();
  }
  drain(0);
  // Every index is taken. A worker that comes from here on sees a closed loop; those inside finish.
  open_ = false;
  const Ahead mine = ahead.empty() ? Ahead{} : ahead[0];
  while (!spin_until([this] { return n_active_ == 0; }, mine)) std::this_thread::yield();
}

void ThreadPool::work(std::size_t thread) {
  std::uint64_t seen = 0;
  Ahead ahead;
  while (true) {
    const auto raised = [this, seen] { return generation_ != seen; };
    if (!spin_until(raised, ahead)) {
      std::unique_lock lock(park_);
      ++n_parked_;
      wake_.wait(lock, raised);
      --n_parked_;
    }
    if (stop_) return;
    seen = generation_;
    // First be counted, then look: run_erased closes first and counts then, so one of the two sees
    // the other (both are sequentially consistent).
    ++n_active_;
    ahead = {};
    if (open_) {
      drain(thread);
      if (!ahead_.empty()) ahead = ahead_[thread];
    }
    --n_active_;
  }
}

int physical_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::ifstream siblings(
        cat("/sys/devices/system/cpu/cpu", cpu, "/topology/thread_siblings_list"));
    std::string name;
    if (!(siblings >> name)) name = cat("cpu", cpu);
    cores.insert(name);
  }
  return cores.empty() ? 1 : static_cast<int>(cores.size());
}

}  // namespace hearth
