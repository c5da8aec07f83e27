// seconds.h - durations as the numbers that are told.
#pragma once

#include <chrono>

namespace hearth {

inline double seconds(std::chrono::steady_clock::time_point from,
                      std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace hearth
