// block_bytes.h - reading and writing the bytes of blocks. A tensor's bytes have no alignment, so
// everything wider than a byte goes through memcpy. The file formats are little endian, and so are
// all machines Hearth runs on.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/check.h"
#include "tensor/dtype.h"

namespace hearth {

static_assert(std::endian::native == std::endian::little,
              "blocks are read in the file's byte order");

template <class T>
T load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

template <class T>
void store(std::byte* p, T value) {
  std::memcpy(p, &value, sizeof value);
}

inline float load_half(const std::byte* p) { return f16_to_f32(load<std::uint16_t>(p)); }

inline int low_nibble(std::byte b) { return std::to_integer<int>(b) & 15; }
inline int high_nibble(std::byte b) { return std::to_integer<int>(b) >> 4; }
inline int nibble(std::byte b, bool high) { return high ? high_nibble(b) : low_nibble(b); }
inline int signed_byte(std::byte b) { return static_cast<std::int8_t>(b); }

// n bits of a word, from bit `first` on.
template <class Word>
int bits_at(Word word, int first, int n) {
  return static_cast<int>(static_cast<std::uint32_t>(word) >> first & ((1u << n) - 1));
}
inline int bits_at(std::byte b, int first, int n) {
  return bits_at(std::to_integer<std::uint32_t>(b), first, n);
}

// The scale 2^(e - 128) of an mxfp4 block; the two smallest are denormal.
inline float mxfp4_scale(std::byte byte) {
  const auto e = std::to_integer<std::uint32_t>(byte);
  return std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23);
}

// Calls block(bytes, values) for each block of the spans.
template <class Byte, class Value, class Block>
void for_each_block(DType dtype, std::span<Byte> bytes, std::span<Value> values, Block block) {
  const DTypeInfo& info = dtype_info(dtype);
  CHECK(values.size() % info.block_values == 0, "whole blocks only");
  const std::size_t n_blocks = values.size() / info.block_values;
  CHECK(bytes.size() == n_blocks * info.block_bytes, "as many blocks of bytes as of values");
  for (std::size_t b = 0; b < n_blocks; ++b) {
    block(bytes.data() + b * info.block_bytes, values.data() + b * info.block_values);
  }
}

}  // namespace hearth
