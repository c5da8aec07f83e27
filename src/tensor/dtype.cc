// dtype.cc - the table of element types, and the bit arithmetic of the small floats.
#include "tensor/dtype.h"

#include <array>
#include <bit>

#include "base/check.h"
#include "tensor/dequantize.h"

namespace hearth {

namespace {

// In the order of DType. A row here and a function in dequantize.cc make a type.
constexpr DTypeInfo kTypes[] = {
    {DType::f32, "f32", 0, 1, 4, dequantize_f32},
    {DType::f16, "f16", 1, 1, 2, dequantize_f16},
    {DType::bf16, "bf16", 30, 1, 2, dequantize_bf16},
    {DType::f8_e4m3, "f8_e4m3", {}, 1, 1, dequantize_f8_e4m3},
    {DType::f8_e5m2, "f8_e5m2", {}, 1, 1, dequantize_f8_e5m2},
    {DType::q8_0, "q8_0", 8, 32, 34, dequantize_q8_0},
    {DType::q4_0, "q4_0", 2, 32, 18, dequantize_q4_0},
    {DType::q4_1, "q4_1", 3, 32, 20, dequantize_q4_1},
    {DType::q5_0, "q5_0", 6, 32, 22, dequantize_q5_0},
    {DType::q5_1, "q5_1", 7, 32, 24, dequantize_q5_1},
    {DType::q2_k, "q2_k", 10, 256, 84, dequantize_q2_k},
    {DType::q3_k, "q3_k", 11, 256, 110, dequantize_q3_k},
    {DType::q4_k, "q4_k", 12, 256, 144, dequantize_q4_k},
    {DType::q5_k, "q5_k", 13, 256, 176, dequantize_q5_k},
    {DType::q6_k, "q6_k", 14, 256, 210, dequantize_q6_k},
    {DType::iq1_s, "iq1_s", 19, 256, 50, dequantize_iq1_s},
    {DType::iq1_m, "iq1_m", 29, 256, 56, dequantize_iq1_m},
    {DType::iq2_xxs, "iq2_xxs", 16, 256, 66, dequantize_iq2_xxs},
    {DType::iq2_xs, "iq2_xs", 17, 256, 74, dequantize_iq2_xs},
    {DType::iq2_s, "iq2_s", 22, 256, 82, dequantize_iq2_s},
    {DType::iq3_xxs, "iq3_xxs", 18, 256, 98, dequantize_iq3_xxs},
    {DType::iq3_s, "iq3_s", 21, 256, 110, dequantize_iq3_s},
    {DType::iq4_nl, "iq4_nl", 20, 32, 18, dequantize_iq4_nl},
    {DType::iq4_xs, "iq4_xs", 23, 256, 136, dequantize_iq4_xs},
    {DType::tq1_0, "tq1_0", 34, 256, 54, dequantize_tq1_0},
    {DType::tq2_0, "tq2_0", 35, 256, 66, dequantize_tq2_0},
    {DType::q1_0, "q1_0", 41, 128, 18, dequantize_q1_0},
    {DType::q2_0, "q2_0", 42, 64, 18, dequantize_q2_0},
    {DType::mxfp4, "mxfp4", 39, 32, 17, dequantize_mxfp4},
    {DType::nvfp4, "nvfp4", 40, 64, 36, dequantize_nvfp4},
};

constexpr bool rows_follow_the_enum() {
  for (std::size_t i = 0; i < std::size(kTypes); ++i) {
    if (static_cast<std::size_t>(kTypes[i].dtype) != i) return false;
  }
  return true;
}
static_assert(rows_follow_the_enum(), "dtype_info indexes the table by DType");

// Every number GGUF gives a meaning to; the gaps were formats that ggml removed.
struct GgmlName {
  std::uint32_t id;
  std::string_view name;
};
constexpr GgmlName kGgmlNames[] = {
    {0, "f32"},     {1, "f16"},    {2, "q4_0"},     {3, "q4_1"},    {6, "q5_0"},     {7, "q5_1"},
    {8, "q8_0"},    {9, "q8_1"},   {10, "q2_k"},    {11, "q3_k"},   {12, "q4_k"},    {13, "q5_k"},
    {14, "q6_k"},   {15, "q8_k"},  {16, "iq2_xxs"}, {17, "iq2_xs"}, {18, "iq3_xxs"}, {19, "iq1_s"},
    {20, "iq4_nl"}, {21, "iq3_s"}, {22, "iq2_s"},   {23, "iq4_xs"}, {24, "i8"},      {25, "i16"},
    {26, "i32"},    {27, "i64"},   {28, "f64"},     {29, "iq1_m"},  {30, "bf16"},    {34, "tq1_0"},
    {35, "tq2_0"},  {39, "mxfp4"}, {40, "nvfp4"},   {41, "q1_0"},   {42, "q2_0"},
};

}  // namespace

std::span<const DTypeInfo> dtypes() { return kTypes; }

const DTypeInfo& dtype_info(DType dtype) {
  const auto index = static_cast<std::size_t>(dtype);
  CHECK(index < std::size(kTypes), "a DType of the enum");
  return kTypes[index];
}

std::optional<DType> dtype_of_ggml_id(std::uint32_t id) {
  for (const DTypeInfo& info : kTypes) {
    if (info.ggml_id == id) return info.dtype;
  }
  return std::nullopt;
}

std::string_view ggml_type_name(std::uint32_t id) {
  for (const GgmlName& row : kGgmlNames) {
    if (row.id == id) return row.name;
  }
  return {};
}

// Half: 1 sign, 5 exponent (bias 15), 10 fraction bits. Float: 1, 8 (bias 127), 23.
float f16_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 31u;
  const std::uint32_t fraction = bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  // fraction·2^-24, exact in float: a half's denormals are ordinary floats.
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
}

std::uint16_t f32_to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  // A NaN keeps its upper payload; the quiet bit keeps it from becoming an infinity.
  if (magnitude > 0x7f800000u) {
    return static_cast<std::uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  }
  // 65520 is halfway from the largest half to the next power of two, and ties go to the even one.
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (magnitude >=
      0x38800000u) {  // 2^-14: a normal half. A carry runs into the exponent, as it should.
    const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
    return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
  }
  if (magnitude < 0x33000000u) return static_cast<std::uint16_t>(sign);  // below 2^-25: zero
  // A denormal half counts units of 2^-24: the significand moves right by 126 - exponent, 14 to 24.
  const std::uint32_t significand = (magnitude & 0x7fffffu) | 0x800000u;
  const std::uint32_t shift = 126 - (magnitude >> 23);
  const std::uint32_t half = (1u << (shift - 1)) - 1 + ((significand >> shift) & 1u);
  return static_cast<std::uint16_t>(sign | ((significand + half) >> shift));
}

float bf16_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// 1 sign, 4 exponent (bias 7), 3 fraction bits.
float f8_e4m3_to_f32(std::uint8_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x80u) << 24;
  const std::uint32_t magnitude = bits & 0x7fu;
  if (magnitude == 0x7f) return std::bit_cast<float>(sign | 0x7fc00000u);
  if (magnitude >= 8) return std::bit_cast<float>(sign | (magnitude + (120u << 3)) << 20);
  const float denormal = static_cast<float>(magnitude) * 0x1p-9f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(denormal));
}

float f8_e5m2_to_f32(std::uint8_t bits) {
  return f16_to_f32(static_cast<std::uint16_t>(bits << 8));
}

}  // namespace hearth
