// dequantize.h - one function a block format; dtype.cc lists them. in holds whole blocks that
// expand to exactly out.size() values.
//
// Bit for bit what ggml's reference computes, which fixes three things: the scale is read as an
// IEEE half and widened exactly, products are rounded before they are added (no fused
// multiply-add), and denormals are kept.
#pragma once

#include <cstddef>
#include <span>

namespace hearth {

void dequantize_f32(std::span<const std::byte> in, std::span<float> out);
void dequantize_f16(std::span<const std::byte> in, std::span<float> out);
void dequantize_bf16(std::span<const std::byte> in, std::span<float> out);
void dequantize_f8_e4m3(std::span<const std::byte> in, std::span<float> out);
void dequantize_f8_e5m2(std::span<const std::byte> in, std::span<float> out);
void dequantize_q8_0(std::span<const std::byte> in, std::span<float> out);
void dequantize_q4_0(std::span<const std::byte> in, std::span<float> out);
void dequantize_q4_1(std::span<const std::byte> in, std::span<float> out);
void dequantize_q5_0(std::span<const std::byte> in, std::span<float> out);
void dequantize_q5_1(std::span<const std::byte> in, std::span<float> out);
void dequantize_q2_k(std::span<const std::byte> in, std::span<float> out);
void dequantize_q3_k(std::span<const std::byte> in, std::span<float> out);
void dequantize_q4_k(std::span<const std::byte> in, std::span<float> out);
void dequantize_q5_k(std::span<const std::byte> in, std::span<float> out);
void dequantize_q6_k(std::span<const std::byte> in, std::span<float> out);
void dequantize_iq1_s(std::span<const std::byte> in, std::span<float> out);
void dequantize_iq1_m(std::span<const std::byte> in, std::span<float> out);
void dequantize_iq2_xxs(std::span<const std::byte> in, std::span<float> out);
void dequantize_iq2_xs(std::span<const std::byte> in, std::span<float> out);
void dequantize_iq2_s(std::span<const std::byte> in, std::span<float> out);
void dequantize_iq3_xxs(std::span<const std::byte> in, std::span<float> out);
void dequantize_iq3_s(std::span<const std::byte> in, std::span<float> out);
void dequantize_iq4_nl(std::span<const std::byte> in, std::span<float> out);
void dequantize_iq4_xs(std::span<const std::byte> in, std::span<float> out);
void dequantize_tq1_0(std::span<const std::byte> in, std::span<float> out);
void dequantize_tq2_0(std::span<const std::byte> in, std::span<float> out);
void dequantize_q1_0(std::span<const std::byte> in, std::span<float> out);
void dequantize_q2_0(std::span<const std::byte> in, std::span<float> out);
void dequantize_mxfp4(std::span<const std::byte> in, std::span<float> out);
void dequantize_nvfp4(std::span<const std::byte> in, std::span<float> out);

}  // namespace hearth
