#include "kernels/packed_matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "kernels/matmul.h"
#include "kernels/test_data.h"

namespace hearth::kernels {
namespace {

class Packing : public testing::TestWithParam<DType> {};

// A unit vector picks one column of weights: the product with the packed matrix must be the
// dequantised weight itself.
TEST_P(Packing, keeps_every_weight) {
  std::mt19937 random(7);
  ThreadPool pool(2);
  const std::int64_t in = 512, out = 37;
  const TestTensor tensor = random_tensor(GetParam(), out, in, random);
  const PackedMatrix packed = pack(tensor.view, false, pool);
  // Half of the last of the 11 bits of a half, where a weight or its scale becomes one and has
  // more.
  constexpr DType kExactAsHalf[] = {DType::f16, DType::f8_e4m3, DType::f8_e5m2, DType::nvfp4};
  const bool rounds = GetParam() == DType::iq4_xs ||
                      (packed.dtype == DType::f16 && !std::ranges::count(kExactAsHalf, GetParam()));
  const float tolerance = rounds ? 0x1p-11f : 1e-6f;
  std::vector<float> row(in);
  std::vector<float> x(in), y(48);
  std::vector<std::uint8_t> record(static_cast<std::size_t>(QuantizedRows::row_bytes(in)));
  for (const std::int64_t i : {0, 1, 15, 16, 31, 32, 100, 255, 256, 300, 511}) {
    std::fill(x.begin(), x.end(), 0.0f);
    x[static_cast<std::size_t>(i)] = 1;
    const QuantizedRows xq{record.data(), 1, in};
    quantize_reference({x.data(), 1, in, in}, xq, 0, 1);
    matmul_reference({&packed, {x.data(), 1, in, in}, xq, {y.data(), 1, out, 48}, false});
    for (std::int64_t o = 0; o < out; ++o) {
      dequantize_row(tensor.view, o, row);
      const float w = row[static_cast<std::size_t>(i)];
      EXPECT_NEAR(y[static_cast<std::size_t>(o)], w, std::abs(w) * tolerance + 1e-7 * tolerance)
          << "input " << i << " output " << o;
    }
  }
}

TEST(PackedDtype, is_a_type_with_a_layout_and_at_most_f16_for_what_is_smaller) {
  for (const DTypeInfo& info : dtypes()) {
    const DType packed = packed_dtype(info.dtype);
    EXPECT_EQ(packed_dtype(packed), packed) << info.name;
    if (info.dtype == DType::f32) continue;
    EXPECT_LE(dtype_info(packed).block_bytes, 2 * dtype_info(packed).block_values) << info.name;
  }
}

// Packed as f16 a token would read four times the bytes of the file.
TEST(PackedDtype, keeps_the_k_and_i_quants_that_people_use_small) {
  for (const DType dtype :
       {DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k, DType::iq4_nl, DType::iq4_xs}) {
    const DTypeInfo &file = dtype_info(dtype), &packed = dtype_info(packed_dtype(dtype));
    EXPECT_LE(packed.block_bytes * file.block_values, 2 * file.block_bytes * packed.block_values)
        << file.name;
  }
}

// A scale below the normal numbers of a half keeps fewer bits.
TEST(PackedIq4Xs, small_weights_move_little) {
  std::mt19937 random(7);
  ThreadPool pool(1);
  TestTensor tensor = random_tensor(DType::iq4_xs, 16, 256, random);
  const std::uint16_t d = f32_to_f16(1e-6f);
  const std::size_t row = dtype_info(DType::iq4_xs).block_bytes;
  for (std::size_t o = 0; o < 16; ++o) std::memcpy(&tensor.bytes[o * row], &d, sizeof d);
  const PackedMatrix packed = pack(tensor.view, false, pool);
  std::vector<float> weights(256);
  for (std::int64_t o = 0; o < 16; ++o) {
    dequantize_row(tensor.view, o, weights);
    for (std::int64_t i = 0; i < 256; ++i) {
      const std::uint8_t* block = packed.panel(0) + i / 32 * 34 * kPanel;
      std::uint16_t scale;
      std::memcpy(&scale, block + 512 + 2 * o, sizeof scale);
      const int code = block[64 * (i % 32 / 4) + 4 * o + i % 4] - 128;
      EXPECT_NEAR(f16_to_f32(scale) * static_cast<float>(code),
                  weights[static_cast<std::size_t>(i)], 0x1p-18);
    }
  }
}

TEST_P(Packing, as_f32_keeps_every_bit) {
  std::mt19937 random(8);
  ThreadPool pool(1);
  const TestTensor tensor = random_tensor(GetParam(), 19, 256, random);
  const PackedMatrix packed = pack(tensor.view, true, pool);
  std::vector<float> row(256);
  for (std::int64_t o = 0; o < 19; ++o) {
    dequantize_row(tensor.view, o, row);
    for (std::int64_t i = 0; i < 256; ++i) {
      const auto* panel = reinterpret_cast<const float*>(packed.panel(o / kPanel));
      EXPECT_EQ(panel[i * kPanel + o % kPanel], row[static_cast<std::size_t>(i)]);
    }
  }
}

TEST_P(Packing, some_panels_alone_are_those_of_the_whole) {
  std::mt19937 random(8);
  ThreadPool pool(1);
  const TestTensor tensor = random_tensor(GetParam(), 60, 512, random);
  const PackedMatrix whole = pack(tensor.view, false, pool);
  std::vector<std::uint8_t> some(static_cast<std::size_t>(2 * whole.panel_bytes), 0xff);
  pack_panels(tensor.view, packed_shape(tensor.view, false), 2, 2, some.data());
  EXPECT_EQ(std::memcmp(some.data(), whole.panel(2), some.size()), 0);
}

TEST_P(Packing, is_as_large_as_its_layout_but_for_the_last_panel) {
  const DTypeInfo& info = dtype_info(packed_dtype(GetParam()));
  const auto file_bytes = 48 * 512 / info.block_values * info.block_bytes;
  std::mt19937 random(8);
  for (const std::int64_t out : {48, 33}) {
    const TestTensor tensor = random_tensor(GetParam(), out, 512, random);
    EXPECT_EQ(packed_shape(tensor.view, false).bytes(), static_cast<std::int64_t>(file_bytes));
  }
}

std::vector<DType> all_types() {
  std::vector<DType> types;
  for (const DTypeInfo& info : dtypes()) types.push_back(info.dtype);
  return types;
}
INSTANTIATE_TEST_SUITE_P(, Packing, testing::ValuesIn(all_types()),
                         [](const auto& test) { return std::string(dtype_info(test.param).name); });

}  // namespace
}  // namespace hearth::kernels
