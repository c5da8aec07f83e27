// vec.h (generic) - the vector layer in plain C++: the specification of avx2/vec.h and
// avx512/vec.h, and their emulation where the CPU lacks them.
//
// The layer is sixteen lanes of float32 or int32, and 64 bytes. Every operation has one exact
// meaning (fma is one rounding, reduce_add a fixed tree), so a kernel written over it gives the
// same bytes on every ISA.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "tensor/dtype.h"

namespace hearth::kernels::generic {

struct Vec {
  static constexpr int kLanes = 16;
  // Rows a matmul tile computes together (kFloatRows: with float weights), those of them whose
  // integer sums are open at once, and queries an attention tile computes: bounded by registers.
  static constexpr int kTileRows = 16, kChains = 4, kFloatRows = 4;
  static constexpr int kTileQueries = 4;

  struct F {
    float v[16];
  };
  struct I {
    std::int32_t v[16];
  };
  struct U {
    std::uint8_t v[64];
  };

  template <class Fn>
  static F map(Fn fn) {
    F r;
    for (int i = 0; i < 16; ++i) r.v[i] = fn(i);
    return r;
  }

  static F load(const float* p) {
    F r;
    std::memcpy(r.v, p, sizeof r.v);
    return r;
  }
  static void store(float* p, F a) { std::memcpy(p, a.v, sizeof a.v); }
  static F set1(float x) {
    return map([x](int) { return x; });
  }
  static F add(F a, F b) {
    return map([&](int i) { return a.v[i] + b.v[i]; });
  }
  static F sub(F a, F b) {
    return map([&](int i) { return a.v[i] - b.v[i]; });
  }
  static F mul(F a, F b) {
    return map([&](int i) { return a.v[i] * b.v[i]; });
  }
  static F div(F a, F b) {
    return map([&](int i) { return a.v[i] / b.v[i]; });
  }
  static F fma(F a, F b, F c) {
    return map([&](int i) { return __builtin_fmaf(a.v[i], b.v[i], c.v[i]); });
  }
  // a when a > b, else b: a NaN in a gives b, as maxps does.
  static F max(F a, F b) {
    return map([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  static F min(F a, F b) {
    return map([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  static F abs(F a) {
    return map([&](int i) { return __builtin_fabsf(a.v[i]); });
  }
  // Lanes i and i + 8, then 4, 2, 1.
  static float reduce_add(F a) {
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) a.v[i] = a.v[i] + a.v[i + half];
    }
    return a.v[0];
  }
  static float reduce_max(F a) {
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) a.v[i] = a.v[i] > a.v[i + half] ? a.v[i] : a.v[i + half];
    }
    return a.v[0];
  }

  static F load_f16(const void* p) {
    std::uint16_t h[16];
    std::memcpy(h, p, sizeof h);
    return map([&](int i) { return f16_to_f32(h[i]); });
  }
  static F load_bf16(const void* p) {
    std::uint16_t h[16];
    std::memcpy(h, p, sizeof h);
    return map([&](int i) { return bf16_to_f32(h[i]); });
  }
  static void store_f16(void* p, F a) {
    std::uint16_t h[16];
    for (int i = 0; i < 16; ++i) h[i] = f32_to_f16(a.v[i]);
    std::memcpy(p, h, sizeof h);
  }
  static F load_i8(const void* p) {
    std::int8_t b[16];
    std::memcpy(b, p, sizeof b);
    return map([&](int i) { return static_cast<float>(b[i]); });
  }

  static F load_e8m0(const void* p) {  // 2^(e - 128), denormal for 0 and 1
    std::uint8_t e[16];
    std::memcpy(e, p, sizeof e);
    return map([&](int i) {
      const std::uint32_t bits = e[i] < 2 ? 0x00200000u << e[i] : (std::uint32_t{e[i]} - 1) << 23;
      float x;
      std::memcpy(&x, &bits, 4);
      return x;
    });
  }

  static F load_half_e4m3(const void* p) {  // half of the number; e4m3 without a sign, no NaN
    std::uint8_t b[16];
    std::memcpy(b, p, sizeof b);
    return map([&](int i) { return f16_to_f32(static_cast<std::uint16_t>(b[i] << 7)) * 128; });
  }

  static I set1i(std::int32_t x) {
    I r;
    for (int i = 0; i < 16; ++i) r.v[i] = x;
    return r;
  }
  static F to_float(I a) {
    return map([&](int i) { return static_cast<float>(a.v[i]); });
  }
  // To nearest, ties to even; what does not fit, or is not a number, becomes -2^31.
  static I to_int(F a) {
    I r;
    for (int i = 0; i < 16; ++i) {
      const float whole = std::nearbyintf(a.v[i]);
      const bool fits = whole >= -0x1p31f && whole < 0x1p31f;
      r.v[i] = fits ? static_cast<std::int32_t>(whole) : INT32_MIN;
    }
    return r;
  }
  // a * 2^n with one rounding, |n| <= 252 and a neither denormal nor above 2^125.
  static F ldexp(F a, I n) {
    return map([&](int i) { return std::ldexp(a.v[i], n.v[i]); });
  }
  static void store_ints(std::int32_t* p, I a) { std::memcpy(p, a.v, sizeof a.v); }
  // 16 lanes, each in [-128, 127], as bytes.
  static void store_i8(std::int8_t* p, I a) {
    for (int i = 0; i < 16; ++i) p[i] = static_cast<std::int8_t>(a.v[i]);
  }
  // The bits of |a|, which order as the values do; those of a NaN come behind infinity.
  static I abs_bits(F a) {
    I r;
    std::memcpy(r.v, a.v, sizeof r.v);
    for (int i = 0; i < 16; ++i) r.v[i] &= 0x7fffffff;
    return r;
  }
  static F from_bits(I a) {
    F r;
    std::memcpy(r.v, a.v, sizeof r.v);
    return r;
  }
  static I maxi(I a, I b) {
    for (int i = 0; i < 16; ++i) a.v[i] = a.v[i] > b.v[i] ? a.v[i] : b.v[i];
    return a;
  }
  // Lane i: the largest lane, or the sum of the lanes (modulo 2^32), of vector i of 16.
  static I max_each(const I* a) {
    return reduce_each(a, [](std::int32_t x, std::int32_t y) { return x > y ? x : y; });
  }
  static I add_each(const I* a) {
    return reduce_each(a, [](std::int32_t x, std::int32_t y) {
      return static_cast<std::int32_t>(static_cast<std::uint32_t>(x) +
                                       static_cast<std::uint32_t>(y));
    });
  }

  static U load_bytes(const void* p) {
    U r;
    std::memcpy(r.v, p, 64);
    return r;
  }
  static U low_nibbles(U a) {
    for (auto& x : a.v) x = x & 15;
    return a;
  }
  static U high_nibbles(U a) {
    for (auto& x : a.v) x = static_cast<std::uint8_t>(x >> 4);
    return a;
  }
  // table[x] of each x in 0 … 15
  static U lookup(U a, const std::uint8_t* table) {
    for (auto& x : a.v) x = table[x];
    return a;
  }
  template <int i>
  static U two_bits(U a) {  // bits 2i, 2i+1
    for (auto& x : a.v) x = x >> (2 * i) & 3;
    return a;
  }
  // Of the numbers n in the low nibbles of p[16], 0, n, 2n and 3n, four bytes of each.
  static U multiples(const std::uint8_t* p) {
    U r;
    for (int i = 0; i < 64; ++i) r.v[i] = static_cast<std::uint8_t>((p[i / 4] & 15) * (i % 4));
    return r;
  }
  // n * (bits 2i, 2i+1 of a), four bytes for each n.
  template <int i>
  static U multiple(U multiples, U a) {
    for (int j = 0; j < 64; ++j) a.v[j] = multiples.v[j / 4 * 4 + (a.v[j] >> (2 * i) & 3)];
    return a;
  }
  // low | (bits 2i, 2i+1 of high) << 4
  template <int i>
  static U with_high_bits(U low, U high) {
    for (int j = 0; j < 64; ++j) {
      low.v[j] = static_cast<std::uint8_t>(low.v[j] | (((high.v[j] >> (2 * i)) & 3) << 4));
    }
    return low;
  }
  // The six-bit numbers whose low four bits are at low[i] >> low_shift and high two at
  // high[i] >> high_shift.
  static F load_bits6(const std::uint8_t* low, int low_shift, const std::uint8_t* high,
                      int high_shift) {
    return map([&](int i) {
      return static_cast<float>((low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4);
    });
  }
  static F load_nibbles(const std::uint8_t* p, int shift) {  // p[i] >> shift & 15
    return map([&](int i) { return static_cast<float>(p[i] >> shift & 15); });
  }
  // codes[g] | (bit g of high) << kAt, for eight g
  template <int kAt>
  static void add_bits(U high, U* codes) {
    for (int g = 0; g < 8; ++g) {
      for (int j = 0; j < 64; ++j) {
        codes[g].v[j] = static_cast<std::uint8_t>(codes[g].v[j] | (high.v[j] >> g & 1) << kAt);
      }
    }
  }

  // As what, and in which order, dot() below takes the 32 inputs of a row and block from gather().
  template <int kMaxCode>
  using Input = std::int8_t;
  static void gather(const std::int8_t* q, std::int8_t* to) { std::memcpy(to, q, 32); }

  // Calls take(r, sum) for each row r, in order. Lane c of sum: start[r] + the sum over quads g and
  // k = 0 … 3 of codes[g][4c + k] * (input 4 g + k of q + 32 r). Codes are unsigned and at most
  // kMaxCode, inputs in [-127, 127].
  template <int kMaxCode, int kQuads, int kRows, class Take>
  static void dot(const U* codes, const std::int8_t* q, const std::int32_t* start, Take take) {
    for (int r = 0; r < kRows; ++r) {
      I sum = set1i(start[r]);
      for (int g = 0; g < kQuads; ++g) {
        for (int i = 0; i < 64; ++i) sum.v[i / 4] += codes[g].v[i] * q[32 * r + 4 * g + i % 4];
      }
      take(r, sum);
    }
  }

 private:
  template <class Op>
  static I reduce_each(const I* a, Op op) {
    I r;
    for (int i = 0; i < 16; ++i) {
      r.v[i] = a[i].v[0];
      for (int j = 1; j < 16; ++j) r.v[i] = op(r.v[i], a[i].v[j]);
    }
    return r;
  }
};

}  // namespace hearth::kernels::generic
