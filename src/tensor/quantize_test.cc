// quantize_test.cc - bytes and errors against ggml's reference quantisers (tests/golden/quantize/),
// and what must hold for every type.
#include "tensor/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace hearth {
namespace {

const std::string kGolden = HEARTH_SOURCE_DIR "/tests/golden/quantize/";
constexpr std::size_t kCols = 256;  // of a golden row; a multiple of every block
constexpr float kInfinity = std::numeric_limits<float>::infinity();

using Bytes = std::vector<std::byte>;
using Floats = std::vector<float>;

template <class T>
std::vector<T> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), {});
  std::vector<T> out(bytes.size() / sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), bytes.data(), out.size() * sizeof(T));
  return out;
}

const Floats& golden_values() {
  static const Floats values = read_file<float>(kGolden + "values.f32.bin");
  return values;
}

const nlohmann::json& golden_index() {
  static const nlohmann::json index = [] {
    std::ifstream in(kGolden + "index.json");
    return nlohmann::json::parse(in);
  }();
  return index;
}

std::size_t bytes_of(DType dtype, std::size_t n_values) {
  const DTypeInfo& info = dtype_info(dtype);
  return n_values / info.block_values * info.block_bytes;
}

Bytes quantized(DType dtype, std::span<const float> values) {
  Bytes bytes(bytes_of(dtype, values.size()));
  const Result<void> done = quantize_row(dtype, values, bytes);
  EXPECT_TRUE(done) << done.error().message;
  return bytes;
}

Floats dequantized(DType dtype, const Bytes& bytes) {
  const DTypeInfo& info = dtype_info(dtype);
  Floats values(bytes.size() / info.block_bytes * info.block_values);
  info.dequantize(bytes, values);
  return values;
}

Floats round_trip(DType dtype, std::span<const float> values) {
  return dequantized(dtype, quantized(dtype, values));
}

std::string error_of(DType dtype, std::span<const float> values) {
  Bytes bytes(bytes_of(dtype, values.size()));
  const Result<void> done = quantize_row(dtype, values, bytes);
  return done ? "" : done.error().message;
}

std::vector<DType> quantizable() {
  std::vector<DType> types;
  for (const DTypeInfo& info : dtypes()) {
    if (can_quantize(info.dtype)) types.push_back(info.dtype);
  }
  return types;
}

std::string type_name(const testing::TestParamInfo<DType>& test) {
  return std::string(dtype_info(test.param).name);
}

// ---- against ggml ----

class GoldenBytes : public testing::TestWithParam<DType> {};

TEST_P(GoldenBytes, are_those_of_the_reference_quantiser) {
  const DTypeInfo& info = dtype_info(GetParam());
  const Bytes expected = read_file<std::byte>(kGolden + std::string(info.name) + ".blocks.bin");
  const Bytes bytes = quantized(GetParam(), golden_values());
  ASSERT_EQ(bytes.size(), expected.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ASSERT_EQ(bytes[i], expected[i])
        << "byte " << i % info.block_bytes << " of block " << i / info.block_bytes;
  }
}

INSTANTIATE_TEST_SUITE_P(Quantize, GoldenBytes,
                         testing::Values(DType::f16, DType::bf16, DType::q8_0, DType::q4_0,
                                         DType::q4_1, DType::q5_0, DType::q5_1, DType::mxfp4),
                         type_name);

struct Errors {
  double squared = 0, power = 0;
};

std::map<std::string, Errors> errors_by_kind(DType dtype) {
  const Floats& values = golden_values();
  const Floats restored = round_trip(dtype, values);
  std::map<std::string, Errors> errors;
  for (std::size_t i = 0; i < values.size(); ++i) {
    Errors& sum = errors[golden_index().at("rows").at(i / kCols)];
    const double x = values[i], error = x - static_cast<double>(restored[i]);
    sum.squared += error * error;
    sum.power += x * x;
  }
  return errors;
}

class GoldenErrors : public testing::TestWithParam<DType> {};

