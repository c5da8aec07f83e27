// dtype.h - the element types of weights, and the exact bytes of every quantised block.
//
// A type stores its values in blocks of `block_values` consecutive values of a row, `block_bytes`
// each. The table below is data: a type is one row here and one function in dequantize.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hearth {

enum class DType : std::uint8_t {
  f32,
  f16,
  bf16,
  q8_0,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  iq4_nl,
  iq4_xs,
  mxfp4
};

struct DTypeInfo {
  DType dtype;
  std::string_view name;  // as users and llama.cpp write it: "q4_1"
  std::uint32_t ggml_id;  // the number in a GGUF tensor record
  std::size_t block_values;
  std::size_t block_bytes;
  // Expands whole blocks: in holds out.size() / block_values blocks. Bit for bit what ggml
  // computes: separate float32 multiply and add, denormals kept.
  void (*dequantize)(std::span<const std::byte> in, std::span<float> out);
};

// The sixteen values that a code of iq4_nl and iq4_xs stands for.
inline constexpr std::int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                               1,    13,   25,  38,  53,  69,  89,  113};

const DTypeInfo& dtype_info(DType dtype);
std::optional<DType> dtype_of_ggml_id(std::uint32_t id);
// Also knows the types Hearth cannot compute with yet, for messages; "type 99" is answered by "".
std::string_view ggml_type_name(std::uint32_t id);

// IEEE half and bfloat16 to and from float; rounding to nearest even, NaN and infinities kept.
float f16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_f16(float value);
float bf16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_bf16(float value);

}  // namespace hearth
