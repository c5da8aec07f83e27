// dtype_test.cc - the small floats against a definition in double arithmetic, exhaustively.
#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace hearth {
namespace {

// The definition of IEEE half in double arithmetic, where every finite half is exact.
double half_value(std::uint32_t bits) {
  const int exponent = static_cast<int>((bits >> 10) & 31);
  const double fraction = static_cast<double>(bits & 0x3ff);
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }

TEST(F16, all_65536_halves_widen_exactly_and_come_back) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float wide = f16_to_f32(half);
    const bool special = (bits & 0x7c00) == 0x7c00;
    if (special && (bits & 0x3ff) != 0) {
      ASSERT_TRUE(std::isnan(wide)) << bits;
      ASSERT_EQ(bits_of(wide) >> 31, bits >> 15) << bits;
      ASSERT_EQ((bits_of(wide) >> 13) & 0x3ff, bits & 0x3ff) << bits;
      ASSERT_EQ(f32_to_f16(wide), bits | 0x200) << bits;
      continue;
    }
    if (special) {
      ASSERT_TRUE(std::isinf(wide)) << bits;
    } else {
      ASSERT_EQ(static_cast<double>(wide), half_value(bits)) << bits;
    }
    ASSERT_EQ(std::signbit(wide), bits >= 0x8000) << bits;
    ASSERT_EQ(f32_to_f16(wide), half) << bits;
  }
}

// Between each half and the next: just below the middle, the middle, just above it.
TEST(F16, every_midpoint_rounds_to_the_even_neighbour) {
  for (std::uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const auto middle = static_cast<float>((half_value(bits) + half_value(bits + 1)) / 2);
    const std::uint32_t even = (bits & 1) == 0 ? bits : bits + 1;
    ASSERT_EQ(f32_to_f16(middle), even) << bits;
    ASSERT_EQ(f32_to_f16(-middle), even | 0x8000) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), bits) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 1e9f)), bits + 1) << bits;
  }
}

TEST(F16, values_beyond_the_range_become_infinite_or_zero) {
  EXPECT_EQ(f32_to_f16(65504.0f), 0x7bff);
  EXPECT_EQ(f32_to_f16(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(-1e30f), 0xfc00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(f32_to_f16(0x1p-25f), 0);
  EXPECT_EQ(f32_to_f16(std::nextafter(0x1p-25f, 1.0f)), 1);
  EXPECT_EQ(f32_to_f16(-std::numeric_limits<float>::denorm_min()), 0x8000);
  EXPECT_EQ(f32_to_f16(-0.0f), 0x8000);
}

TEST(F16, a_nan_with_only_low_payload_bits_stays_a_nan) {
  EXPECT_EQ(f32_to_f16(std::bit_cast<float>(0x7f800001u)), 0x7e00);
  EXPECT_EQ(f32_to_f16(std::bit_cast<float>(0xff802000u)), 0xfe01);
}

TEST(Bf16, all_65536_values_widen_and_come_back) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto narrow = static_cast<std::uint16_t>(bits);
    ASSERT_EQ(bits_of(bf16_to_f32(narrow)), bits << 16) << bits;
    const bool nan = (bits & 0x7fff) > 0x7f80;
    ASSERT_EQ(f32_to_bf16(bf16_to_f32(narrow)), nan ? bits | 0x40 : bits) << bits;
  }
}

TEST(Bf16, every_midpoint_rounds_to_the_even_neighbour) {
  for (std::uint32_t bits = 0; bits < 0x7f80; ++bits) {
    const std::uint32_t middle = bits << 16 | 0x8000u;
    const std::uint32_t even = (bits & 1) == 0 ? bits : bits + 1;
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle)), even) << bits;
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle - 1)), bits) << bits;
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle + 1)), bits + 1) << bits;
  }
}

// The definition (OCP 8-bit Floating Point Specification, tables 1 and 2) in double arithmetic.
double f8_value(std::uint32_t bits, int exponent_bits, int bias) {
  const int fraction_bits = 7 - exponent_bits;
  const int exponent = static_cast<int>(bits & 0x7f) >> fraction_bits;
  const int fraction = static_cast<int>(bits & 0x7f) - (exponent << fraction_bits);
  const int significand = exponent == 0 ? fraction : fraction + (1 << fraction_bits);
  const double magnitude =
      std::ldexp(significand, (exponent == 0 ? 1 : exponent) - bias - fraction_bits);
  return bits >= 0x80 ? -magnitude : magnitude;
}

