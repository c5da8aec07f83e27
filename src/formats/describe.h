// describe.h - a Checkpoint as plain text for a terminal: `hearth model inspect FILE`. Part of the
// portable core.
//
// Texts of the file (names, keys, strings) are hostile: they are printed bare only when they are
// plain words, otherwise quoted with control characters escaped, so that a file cannot steer a
// terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/checkpoint.h"

namespace hearth::formats {

struct DTypeTotal {
  DType dtype;
  std::size_t n_tensors = 0;
  std::uint64_t n_bytes = 0;
};

// One entry for each type that occurs, largest first.
std::vector<DTypeTotal> totals_by_dtype(const Checkpoint& checkpoint);

// The values of all tensors together.
std::uint64_t n_parameters(const Checkpoint& checkpoint);

// all: arrays and texts in the metadata at full length; otherwise the first few elements.
std::string describe(const Checkpoint& checkpoint, bool all);

}  // namespace hearth::formats
