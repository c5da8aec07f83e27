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
//   q5_0   { d; u32 h; u8 q[16] }      as q4_0 with bit i of h as the fifth bit of value i, minus
//   16 q5_1   { d; m; u32 h; u8 q[16] }   as q4_1 with the same fifth bit iq4_nl { d; u8 q[16] } as
//   q4_0 with y = kIq4Values[code]·d mxfp4  { u8 e; u8 q[16] }    as q4_0 with y = value[code]·2^(e
//   - 128), value = 0, 1, 2, 3, 4, 6,
//          8, 12 and the same below zero (twice E2M1's values, hence 128 where E8M0 has 127)
//
// Of the other super-blocks of 256, with n = 0, 1, g = 0 … 3, l = 0 … 31 as above and e = 128n +
// 32g
// + l (k-quants of 4 and 5 bits: c = 0 … 3, h = 0, 1, j = 2c + h, e = 64c + 32h + l):
//
//   q2_k   { u8 s[16]; u8 q[64]; d; m }        two = 2 bits of q[32n + l], at 2g
//          y[e] = d·(lo(s[e / 16]))·two - m·hi(s[e / 16])
//   q3_k   { u8 h[32]; u8 q[64]; u8 s[12]; d } three = two - (bit 4n + g of h[l] ? 0 : 4)
//          y[e] = d·scale·three; the scale of 16 values, k = e / 16, is 6 bits less 32: the low
//          four in s[k] (k < 8: lo, else hi of s[k - 8]), the high two in s[8 + k % 4] at 2(k / 4)
//   q4_k   { d; m; u8 s[12]; u8 q[128] }       y[e] = d·sc(j)·code - m·mn(j), code = lo or hi (by
//   h)
//          of q[32c + l]; sc and mn are 6 bits each: j < 4: s[j] and s[j + 4]; else lo and hi of
//          s[j + 4] with the upper two bits of s[j - 4] and s[j] above them
//   q5_k   { d; m; u8 s[12]; u8 h[32]; u8 q[128] }   as q4_k with bit j of h[l] as the fifth bit
//   iq4_xs { d; u16 sh; u8 sl[4]; u8 q[128] }  eight iq4_nl blocks k of scale d·(six bits - 32):
//   the
//          low four in a nibble of sl[k / 2], the high two in sh at 2k
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

void expand_codes(const std::byte* q, float d, float* y) {
  for (int i = 0; i < 16; ++i) {
    y[i] = d * static_cast<float>(kIq4Values[low_nibble(q[i])]);
    y[i + 16] = d * static_cast<float>(kIq4Values[high_nibble(q[i])]);
  }
}

std::uint32_t load_u32(const std::byte* p) {
  std::uint32_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return bits;
}

int bit_of(std::uint32_t bits, int i) { return static_cast<int>((bits >> i) & 1u); }

// Scale and minimum of 32 values of q4_k and q5_k, j = 0 … 7.
struct ScaleAndMin {
  float scale, min;
};
ScaleAndMin scale_and_min(const std::byte* s, int j, float d, float m) {
  const auto at = [&](int i) { return std::to_integer<int>(s[i]); };
  const int scale = j < 4 ? at(j) & 63 : (at(j + 4) & 15) | (at(j - 4) >> 6) << 4;
  const int min = j < 4 ? at(j + 4) & 63 : at(j + 4) >> 4 | (at(j) >> 6) << 4;
  return {d * static_cast<float>(scale), m * static_cast<float>(min)};
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

void dequantize_q5_0(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q5_0, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p);
    const std::uint32_t h = load_u32(p + 2);
    for (int i = 0; i < 16; ++i) {
      y[i] = static_cast<float>((low_nibble(p[6 + i]) | bit_of(h, i) << 4) - 16) * d;
      y[i + 16] = static_cast<float>((high_nibble(p[6 + i]) | bit_of(h, i + 16) << 4) - 16) * d;
    }
  });
}

void dequantize_q5_1(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q5_1, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p);
    const float m = load_half(p + 2);
    const std::uint32_t h = load_u32(p + 4);
    for (int i = 0; i < 16; ++i) {
      y[i] = static_cast<float>(low_nibble(p[8 + i]) | bit_of(h, i) << 4) * d + m;
      y[i + 16] = static_cast<float>(high_nibble(p[8 + i]) | bit_of(h, i + 16) << 4) * d + m;
    }
  });
}

void dequantize_q2_k(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q2_k, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p + 80);
    const float m = load_half(p + 82);
    for (int e = 0; e < 256; ++e) {
      const int n = e / 128, g = e / 32 % 4, l = e % 32;
      const std::byte s = p[e / 16];
      const int two = std::to_integer<int>(p[16 + 32 * n + l]) >> (2 * g) & 3;
      y[e] = d * static_cast<float>(low_nibble(s)) * static_cast<float>(two) -
             m * static_cast<float>(high_nibble(s));
    }
  });
}

void dequantize_q3_k(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q3_k, in, out, [](const std::byte* p, float* y) {
    const std::byte* s = p + 96;
    const float d = load_half(p + 108);
    for (int e = 0; e < 256; ++e) {
      const int n = e / 128, g = e / 32 % 4, l = e % 32, k = e / 16;
      const int low = k < 8 ? low_nibble(s[k]) : high_nibble(s[k - 8]);
      const int high = std::to_integer<int>(s[8 + k % 4]) >> (2 * (k / 4)) & 3;
      const int two = std::to_integer<int>(p[32 + 32 * n + l]) >> (2 * g) & 3;
      const int absent = std::to_integer<int>(p[l]) >> (4 * n + g) & 1 ? 0 : 4;
      y[e] = d * static_cast<float>((low | high << 4) - 32) * static_cast<float>(two - absent);
    }
  });
}

void dequantize_q4_k(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q4_k, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p), m = load_half(p + 2);
    for (int j = 0; j < 8; ++j) {
      const ScaleAndMin of = scale_and_min(p + 4, j, d, m);
      for (int l = 0; l < 32; ++l) {
        const std::byte q = p[16 + 32 * (j / 2) + l];
        const int code = j % 2 == 0 ? low_nibble(q) : high_nibble(q);
        y[32 * j + l] = of.scale * static_cast<float>(code) - of.min;
      }
    }
  });
}

void dequantize_q5_k(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q5_k, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p), m = load_half(p + 2);
    for (int j = 0; j < 8; ++j) {
      const ScaleAndMin of = scale_and_min(p + 4, j, d, m);
      for (int l = 0; l < 32; ++l) {
        const std::byte q = p[48 + 32 * (j / 2) + l];
        const int code = (j % 2 == 0 ? low_nibble(q) : high_nibble(q)) |
                         (std::to_integer<int>(p[16 + l]) >> j & 1) << 4;
        y[32 * j + l] = of.scale * static_cast<float>(code) - of.min;
      }
    }
  });
}

void dequantize_iq4_nl(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::iq4_nl, in, out,
                 [](const std::byte* p, float* y) { expand_codes(p + 2, load_half(p), y); });
}

void dequantize_iq4_xs(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::iq4_xs, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p);
    for (int k = 0; k < 8; ++k) {
      const std::byte nibbles = p[4 + k / 2];
      const int low = k % 2 == 0 ? low_nibble(nibbles) : high_nibble(nibbles);
      const int high = load_u16(p + 2) >> (2 * k) & 3;
      expand_codes(p + 8 + 16 * k, d * static_cast<float>((low | high << 4) - 32), y + 32 * k);
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
