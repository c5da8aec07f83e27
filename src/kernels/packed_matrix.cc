#include "kernels/packed_matrix.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "base/check.h"

namespace hearth::kernels {

namespace {

// Where the quads of a block of 32 go: input i (0…31) of column col.
std::int64_t lane(std::int64_t i, std::int64_t col) { return 4 * col + i % 4; }

// One column of one block (q6_k: super-block), from the file's bytes `in` into the panel's block
// `out`. Codes are moved, never changed.

// 32 values as codes of q8_0, which share the half `d`.
void pack_codes(const std::int8_t* codes, const std::uint8_t* d, std::int64_t col,
                std::uint8_t* out) {
  for (std::int64_t i = 0; i < 32; ++i) {
    out[64 * (i / 4) + lane(i, col)] = static_cast<std::uint8_t>(codes[i] ^ 0x80);
  }
  std::memcpy(out + 512 + 2 * col, d, 2);
}

void pack_q8_0(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  std::int8_t codes[32];
  std::memcpy(codes, in + 2, sizeof codes);
  pack_codes(codes, in, col, out);
}

void pack_q5_0(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  std::uint32_t fifth;
  std::memcpy(&fifth, in + 2, sizeof fifth);
  std::int8_t codes[32];
  for (int i = 0; i < 32; ++i) {
    const int nibble = i < 16 ? in[6 + i] & 15 : in[6 + i - 16] >> 4;
    codes[i] = static_cast<std::int8_t>((nibble | static_cast<int>(fifth >> i & 1u) << 4) - 16);
  }
  pack_codes(codes, in, col, out);
}

void pack_iq4_nl(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  std::int8_t codes[32];
  for (int i = 0; i < 32; ++i) {
    codes[i] = kIq4Values[i < 16 ? in[2 + i] & 15 : in[2 + i - 16] >> 4];
  }
  pack_codes(codes, in, col, out);
}

// nibbles[16] as q4_0 and q4_1 files store them: byte i holds input i low, input 16 + i high. Here
// byte 64 g + 4 col + k holds inputs 4g + k and 16 + 4g + k: the same pairs.
void pack_nibbles(const std::uint8_t* nibbles, std::int64_t col, std::uint8_t* out) {
  for (std::int64_t g = 0; g < 4; ++g) std::memcpy(out + 64 * g + 4 * col, nibbles + 4 * g, 4);
}

// The same of 32 codes; code(l) gives input l's.
template <class Code>
void pack_nibble_codes(Code code, std::int64_t col, std::uint8_t* out) {
  std::uint8_t nibbles[16];
  for (int l = 0; l < 16; ++l) nibbles[l] = static_cast<std::uint8_t>(code(l) | code(l + 16) << 4);
  pack_nibbles(nibbles, col, out);
}

// Bits of input l of a step: one of u8 [col][4], or two of u8 [2][col][4].
void put_bit(int bit, std::int64_t l, std::int64_t col, std::uint8_t* out) {
  std::uint8_t& bits = out[lane(l, col)];
  bits = static_cast<std::uint8_t>(bits | bit << (l / 4));
}
void put_two_bits(int two, std::int64_t l, std::int64_t col, std::uint8_t* out) {
  std::uint8_t& bits = out[64 * (l / 16) + lane(l, col)];
  bits = static_cast<std::uint8_t>(bits | two << (2 * (l / 4 % 4)));
}

void pack_q4_0(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  pack_nibbles(in + 2, col, out);
  std::memcpy(out + 256 + 2 * col, in, 2);
}

void pack_q4_1(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  pack_nibbles(in + 4, col, out);
  std::memcpy(out + 256 + 2 * col, in, 2);
  std::memcpy(out + 288 + 2 * col, in + 2, 2);
}

// File: d, m, u32 fifth, nibbles[16].
void pack_q5_1(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  std::uint32_t fifth;
  std::memcpy(&fifth, in + 4, sizeof fifth);
  pack_nibbles(in + 8, col, out);
  for (int l = 0; l < 32; ++l) put_bit(static_cast<int>(fifth >> l & 1u), l, col, out + 256);
  std::memcpy(out + 320 + 2 * col, in, 2);
  std::memcpy(out + 352 + 2 * col, in + 2, 2);
}

void pack_mxfp4(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  pack_nibbles(in + 1, col, out);
  out[256 + col] = in[0];
}

// File: scale[4], nibbles[32]: 64 values, of which scale j has 16 with the first eight in the low
// nibbles of its eight bytes. A scale's sign means nothing; 0x7f is zero and 0xff the number 480.
void pack_nvfp4(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  for (int step = 0; step < 2; ++step, out += 18 * kPanel) {
    const auto code = [&](int l) {
      const int byte = in[4 + 16 * step + 8 * (l / 16) + l % 8];
      return l % 16 < 8 ? byte & 15 : byte >> 4;
    };
    pack_nibble_codes(code, col, out);
    for (int half = 0; half < 2; ++half) {
      const std::uint8_t scale = in[2 * step + half];
      out[256 + 16 * half + col] = scale == 0x7f ? 0 : scale & 0x7f;
    }
  }
}

// Types whose values are small multiples of the scale, -8 … 7: the codes of q4_0 are what the block
// expands to with a scale of one. It becomes as many blocks of q4_0 as it has 32 values.
template <DType kFile, std::size_t kScaleAt>
void pack_levels(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  constexpr std::uint16_t kOne = 0x3c00;
  const DTypeInfo& info = dtype_info(kFile);
  std::array<std::byte, 128> block;
  std::array<float, 256> values;
  std::memcpy(block.data(), in, info.block_bytes);
  std::memcpy(&block[kScaleAt], &kOne, sizeof kOne);
  info.dequantize(std::span(block).first(info.block_bytes),
                  std::span(values).first(info.block_values));
  for (std::size_t i = 0; i < info.block_values; i += 32, out += 18 * kPanel) {
    const float* step = &values[i];
    pack_nibble_codes([&](int l) { return static_cast<int>(step[l]) + 8; }, col, out);
    std::memcpy(out + 256 + 2 * col, in + kScaleAt, 2);
  }
}

// The 32 values of one step of q4_k and q5_k, which begin at byte 0 of `in`: value l is the nibble
// of byte l, low in even steps and high in odd ones.
void pack_step_nibbles(const std::uint8_t* in, std::int64_t step, std::int64_t col,
                       std::uint8_t* out) {
  pack_nibble_codes([&](int l) { return step % 2 == 0 ? in[l] & 15 : in[l] >> 4; }, col, out);
}

// File: scales[12] of 6-bit numbers; for steps 0 … 3 the scale in byte j, the minimum in byte 4 +
// j; for steps 4 … 7 their low four bits in byte 4 + j, the high two bits on top of bytes j - 4 and
// j.
void pack_k_scales(const std::uint8_t* s, std::int64_t col, std::uint8_t* out) {
  for (int j = 0; j < 8; ++j) {
    const int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
    const int minimum = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | (s[j] >> 6) << 4;
    out[16 * j + col] = static_cast<std::uint8_t>((scale & 15) | (minimum & 15) << 4);
    std::uint8_t& high = out[128 + 16 * (j / 2) + col];
    high = static_cast<std::uint8_t>(high | (scale >> 4 | (minimum >> 4) << 2) << (4 * (j % 2)));
  }
}

void pack_k_part(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  std::memcpy(out + 2 * col, in, 2);
  std::memcpy(out + 32 + 2 * col, in + 2, 2);
  pack_k_scales(in + 4, col, out + 64);
}

// File: d, dmin, scales[12], nibbles[128].
void pack_q4_k(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  pack_k_part(in, col, out);
  for (std::int64_t step = 0; step < 8; ++step) {
    pack_step_nibbles(in + 16 + 32 * (step / 2), step, col, out + 256 + 256 * step);
  }
}

// File: d, dmin, scales[12], fifth[32], nibbles[128]. Bit `step` of fifth[l] belongs to value l of
// the step.
void pack_q5_k(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  pack_k_part(in, col, out);
  for (std::int64_t step = 0; step < 8; ++step) {
    std::uint8_t* block = out + 256 + 320 * step;
    pack_step_nibbles(in + 48 + 32 * (step / 2), step, col, block);
    for (std::int64_t l = 0; l < 32; ++l) put_bit(in[16 + l] >> step & 1, l, col, block + 256);
  }
}

// `code`, of six bits, as value l of a step of q6_k, which begins at `step`.
void put_code(int code, std::int64_t l, std::int64_t col, std::uint8_t* step) {
  const std::int64_t quad = l / 4;
  std::uint8_t& nibbles = step[64 * (quad % 4) + lane(l, col)];
  nibbles = static_cast<std::uint8_t>(nibbles | (code & 15) << (quad < 4 ? 0 : 4));
  put_two_bits(code >> 4, l, col, step + 256);
}

// File: scales[16], two[64], d, dmin. Value 128 n + 32 g + l is bits 2 g, 2 g + 1 of two[32 n + l].
void pack_q2_k(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  std::memcpy(out + 2 * col, in + 80, 2);
  std::memcpy(out + 32 + 2 * col, in + 82, 2);
  for (std::int64_t k = 0; k < 16; ++k) out[64 + 16 * k + col] = in[k];
  for (std::int64_t b = 0; b < 8; ++b) {
    const std::int64_t n = b / 4, g = b % 4;
    for (std::int64_t l = 0; l < 32; ++l) {
      put_two_bits(in[16 + 32 * n + l] >> (2 * g) & 3, l, col, out + 320 + 128 * b);
    }
  }
}

// File: low[128], high[64], scale[16], d. Value 128 n + 32 g + l has its low bits in nibble (g / 2)
// of low[64 n + l + 32 (g % 2)] and its high bits at bit 2 g of high[32 n + l].
void pack_q6_k(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  std::memcpy(out + 2 * col, in + 208, 2);
  for (std::int64_t b = 0; b < 8; ++b) {
    const std::int64_t n = b / 4, g = b % 4;
    std::uint8_t* step = out + 32 + 416 * b;
    for (std::int64_t l = 0; l < 32; ++l) {
      const int low = in[64 * n + l + 32 * (g % 2)] >> (4 * (g / 2)) & 15;
      const int high = in[128 + 32 * n + l] >> (2 * g) & 3;
      put_code(low | high << 4, l, col, step);
    }
    step[384 + col] = in[192 + 2 * b];
    step[384 + 16 + col] = in[192 + 2 * b + 1];
  }
}

// File: absent[32], two[64], scale[12], d. Value 128 n + 32 g + l is bits 2 g, 2 g + 1 of
// two[32 n + l], less 4 unless bit 4 n + g of absent[l] is set. Scale k has 32 added to it: its low
// four bits are nibble k / 8 of scale[k % 8], its high two at bit 2 (k / 4) of scale[8 + k % 4].
void pack_q3_k(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  const std::uint8_t* scales = in + 96;
  std::memcpy(out + 2 * col, in + 108, 2);
  for (std::int64_t b = 0; b < 8; ++b) {
    const std::int64_t n = b / 4, g = b % 4;
    std::uint8_t* step = out + 32 + 416 * b;
    for (std::int64_t l = 0; l < 32; ++l) {
      const int two = in[32 + 32 * n + l] >> (2 * g) & 3;
      const int value = two - ((in[l] >> (4 * n + g) & 1) != 0 ? 0 : 4);
      put_code(value + 32, l, col, step);
    }
    for (std::int64_t half = 0; half < 2; ++half) {
      const std::int64_t k = 2 * b + half;
      const int low = scales[k % 8] >> (4 * (k / 8)) & 15;
      const int high = scales[8 + k % 4] >> (2 * (k / 4)) & 3;
      step[384 + 16 * half + col] = static_cast<std::uint8_t>((low | high << 4) - 32);
    }
  }
}

// File: d, high[2], low[4], 8 x nibbles[16]. Becomes eight blocks of q8_0, whose scales are d times
// (six bits - 32), rounded to a half.
void pack_iq4_xs(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  std::uint16_t d, high;
  std::memcpy(&d, in, sizeof d);
  std::memcpy(&high, in + 2, sizeof high);
  for (int b = 0; b < 8; ++b, out += 34 * kPanel) {
    const int low = in[4 + b / 2] >> (4 * (b % 2)) & 15;
    const int factor = (low | (high >> (2 * b) & 3) << 4) - 32;
    std::array<std::uint8_t, 18> block;  // of iq4_nl
    const std::uint16_t scale = f32_to_f16(f16_to_f32(d) * static_cast<float>(factor));
    std::memcpy(block.data(), &scale, sizeof scale);
    std::memcpy(&block[2], in + 8 + 16 * b, 16);
    pack_iq4_nl(block.data(), col, out);
  }
}

struct GridScales {
  std::uint16_t d;
  std::uint8_t of_16[16];  // inputs
};

// Takes the scales out of a block of the file: it has zeros for them afterwards, and `one` for d.
// dequantize_iq.cc says where they are.
GridScales take_scales(DType file, std::uint16_t one, std::uint8_t* block) {
  GridScales scales;
  const auto take = [&](int k, std::uint8_t& byte, int shift, int mask) {
    scales.of_16[k] = static_cast<std::uint8_t>(byte >> shift & mask);
    byte = static_cast<std::uint8_t>(byte & ~(mask << shift));
  };
  const auto take_for_two = [&](int k, std::uint8_t& byte, int shift, int mask) {
    take(2 * k, byte, shift, mask);
    scales.of_16[2 * k + 1] = scales.of_16[2 * k];
  };
  if (file == DType::iq1_m) {  // d is in the top nibbles of the four words of scales
    scales.d = 0;
    for (int i = 0; i < 4; ++i) {
      std::uint16_t word;
      std::memcpy(&word, block + 48 + 2 * i, sizeof word);
      scales.d = static_cast<std::uint16_t>(scales.d | word >> 12 << 4 * i);
      for (int j = 0; j < 4; ++j) {
        scales.of_16[4 * i + j] = static_cast<std::uint8_t>(word >> 3 * j & 7);
      }
      word = static_cast<std::uint16_t>((one >> 4 * i & 15) << 12);
      std::memcpy(block + 48 + 2 * i, &word, sizeof word);
    }
    return scales;
  }
  std::memcpy(&scales.d, block, sizeof scales.d);
  std::memcpy(block, &one, sizeof one);
  for (int k = 0; k < 8; ++k) {
    switch (file) {
      case DType::iq1_s:
        take_for_two(k, block[35 + 2 * k], 4, 7);
        break;
      case DType::iq2_xxs:
        take_for_two(k, block[9 + 8 * k], 4, 15);
        break;
      case DType::iq2_xs:
      case DType::iq2_s: {
        std::uint8_t& byte = block[(file == DType::iq2_xs ? 66 : 74) + k];
        take(2 * k, byte, 0, 15);
        take(2 * k + 1, byte, 4, 15);
        break;
      }
      case DType::iq3_xxs:
        take_for_two(k, block[69 + 4 * k], 4, 15);
        break;
      case DType::iq3_s:
        take_for_two(k, block[106 + k / 2], 4 * (k % 2), 15);
        break;
      default:
        CHECK(false, "take_scales: a type with a grid");
    }
  }
  return scales;
}

// Where each value is among `values`, by value + 128.
constexpr std::array<std::uint8_t, 256> codes_of(const std::int8_t* values) {
  std::array<std::uint8_t, 256> codes = {};
  for (int code = 15; code >= 0; --code) {
    codes[static_cast<std::size_t>(values[code] + 128)] = static_cast<std::uint8_t>(code);
  }
  return codes;
}

// What a block expands to with scales of one unit are the integers that its codes stand for.
template <DType kFile, const GridLayout& kLayout>
void pack_grid(const std::uint8_t* in, std::int64_t col, std::uint8_t* out) {
  static constexpr std::array<std::uint8_t, 256> kCodes = codes_of(kLayout.values);
  const DTypeInfo& info = dtype_info(kFile);
  std::array<std::uint8_t, 128> block;
  std::array<float, 256> values;
  std::memcpy(block.data(), in, info.block_bytes);
  const GridScales scales = take_scales(kFile, f32_to_f16(1 / kLayout.unit), block.data());
  info.dequantize(std::as_bytes(std::span(block)).first(info.block_bytes), values);
  std::memcpy(out + 2 * col, &scales.d, sizeof scales.d);
  for (int i = 0; i < 8 * kLayout.n_scales; ++i) {
    std::uint8_t& two = out[32 + 16 * (i / 2) + col];
    const int scale = scales.of_16[i * 2 / kLayout.n_scales];
    two = static_cast<std::uint8_t>(two | scale << (4 * (i % 2)));
  }
  out += 32 + 64 * kLayout.n_scales;
  for (std::size_t b = 0; b < 8; ++b, out += 64 * kLayout.code_bits) {
    const auto code = [&](int l) -> int {
      const float value = values[32 * b + static_cast<std::size_t>(l)];
      return kCodes[static_cast<std::size_t>(value + 128)];
    };
    if constexpr (kLayout.code_bits == 4) {
      pack_nibble_codes(code, col, out);
    } else {
      for (int l = 0; l < 32; ++l) {
        put_two_bits(code(l) & 3, l, col, out);
        put_bit(code(l) >> 2, l, col, out + 128);
      }
    }
  }
}

using PackBlock = void (*)(const std::uint8_t* in, std::int64_t col, std::uint8_t* out);

PackBlock block_packer(DType dtype) {
  switch (dtype) {
    case DType::q8_0:
      return pack_q8_0;
    case DType::q4_0:
      return pack_q4_0;
    case DType::q4_1:
      return pack_q4_1;
    case DType::q5_1:
      return pack_q5_1;
    case DType::q2_k:
      return pack_q2_k;
    case DType::q4_k:
      return pack_q4_k;
    case DType::q5_k:
      return pack_q5_k;
    case DType::q6_k:
      return pack_q6_k;
    case DType::mxfp4:
      return pack_mxfp4;
    case DType::nvfp4:
      return pack_nvfp4;
    case DType::iq1_s:
      return pack_grid<DType::iq1_s, kIq1S>;
    case DType::iq1_m:
      return pack_grid<DType::iq1_m, kIq1M>;
    case DType::iq2_xxs:
      return pack_grid<DType::iq2_xxs, kIq2Xxs>;
    case DType::iq2_xs:
      return pack_grid<DType::iq2_xs, kIq2Xs>;
    case DType::iq2_s:
      return pack_grid<DType::iq2_s, kIq2Xs>;
    case DType::iq3_xxs:
      return pack_grid<DType::iq3_xxs, kIq3Xxs>;
    case DType::iq3_s:
      return pack_grid<DType::iq3_s, kIq3S>;
    case DType::q5_0:
      return pack_q5_0;
    case DType::iq4_nl:
      return pack_iq4_nl;
    case DType::iq4_xs:
      return pack_iq4_xs;
    case DType::q3_k:
      return pack_q3_k;
    case DType::q1_0:
      return pack_levels<DType::q1_0, 0>;
    case DType::q2_0:
      return pack_levels<DType::q2_0, 0>;
    case DType::tq1_0:
      return pack_levels<DType::tq1_0, 52>;
    case DType::tq2_0:
      return pack_levels<DType::tq2_0, 64>;
    default:
      return nullptr;
  }
}

// Of `in` inputs, before a panel's end is aligned.
std::int64_t layout_bytes(DType packed, std::int64_t in) {
  const GridLayout* grid = grid_layout(packed);
  return grid != nullptr ? in / 256 * grid->block_bytes()
                         : static_cast<std::int64_t>(row_bytes(packed, in)) * kPanel;
}

// The rows of one panel, from t [16 or fewer, in]: row `col` becomes its column.

void pack_blocks(const Tensor& t, std::int64_t col, std::uint8_t* panel) {
  const DTypeInfo& info = dtype_info(t.dtype);
  const PackBlock pack_block = block_packer(t.dtype);
  const auto block_bytes = static_cast<std::int64_t>(info.block_bytes);
  const auto block_values = static_cast<std::int64_t>(info.block_values);
  const std::int64_t packed_block_bytes = layout_bytes(packed_dtype(t.dtype), block_values);
  const std::int64_t n_blocks = t.shape.cols() / block_values;
  const auto* row =
      reinterpret_cast<const std::uint8_t*>(t.bytes.data()) + col * n_blocks * block_bytes;
  for (std::int64_t b = 0; b < n_blocks; ++b) {
    pack_block(row + b * block_bytes, col, panel + b * packed_block_bytes);
  }
}

void pack_values(const Tensor& t, std::int64_t col, std::uint8_t* panel) {
  const auto size = static_cast<std::int64_t>(dtype_info(t.dtype).block_bytes);
  const std::int64_t in = t.shape.cols();
  const auto* row = reinterpret_cast<const std::uint8_t*>(t.bytes.data()) + col * in * size;
  for (std::int64_t i = 0; i < in; ++i) {
    std::memcpy(panel + (i * kPanel + col) * size, row + i * size, static_cast<std::size_t>(size));
  }
}

// Dequantised, and stored as To makes them of a float.
template <class To>
void pack_dequantized(const Tensor& t, std::int64_t col, std::uint8_t* panel, To to) {
  std::vector<float> row(static_cast<std::size_t>(t.shape.cols()));
  dequantize_row(t, col, row);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const auto value = to(row[i]);
    const std::size_t at = i * std::size_t{kPanel} + static_cast<std::size_t>(col);
    std::memcpy(panel + at * sizeof value, &value, sizeof value);
  }
}

void pack_as_f32(const Tensor& t, std::int64_t col, std::uint8_t* panel) {
  pack_dequantized(t, col, panel, [](float x) { return x; });
}

void pack_as_f16(const Tensor& t, std::int64_t col, std::uint8_t* panel) {
  pack_dequantized(t, col, panel, f32_to_f16);
}

using PackRow = void (*)(const Tensor& t, std::int64_t col, std::uint8_t* panel);

PackRow row_packer(DType file, DType packed) {
  if (block_packer(file) != nullptr && packed != DType::f32) return pack_blocks;
  if (file == packed) return pack_values;
  return packed == DType::f32 ? pack_as_f32 : pack_as_f16;
}

}  // namespace

