// vec.h (avx2) - the vector layer of generic/vec.h on AVX2, FMA and F16C: a vector is two
// registers.
//
// Without VNNI a dot product is vpmaddubsw (pairs, saturating at 16 bits), vpmaddwd with ones,
// vpaddd. The pairs never saturate: codes <= 127 give 2 * 127 * 127 = 32258; biased codes are
// turned back to signed ones and the sign is moved to the activation, 2 * 128 * 127 = 32512.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace hearth::kernels::avx2 {

struct Vec {
  static constexpr int kLanes = 16;
  static constexpr int kTileRows = 2;  // 4 integer and 4 float accumulators, weights: 16 registers
  static constexpr int kTileQueries = 4;

  struct F {
    __m256 a, b;
  };
  struct I {
    __m256i a, b;
  };
  using U = I;

  static F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static void store(float* p, F x) {
    _mm256_storeu_ps(p, x.a);
    _mm256_storeu_ps(p + 8, x.b);
  }
  static F set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F add(F x, F y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
  static F sub(F x, F y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
  static F mul(F x, F y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
  static F div(F x, F y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
  static F fma(F x, F y, F z) {
    return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
  }
  static F max(F x, F y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
  static F min(F x, F y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
  static F abs(F x) {
    const __m256 mask = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    return {_mm256_and_ps(x.a, mask), _mm256_and_ps(x.b, mask)};
  }
  static float reduce_add(F x) {
    const __m256 v8 = _mm256_add_ps(x.a, x.b);
    const __m128 v4 = _mm_add_ps(_mm256_castps256_ps128(v8), _mm256_extractf128_ps(v8, 1));
    const __m128 v2 = _mm_add_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_add_ss(v2, _mm_shuffle_ps(v2, v2, 1)));
  }
  static float reduce_max(F x) {
    const __m256 v8 = _mm256_max_ps(x.a, x.b);
    const __m128 v4 = _mm_max_ps(_mm256_castps256_ps128(v8), _mm256_extractf128_ps(v8, 1));
    const __m128 v2 = _mm_max_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_max_ss(v2, _mm_shuffle_ps(v2, v2, 1)));
  }

  static __m128i load_128(const void* p, int i) {
    return _mm_loadu_si128(static_cast<const __m128i*>(p) + i);
  }
  static F load_f16(const void* p) {
    return {_mm256_cvtph_ps(load_128(p, 0)), _mm256_cvtph_ps(load_128(p, 1))};
  }
  static F load_bf16(const void* p) {
    const auto widen = [](__m128i h) {
      return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
    };
    return {widen(load_128(p, 0)), widen(load_128(p, 1))};
  }
  static void store_f16(void* p, F x) {
    auto* out = static_cast<__m128i*>(p);
    _mm_storeu_si128(out, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128(out + 1, _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
  }
  static F load_i8(const void* p) {
    const __m128i bytes = load_128(p, 0);
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)))};
  }
  static F load_e8m0(const void* p) {
    const auto widen = [](__m128i bytes) {
      const __m256i e = _mm256_cvtepu8_epi32(bytes);
      const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
      const __m256i denormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
      const __m256i is_normal = _mm256_cmpgt_epi32(e, _mm256_set1_epi32(1));
      return _mm256_castsi256_ps(_mm256_blendv_epi8(denormal, normal, is_normal));
    };
    const __m128i bytes = load_128(p, 0);
    return {widen(bytes), widen(_mm_srli_si128(bytes, 8))};
  }

  static I set1i(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static F to_float(I x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
  static I to_int(F x) { return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
  static I subi(I x, I y) { return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
  static I halve(I x) { return {_mm256_srai_epi32(x.a, 1), _mm256_srai_epi32(x.b, 1)}; }
  static F pow2(I n) {
    const auto one = [](__m256i v) {
      return _mm256_castsi256_ps(
          _mm256_slli_epi32(_mm256_add_epi32(v, _mm256_set1_epi32(127)), 23));
    };
    return {one(n.a), one(n.b)};
  }
  static std::int32_t store_i8(std::int8_t* p, I x) {
    alignas(32) std::int32_t lanes[16];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), x.a);
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes) + 1, x.b);
    std::int32_t sum = 0;
    for (int i = 0; i < 16; ++i) {
      p[i] = static_cast<std::int8_t>(lanes[i]);
      sum += lanes[i];
    }
    return sum;
  }

  static U load_bytes(const void* p) {
    const auto* in = static_cast<const __m256i*>(p);
    return {_mm256_loadu_si256(in), _mm256_loadu_si256(in + 1)};
  }
  static U low_nibbles(U x) {
    const __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(x.a, mask), _mm256_and_si256(x.b, mask)};
  }
  static U high_nibbles(U x) {
    return low_nibbles({_mm256_srli_epi16(x.a, 4), _mm256_srli_epi16(x.b, 4)});
  }
  static U lookup(U x, const std::uint8_t* table) {
    const __m256i t = _mm256_broadcastsi128_si256(load_128(table, 0));
    return {_mm256_shuffle_epi8(t, x.a), _mm256_shuffle_epi8(t, x.b)};
  }
  template <int i>
  static U with_high_bits(U low, U high) {
    const auto one = [](__m256i l, __m256i h) {
      const __m256i at_4 =
          i < 2 ? _mm256_slli_epi16(h, 4 - 2 * i) : _mm256_srli_epi16(h, 2 * i - 4);
      return _mm256_or_si256(l, _mm256_and_si256(at_4, _mm256_set1_epi8(0x30)));
    };
    return {one(low.a, high.a), one(low.b, high.b)};
  }
  static __m256i broadcast_quad(const std::int8_t* x) {
    std::int32_t quad;
    std::memcpy(&quad, x, 4);
    return _mm256_set1_epi32(quad);
  }
  static __m256i add_pairs(__m256i acc, __m256i pairs) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static I dot(I acc, U w, const std::int8_t* x) {
    const __m256i quad = broadcast_quad(x);
    return {add_pairs(acc.a, _mm256_maddubs_epi16(w.a, quad)),
            add_pairs(acc.b, _mm256_maddubs_epi16(w.b, quad))};
  }
  static I dot_biased(I acc, U w, const std::int8_t* x) {
    const __m256i quad = broadcast_quad(x);
    const auto one = [quad](__m256i sum, __m256i codes) {
      const __m256i s = _mm256_xor_si256(codes, _mm256_set1_epi8(-128));
      return add_pairs(sum, _mm256_maddubs_epi16(_mm256_abs_epi8(s), _mm256_sign_epi8(quad, s)));
    };
    return {one(acc.a, w.a), one(acc.b, w.b)};
  }
  static I start_biased(std::int32_t) { return set1i(0); }
};

}  // namespace hearth::kernels::avx2
