// safetensors.h - the safetensors container. Part of the portable core.
//
//   u64 n; n bytes of JSON { name: {"dtype", "shape", "data_offsets": [begin, end)}, … }; data
//
// Offsets count from the end of the header, shapes are outermost first, values little endian and
// row-major. The tensors tile the data: no holes, no overlap, nothing after the last one.
//
// The bytes are hostile: a fault is an Error (corrupt) that names what came and what was expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::formats {

// A tensor as stored; which types models can compute with is not decided here.
struct StoredTensor {
  std::string name;
  std::string_view dtype;            // of the format's own list: "BF16", "F8_E4M3", "U8"
  std::vector<std::int64_t> shape;   // each >= 0; empty for a single value
  std::span<const std::byte> bytes;  // inside the file
};

// In the order of their names' appearance. The file must outlive the result.
Result<std::vector<StoredTensor>> parse_safetensors(std::span<const std::byte> file);

}  // namespace hearth::formats
