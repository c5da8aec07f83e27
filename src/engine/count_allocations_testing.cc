// count_allocations_testing.cc - see count_allocations_testing.h. The array forms and the nothrow
// forms of the standard library call these.
#include "engine/count_allocations_testing.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::int64_t> allocations{0};
}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace hearth::engine {

std::int64_t n_allocations() { return allocations.load(std::memory_order_relaxed); }

}  // namespace hearth::engine