// The rows like real weights (ten super-blocks a kind) must come out better. The others are single,
// odd super-blocks, where luck with the rounding of a scale to six bits (up to 1/126 of a value)
// decides.
TEST_P(GoldenErrors, are_no_larger_than_those_of_the_reference_quantiser) {
  const auto expected = golden_index().at("squared_error").at(dtype_info(GetParam()).name);
  for (const auto& [kind, error] : errors_by_kind(GetParam())) {
    const double reference = expected.at(kind);
    if (kind == "gaussian" || kind == "heavy_tailed") {
      EXPECT_LE(error.squared, 0.97 * reference) << kind;
    } else {
      EXPECT_LE(error.squared, 1.05 * reference + 1e-5 * error.power) << kind;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Quantize, GoldenErrors,
                         testing::Values(DType::q4_k, DType::q5_k, DType::q6_k), type_name);

// ---- every type ----

class Quantize : public testing::TestWithParam<DType> {
 protected:
  Floats gaussian(std::size_t n, float sigma) {
    std::normal_distribution<float> normal(0, sigma);
    Floats values(n);
    for (float& x : values) x = normal(random_);
    return values;
  }
  std::mt19937 random_{11};
};

// The largest error, in units of the largest magnitude among the values that share a scale.
struct Bound {
  DType dtype;
  float largest_error;
};
constexpr Bound kBounds[] = {
    {DType::f32, 0},
    {DType::f16, 0x1p-11f},
    {DType::bf16, 0x1p-8f},
    {DType::q8_0, 0.5f / 127 + 0x1p-11f},  // half a step, and the rounding of the scale
    {DType::q4_0, 1.0f / 8 + 0x1p-11f},    // a step: there are seven codes on one side, not eight
    {DType::q5_0, 1.0f / 16 + 0x1p-11f},
    {DType::q4_1, 1.0f / 15 + 0x1p-10f},
    {DType::q5_1, 1.0f / 31 + 0x1p-10f},
    {DType::q4_k, 0.12f},  // half a step is 1/15; the search trades the ends for the middle
    {DType::q5_k, 0.06f},
    {DType::q6_k, 0.03f},
    {DType::mxfp4, 0.25f},  // 8 is stored as 6
};

TEST_P(Quantize, keeps_values_within_the_step_of_the_type) {
  const auto* bound = std::ranges::find(kBounds, GetParam(), &Bound::dtype);
  ASSERT_NE(bound, std::end(kBounds)) << "a type without a bound";
  const std::size_t block = dtype_info(GetParam()).block_values;
  for (const float sigma : {0.02f, 1.0f, 500.0f}) {
    const Floats values = gaussian(64 * kCols, sigma);
    const Floats restored = round_trip(GetParam(), values);
    for (std::size_t at = 0; at < values.size(); at += block) {
      float largest = 0x1p-14f;  // below it halves are denormal, and their steps stay the same
      for (std::size_t i = at; i < at + block; ++i)
        largest = std::max(largest, std::abs(values[i]));
      for (std::size_t i = at; i < at + block; ++i) {
        ASSERT_LE(std::abs(values[i] - restored[i]), bound->largest_error * largest)
            << "value " << i << " is " << values[i] << ", largest " << largest;
      }
    }
  }
}

TEST_P(Quantize, gives_the_same_bytes_for_rows_together_alone_and_at_odd_addresses) {
  const Floats values = gaussian(4 * kCols, 1);
  const Bytes together = quantized(GetParam(), values);
  const std::size_t row_size = together.size() / 4;
  for (std::size_t row = 0; row < 4; ++row) {
    Bytes shifted(row_size + 1);
    const auto in = std::span(values).subspan(row * kCols, kCols);
    ASSERT_TRUE(quantize_row(GetParam(), in, std::span(shifted).subspan(1)));
    EXPECT_TRUE(std::ranges::equal(std::span(shifted).subspan(1),
                                   std::span(together).subspan(row * row_size, row_size)));
  }
  EXPECT_TRUE(quantize_row(GetParam(), {}, {}));
}

TEST_P(Quantize, keeps_zeros) {
  for (const float zero : {0.0f, -0.0f}) {
    for (const float x : round_trip(GetParam(), Floats(kCols, zero))) EXPECT_EQ(x, 0.0f);
  }
}

TEST_P(Quantize, keeps_a_zero_block_between_others) {
  Floats values = gaussian(3 * kCols, 1);
  std::fill_n(values.begin() + kCols, kCols, 0.0f);
  const Floats restored = round_trip(GetParam(), values);
  for (std::size_t i = kCols; i < 2 * kCols; ++i) EXPECT_EQ(restored[i], 0.0f);
}

TEST_P(Quantize, turns_denormals_into_something_as_small) {
  constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
  for (const float size : {kSmallest, 100 * kSmallest, 0x1p-127f, 0x1p-126f, 0x1p-100f, 0x1p-40f}) {
    Floats values(kCols);
    for (std::size_t i = 0; i < kCols; ++i) {
      values[i] = size * static_cast<float>(static_cast<int>(i % 5) - 2);
    }
    for (const float x : round_trip(GetParam(), values)) EXPECT_LE(std::abs(x), 8 * size) << size;
  }
}

// Random bits below the limit: every exponent, and sizes that do not belong together.
TEST_P(Quantize, makes_finite_numbers_of_finite_numbers) {
  for (int round = 0; round < 200; ++round) {
    Floats values(kCols);
    for (float& x : values) {
      x = std::bit_cast<float>(static_cast<std::uint32_t>(random_()));
      if (!(std::abs(x) < 65520)) x = 65504;
    }
    for (const float x : round_trip(GetParam(), values)) ASSERT_TRUE(std::isfinite(x));
  }
}

TEST_P(Quantize, makes_finite_numbers_up_to_its_limit_and_refuses_larger_ones) {
  const float limit = [&] {  // the error message has it
    const std::string message = error_of(GetParam(), Floats(kCols, -0x1.fffffep127f));
    const std::size_t at = message.find("below ");
    return at == std::string::npos ? kInfinity : std::stof(message.substr(at + 6));
  }();
  const float largest = 0.999f * std::min(limit, 0x1.fffffep127f);
  for (unsigned round = 0; round < 200; ++round) {
    Floats values(kCols);
    for (float& x : values) {
      constexpr float kShare[] = {-1, 1, 0.99f, -0.5f, 0, 1e-3f};
      x = largest * kShare[random_() % (round % 5 + 2)];
    }
    for (const float x : round_trip(GetParam(), values)) ASSERT_TRUE(std::isfinite(x)) << round;
  }
  if (limit == kInfinity) return;
  Floats values(kCols, 1);
  values[77] = -1.001f * limit;
  const std::string message = error_of(GetParam(), values);
  EXPECT_NE(message.find("value 77 is -"), std::string::npos) << message;
  EXPECT_NE(message.find(dtype_info(GetParam()).name), std::string::npos) << message;
}

TEST_P(Quantize, refuses_what_is_not_finite_and_says_where) {
  for (const float bad : {kInfinity, -kInfinity, std::nanf("")}) {
    Floats values(2 * kCols, 1);
    values[300] = values[301] = bad;
    Bytes bytes(bytes_of(GetParam(), values.size()));
    const Result<void> done = quantize_row(GetParam(), values, bytes);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::corrupt);
    EXPECT_EQ(done.error().message.substr(0, 13), "value 300 is ") << done.error().message;
    EXPECT_NE(done.error().message.find("expected a finite number"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(, Quantize, testing::ValuesIn(quantizable()), type_name);

// A type whose largest value keeps its code: its own output is a fixed point. (The minimum of q4_1
// and the search of the k-quants move.)
class Idempotent : public testing::TestWithParam<DType> {};

TEST_P(Idempotent, quantising_a_dequantised_row_gives_the_same_bytes) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, 0.02f);
  Floats values(64 * kCols);
  for (float& x : values) x = normal(random);
  const Bytes once = quantized(GetParam(), values);
  EXPECT_EQ(quantized(GetParam(), dequantized(GetParam(), once)), once);
}

INSTANTIATE_TEST_SUITE_P(Quantize, Idempotent,
                         testing::Values(DType::f32, DType::f16, DType::bf16, DType::q8_0,
                                         DType::q4_0, DType::q5_0, DType::mxfp4),
                         type_name);

// ---- single types ----

TEST(QuantizeF16, values_that_round_to_infinity_are_refused) {
  EXPECT_EQ(error_of(DType::f16, Floats{65519.0f}), "");
  EXPECT_EQ(error_of(DType::f16, Floats{1, 65520.0f}),
            "value 1 is 65520, expected a magnitude below 65520, what f16 can hold; choose f32 or "
            "bf16");
  EXPECT_NE(error_of(DType::bf16, Floats{0x1.ffp127f}), "");
  EXPECT_EQ(error_of(DType::bf16, Floats{0x1.fefffep127f}), "");
}

// ggml takes a float logarithm, which rounds up here: its block is all 0, 1 and 2 quarters.
TEST(QuantizeMxfp4, the_exponent_is_exact_just_below_a_power_of_two) {
  Floats values(32, 0);
  values[0] = std::nextafter(0x1p16f, 0.0f);
  EXPECT_EQ(quantized(DType::mxfp4, values)[0], std::byte{15 + 125});
  values[0] = 0x1p16f;
  EXPECT_EQ(quantized(DType::mxfp4, values)[0], std::byte{16 + 125});
}

TEST(QuantizeMxfp4, halves_go_towards_zero) {
  Floats values(32, 0);
  constexpr float kValues[] = {4,    0.25f, 0.26f,  0.75f, 1.25f, 1.75f,
                               2.5f, 3.5f,  -0.25f, -3.6f, -0.1f};
  constexpr float kStored[] = {4, 0, 0.5f, 0.5f, 1, 1.5f, 2, 3, 0, -4, 0};
  std::ranges::copy(kValues, values.begin());
  const Floats restored = round_trip(DType::mxfp4, values);
  for (std::size_t i = 0; i < std::size(kStored); ++i) EXPECT_EQ(restored[i], kStored[i]) << i;
}

TEST(QuantizeMxfp4, values_too_small_for_a_scale_do_not_wrap_to_a_huge_one) {
  const Floats values(32, 0x1p-126f);
  EXPECT_EQ(quantized(DType::mxfp4, values)[0], std::byte{0});
  for (const float x : round_trip(DType::mxfp4, values)) EXPECT_EQ(x, 0x1p-126f);
}

TEST(QuantizeRow, types_that_are_only_read_are_refused_by_name) {
  Bytes bytes(66);
  const Result<void> done = quantize_row(DType::iq2_xxs, Floats(256, 1), bytes);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::unsupported);
  EXPECT_EQ(done.error().message.find("Hearth does not write iq2_xxs, expected one of f32, f16, "),
            0u);
  EXPECT_FALSE(can_quantize(DType::iq2_xxs));
  EXPECT_EQ(quantizable().size(), 12u);
}

}  // namespace
}  // namespace hearth
