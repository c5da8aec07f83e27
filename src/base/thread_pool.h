// thread_pool.h - a fixed set of threads that split one loop at a time. Not part of the portable
// core.
//
// run(n, fn) calls fn(0) … fn(n - 1), each once, on the calling thread and the workers, and returns
// when all are done. Indices are handed out one by one from a counter, so a thread that a busy
// neighbour holds up costs its share and no more; which thread runs an index is unspecified,
// therefore fn(i) must compute the same bytes whoever calls it.
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

  template <class Fn>
  void run(std::int64_t n, Fn&& fn) {
    using Body = std::remove_reference_t<Fn>;
    run_erased(
        n, [](void* context, std::int64_t i) { (*static_cast<Body*>(context))(i); },
        const_cast<void*>(static_cast<const void*>(&fn)));
  }

 private:
  using Task = void (*)(void* context, std::int64_t index);
  void run_erased(std::int64_t n, Task task, void* context);
  void work();
  void drain();

  std::vector<std::thread> workers_;
  std::mutex turn_;       // held by the caller of the current loop
  std::mutex next_turn_;  // and by the one that is next

  // The current loop. Written under turn_ while open_ is false and nobody is active; read only by a
  // worker that is counted in n_active_ and saw open_.
  Task task_ = nullptr;
  void* context_ = nullptr;
  std::int64_t n_ = 0;
  alignas(64) std::atomic<std::uint64_t> generation_{0};  // raised when a loop opens
  alignas(64) std::atomic<std::int64_t> next_{0};
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
