// count_allocations_testing.h - how often this test program has called operator new so far, for
// tests of "does not allocate". Linking count_allocations_testing.cc replaces operator new of the
// program. Under the thread sanitizer, whose own operator new cannot be replaced, it is always 0.
#pragma once

#include <cstdint>

namespace hearth::engine {

std::int64_t n_allocations();

}  // namespace hearth::engine
