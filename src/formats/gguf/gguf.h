// gguf.h - the GGUF container, versions 2 and 3, little endian.
//
//   "GGUF" u32 version, u64 n_tensors, u64 n_metadata
//   n_metadata x { string key, u32 type, value }          string = u64 length + bytes
//   n_tensors  x { string name, u32 n_dims, u64 dims[], u32 type, u64 offset }
//   padding to `general.alignment` (32), then the tensor data
//
// dims[0] is the contiguous dimension; offsets count from the start of the data.
//
// The bytes are hostile: every count is bounded by what the remaining bytes could hold, every
// product is checked, every tensor lies inside the file. A fault is an Error (corrupt or
// unsupported) that names the field, what came and what was expected; no input crashes or allocates
// more than a small multiple of its own size.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "formats/checkpoint.h"

namespace hearth::formats {

// Portable core: works on bytes, which must outlive the Checkpoint (`storage` is left empty). The
// file may be one part of a split model: gguf_parts.h tells and joins them.
Result<Checkpoint> parse_gguf(std::span<const std::byte> file);

}  // namespace hearth::formats
