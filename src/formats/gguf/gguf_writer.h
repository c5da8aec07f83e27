// gguf_writer.h - the head of a GGUF file: everything before the tensors' data. Part of the
// portable core; whoever writes a file appends each tensor's bytes, in order, at the offsets given
// here.
//
// Integers are written as u32 where they fit, lists of them as i32, floats as f32, because that is
// what readers of these keys insist on; what does not fit is written in 64 bits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "formats/checkpoint.h"

namespace hearth::formats {

struct GgufTensor {
  std::string name;  // 1 to 64 bytes
  DType dtype = DType::f32;
  Shape shape;
  std::uint64_t offset = 0;  // from the start of the file; set by write_gguf_head
};

inline constexpr std::uint64_t kGgufAlignment = 32;

// The bytes of the file up to the first tensor's data. Sets the tensors' offsets and, when it is
// given, the size of the whole file. Errors: unsupported (a type without a number in GGUF, a name
// that is too long).
Result<std::string> write_gguf_head(const std::map<std::string, MetaValue, std::less<>>& metadata,
                                    std::vector<GgufTensor>& tensors,
                                    std::uint64_t* file_bytes = nullptr);

}  // namespace hearth::formats