const GridLayout* grid_layout(DType packed) {
  static constexpr const GridLayout* kAll[] = {&kIq1S, &kIq1M, &kIq2Xxs, &kIq2Xs, &kIq3Xxs, &kIq3S};
  for (const GridLayout* layout : kAll) {
    if (layout->dtype == packed) return layout;
  }
  return nullptr;
}

DType packed_dtype(DType file) {
  switch (file) {
    case DType::q5_0:
    case DType::iq4_nl:
    case DType::iq4_xs:
      return DType::q8_0;
    case DType::q3_k:
      return DType::q6_k;
    case DType::q1_0:
    case DType::q2_0:
    case DType::tq1_0:
    case DType::tq2_0:
      return DType::q4_0;
    case DType::f8_e4m3:
    case DType::f8_e5m2:
      return DType::f16;
    case DType::iq2_s:
      return DType::iq2_xs;
    default:
      return file;
  }
}

std::int64_t packed_panel_bytes(DType dtype, std::int64_t in) {
  return (layout_bytes(dtype, in) + 63) / 64 * 64;
}

PackedMatrix packed_shape(const Tensor& tensor, bool as_f32) {
  PackedMatrix m;
  m.dtype = as_f32 ? DType::f32 : packed_dtype(tensor.dtype);
  m.out = tensor.shape.rows();
  m.in = tensor.shape.cols();
  m.panel_bytes = packed_panel_bytes(m.dtype, m.in);
  return m;
}

