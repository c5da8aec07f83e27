// thread_pool.h - a fixed set of threads that split one loop at a time. Not part of the portable
// core.
//
// run(n, fn) calls fn(0) … fn(n - 1), each once, on the calling thread and the workers, and returns
// when all are done. Each thread begins with a stretch of indices of its own, so that what it reads
// lies in one piece (a fifth of a small model's decoding, bench/LOG.md), and takes them one by one;
// who has finished takes from the others' stretches. So a thread that a busy neighbour holds up
// costs its share and no more. Which thread runs an index is unspecified, therefore fn(i) must
// compute the same bytes whoever calls it.
//
// A loop ends when every index has run; a worker that the kernel has not woken by then is not
// waited for (beside one busy process this keeps a loop from costing a scheduler time slice).
//
// Waiting threads spin for about 20 µs (the gap between two operators of a forward pass), then
// park. One loop at a time: run() from inside fn is refused by a CHECK; calls from several threads
// take turns. run() does not allocate.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <thread>
#include <type_traits>
#include <vector>

namespace hearth {

class ThreadPool {
 public:
  // n_threads counts the calling thread: 1 means no workers.
  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int n_threads() const { return static_cast<int>(workers_.size()) + 1; }

  // The index at which a thread begins; those before the next thread's follow.
  std::int64_t first_index(std::int64_t n, int thread) const {
    return (thread * n + n_threads() - 1) / n_threads();
  }

  // Memory that a thread asks its cache for while it waits. Never read, so it may be gone.
  struct Ahead {
    const std::uint8_t* begin = nullptr;
    std::int64_t n_bytes = 0;
  };

  // `ahead`: empty, or one for each thread, the calling one first.
  template <class Fn>
  void run(std::int64_t n, Fn&& fn, std::span<const Ahead> ahead = {}) {
    using Body = std::remove_reference_t<Fn>;
    run_erased(
        n, [](void* context, std::int64_t i) { (*static_cast<Body*>(context))(i); },
        const_cast<void*>(static_cast<const void*>(&fn)), ahead);
  }

 private:
  using Task = void (*)(void* context, std::int64_t index);
  // Indices [next, end), handed out from the front.
  struct alignas(64) Range {
    std::atomic<std::int64_t> next{0};
    std::int64_t end = 0;
  };
  void run_erased(std::int64_t n, Task task, void* context, std::span<const Ahead> ahead);
  void work(std::size_t thread);
  void drain(std::size_t thread);

  std::vector<std::thread> workers_;
  std::mutex turn_;       // held by the caller of the current loop
  std::mutex next_turn_;  // and by the one that is next

  // The current loop. Written under turn_ while open_ is false and nobody is active; read only by a
  // worker that is counted in n_active_ and saw open_.
  Task task_ = nullptr;
  void* context_ = nullptr;
  std::span<const Ahead> ahead_;
  std::vector<Range> ranges_;                             // one a thread
  alignas(64) std::atomic<std::uint64_t> generation_{0};  // raised when a loop opens
  alignas(64) std::atomic<bool> open_{false};
  std::atomic<int> n_active_{0};

  std::mutex park_;
  std::condition_variable wake_;
  std::atomic<int> n_parked_{0};
  std::atomic<bool> stop_{false};
};

// Physical cores this process may run on, at least 1 (hyper-threads of one core count once).
int physical_cores();

}  // namespace hearth