TEST(F8, all_256_codes_of_e4m3_are_their_formula_and_only_all_ones_is_a_nan) {
  for (std::uint32_t bits = 0; bits < 256; ++bits) {
    const float value = f8_e4m3_to_f32(static_cast<std::uint8_t>(bits));
    EXPECT_EQ(std::signbit(value), bits >= 0x80) << bits;
    if ((bits & 0x7f) == 0x7f) {
      EXPECT_TRUE(std::isnan(value)) << bits;
    } else {
      EXPECT_EQ(value, f8_value(bits, 4, 7)) << bits;
    }
  }
}

TEST(F8, all_256_codes_of_e5m2_are_their_formula_infinities_or_nans) {
  for (std::uint32_t bits = 0; bits < 256; ++bits) {
    const float value = f8_e5m2_to_f32(static_cast<std::uint8_t>(bits));
    EXPECT_EQ(std::signbit(value), bits >= 0x80) << bits;
    if ((bits & 0x7f) == 0x7c) {
      EXPECT_TRUE(std::isinf(value)) << bits;
    } else if ((bits & 0x7f) > 0x7c) {
      EXPECT_TRUE(std::isnan(value)) << bits;
    } else {
      EXPECT_EQ(value, f8_value(bits, 5, 15)) << bits;
    }
  }
}

// The values that the specification prints: largest, smallest normal, the denormals' ends, one.
TEST(F8, the_published_values_come_out) {
  EXPECT_EQ(f8_e4m3_to_f32(0x7e), 448.0f);
  EXPECT_EQ(f8_e4m3_to_f32(0x08), 0x1p-6f);
  EXPECT_EQ(f8_e4m3_to_f32(0x07), 0.875f * 0x1p-6f);
  EXPECT_EQ(f8_e4m3_to_f32(0x01), 0x1p-9f);
  EXPECT_EQ(f8_e4m3_to_f32(0x38), 1.0f);
  EXPECT_EQ(f8_e5m2_to_f32(0x7b), 57344.0f);
  EXPECT_EQ(f8_e5m2_to_f32(0x04), 0x1p-14f);
  EXPECT_EQ(f8_e5m2_to_f32(0x03), 0.75f * 0x1p-14f);
  EXPECT_EQ(f8_e5m2_to_f32(0x01), 0x1p-16f);
  EXPECT_EQ(f8_e5m2_to_f32(0x3c), 1.0f);
}

TEST(DType, each_type_of_ggml_is_found_by_its_number_and_has_the_same_name_there) {
  for (const DTypeInfo& info : dtypes()) {
    if (!info.ggml_id) continue;
    EXPECT_EQ(dtype_of_ggml_id(*info.ggml_id), info.dtype);
    EXPECT_EQ(ggml_type_name(*info.ggml_id), info.name);
  }
}

TEST(DType, the_8_bit_floats_have_no_number_in_ggml) {
  EXPECT_EQ(dtype_info(DType::f8_e4m3).ggml_id, std::nullopt);
  EXPECT_EQ(dtype_info(DType::f8_e5m2).ggml_id, std::nullopt);
  for (std::uint32_t id = 0; id < 256; ++id) {
    const std::optional<DType> dtype = dtype_of_ggml_id(id);
    EXPECT_NE(dtype, DType::f8_e4m3) << id;
    EXPECT_NE(dtype, DType::f8_e5m2) << id;
  }
}

TEST(DType, types_without_a_function_have_a_name_and_no_dtype) {
  EXPECT_EQ(ggml_type_name(15), "q8_k");
  EXPECT_EQ(dtype_of_ggml_id(15), std::nullopt);
  EXPECT_EQ(ggml_type_name(26), "i32");
  EXPECT_EQ(dtype_of_ggml_id(26), std::nullopt);
}

TEST(DType, numbers_without_a_meaning_have_no_name) {
  for (const std::uint32_t id : {4u, 5u, 31u, 36u, 99u, 0xffffffffu}) {
    EXPECT_EQ(ggml_type_name(id), "") << id;
    EXPECT_EQ(dtype_of_ggml_id(id), std::nullopt) << id;
  }
}

}  // namespace
}  // namespace hearth
