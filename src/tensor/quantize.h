// quantize.h - floats into the bytes of a type: dequantize.h the other way.
//
// f16 and bf16 round to nearest even. q8_0, q4_0, q4_1, q5_0, q5_1 and mxfp4 give the bytes of
// ggml's reference quantisers; q4_k, q5_k and q6_k are our own (quantize_k.cc). The same values
// give the same bytes on every machine.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "tensor/dtype.h"

namespace hearth {

// The types that quantize_row makes: f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k,
// q6_k and mxfp4.
bool can_quantize(DType dtype);

// in holds whole blocks, out exactly their bytes; in may be one row or many.
//
// An error names the first value that the type cannot hold: one that is not finite, or so large
// that it, or the scale of its block, would become infinite (from 65520 on for f16, 8 times that
// for q4_0). out is then unspecified. mxfp4 follows its standard: what lies between the largest
// code and the next power of two, as 7 in [4, 8), becomes the largest code.
Result<void> quantize_row(DType dtype, std::span<const float> in, std::span<std::byte> out);

}  // namespace hearth