void pack_panels(const Tensor& tensor, const PackedMatrix& shape, std::int64_t first,
                 std::int64_t n, std::uint8_t* out) {
  const PackRow pack_row = row_packer(tensor.dtype, shape.dtype);
  std::memset(out, 0, static_cast<std::size_t>(n * shape.panel_bytes));
  for (std::int64_t p = first; p < first + n; ++p, out += shape.panel_bytes) {
    Tensor rows = row_range(tensor, p * kPanel, std::min(kPanel, shape.out - p * kPanel));
    std::vector<std::byte> made;
    rows.bytes = read_bytes(rows, made);
    rows.source = nullptr;
    for (std::int64_t col = 0; col < rows.shape.rows(); ++col) pack_row(rows, col, out);
  }
}

PackedMatrix pack(const Tensor& tensor, bool as_f32, ThreadPool& pool) {
  PackedMatrix m = packed_shape(tensor, as_f32);
  const auto data = allocate_pages(static_cast<std::size_t>(m.bytes()), PageSize::huge);
  CHECK(data != nullptr, "the memory plan was checked before weights are packed");
  pool.run(m.n_panels(),
           [&](std::int64_t p) { pack_panels(tensor, m, p, 1, data.get() + p * m.panel_bytes); });
  m.data = data;
  return m;
}

std::shared_ptr<std::uint8_t> allocate_pages(std::size_t bytes, PageSize page_size) {
  const bool huge = page_size == PageSize::huge && bytes >= (std::size_t{2} << 20);
  const std::size_t unit = huge ? std::size_t{2} << 20 : 4096;
  const std::size_t size = (std::max<std::size_t>(bytes, 1) + unit - 1) / unit * unit;
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) return nullptr;
  if (huge) ::madvise(data, size, MADV_HUGEPAGE);  // a wish: ignored where unsupported
  return {static_cast<std::uint8_t*>(data), [size](std::uint8_t* p) { ::munmap(p, size); }};
}

}  // namespace hearth::kernels
