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
  EXPECT_EQ(row.at("type_id"), info.ggml_id.value());
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

// f32 has no file (it is the identity, below), nor have the types that GGUF does not define.
std::vector<DType> types_with_golden_blocks() {
  std::vector<DType> types;
  for (const DTypeInfo& info : dtypes()) {
    if (info.ggml_id.value_or(0) != 0) types.push_back(info.dtype);
  }
  return types;
}
INSTANTIATE_TEST_SUITE_P(Dequantize, GoldenBlocks, ::testing::ValuesIn(types_with_golden_blocks()),
                         [](const auto& test) { return std::string(dtype_info(test.param).name); });

// The golden blocks visit a part of the large grids. These 1,000 blocks a type, of bytes from a
// linear congruential generator and scales of 1, visit every point of them (and every scale byte of
// nvfp4); the numbers are FNV-1a of the float32 bytes that llama.cpp's libggml gives for them.
struct Fingerprint {
  DType dtype;
  std::uint64_t of_values;
};
constexpr Fingerprint kFingerprints[] = {
    {DType::iq1_s, 0x17c5b4d9efe068e1},   {DType::iq1_m, 0x15d4df0576e84bd8},
    {DType::iq2_xxs, 0x69779668e6125764}, {DType::iq2_xs, 0xc28b90008e79c1d4},
    {DType::iq2_s, 0x72270c7c1261f367},   {DType::iq3_xxs, 0x749095bfa8d01e06},
    {DType::iq3_s, 0x03d01ae95c73d08f},   {DType::tq1_0, 0x4be147af5c50aba5},
    {DType::nvfp4, 0x656517997b900368},
};

void set_scale_to_one(DType dtype, std::byte* block) {
  const auto set = [block](std::size_t at, int keep, int value) {
    block[at] = (block[at] & std::byte(keep)) | std::byte(value);
  };
  if (dtype == DType::nvfp4) return;  // its scales are the codes of interest
  if (dtype == DType::iq1_m) {        // the half lies in four nibbles
    set(49, 15, 0x00), set(51, 15, 0x00), set(53, 15, 0xc0), set(55, 15, 0x30);
    return;
  }
  const std::size_t at = dtype == DType::tq1_0 ? 52 : 0;
  set(at, 0, 0x00), set(at + 1, 0, 0x3c);
}

TEST(Dequantize, every_point_of_the_grids_is_the_one_of_ggml) {
  for (const Fingerprint& fingerprint : kFingerprints) {
    const DTypeInfo& info = dtype_info(fingerprint.dtype);
    std::vector<std::byte> blocks(1000 * info.block_bytes);
    std::uint64_t state = 1;
    for (std::byte& b : blocks) {
      state = state * 6364136223846793005 + 1442695040888963407;
      b = static_cast<std::byte>(state >> 56);
    }
    for (std::size_t at = 0; at < blocks.size(); at += info.block_bytes) {
      set_scale_to_one(fingerprint.dtype, &blocks[at]);
    }
    std::vector<float> values(1000 * info.block_values);
    info.dequantize(blocks, values);
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const std::byte b : std::as_bytes(std::span(values))) {
      hash = (hash ^ std::to_integer<std::uint64_t>(b)) * 0x100000001b3;
    }
    EXPECT_EQ(hash, fingerprint.of_values) << info.name;
  }
}

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
