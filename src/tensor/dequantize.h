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
void dequantize_q8_0(std::span<const std::byte> in, std::span<float> out);
void dequantize_q4_0(std::span<const std::byte> in, std::span<float> out);
void dequantize_q4_1(std::span<const std::byte> in, std::span<float> out);
void dequantize_q5_0(std::span<const std::byte> in, std::span<float> out);
void dequantize_q5_1(std::span<const std::byte> in, std::span<float> out);
void dequantize_q2_k(std::span<const std::byte> in, std::span<float> out);
void dequantize_q3_k(std::span<const std::byte> in, std::span<float> out);
void dequantize_q4_k(std::span<const std::byte> in, std::span<float> out);
void dequantize_q5_k(std::span<const std::byte> in, std::span<float> out);
void dequantize_iq4_nl(std::span<const std::byte> in, std::span<float> out);
void dequantize_iq4_xs(std::span<const std::byte> in, std::span<float> out);
void dequantize_q6_k(std::span<const std::byte> in, std::span<float> out);
void dequantize_mxfp4(std::span<const std::byte> in, std::span<float> out);

}  // namespace hearth
