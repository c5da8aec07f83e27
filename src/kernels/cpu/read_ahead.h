// read_ahead.h - what a step's next matrix product reads first, for threads that wait for it.
//
// A step reads a model's matrices in the same order each time, so the first step shows what follows
// what. Asking early keeps the memory busy between products, where one thread normalises and
// quantises a row and the others would only wait: a sixth of a small model's decoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"

namespace hearth::kernels {

class ReadAhead {
 public:
  // Products are named by numbers below n_products.
  void resize(std::size_t n_products, int n_threads) {
    n_threads_ = static_cast<std::size_t>(n_threads);
    following_.assign(n_products, kNone);
    stretches_.assign(n_products * n_threads_, {});
  }

  // The step has come to this product. To be filled in: where each thread begins to read.
  std::span<ThreadPool::Ahead> come_to(std::int32_t product) {
    if (now_ != kNone) following_[static_cast<std::size_t>(now_)] = product;
    now_ = product;
    return std::span(stretches_)
        .subspan(static_cast<std::size_t>(product) * n_threads_, n_threads_);
  }

  // A product for which nothing should be read early.
  void come_to_none() { now_ = kNone; }

  // What the product after the current one reads first; empty when that is not known.
  std::span<const ThreadPool::Ahead> next() const {
    const std::int32_t next = now_ == kNone ? kNone : following_[static_cast<std::size_t>(now_)];
    if (next == kNone) return {};
    return std::span(stretches_).subspan(static_cast<std::size_t>(next) * n_threads_, n_threads_);
  }

 private:
  static constexpr std::int32_t kNone = -1;
  std::size_t n_threads_ = 0;
  std::int32_t now_ = kNone;
  std::vector<std::int32_t> following_;       // [n_products]
  std::vector<ThreadPool::Ahead> stretches_;  // [n_products, n_threads]
};

}  // namespace hearth::kernels
