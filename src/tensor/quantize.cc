// quantize.cc - the check of the values, and the types whose blocks need no search.
//
// Of a block x[32], with `largest` the first value of the largest magnitude, sign kept
// (dequantize.cc has the layouts):
//
//   q8_0   d = |largest|/127          code = x/d to the nearest, halves away from zero
//   q4_0   d = largest/-8             code = ⌊x/d + 8½⌋, at most 15
//   q5_0   d = largest/-16            code = ⌊x/d + 16½⌋, at most 31
//   q4_1   d = (max - min)/15, m = min     code = ⌊(x - m)/d + ½⌋, at most 15
//   q5_1   d = (max - min)/31, m = min     code = ⌊(x - m)/d + ½⌋
//   mxfp4  e = ⌊log2 |largest|⌋ + 125      code = the nearest of E2M1, halves towards zero
//
// These are ggml's reference quantisers, operation by operation in float32, because files are
// compared by their hashes: x/d is x·(1/d), d before it is rounded to a half. Where their behaviour
// is undefined (1/d overflows, e is negative) a block becomes zeros.
#include "tensor/quantize.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/str.h"
#include "tensor/block_bytes.h"
#include "tensor/quantize_k.h"

namespace hearth {

namespace {

constexpr int kBlock = 32;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// 1/d, or zero where that is no number: a scale so small is zero as a half.
float usable_inverse(float d) {
  const float inverse = 1 / d;
  return std::abs(inverse) < kInfinity ? inverse : 0;
}

float largest_of(const float* x) {
  float largest = 0;
  for (int i = 0; i < kBlock; ++i) {
    if (std::abs(x[i]) > std::abs(largest)) largest = x[i];
  }
  return largest;
}

void quantize_f32(std::span<const float> in, std::span<std::byte> out) {
  if (!in.empty()) std::memcpy(out.data(), in.data(), in.size_bytes());
}

void quantize_f16(std::span<const float> in, std::span<std::byte> out) {
  for_each_block(DType::f16, out, in,
                 [](std::byte* p, const float* x) { store(p, f32_to_f16(*x)); });
}

void quantize_bf16(std::span<const float> in, std::span<std::byte> out) {
  for_each_block(DType::bf16, out, in,
                 [](std::byte* p, const float* x) { store(p, f32_to_bf16(*x)); });
}

void quantize_q8_0(std::span<const float> in, std::span<std::byte> out) {
  for_each_block(DType::q8_0, out, in, [](std::byte* p, const float* x) {
    float magnitude = 0;
    for (int i = 0; i < kBlock; ++i) magnitude = std::max(magnitude, std::abs(x[i]));
    const float d = magnitude / 127;
    const float inverse = usable_inverse(d);
    store(p, f32_to_f16(d));
    for (int i = 0; i < kBlock; ++i) {
      // std::round, in a form that compilers make vectors of.
      const float exact = x[i] * inverse;
      const auto whole = static_cast<int>(exact);
      const float rest = exact - static_cast<float>(whole);
      p[2 + i] = static_cast<std::byte>(whole + (rest >= 0.5f) - (rest <= -0.5f));
    }
  });
}

// 32 codes of four bits: i in the low nibble of byte i, i + 16 in the high one.
void store_nibbles(const int* codes, std::byte* q) {
  for (int i = 0; i < 16; ++i) {
    q[i] = static_cast<std::byte>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
  }
}

// The fifth bits of 32 codes, then the other four.
void store_five_bits(const int* codes, std::byte* p) {
  std::uint32_t fifth = 0;
  for (int i = 0; i < kBlock; ++i) fifth |= static_cast<std::uint32_t>(codes[i] >> 4) << i;
  store(p, fifth);
  store_nibbles(codes, p + 4);
}

// kLevels codes around zero: q4_0 (16) and q5_0 (32). Returns d.
template <int kLevels>
float symmetric_codes(const float* x, int* codes) {
  constexpr int kZero = kLevels / 2;
  const float d = largest_of(x) / -kZero;
  const float inverse = usable_inverse(d);
  for (int i = 0; i < kBlock; ++i) {
    codes[i] = std::min(kLevels - 1, static_cast<int>(x[i] * inverse + (kZero + 0.5f)));
  }
  return d;
}

void quantize_q4_0(std::span<const float> in, std::span<std::byte> out) {
  for_each_block(DType::q4_0, out, in, [](std::byte* p, const float* x) {
    int codes[kBlock];
    store(p, f32_to_f16(symmetric_codes<16>(x, codes)));
    store_nibbles(codes, p + 2);
  });
}

void quantize_q5_0(std::span<const float> in, std::span<std::byte> out) {
  for_each_block(DType::q5_0, out, in, [](std::byte* p, const float* x) {
    int codes[kBlock];
    store(p, f32_to_f16(symmetric_codes<32>(x, codes)));
    store_five_bits(codes, p + 2);
  });
}

// kLevels codes from the minimum to the maximum: q4_1 (16) and q5_1 (32). Stores d and m at p.
template <int kLevels>
void affine_codes(const float* x, int* codes, std::byte* p) {
  float low = x[0], high = x[0];
  for (int i = 1; i < kBlock; ++i) {
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
  }
  const float d = (high - low) / (kLevels - 1);
  const float inverse = usable_inverse(d);
  store(p, f32_to_f16(d));
  store(p + 2, f32_to_f16(low));
  for (int i = 0; i < kBlock; ++i) {
    codes[i] = std::min(kLevels - 1, static_cast<int>((x[i] - low) * inverse + 0.5f));
  }
}

void quantize_q4_1(std::span<const float> in, std::span<std::byte> out) {
  for_each_block(DType::q4_1, out, in, [](std::byte* p, const float* x) {
    int codes[kBlock];
    affine_codes<16>(x, codes, p);
    store_nibbles(codes, p + 4);
  });
}

void quantize_q5_1(std::span<const float> in, std::span<std::byte> out) {
  for_each_block(DType::q5_1, out, in, [](std::byte* p, const float* x) {
    int codes[kBlock];
    affine_codes<32>(x, codes, p);
    store_five_bits(codes, p + 4);
  });
}

// ⌊log2 |largest|⌋ + 125, by the exponent bits: exact where the logarithm of a value just below a
// power of two would round up. Zero for values too small for a scale.
std::byte mxfp4_exponent(float largest) {
  const auto biased = std::bit_cast<std::uint32_t>(std::abs(largest)) >> 23;
  return static_cast<std::byte>(biased < 2 ? 0 : biased - 2);
}

// The code of the nearest value; zero is code 0, whatever its sign.
int e2m1_code(float x, float d) {
  const float magnitude = std::abs(x);
  int code = 0;
  for (int i = 1; i < 8; ++i) {
    const float middle = 0.5f * static_cast<float>(kE2m1Values[i - 1] + kE2m1Values[i]);
    code += magnitude > middle * d;
  }
  return x < 0 && code > 0 ? code + 8 : code;
}

void quantize_mxfp4(std::span<const float> in, std::span<std::byte> out) {
  for_each_block(DType::mxfp4, out, in, [](std::byte* p, const float* x) {
    p[0] = mxfp4_exponent(largest_of(x));
    const float d = mxfp4_scale(p[0]);
    int codes[kBlock];
    for (int i = 0; i < kBlock; ++i) codes[i] = e2m1_code(x[i], d);
    store_nibbles(codes, p + 1);
  });
}

struct Quantizer {
  DType dtype;
  float limit;  // magnitudes below it stay finite, and so does every scale
  void (*quantize)(std::span<const float> in, std::span<std::byte> out);
};

constexpr float kHalfLimit = 65520;  // from here on a half rounds to infinity
constexpr Quantizer kQuantizers[] = {
    {DType::f32, kInfinity, quantize_f32},
    {DType::f16, kHalfLimit, quantize_f16},
    {DType::bf16, 0x1.ffp127f, quantize_bf16},
    {DType::q8_0, 127 * kHalfLimit, quantize_q8_0},
    {DType::q4_0, 8 * kHalfLimit, quantize_q4_0},
    {DType::q5_0, 16 * kHalfLimit, quantize_q5_0},
    {DType::q4_1, kHalfLimit, quantize_q4_1},
    {DType::q5_1, kHalfLimit, quantize_q5_1},
    // Half of what the largest scale and minimum of a part reach (63·65504, 128·32·65504): a line
    // through the values may begin beyond them.
    {DType::q4_k, 0x1p21f, quantize_q4_k},
    {DType::q5_k, 0x1p21f, quantize_q5_k},
    {DType::q6_k, 0x1p27f, quantize_q6_k},
    {DType::mxfp4, kInfinity, quantize_mxfp4},
};

const Quantizer* find_quantizer(DType dtype) {
  const auto* found = std::ranges::find(kQuantizers, dtype, &Quantizer::dtype);
  return found == std::end(kQuantizers) ? nullptr : found;
}

std::string quantizable_types() {
  std::string out;
  for (const Quantizer& q : kQuantizers) {
    out += cat(out.empty() ? "" : ", ", dtype_info(q.dtype).name);
  }
  return out;
}

// The magnitudes of floats order as their bits do, NaN above infinity: one maximum of integers
// checks all values.
Result<void> check_values(const Quantizer& quantizer, std::span<const float> in) {
  const auto magnitude = [](float x) { return std::bit_cast<std::uint32_t>(x) & 0x7fffffffu; };
  const std::uint32_t limit = magnitude(quantizer.limit);
  std::uint32_t largest = 0;
  for (const float x : in) largest = std::max(largest, magnitude(x));
  if (largest < limit) return {};
  const auto bad = std::ranges::find_if(in, [&](float x) { return magnitude(x) >= limit; });
  const std::string value = cat("value ", bad - in.begin(), " is ", *bad);
  if (!std::isfinite(*bad)) {
    return Error{ErrorKind::corrupt, cat(value, ", expected a finite number")};
  }
  return Error{ErrorKind::unsupported,
               cat(value, ", expected a magnitude below ", quantizer.limit, ", what ",
                   dtype_info(quantizer.dtype).name, " can hold; choose f32 or bf16")};
}

}  // namespace

bool can_quantize(DType dtype) { return find_quantizer(dtype) != nullptr; }

Result<void> quantize_row(DType dtype, std::span<const float> in, std::span<std::byte> out) {
  const DTypeInfo& info = dtype_info(dtype);
  const Quantizer* quantizer = find_quantizer(dtype);
  if (quantizer == nullptr) {
    return Error{ErrorKind::unsupported, cat("Hearth does not write ", info.name,
                                             ", expected one of ", quantizable_types())};
  }
  CHECK(in.size() % info.block_values == 0, "whole blocks only");
  CHECK(out.size() == in.size() / info.block_values * info.block_bytes, "out holds the blocks");
  if (auto checked = check_values(*quantizer, in); !checked) return checked;
  quantizer->quantize(in, out);
  return {};
}

}  // namespace hearth
