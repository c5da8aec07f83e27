// dequantize_iq.cc - the bytes of the formats whose codes number points of a grid (iq_grids.h).
//
// Super-blocks of 256 values in parts of 32, k = 0 … 7; in a part a code j = 0 … 3 gives eight
// values (iq3_*: j = 0 … 7, four values). d is an IEEE half. With P the point of the code:
//
//   iq2_xxs { d; { u8 q[4]; u32 s }[8] }    y = d·(½ + top 4 bits of s)/4·±P[q[j]]; the signs are
//           those of seven bits of s, at 7j: one a value, the eighth makes their number even
//   iq2_xs  { d; u16 q[32]; u8 s[8] }       y = d·(½ + scale)/4·±P[low 9 bits of q[4k + j]]; signs
//   as
//           above from the high 7 bits; scale = lo(s[k]) for j < 2, else hi
//   iq2_s   { d; u8 q[32]; u8 signs[32]; u8 h[8]; u8 s[8] }   as iq2_xs, but the code is q[4k + j]
//           with two bits of h[k], at 2j, above it, and the eight signs are bits of signs[4k + j]
//   iq3_xxs { d; u8 q[64]; u32 s[8] }       y = d·(½ + top 4 bits of s[k])/2·±P[q[8k + j]]; signs
//   as
//           in iq2_xxs, for two codes together
//   iq3_s   { d; u8 q[64]; u8 h[8]; u8 signs[32]; u8 s[4] }   y = d·(1 + 2·scale)·±P[code]; the
//   code
//           is q[8k + j] with bit j of h[k] above it, scale a nibble of s[k / 2], signs as in iq2_s
//   iq1_s   { d; u8 q[32]; u16 h[8] }       y = d·(1 + 2·(3 bits of h[k], at 12))·(P[code] + δ);
//   the
//           code is q[4k + j] with three bits of h[k], at 3j, above it; δ = h[k] < 2^15 ? ⅛ : -⅛
//   iq1_m   { u8 q[32]; u8 h[16]; u16 s[4] }   y = d·(1 + 2·scale)·(P[code] + δ); d is made of the
//           top nibbles of s; a nibble of h for each code holds the code's upper three bits and the
//           sign of δ; the scale of two codes, m = 2k + j / 2, is 3 bits of s[m / 4], at 3(m % 4)
#include <bit>
#include <cstdint>

#include "tensor/block_bytes.h"
#include "tensor/dequantize.h"
#include "tensor/dtype.h"
#include "tensor/iq_grids.h"

namespace hearth {

namespace {

constexpr std::uint8_t kIq2Values[] = {8, 25, 43};
constexpr std::uint8_t kIq3XxsValues[] = {4, 12, 20, 28, 36, 44, 52, 62};
constexpr std::uint8_t kIq3SValues[] = {1, 3, 5, 7, 9, 11, 13, 15};

// Seven signs and the eighth, which makes the number of minus signs even.
int with_parity(int seven) {
  return seven | (std::popcount(static_cast<unsigned>(seven)) % 2) << 7;
}

// n values of a point, `width` bits each; bit i of signs: value i is negative.
void expand_point(std::uint16_t point, int n, int width, const std::uint8_t* values, float d,
                  int signs, float* y) {
  for (int i = 0; i < n; ++i) {
    // A factor, not a branch: the signs are random.
    const auto sign = static_cast<float>(1 - 2 * bits_at(signs, i, 1));
    y[i] = d * static_cast<float>(values[bits_at(point, width * i, width)]) * sign;
  }
}

void expand_iq2(std::uint16_t point, float d, int signs, float* y) {
  expand_point(point, 8, 2, kIq2Values, d, signs, y);
}

void expand_iq1(int code, bool negative_delta, float d, float* y) {
  const float delta = negative_delta ? -0.125f : 0.125f;
  for (int i = 0; i < 8; ++i) {
    y[i] = d * (static_cast<float>(bits_at(kIq1Grid[code], 2 * i, 2) - 1) + delta);
  }
}

int byte_at(const std::byte* p) { return std::to_integer<int>(*p); }

}  // namespace

void dequantize_iq2_xxs(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::iq2_xxs, in, out, [](const std::byte* p, float* y) {
    for (int k = 0; k < 8; ++k) {
      const std::byte* q = p + 2 + 8 * k;
      const auto s = load<std::uint32_t>(q + 4);
      const float d = load_half(p) * (0.5f + static_cast<float>(s >> 28)) * 0.25f;
      for (int j = 0; j < 4; ++j) {
        const int signs = with_parity(bits_at(s, 7 * j, 7));
        expand_iq2(kIq2XxsGrid[byte_at(q + j)], d, signs, y + 32 * k + 8 * j);
      }
    }
  });
}

