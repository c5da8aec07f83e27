// dequantize_test.cc - each block format against the reference values in tests/golden/dequant/.
#include "tensor/dequantize.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace hearth {
namespace {

const std::string kGolden = HEARTH_SOURCE_DIR "/tests/golden/dequant/";

std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), {});
  std::vector<std::byte> out(bytes.size());
  if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

class GoldenBlocks : public ::testing::TestWithParam<DType> {};

TEST_P(GoldenBlocks, expand_bit_for_bit) {
  const DTypeInfo& info = dtype_info(GetParam());
  const std::string name(info.name);
  std::ifstream index_file(kGolden + "index.json");
  const nlohmann::json row = nlohmann::json::parse(index_file).at(name);
  EXPECT_EQ(row.at("type_id"), info.ggml_id);
  EXPECT_EQ(row.at("elements_per_block"), info.block_values);
  EXPECT_EQ(row.at("bytes_per_block"), info.block_bytes);

  const std::vector<std::byte> blocks = read_file(kGolden + name + ".blocks.bin");
  const std::vector<std::byte> expected = read_file(kGolden + name + ".f32.bin");
  const std::size_t n_values = row.at("values");
  ASSERT_EQ(expected.size(), n_values * sizeof(float));
  std::vector<float> values(n_values);
  info.dequantize(blocks, values);
  for (std::size_t i = 0; i < n_values; ++i) {
    ASSERT_EQ(std::memcmp(&values[i], expected.data() + i * sizeof(float), sizeof(float)), 0)
        << name << " value " << i << " is " << values[i];
  }
}

TEST_P(GoldenBlocks, expand_the_same_from_an_odd_address) {
  const DTypeInfo& info = dtype_info(GetParam());
  const std::vector<std::byte> blocks = read_file(kGolden + std::string(info.name) + ".blocks.bin");
  std::vector<std::byte> shifted(blocks.size() + 1);
  std::memcpy(shifted.data() + 1, blocks.data(), blocks.size());
  std::vector<float> a(blocks.size() / info.block_bytes * info.block_values), b(a.size());
  info.dequantize(blocks, a);
  info.dequantize(std::span(shifted).subspan(1), b);
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
}

// f32 has no file of its own: it is the identity, below.
INSTANTIATE_TEST_SUITE_P(Dequantize, GoldenBlocks,
                         ::testing::Values(DType::f16, DType::bf16, DType::q8_0, DType::q4_0,
                                           DType::q4_1, DType::q5_0, DType::q5_1, DType::q2_k,
                                           DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k,
                                           DType::iq4_nl, DType::iq4_xs, DType::mxfp4),
                         [](const auto& test) { return std::string(dtype_info(test.param).name); });

TEST(Dequantize, f32_is_copied_bit_for_bit) {
  const std::uint32_t bits[] = {0, 1, 0x80000000u, 0x3f800000u, 0x7fc00001u, 0xff800000u};
  float values[std::size(bits)];
  dequantize_f32(std::as_bytes(std::span(bits)), values);
  EXPECT_EQ(std::memcmp(bits, values, sizeof bits), 0);
}

// A bf16 denormal is a float denormal: code that flushes those to zero would lose it.
TEST(Dequantize, denormals_are_kept) {
  const std::uint16_t bf16_denormal = 1;
  float value = 0;
  dequantize_bf16(std::as_bytes(std::span(&bf16_denormal, 1)), std::span(&value, 1));
  EXPECT_EQ(value, 0x1p-133f);
  EXPECT_GT(value, 0.0f);
}

}  // namespace
}  // namespace hearth
