// test_data.h - random weights and activations for the kernel tests and benches.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "tensor/tensor.h"

namespace hearth::kernels {

struct TestTensor {
  std::vector<std::byte> bytes;
  Tensor view;
};

// The half d of a block of iq1_*, iq2_* or iq3_*.
inline void put_grid_scale(DType dtype, std::uint16_t d, std::byte* block) {
  if (dtype != DType::iq1_m) {
    std::memcpy(block, &d, sizeof d);
    return;
  }
  for (int i = 0; i < 4; ++i) {  // a nibble on top of each 16-bit word of scales
    std::byte& high = block[49 + 2 * i];
    high = (high & std::byte{15}) | static_cast<std::byte>((d >> 4 * i & 15) << 4);
  }
}

// Weights of about unit size: random codes, scales between 2^-6 and 2^-4.
inline TestTensor random_tensor(DType dtype, std::int64_t out, std::int64_t in,
                                std::mt19937& random) {
  TestTensor t;
  t.view.name = "test";
  t.view.dtype = dtype;
  t.view.shape.rank = 2;
  t.view.shape.dims = {out, in, 0, 0};
  t.bytes.resize(static_cast<std::size_t>(out) * row_bytes(dtype, in));
  std::uniform_int_distribution<int> byte(0, 255);
  for (std::byte& b : t.bytes) b = static_cast<std::byte>(byte(random));
  std::uniform_real_distribution<float> scale(0.015f, 0.06f), value(-1.0f, 1.0f);
  const auto put_f16 = [&](std::size_t at, float x) {
    const std::uint16_t bits = f32_to_f16(x);
    std::memcpy(&t.bytes[at], &bits, 2);
  };
  const std::size_t block = dtype_info(dtype).block_bytes;
  for (std::size_t at = 0; at < t.bytes.size(); at += block) {
    switch (dtype) {
      case DType::f32: {
        const float x = value(random);
        std::memcpy(&t.bytes[at], &x, 4);
        break;
      }
      case DType::f16:
        put_f16(at, value(random));
        break;
      case DType::bf16: {
        const std::uint16_t bits = f32_to_bf16(value(random));
        std::memcpy(&t.bytes[at], &bits, 2);
        break;
      }
      case DType::f8_e4m3:
      case DType::f8_e5m2:
        t.bytes[at] &= std::byte{0xbf};  // below 2
        break;
      case DType::q8_0:
      case DType::q4_0:
      case DType::q1_0:
      case DType::q2_0:
        put_f16(at, scale(random));
        break;
      case DType::q4_1:
        put_f16(at, scale(random));
        put_f16(at + 2, value(random));
        break;
      case DType::mxfp4:
        t.bytes[at] = static_cast<std::byte>(120 + byte(random) % 5);  // 2^-8 … 2^-4
        break;
      case DType::nvfp4:
        for (std::size_t i = 0; i < 4; ++i) {
          t.bytes[at + i] = static_cast<std::byte>(16 + byte(random) % 24);  // 2^-6 … 2^-3
        }
        break;
      case DType::tq1_0:
        put_f16(at + 52, scale(random));
        break;
      case DType::tq2_0:
        put_f16(at + 64, scale(random));
        break;
      case DType::iq1_s:
      case DType::iq1_m:
      case DType::iq2_xxs:
      case DType::iq2_xs:
      case DType::iq2_s:
      case DType::iq3_xxs:
      case DType::iq3_s:
        put_grid_scale(dtype, f32_to_f16(scale(random) / 8), &t.bytes[at]);
        break;
      case DType::q5_0:
      case DType::iq4_nl:
      case DType::iq4_xs:
        put_f16(at, scale(random));
        break;
      case DType::q5_1:
      case DType::q4_k:
      case DType::q5_k:
        put_f16(at, scale(random));
        put_f16(at + 2, value(random));
        break;
      case DType::q2_k:
        put_f16(at + 80, scale(random));
        put_f16(at + 82, value(random));
        break;
      case DType::q3_k:
        put_f16(at + 108, scale(random) / 32);
        break;
      case DType::q6_k:
        put_f16(at + 208, scale(random) / 32);
        break;
    }
  }
  t.view.bytes = t.bytes;
  return t;
}

inline std::vector<float> random_values(std::size_t n, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> x(n);
  for (float& v : x) v = normal(random);
  return x;
}

}  // namespace hearth::kernels
