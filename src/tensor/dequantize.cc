// dequantize.cc - the bytes of each block format and what they stand for.
//
// d and m are IEEE halves, little endian; lo(b) = b & 15, hi(b) = b >> 4.
//
//   q8_0   { d; i8 q[32] }       y[i] = q[i]·d
//   q4_0   { d; u8 q[16] }       y[i] = (lo(q[i]) - 8)·d,   y[i + 16] = (hi(q[i]) - 8)·d
//   q4_1   { d; m; u8 q[16] }    y[i] = lo(q[i])·d + m,     y[i + 16] = hi(q[i])·d + m
//   q6_k   { u8 ql[128]; u8 qh[64]; i8 sc[16]; d }   256 values of 6 bits, a scale for each 16;
//          half n = 0, 1, group g = 0 … 3, lane l = 0 … 31:
//            q = (4 bits of ql[64n + l + 32(g & 1)], the high ones when g >= 2)
//                + 16·(2 bits of qh[32n + l], at 2g) - 32
//            y[128n + 32g + l] = d·sc[8n + 2g + l / 16]·q
//   mxfp4  { u8 e; u8 q[16] }    as q4_0 with y = value[code]·2^(e - 128), value = 0, 1, 2, 3, 4,
//   6,
//          8, 12 and the same below zero (twice E2M1's values, hence 128 where E8M0 has 127)
//
// Every byte is read through memcpy or as a byte: a tensor's bytes have no alignment. The file
// formats are little endian, and so are all machines Hearth runs on.
#include "tensor/dequantize.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "tensor/dtype.h"

namespace hearth {

static_assert(std::endian::native == std::endian::little,
              "blocks are read in the file's byte order");

namespace {

std::uint16_t load_u16(const std::byte* p) {
  std::uint16_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return bits;
}

float load_half(const std::byte* p) { return f16_to_f32(load_u16(p)); }

int low_nibble(std::byte b) { return std::to_integer<int>(b) & 15; }
int high_nibble(std::byte b) { return std::to_integer<int>(b) >> 4; }
int signed_byte(std::byte b) { return static_cast<std::int8_t>(b); }

// Calls block(bytes, values) for each block of the spans.
template <class Block>
void for_each_block(DType dtype, std::span<const std::byte> in, std::span<float> out, Block block) {
  const DTypeInfo& info = dtype_info(dtype);
  CHECK(out.size() % info.block_values == 0, "whole blocks only");
  const std::size_t n_blocks = out.size() / info.block_values;
  CHECK(in.size() == n_blocks * info.block_bytes, "in holds exactly the blocks of out");
  for (std::size_t b = 0; b < n_blocks; ++b) {
    block(in.data() + b * info.block_bytes, out.data() + b * info.block_values);
  }
}

}  // namespace

void dequantize_f32(std::span<const std::byte> in, std::span<float> out) {
  CHECK(in.size() == out.size_bytes(), "in holds exactly the values of out");
  if (!in.empty()) std::memcpy(out.data(), in.data(), in.size());
}

void dequantize_f16(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::f16, in, out, [](const std::byte* p, float* y) { *y = load_half(p); });
}

void dequantize_bf16(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::bf16, in, out,
                 [](const std::byte* p, float* y) { *y = bf16_to_f32(load_u16(p)); });
}

void dequantize_q8_0(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q8_0, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p);
    for (int i = 0; i < 32; ++i) y[i] = static_cast<float>(signed_byte(p[2 + i])) * d;
  });
}

void dequantize_q4_0(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q4_0, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p);
    for (int i = 0; i < 16; ++i) {
      y[i] = static_cast<float>(low_nibble(p[2 + i]) - 8) * d;
      y[i + 16] = static_cast<float>(high_nibble(p[2 + i]) - 8) * d;
    }
  });
}

void dequantize_q4_1(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q4_1, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p);
    const float m = load_half(p + 2);
    for (int i = 0; i < 16; ++i) {
      y[i] = static_cast<float>(low_nibble(p[4 + i])) * d + m;
      y[i + 16] = static_cast<float>(high_nibble(p[4 + i])) * d + m;
    }
  });
}

void dequantize_q6_k(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q6_k, in, out, [](const std::byte* p, float* y) {
    const std::byte* ql = p;
    const std::byte* qh = p + 128;
    const std::byte* scales = p + 192;
    const float d = load_half(p + 208);
    for (int n = 0; n < 2; ++n) {
      for (int g = 0; g < 4; ++g) {
        for (int l = 0; l < 32; ++l) {
          const std::byte low = ql[64 * n + l + 32 * (g & 1)];
          const int bits = g >= 2 ? high_nibble(low) : low_nibble(low);
          const int top = (std::to_integer<int>(qh[32 * n + l]) >> (2 * g)) & 3;
          const int scale = signed_byte(scales[8 * n + 2 * g + l / 16]);
          y[128 * n + 32 * g + l] =
              d * static_cast<float>(scale) * static_cast<float>(bits + 16 * top - 32);
        }
      }
    }
  });
}

void dequantize_mxfp4(std::span<const std::byte> in, std::span<float> out) {
  static constexpr float kValues[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  for_each_block(DType::mxfp4, in, out, [](const std::byte* p, float* y) {
    const auto e = std::to_integer<std::uint32_t>(p[0]);
    // 2^-128 and 2^-127 are denormal.
    const float d = std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23);
    for (int i = 0; i < 16; ++i) {
      y[i] = kValues[low_nibble(p[1 + i])] * d;
      y[i + 16] = kValues[high_nibble(p[1 + i])] * d;
    }
  });
}

}  // namespace hearth
