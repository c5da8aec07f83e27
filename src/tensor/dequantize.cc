// dequantize.cc - the bytes of each block format and what they stand for; dequantize_iq.cc has the
// formats that number points of a grid.
//
// d and m are IEEE halves, little endian; lo(b) = b & 15, hi(b) = b >> 4; two(b, g) = b >> 2g & 3.
//
// Bytes without a scale of their own (OCP 8-bit floating point, of safetensors):
//
//   f8_e4m3  1 sign, 4 exponent (bias 7), 3 fraction bits; no infinities, all ones is a NaN
//   f8_e5m2  the upper byte of an IEEE half
//
// Blocks of 32 values, i = 0 … 15 (of 128 and 64: q1_0, q2_0, nvfp4):
//
//   q8_0   { d; i8 q[32] }            y[i] = q[i]·d for all 32
//   q4_0   { d; u8 q[16] }            y[i] = (lo(q[i]) - 8)·d, y[i + 16] = (hi(q[i]) - 8)·d
//   q4_1   { d; m; u8 q[16] }         y[i] = lo(q[i])·d + m,   y[i + 16] = hi(q[i])·d + m
//   q5_0   { d; u32 h; u8 q[16] }     as q4_0, bit i of h is the fifth bit of value i, minus 16
//   q5_1   { d; m; u32 h; u8 q[16] }  as q4_1 with the same fifth bit
//   iq4_nl { d; u8 q[16] }            as q4_0 with y = kIq4Values[code]·d
//   mxfp4  { u8 e; u8 q[16] }         as q4_0 with y = E2M1[code]·2^(e - 128); E2M1 = 0, 1, 2, 3,
//                                     4, 6, 8, 12 and the same below zero: twice the values of
//                                     the standard, hence 128 where its E8M0 has 127
//   nvfp4  { u8 s[4]; u8 q[32] }      64 values, 16 a scale j: y[16j + i] = E2M1[lo(q[8j + i])]·t,
//                                     y[16j + 8 + i] = E2M1[hi(…)]·t, i = 0 … 7; t is half of
//                                     s[j] as f8_e4m3 without its sign
//   q1_0   { d; u8 q[16] }            128 values: y[i] = bit i % 8 of q[i / 8] ? d : -d
//   q2_0   { d; u8 q[16] }            64 values: y[i] = (two(q[i / 4], i % 4) - 1)·d
//
// Super-blocks of 256 values, e = 128n + 32g + l with n = 0, 1, g = 0 … 3, l = 0 … 31:
//
//   q2_k   { u8 s[16]; u8 q[64]; d; m }
//          y[e] = d·lo(s[e / 16])·two(q[32n + l], g) - m·hi(s[e / 16])
//   q3_k   { u8 h[32]; u8 q[64]; u8 s[12]; d }
//          y[e] = d·scale·(two(q[32n + l], g) - (bit 4n + g of h[l] ? 0 : 4)); the scale of 16
//          values, k = e / 16, is 6 bits less 32: the low four in s[k] (k < 8: lo, else hi of
//          s[k - 8]), the high two in s[8 + k % 4] at 2(k / 4)
//   q6_k   { u8 ql[128]; u8 qh[64]; i8 sc[16]; d }
//          y[e] = d·sc[e / 16]·((g < 2 ? lo : hi)(ql[64n + l + 32(g % 2)]) +
//          16·two(qh[32n + l], g) - 32)
//   tq2_0  { u8 q[64]; d }            y[e] = d·(two(q[32n + l], g) - 1)
//   tq1_0  { u8 q[48]; u8 h[4]; d }   five values a byte, as digits t = 0 … 4 to the base 3:
//          y[32t + l] = d·(digit t of q[l] - 1), then y[160 + 16t + l] of q[32 + l], l < 16, and
//          y[240 + 4t + l] of h[l], l < 4, t < 4. A byte holds the fraction 0.t₀t₁t₂t₃t₄ (base 3),
//          rounded up to a multiple of 1/256: digit t is the integer part of 3·frac(byte·3^t/256)
//   q4_k   { d; m; u8 s[12]; u8 q[128] }   32 values j = 0 … 7, e = 32j + l:
//          y[e] = d·sc(j)·code - m·mn(j), code = (j even ? lo : hi)(q[32(j / 2) + l]); sc and mn
//          are 6 bits each: j < 4: s[j] and s[j + 4]; else lo and hi of s[j + 4] with the upper two
//          bits of s[j - 4] and s[j] above them
//   q5_k   { d; m; u8 s[12]; u8 h[32]; u8 q[128] }   as q4_k, bit j of h[l] is the fifth bit
//   iq4_xs { d; u16 sh; u8 sl[4]; u8 q[128] }   eight iq4_nl blocks k of scale d·(six bits - 32):
//          the low four in a nibble of sl[k / 2], the high two in sh at 2k
#include "tensor/dequantize.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "tensor/block_bytes.h"
#include "tensor/dtype.h"

