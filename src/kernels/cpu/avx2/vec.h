// vec.h (avx2) - the vector layer of generic/vec.h on AVX2, FMA and F16C: a vector is two
// registers.
//
// Without VNNI a dot product is vpmaddubsw (pairs, saturating at 16 bits), vpmaddwd with ones,
// vpaddd. The pairs never saturate: codes of n <= 127 give 2 * 127 * n, and as many of them are
// added in 16 bits as stay below 2^15 (eight of 4-bit codes: 8 * 2 * 15 * 127 = 30480). Larger
// codes are widened to 16 bits instead (vpmaddwd).
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace hearth::kernels::avx2 {

// Copied register by register: GCC 12 moves a plain struct of two vectors eight bytes at a time
// through the stack, which halves the speed of a matmul.
template <class Of>
struct Two {
  using Register = typename Of::Register;
  Register a, b;
  Two() = default;
  Two(Register first, Register second) : a(first), b(second) {}
  Two(const Two& other) : a(other.a), b(other.b) {}
  Two& operator=(const Two& other) {
    a = other.a;
    b = other.b;
    return *this;
  }
};

struct Floats {
  using Register = __m256;
};
struct Integers {
  using Register = __m256i;
};

struct Vec {
  static constexpr int kLanes = 16;
  // Accumulators of a tile live in the first-level cache; its weights keep the registers.
  static constexpr int kTileRows = 16, kChains = 16, kFloatRows = 2;
  static constexpr int kTileQueries = 4;

  using F = Two<Floats>;
  using I = Two<Integers>;
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

  static F load_half_e4m3(const void* p) {
    const __m256i halves = _mm256_slli_epi16(_mm256_cvtepu8_epi16(load_128(p, 0)), 7);
    return mul({_mm256_cvtph_ps(_mm256_castsi256_si128(halves)),
                _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1))},
               set1(128));
  }

  static I set1i(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static F to_float(I x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
  static I to_int(F x) { return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
  // In two halves, so that 2^n itself may be out of range. Only the second product can round.
  static F ldexp(F x, I n) {
    const auto pow2 = [](__m256i v) {
      return _mm256_castsi256_ps(
          _mm256_slli_epi32(_mm256_add_epi32(v, _mm256_set1_epi32(127)), 23));
    };
    const auto one = [&](__m256 v, __m256i e) {
      const __m256i half = _mm256_srai_epi32(e, 1);
      return _mm256_mul_ps(_mm256_mul_ps(v, pow2(half)), pow2(_mm256_sub_epi32(e, half)));
    };
    return {one(x.a, n.a), one(x.b, n.b)};
  }
  static void store_ints(std::int32_t* p, I x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.a);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), x.b);
  }
  static void store_i8(std::int8_t* p, I x) {
    const auto words = [](__m256i v) {  // packing stays within 128 bits
      return _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    };
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words(x.a), words(x.b)));
  }
  static I abs_bits(F x) {
    const F size = abs(x);
    return {_mm256_castps_si256(size.a), _mm256_castps_si256(size.b)};
  }
  static F from_bits(I x) { return {_mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b)}; }
  static I maxi(I x, I y) { return {_mm256_max_epi32(x.a, y.a), _mm256_max_epi32(x.b, y.b)}; }
  static I max_each(const I* x) {
    const auto op = [](__m256i a, __m256i b) { return _mm256_max_epi32(a, b); };
    return {reduce_each(x, op), reduce_each(x + 8, op)};
  }
  static I add_each(const I* x) {
    const auto op = [](__m256i a, __m256i b) { return _mm256_add_epi32(a, b); };
    return {reduce_each(x, op), reduce_each(x + 8, op)};
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
  static U two_bits(U x) {
    const __m256i mask = _mm256_set1_epi8(3);
    return {_mm256_and_si256(_mm256_srli_epi16(x.a, 2 * i), mask),
            _mm256_and_si256(_mm256_srli_epi16(x.b, 2 * i), mask)};
  }
  static U multiples(const std::uint8_t* p) {
    const __m128i n = _mm_and_si128(load_128(p, 0), _mm_set1_epi8(15));
    const __m256i four = _mm256_set1_epi32(0x03020100);
    return {_mm256_mullo_epi32(_mm256_cvtepu8_epi32(n), four),
            _mm256_mullo_epi32(_mm256_cvtepu8_epi32(_mm_srli_si128(n, 8)), four)};
  }
  template <int i>
  static U multiple(U multiples, U x) {  // four numbers in each 128 bits: the index says which
    const __m256i number =
        _mm256_broadcastsi128_si256(_mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c));
    const U two = two_bits<i>(x);
    return {_mm256_shuffle_epi8(multiples.a, _mm256_or_si256(two.a, number)),
            _mm256_shuffle_epi8(multiples.b, _mm256_or_si256(two.b, number))};
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
  static F load_bits6(const std::uint8_t* low, int low_shift, const std::uint8_t* high,
                      int high_shift) {
    const auto bits = [](const std::uint8_t* p, int shift, char mask) {
      return _mm_and_si128(_mm_srl_epi16(load_128(p, 0), _mm_cvtsi32_si128(shift)),
                           _mm_set1_epi8(mask));
    };
    const __m128i two = bits(high, high_shift, 3);
    const __m128i all = _mm_or_si128(bits(low, low_shift, 15), _mm_slli_epi16(two, 4));
    return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(all)),
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(all, 8)))};
  }
  static F load_nibbles(const std::uint8_t* p, int shift) {
    const __m128i n =
        _mm_and_si128(_mm_srl_epi16(load_128(p, 0), _mm_cvtsi32_si128(shift)), _mm_set1_epi8(15));
    return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(n)),
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(n, 8)))};
  }
  template <int kAt>
  static void add_bits(U high, U* codes) {
    const auto put = [](__m256i& code, __m256i shifted) {
      code = _mm256_or_si256(code, _mm256_and_si256(shifted, _mm256_set1_epi8(1 << kAt)));
    };
    for (int g = 0; g < 8; ++g) {
      const __m128i left = _mm_cvtsi32_si128(g < kAt ? kAt - g : 0);
      const __m128i right = _mm_cvtsi32_si128(g < kAt ? 0 : g - kAt);
      put(codes[g].a, _mm256_srl_epi16(_mm256_sll_epi16(high.a, left), right));
      put(codes[g].b, _mm256_srl_epi16(_mm256_sll_epi16(high.b, left), right));
    }
  }

  template <int kMaxCode>
  using Input = std::conditional_t<(kMaxCode > 127), std::int16_t, std::int8_t>;
  static void gather(const std::int8_t* q, std::int8_t* to) { std::memcpy(to, q, 32); }
  // Inputs 0 and 2 of each quad, then 1 and 3.
  static void gather(const std::int8_t* q, std::int16_t* to) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(q));
    auto* out = reinterpret_cast<__m256i*>(to);
    _mm256_storeu_si256(out, _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8));
    _mm256_storeu_si256(out + 1, _mm256_srai_epi16(x, 8));
  }

  // Four quads of codes fill half of the registers; every row passes by them before the next four
  // are loaded. What is done with a row's sum is done in its last pass: a pass of its own would
  // load and store once more.
  template <int kMaxCode, int kQuads, int kRows, class Take>
  [[gnu::always_inline]] static void dot(const U* codes, const Input<kMaxCode>* q,
                                         const std::int32_t* start, Take take) {
    if constexpr (kMaxCode > 127) {
      static_assert(kQuads == 8, "dot_bytes takes a whole block");
      dot_bytes<kRows>(codes, q, start, take);
    } else if constexpr (kQuads == 4) {
      for (int r = 0; r < kRows; ++r) {
        take(r, add_quads<kMaxCode>(set1i(start[r]), codes, q + 32 * r));
      }
    } else if constexpr (kMaxCode <= 16) {
      I pairs[kRows];
      for (int r = 0; r < kRows; ++r) pairs[r] = multiply<kMaxCode, 4>(codes, q + 32 * r);
      for (int r = 0; r < kRows; ++r) {
        const I more = multiply<kMaxCode, 4>(codes + 4, q + 32 * r + 16);
        take(r, add_pairs(set1i(start[r]), add_16(pairs[r], more)));
      }
    } else {
      I sum[kRows];
      for (int r = 0; r < kRows; ++r) {
        sum[r] = add_quads<kMaxCode>(set1i(start[r]), codes, q + 32 * r);
      }
      for (int r = 0; r < kRows; ++r) {
        take(r, add_quads<kMaxCode>(sum[r], codes + 4, q + 32 * r + 16));
      }
    }
  }

 private:
  // Each step halves the lanes that a vector still has and doubles the vectors that share one.
  template <class Op>
  [[gnu::always_inline]] static __m256i reduce_each(const I* x, Op op) {
    __m256i by_2[4], by_4[2];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m256i first = op(x[2 * i].a, x[2 * i].b), second = op(x[2 * i + 1].a, x[2 * i + 1].b);
      by_2[i] = op(_mm256_unpacklo_epi32(first, second), _mm256_unpackhi_epi32(first, second));
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      by_4[i] = op(_mm256_unpacklo_epi64(by_2[2 * i], by_2[2 * i + 1]),
                   _mm256_unpackhi_epi64(by_2[2 * i], by_2[2 * i + 1]));
    }
    return op(_mm256_permute2x128_si256(by_4[0], by_4[1], 0x20),
              _mm256_permute2x128_si256(by_4[0], by_4[1], 0x31));
  }
  static __m256i broadcast_32(const void* x) {
    std::int32_t bits;
    std::memcpy(&bits, x, 4);
    return _mm256_set1_epi32(bits);
  }
  static I add_16(I x, I y) { return {_mm256_add_epi16(x.a, y.a), _mm256_add_epi16(x.b, y.b)}; }
  // sum + both halves of each pair
  static I add_pairs(I sum, I pairs) {
    const __m256i ones = _mm256_set1_epi16(1);
    return {_mm256_add_epi32(sum.a, _mm256_madd_epi16(pairs.a, ones)),
            _mm256_add_epi32(sum.b, _mm256_madd_epi16(pairs.b, ones))};
  }
  static I multiply_quad(U codes, const std::int8_t* q) {
    const __m256i quad = broadcast_32(q);
    return {_mm256_maddubs_epi16(codes.a, quad), _mm256_maddubs_epi16(codes.b, quad)};
  }
  // n quads in 16 bits: sums of two neighbouring products each.
  template <int kMaxCode, int n>
  static I multiply(const U* codes, const std::int8_t* q) {
    static_assert(n * 2 * 127 * kMaxCode < 32768, "16 bits hold the sum");
    I pairs = multiply_quad(codes[0], q);
#pragma GCC unroll 4
    for (int g = 1; g < n; ++g) {
      pairs = add_16(pairs, multiply_quad(codes[g], q + 4 * g));
    }
    return pairs;
  }
  // Codes of 8 bits as two of 16, inputs 0 and 2 of a quad, then 1 and 3: vpmaddwd adds nothing
  // that does not fit.
  template <int kRows, class Take>
  [[gnu::always_inline]] static void dot_bytes(const U* codes, const std::int16_t* q,
                                               const std::int32_t* start, Take take) {
    constexpr int kGroup = kRows < 4 ? kRows : 4;
    const auto widened = [&](int i) -> U {
      const U& c = codes[i % 8];
      const __m256i low_bytes = _mm256_set1_epi16(255);
      if (i < 8) return {_mm256_and_si256(c.a, low_bytes), _mm256_and_si256(c.b, low_bytes)};
      return {_mm256_srli_epi16(c.a, 8), _mm256_srli_epi16(c.b, 8)};
    };
    constexpr bool kKept = kRows > kGroup;
    U kept[16];
    if constexpr (kKept) {
      for (int i = 0; i < 16; ++i) kept[i] = widened(i);
    }
    for (int r0 = 0; r0 < kRows; r0 += kGroup) {
      __m256i a[kGroup], b[kGroup];
#pragma GCC unroll 4
      for (int r = 0; r < kGroup; ++r) a[r] = b[r] = _mm256_set1_epi32(start[r0 + r]);
      // The empty asm statements keep the order written and the weights in registers. GCC 12 would
      // multiply first and add later, through the stack, or load the weights for every row.
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        U wide = kKept ? kept[i] : widened(i);
        asm("" : "+x"(wide.a), "+x"(wide.b));
#pragma GCC unroll 4
        for (int r = 0; r < kGroup; ++r) {
          const __m256i two = broadcast_32(q + 32 * (r0 + r) + 2 * i);
          a[r] = _mm256_add_epi32(a[r], _mm256_madd_epi16(wide.a, two));
          b[r] = _mm256_add_epi32(b[r], _mm256_madd_epi16(wide.b, two));
          asm("" : "+x"(a[r]), "+x"(b[r]));
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < kGroup; ++r) take(r0 + r, I(a[r], b[r]));
    }
  }
  // sum + four quads.
  template <int kMaxCode>
  static I add_quads(I sum, const U* codes, const std::int8_t* q) {
    if constexpr (kMaxCode <= 32) {
      return add_pairs(sum, multiply<kMaxCode, 4>(codes, q));
    } else if constexpr (kMaxCode > 63) {
#pragma GCC unroll 4
      for (int g = 0; g < 4; ++g) {
        sum = add_pairs(sum, multiply<kMaxCode, 1>(codes + g, q + 4 * g));
      }
      return sum;
    } else {
      sum = add_pairs(sum, multiply<kMaxCode, 2>(codes, q));
      return add_pairs(sum, multiply<kMaxCode, 2>(codes + 2, q + 8));
    }
  }
};

}  // namespace hearth::kernels::avx2
