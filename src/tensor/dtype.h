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
  f8_e4m3,
  f8_e5m2,
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
  iq1_s,
  iq1_m,
  iq2_xxs,
  iq2_xs,
  iq2_s,
  iq3_xxs,
  iq3_s,
  iq4_nl,
  iq4_xs,
  tq1_0,
  tq2_0,
  q1_0,
  q2_0,
  mxfp4,
  nvfp4
};

struct DTypeInfo {
  DType dtype;
  std::string_view name;                 // as users and llama.cpp write it: "q4_1"
  std::optional<std::uint32_t> ggml_id;  // the number in a GGUF tensor record; f8_* have none
  std::size_t block_values;
  std::size_t block_bytes;
  // Expands whole blocks: in holds out.size() / block_values blocks. Bit for bit what ggml
  // computes: separate float32 multiply and add, denormals kept.
  void (*dequantize)(std::span<const std::byte> in, std::span<float> out);
};

// The sixteen values that a code of iq4_nl and iq4_xs stands for.
inline constexpr std::int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                               1,    13,   25,  38,  53,  69,  89,  113};

// Twice the sixteen values (E2M1) that a code of mxfp4 and nvfp4 stands for; their scales are
// halved.
inline constexpr std::int8_t kE2m1Values[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                                0, -1, -2, -3, -4, -6, -8, -12};

std::span<const DTypeInfo> dtypes();  // all of them, in the order of DType
const DTypeInfo& dtype_info(DType dtype);
std::optional<DType> dtype_of_ggml_id(std::uint32_t id);
// Also knows the types Hearth cannot compute with yet, for messages; "type 99" is answered by "".
std::string_view ggml_type_name(std::uint32_t id);

// IEEE half and bfloat16 to and from float; rounding to nearest even, NaN and infinities kept.
inline constexpr float kLargestHalf = 65504;
float f16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_f16(float value);
float bf16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_bf16(float value);

// The 8-bit floats of the Open Compute Project (OFP8): E4M3 has no infinities, and only all ones is
// a NaN (the largest value is 448); E5M2 is the upper byte of an IEEE half.
float f8_e4m3_to_f32(std::uint8_t bits);
float f8_e5m2_to_f32(std::uint8_t bits);

}  // namespace hearth
