// count_allocations_testing.cc - see count_allocations_testing.h. The array and nothrow forms of
// the standard library call those replaced here.
#include "engine/count_allocations_testing.h"

#include <atomic>
#include <cstdlib>
#include <new>

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define HEARTH_KEEPS_OPERATOR_NEW
#endif
#endif

namespace {

std::atomic<std::int64_t> allocations{0};

}  // namespace

#ifndef HEARTH_KEEPS_OPERATOR_NEW

namespace {

void* counted(void* memory) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return counted(std::malloc(size > 0 ? size : 1)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto a = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(a, (size + a - 1) / a * a));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

#endif

namespace hearth::engine {

std::int64_t n_allocations() { return allocations.load(std::memory_order_relaxed); }

}  // namespace hearth::engine