void dequantize_iq2_xs(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::iq2_xs, in, out, [](const std::byte* p, float* y) {
    for (int m = 0; m < 32; ++m) {
      const auto q = load<std::uint16_t>(p + 2 + 2 * m);
      const int scale = nibble(p[66 + m / 4], m % 4 >= 2);
      const float d = load_half(p) * (0.5f + static_cast<float>(scale)) * 0.25f;
      expand_iq2(kIq2XsGrid[q & 511], d, with_parity(q >> 9), y + 8 * m);
    }
  });
}

void dequantize_iq2_s(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::iq2_s, in, out, [](const std::byte* p, float* y) {
    for (int m = 0; m < 32; ++m) {
      const int code = byte_at(p + 2 + m) | bits_at(p[66 + m / 4], 2 * (m % 4), 2) << 8;
      const int scale = nibble(p[74 + m / 4], m % 4 >= 2);
      const float d = load_half(p) * (0.5f + static_cast<float>(scale)) * 0.25f;
      expand_iq2(kIq2SGrid[code], d, byte_at(p + 34 + m), y + 8 * m);
    }
  });
}

void dequantize_iq3_xxs(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::iq3_xxs, in, out, [](const std::byte* p, float* y) {
    for (int m = 0; m < 64; ++m) {
      const auto s = load<std::uint32_t>(p + 66 + 4 * (m / 8));
      const float d = load_half(p) * (0.5f + static_cast<float>(s >> 28)) * 0.5f;
      const int signs = with_parity(bits_at(s, 7 * (m % 8 / 2), 7)) >> 4 * (m % 2);
      expand_point(kIq3XxsGrid[byte_at(p + 2 + m)], 4, 4, kIq3XxsValues, d, signs, y + 4 * m);
    }
  });
}

void dequantize_iq3_s(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::iq3_s, in, out, [](const std::byte* p, float* y) {
    for (int m = 0; m < 64; ++m) {
      const int k = m / 8;
      const int code = byte_at(p + 2 + m) | bits_at(p[66 + k], m % 8, 1) << 8;
      const float d = load_half(p) * static_cast<float>(1 + 2 * nibble(p[106 + k / 2], k % 2 == 1));
      const int signs = byte_at(p + 74 + m / 2) >> 4 * (m % 2);
      expand_point(kIq3SGrid[code], 4, 4, kIq3SValues, d, signs, y + 4 * m);
    }
  });
}

void dequantize_iq1_s(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::iq1_s, in, out, [](const std::byte* p, float* y) {
    for (int m = 0; m < 32; ++m) {
      const auto h = load<std::uint16_t>(p + 34 + 2 * (m / 4));
      const int code = byte_at(p + 2 + m) | bits_at(h, 3 * (m % 4), 3) << 8;
      const float d = load_half(p) * static_cast<float>(1 + 2 * bits_at(h, 12, 3));
      expand_iq1(code, h >> 15 == 1, d, y + 8 * m);
    }
  });
}

void dequantize_iq1_m(std::span<const std::byte> in, std::span<float> out) {
  for_each_block(DType::iq1_m, in, out, [](const std::byte* p, float* y) {
    const auto s = [p](int i) { return load<std::uint16_t>(p + 48 + 2 * i); };
    int half = 0;
    for (int i = 0; i < 4; ++i) half |= s(i) >> 12 << 4 * i;
    const float super = f16_to_f32(static_cast<std::uint16_t>(half));
    for (int m = 0; m < 32; ++m) {
      const int h = nibble(p[32 + m / 2], m % 2 == 1);
      const int scale = bits_at(s(m / 8), 3 * (m / 2 % 4), 3);
      const float d = super * static_cast<float>(1 + 2 * scale);
      expand_iq1(byte_at(p + m) | (h & 7) << 8, h >= 8, d, y + 8 * m);
    }
  });
}

}  // namespace hearth
