// quantize_k.h - floats into the super-blocks of 256 of q4_k, q5_k and q6_k (dequantize.cc has
// their layouts). in holds whole super-blocks of finite values; quantize.h checks that.
#pragma once

#include <cstddef>
#include <span>

namespace hearth {

void quantize_q4_k(std::span<const float> in, std::span<std::byte> out);
void quantize_q5_k(std::span<const float> in, std::span<std::byte> out);
void quantize_q6_k(std::span<const float> in, std::span<std::byte> out);

}  // namespace hearth