namespace hearth {

namespace {

void expand_codes(const std::byte* q, float d, float* y) {
  for (int i = 0; i < 16; ++i) {
    y[i] = d * static_cast<float>(kIq4Values[low_nibble(q[i])]);
    y[i + 16] = d * static_cast<float>(kIq4Values[high_nibble(q[i])]);
  }
}

// n_bytes bytes of n_digits values each, the first digit of all bytes before the second; returns
// where the next value goes.
float* expand_trits(const std::byte* q, int n_bytes, int n_digits, float d, float* y) {
  for (unsigned power = 1; n_digits > 0; --n_digits, power *= 3) {
    for (int l = 0; l < n_bytes; ++l) {
      const unsigned fraction = std::to_integer<unsigned>(q[l]) * power % 256;
      *y++ = d * static_cast<float>(static_cast<int>(fraction * 3 / 256) - 1);
    }
  }
  return y;
}

// Half of an f8_e4m3 whose sign is not looked at. All ones would be a NaN; ggml takes 0x7f for zero
// and 0xff for the number 480 that the formula gives.
float nvfp4_scale(std::byte byte) {
  const int exponent = bits_at(byte, 3, 4), fraction = bits_at(byte, 0, 3);
  if (byte == std::byte{0x7f}) return 0;
  if (exponent == 0) return static_cast<float>(fraction) * 0x1p-10f;
  return std::bit_cast<float>(static_cast<std::uint32_t>((exponent + 119) << 23 | fraction << 20));
}

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
                 [](const std::byte* p, float* y) { *y = bf16_to_f32(load<std::uint16_t>(p)); });
}

void dequantize_f8_e4m3(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::f8_e4m3, in, out, [](const std::byte* p, float* y) {
    *y = f8_e4m3_to_f32(std::to_integer<std::uint8_t>(*p));
  });
}

void dequantize_f8_e5m2(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::f8_e5m2, in, out, [](const std::byte* p, float* y) {
    *y = f8_e5m2_to_f32(std::to_integer<std::uint8_t>(*p));
  });
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
    const std::uint32_t h = load<std::uint32_t>(p + 2);
    for (int i = 0; i < 16; ++i) {
      y[i] = static_cast<float>((low_nibble(p[6 + i]) | bits_at(h, i, 1) << 4) - 16) * d;
      y[i + 16] = static_cast<float>((high_nibble(p[6 + i]) | bits_at(h, i + 16, 1) << 4) - 16) * d;
    }
  });
}

void dequantize_q5_1(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q5_1, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p);
    const float m = load_half(p + 2);
    const std::uint32_t h = load<std::uint32_t>(p + 4);
    for (int i = 0; i < 16; ++i) {
      y[i] = static_cast<float>(low_nibble(p[8 + i]) | bits_at(h, i, 1) << 4) * d + m;
      y[i + 16] = static_cast<float>(high_nibble(p[8 + i]) | bits_at(h, i + 16, 1) << 4) * d + m;
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
      const int two = bits_at(p[16 + 32 * n + l], 2 * g, 2);
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
      const int high = bits_at(s[8 + k % 4], 2 * (k / 4), 2);
      const int two = bits_at(p[32 + 32 * n + l], 2 * g, 2);
      const int absent = bits_at(p[l], 4 * n + g, 1) == 1 ? 0 : 4;
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
        const int code = nibble(q, j % 2 == 1);
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
        const int code = nibble(q, j % 2 == 1) | bits_at(p[16 + l], j, 1) << 4;
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
      const int low = nibble(p[4 + k / 2], k % 2 == 1);
      const int high = bits_at(load<std::uint16_t>(p + 2), 2 * k, 2);
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
          const int bits = nibble(low, g >= 2);
          const int top = bits_at(qh[32 * n + l], 2 * g, 2);
          const int scale = signed_byte(scales[8 * n + 2 * g + l / 16]);
          y[128 * n + 32 * g + l] =
              d * static_cast<float>(scale) * static_cast<float>(bits + 16 * top - 32);
        }
      }
    }
  });
}

void dequantize_mxfp4(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::mxfp4, in, out, [](const std::byte* p, float* y) {
    const float d = mxfp4_scale(p[0]);
    for (int i = 0; i < 16; ++i) {
      y[i] = static_cast<float>(kE2m1Values[low_nibble(p[1 + i])]) * d;
      y[i + 16] = static_cast<float>(kE2m1Values[high_nibble(p[1 + i])]) * d;
    }
  });
}

void dequantize_nvfp4(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::nvfp4, in, out, [](const std::byte* p, float* y) {
    for (int j = 0; j < 4; ++j) {
      const float d = nvfp4_scale(p[j]);
      for (int i = 0; i < 8; ++i) {
        const std::byte q = p[4 + 8 * j + i];
        y[16 * j + i] = static_cast<float>(kE2m1Values[low_nibble(q)]) * d;
        y[16 * j + 8 + i] = static_cast<float>(kE2m1Values[high_nibble(q)]) * d;
      }
    }
  });
}

void dequantize_q1_0(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q1_0, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p);
    for (int i = 0; i < 128; ++i) {
      y[i] = d * static_cast<float>(2 * bits_at(p[2 + i / 8], i % 8, 1) - 1);
    }
  });
}

void dequantize_q2_0(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::q2_0, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p);
    for (int i = 0; i < 64; ++i) {
      y[i] = static_cast<float>(bits_at(p[2 + i / 4], 2 * (i % 4), 2) - 1) * d;
    }
  });
}

void dequantize_tq1_0(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::tq1_0, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p + 52);
    y = expand_trits(p, 32, 5, d, y);
    y = expand_trits(p + 32, 16, 5, d, y);
    expand_trits(p + 48, 4, 4, d, y);
  });
}

void dequantize_tq2_0(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::tq2_0, in, out, [](const std::byte* p, float* y) {
    const float d = load_half(p + 64);
    for (int e = 0; e < 256; ++e) {
      const int n = e / 128, g = e / 32 % 4, l = e % 32;
      y[e] = d * static_cast<float>(bits_at(p[32 * n + l], 2 * g, 2) - 1);
    }
  });
}

}  // namespace hearth
