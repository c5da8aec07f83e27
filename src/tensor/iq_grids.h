// iq_grids.h - the generated points of iq1_*, iq2_* and iq3_* (tools/make_iq_grids).
//
// These formats number points of a grid instead of storing values: four or eight values at once.
// An entry packs one point, value i in the lowest bits but i, as a small number that stands for
//
//   kIq1Grid      8 values of 2 bits: 0, 1, 2 -> -1, 0, 1        iq1_s, iq1_m
//   kIq2…Grid     8 values of 2 bits: 0, 1, 2 -> 8, 25, 43       iq2_xxs, iq2_xs, iq2_s
//   kIq3XxsGrid   4 values of 4 bits: 0 … 7 -> 4, 12, 20, 28, 36, 44, 52, 62
//   kIq3SGrid     4 values of 4 bits: 0 … 7 -> 1, 3, 5, 7, 9, 11, 13, 15
#pragma once

#include <cstdint>

namespace hearth {

extern const std::uint16_t kIq1Grid[2048];
extern const std::uint16_t kIq2XxsGrid[256];
extern const std::uint16_t kIq2XsGrid[512];
extern const std::uint16_t kIq2SGrid[1024];
extern const std::uint16_t kIq3XxsGrid[256];
extern const std::uint16_t kIq3SGrid[512];

}  // namespace hearth
