// vec.h (avx512) - the vector layer of generic/vec.h on AVX-512 F, BW, VL and VNNI.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace hearth::kernels::avx512 {

struct Vec {
  static constexpr int kLanes = 16;
  // 16 float and 4 integer accumulators, 8 of weights, 2 of scales: under 32 registers.
  static constexpr int kTileRows = 16, kChains = 4, kFloatRows = 8;
  static constexpr int kTileQueries = 8;

  using F = __m512;
  using I = __m512i;
  using U = __m512i;

  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, F a) { _mm512_storeu_ps(p, a); }
  static F set1(float x) { return _mm512_set1_ps(x); }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  static F min(F a, F b) { return _mm512_min_ps(a, b); }
  static F abs(F a) {
    return _mm512_castsi512_ps(
        _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x7fffffff)));
  }
  static float reduce_add(F a) {
    const __m256 low = _mm512_castps512_ps256(a);
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a), 1));
    const __m256 v8 = _mm256_add_ps(low, high);
    const __m128 v4 = _mm_add_ps(_mm256_castps256_ps128(v8), _mm256_extractf128_ps(v8, 1));
    const __m128 v2 = _mm_add_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_add_ss(v2, _mm_shuffle_ps(v2, v2, 1)));
  }
  static float reduce_max(F a) { return _mm512_reduce_max_ps(a); }

  static F load_f16(const void* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
  }
  static F load_bf16(const void* p) {
    const __m256i h = _mm256_loadu_si256(static_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
  }
  static void store_f16(void* p, F a) {
    _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
  }
  static F load_i8(const void* p) {
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p))));
  }
  static F load_e8m0(const void* p) {
    const I e = _mm512_cvtepu8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)));
    const I normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
    const I denormal = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
    const __mmask16 is_denormal = _mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2));
    return _mm512_castsi512_ps(_mm512_mask_blend_epi32(is_denormal, normal, denormal));
  }

  static F load_half_e4m3(const void* p) {
    const __m256i bytes = _mm256_cvtepu8_epi16(_mm_loadu_si128(static_cast<const __m128i*>(p)));
    return _mm512_mul_ps(_mm512_cvtph_ps(_mm256_slli_epi16(bytes, 7)), _mm512_set1_ps(128));
  }

  static I set1i(std::int32_t x) { return _mm512_set1_epi32(x); }
  static F to_float(I a) { return _mm512_cvtepi32_ps(a); }
  static I to_int(F a) { return _mm512_cvtps_epi32(a); }
  static F ldexp(F a, I n) { return _mm512_scalef_ps(a, to_float(n)); }
  static void store_ints(std::int32_t* p, I a) { _mm512_storeu_si512(p, a); }
  static void store_i8(std::int8_t* p, I a) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a));
  }
  static I abs_bits(F a) {
    return _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x7fffffff));
  }
  static F from_bits(I a) { return _mm512_castsi512_ps(a); }
  static I maxi(I a, I b) { return _mm512_max_epi32(a, b); }
  static I max_each(const I* a) { return reduce_each(a, maxi); }
  static I add_each(const I* a) {
    return reduce_each(a, [](I x, I y) { return _mm512_add_epi32(x, y); });
  }

  static U load_bytes(const void* p) { return _mm512_loadu_si512(p); }
  static U low_nibbles(U a) { return _mm512_and_si512(a, _mm512_set1_epi8(15)); }
  static U high_nibbles(U a) {
    return _mm512_and_si512(_mm512_srli_epi16(a, 4), _mm512_set1_epi8(15));
  }
  static U lookup(U a, const std::uint8_t* table) {
    const __m128i t = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), a);
  }
  template <int kLeft>
  static U shift(U a) {  // of 16 bits each
    if constexpr (kLeft < 0) return _mm512_srli_epi16(a, -kLeft);
    if constexpr (kLeft > 0) return _mm512_slli_epi16(a, kLeft);
    return a;
  }
  template <int i>
  static U two_bits(U a) {
    return _mm512_and_si512(_mm512_srli_epi16(a, 2 * i), _mm512_set1_epi8(3));
  }
  static U multiples(const std::uint8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i n = _mm_and_si128(bytes, _mm_set1_epi8(15));
    return _mm512_mullo_epi32(_mm512_cvtepu8_epi32(n), _mm512_set1_epi32(0x03020100));
  }
  template <int i>
  static U multiple(U multiples, U a) {  // four numbers in each 128 bits: the index says which
    const U number = _mm512_set4_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0);
    constexpr int kAndOr = 0xea;
    return _mm512_shuffle_epi8(
        multiples, _mm512_ternarylogic_epi32(_mm512_srli_epi16(a, 2 * i), _mm512_set1_epi8(3),
                                             number, kAndOr));
  }
  template <int i>
  static U with_high_bits(U low, U high) {
    return _mm512_or_si512(low, _mm512_and_si512(shift<4 - 2 * i>(high), _mm512_set1_epi8(0x30)));
  }
  static F load_bits6(const std::uint8_t* low, int low_shift, const std::uint8_t* high,
                      int high_shift) {
    const auto bits = [](const std::uint8_t* p, int shift, char mask) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
      return _mm_and_si128(_mm_srl_epi16(bytes, _mm_cvtsi32_si128(shift)), _mm_set1_epi8(mask));
    };
    const __m128i two = bits(high, high_shift, 3);
    return _mm512_cvtepi32_ps(
        _mm512_cvtepu8_epi32(_mm_or_si128(bits(low, low_shift, 15), _mm_slli_epi16(two, 4))));
  }
  static F load_nibbles(const std::uint8_t* p, int shift) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i n = _mm_srl_epi16(bytes, _mm_cvtsi32_si128(shift));
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_and_si128(n, _mm_set1_epi8(15))));
  }
  template <int kAt>
  static void add_bits(U high, U* codes) {
    const U bit = _mm512_set1_epi8(1 << kAt);
    const auto put = [&](U& code, U shifted) {
      code = _mm512_or_si512(code, _mm512_and_si512(shifted, bit));
    };
    put(codes[0], shift<kAt>(high));
    put(codes[1], shift<kAt - 1>(high));
    put(codes[2], shift<kAt - 2>(high));
    put(codes[3], shift<kAt - 3>(high));
    put(codes[4], shift<kAt - 4>(high));
    put(codes[5], shift<kAt - 5>(high));
    put(codes[6], shift<kAt - 6>(high));
    put(codes[7], shift<kAt - 7>(high));
  }
  // GCC 12 broadcasts into a register of its own what the instruction can read from memory, and
  // then runs out of registers; the intrinsic and set1 together are worth a third less.
  static I dot_quad(I acc, U codes, const std::int8_t* q) {
    const auto* quad = reinterpret_cast<const Quad*>(q);
    asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(codes), "m"(*quad));
    return acc;
  }
  template <int kMaxCode>
  using Input = std::int8_t;
  static void gather(const std::int8_t* q, std::int8_t* to) { std::memcpy(to, q, 32); }
  template <int kMaxCode, int kQuads, int kRows, class Take>
  [[gnu::always_inline]] static void dot(const U* codes, const std::int8_t* q,
                                         const std::int32_t* start, Take take) {
    I sum[kRows];
    for (int r = 0; r < kRows; ++r) sum[r] = set1i(start[r]);
    for (int g = 0; g < kQuads; ++g) {
      for (int r = 0; r < kRows; ++r) sum[r] = dot_quad(sum[r], codes[g], q + 32 * r + 4 * g);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) take(r, sum[r]);
  }

 private:
  struct [[gnu::may_alias]] Quad {
    std::int8_t q[4];
  };

  // Each step halves the lanes that a vector still has and doubles the vectors that share one.
  template <class Op>
  [[gnu::always_inline]] static I reduce_each(const I* a, Op op) {
    I by_2[8], by_4[4], by_8[2];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      by_2[i] = op(_mm512_unpacklo_epi32(a[2 * i], a[2 * i + 1]),
                   _mm512_unpackhi_epi32(a[2 * i], a[2 * i + 1]));
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      by_4[i] = op(_mm512_unpacklo_epi64(by_2[2 * i], by_2[2 * i + 1]),
                   _mm512_unpackhi_epi64(by_2[2 * i], by_2[2 * i + 1]));
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      by_8[i] = op(_mm512_shuffle_i32x4(by_4[2 * i], by_4[2 * i + 1], 0x88),
                   _mm512_shuffle_i32x4(by_4[2 * i], by_4[2 * i + 1], 0xdd));
    }
    return op(_mm512_shuffle_i32x4(by_8[0], by_8[1], 0x88),
              _mm512_shuffle_i32x4(by_8[0], by_8[1], 0xdd));
  }
};

}  // namespace hearth::kernels::avx512
