#include "kernels/packed_matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
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
  // Half of the last of the 11 bits of a half, where a scale becomes one and has more.
  const float tolerance = GetParam() == DType::iq4_xs ? 0x1p-11f : 1e-6f;
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

// Packed as f16, which any type can be, a token would read up to ten times the bytes of the file.
constexpr struct {
  DType dtype;
  double bits;
} kBitsPerWeight[] = {
    {DType::f32, 32},        {DType::f16, 16},       {DType::bf16, 16},
    {DType::f8_e4m3, 16},    {DType::f8_e5m2, 16},   {DType::q8_0, 8.5},
    {DType::q4_0, 4.5},      {DType::q4_1, 5},       {DType::q5_0, 8.5},
    {DType::q5_1, 6},        {DType::q2_k, 2.625},   {DType::q3_k, 6.5625},
    {DType::q4_k, 4.5},      {DType::q5_k, 5.5},     {DType::q6_k, 6.5625},
    {DType::iq1_s, 3.1875},  {DType::iq1_m, 3.3125}, {DType::iq2_xxs, 3.1875},
    {DType::iq2_xs, 3.3125}, {DType::iq2_s, 3.3125}, {DType::iq3_xxs, 4.1875},
    {DType::iq3_s, 4.1875},  {DType::iq4_nl, 8.5},   {DType::iq4_xs, 8.5},
    {DType::tq1_0, 4.5},     {DType::tq2_0, 4.5},    {DType::q1_0, 4.5},
    {DType::q2_0, 4.5},      {DType::mxfp4, 4.25},   {DType::nvfp4, 4.5},
};

TEST(PackedDtype, takes_as_many_bits_a_weight_as_the_layouts_say) {
  ASSERT_EQ(std::size(kBitsPerWeight), dtypes().size());
  for (const auto& [dtype, bits] : kBitsPerWeight) {
    const std::int64_t bytes = packed_panel_bytes(packed_dtype(dtype), 4096);
    EXPECT_EQ(static_cast<double>(bytes * 8) / (4096 * kPanel), bits) << dtype_info(dtype).name;
  }
}

// Every weight of one row of blocks an output, as the reference reads it from the packed bytes.
void expect_every_bit(const TestTensor& tensor) {
  ThreadPool pool(1);
  const PackedMatrix packed = pack(tensor.view, false, pool);
  const std::int64_t out = tensor.view.shape.rows(), in = tensor.view.shape.cols();
  std::vector<std::uint8_t> record(static_cast<std::size_t>(QuantizedRows::row_bytes(in)));
  const QuantizedRows xq{record.data(), 1, in};
  std::fill_n(xq.d(0), in / 32, 1.0f);
  std::vector<float> weights(static_cast<std::size_t>(in)), y(static_cast<std::size_t>(out));
  for (std::int64_t i = 0; i < in; ++i) {
    std::fill_n(xq.q(0), in, std::int8_t{0});
    xq.q(0)[i] = 1;
    matmul_reference({&packed, {}, xq, {y.data(), 1, out, out}, false});
    for (std::int64_t o = 0; o < out; ++o) {
      dequantize_row(tensor.view, o, weights);
      EXPECT_EQ(y[static_cast<std::size_t>(o)], weights[static_cast<std::size_t>(i)])
          << dtype_info(tensor.view.dtype).name << " input " << i << " output " << o;
    }
  }
}

// Halves that a product of scales, rounded to a half, would lose: the smallest, the largest.
TEST(PackedGrids, keep_every_bit_whatever_the_scale) {
  std::mt19937 random(9);
  for (const DType dtype : {DType::iq1_s, DType::iq1_m, DType::iq2_xxs, DType::iq2_xs, DType::iq2_s,
                            DType::iq3_xxs, DType::iq3_s}) {
    for (const std::uint16_t d :
         std::initializer_list<std::uint16_t>{0x0001, 0x03ff, 0x0400, 0x7bff, 0x8001, 0}) {
      TestTensor tensor = random_tensor(dtype, 16, 256, random);
      for (std::size_t at = 0; at < tensor.bytes.size(); at += dtype_info(dtype).block_bytes) {
        put_grid_scale(dtype, d, &tensor.bytes[at]);
      }
      expect_every_bit(tensor);
    }
  }
}

TEST(PackedNvfp4, keeps_every_byte_that_a_scale_can_be) {
  std::mt19937 random(9);
  TestTensor tensor = random_tensor(DType::nvfp4, 16, 256, random);
  for (std::size_t i = 0; i < 256; ++i) {
    tensor.bytes[i / 4 * 36 + i % 4] = static_cast<std::byte>(i);
  }
  expect_every_bit(tensor);
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
  const std::int64_t bytes = 3 * packed_panel_bytes(packed_dtype(GetParam()), 512);
  std::mt19937 random(8);
  for (const std::int64_t out : {48, 33}) {
    const TestTensor tensor = random_tensor(GetParam(), out, 512, random);
    EXPECT_EQ(packed_shape(tensor.view, false).bytes(), bytes);
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
