// read_ahead.h - what a step's next matrix product reads first, for threads that wait for it.
//
// A step reads a model's matrices in the same order each time, so the first step shows what follows
// what. Asking early keeps the memory busy between products, where one thread normalises and
// quantises a row and the others would only wait: a sixth of a small model's decoding.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/matmul.h"

namespace hearth::kernels {

// What a waiting thread reads ahead at most: a quarter of a second-level cache of 512 KiB. Of 64,
// 128 and 256 KiB the middle one was fastest (bench/LOG.md).
inline constexpr std::int64_t kReadAhead = std::int64_t{128} << 10;

// The weights from a panel on, counted over all the products' panels, as far as they lie in one
// piece. Empty behind the last panel.
inline ThreadPool::Ahead stretch_from(std::span<const MatMul> products, std::int64_t panel) {
  for (const MatMul& product : products) {
    const PackedMatrix& w = *product.w;
    if (panel < w.n_panels()) {
      return {w.panel(panel), std::min(kReadAhead, (w.n_panels() - panel) * w.panel_bytes)};
    }
    panel -= w.n_panels();
  }
  return {};
}

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
