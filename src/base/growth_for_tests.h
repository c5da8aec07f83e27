// growth_for_tests.h - how the time that work takes grows with its size.
#pragma once

#include <time.h>

#include <algorithm>
#include <functional>

namespace hearth {

// How many times longer work(8 * size) takes than work(size): about 8 when it is linear, 64 when it
// is quadratic. Times are this thread's own, the shortest of several, so that a busy machine is no
// fault; the measured size must take well over a microsecond.
inline double growth_by_eight(const std::function<void(int)>& work, int size) {
  const auto now = [] {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  };
  const auto shortest = [&](int n) {
    double best = 1e9;
    for (int i = 0; i < 3; ++i) {
      const double begin = now();
      work(n);
      best = std::min(best, now() - begin);
    }
    return best;
  };
  const double small = shortest(size);
  return shortest(8 * size) / small;
}

// Between linear (8) and quadratic (64), with room for caches and logarithms.
inline constexpr double kLinearGrowth = 24;

}  // namespace hearth
