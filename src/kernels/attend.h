// attend.h - softmax attention of some query rows of one sequence over its cached keys and values.
//
//     s[j] = scale * q · k[j]     over positions j <= p (and j > p - window), or over all
//     out  = sum over j of softmax(s)[j] * v[j]
//
// A head may have a sink: one more score, that of no position, which takes its share of the softmax
// and adds nothing.
//
// Keys and values stand in pages of 16 positions. Of a page, each key/value head owns
//
//     k  [head_dim][16]                 transposed: one position a lane
//     v  [16][round_up(head_dim, 16)]   padded with zeros
//
// as half floats, or float32 when the engine runs exact.
//
// Order of summation: positions are cut into partitions of 512, counted from position 0. Within a
// partition the online softmax advances by 64 positions; the partitions are merged in order.
// Nothing depends on which rows are computed together or which thread computes a partition;
// positions outside the mask contribute exact zeros.
#pragma once

#include <cstdint>

#include "kernels/batch.h"
#include "tensor/rows.h"

namespace hearth::kernels {

inline constexpr std::int32_t kPartition = 512;  // positions; a multiple of kScoreBlock
inline constexpr std::int32_t kScoreBlock = 64;  // positions; a multiple of kPage
inline constexpr std::int64_t kMaxHeadDim = 512;
// Of a tile: whole groups of 1, 2, 3, 4, 6, 8 and 12 heads fill it.
inline constexpr std::int32_t kMaxQueries = 24;

// One layer's pages.
struct KvPages {
  std::uint8_t* k = nullptr;
  std::uint8_t* v = nullptr;
  std::int32_t n_kv_heads = 0, head_dim = 0;
  bool f32 = false;

  std::int64_t value_bytes() const { return f32 ? 4 : 2; }
  std::int64_t padded_dim() const { return (head_dim + 15) / 16 * 16; }
  std::int64_t k_head_bytes() const { return std::int64_t{head_dim} * kPage * value_bytes(); }
  std::int64_t v_head_bytes() const { return padded_dim() * kPage * value_bytes(); }
  std::uint8_t* k_head(std::int32_t page, std::int32_t head) const {
    return k + (std::int64_t{page} * n_kv_heads + head) * k_head_bytes();
  }
  std::uint8_t* v_head(std::int32_t page, std::int32_t head) const {
    return v + (std::int64_t{page} * n_kv_heads + head) * v_head_bytes();
  }
};

// Queries that are computed together: the heads of one key/value group for a few consecutive rows
// of one sequence. Query m = row m / group, head m % group of the group.
struct AttendTile {
  KvPages kv;
  const std::int32_t* pages;  // the sequence's page table
  std::int32_t kv_head;
  std::int32_t group;           // query heads a key/value head
  std::int32_t n_queries;       // rows * group, at most kMaxQueries
  std::int32_t first_position;  // of the tile's first row
  std::int32_t n_positions;     // what every query sees; 0: each query up to its own position
  std::int32_t window;          // 0: all
  float scale;
  const float* q[kMaxQueries];   // [head_dim] each
  const float* sinks = nullptr;  // [group], or none
  // Query m sees positions [begin(m), end(m)).
  std::int32_t end(std::int32_t m) const {
    return n_positions > 0 ? n_positions : first_position + m / group + 1;
  }
  std::int32_t begin(std::int32_t m) const {
    return window > 0 && end(m) > window ? end(m) - window : 0;
  }
  float sink(std::int32_t m) const { return sinks ? sinks[m % group] : -__builtin_inff(); }
};

// What one partition contributes to one query: max and sum of the exponentials, weighted values.
// Floats: {m, l, padding to 16, acc[padded_dim]}.
constexpr std::int64_t attend_partial_floats(std::int64_t padded_dim) { return 16 + padded_dim; }

// One (row of queries, key/value head) in float64, without pages' order: the definition.
void attend_reference(const AttendTile& tile, float* const* out);

// Relative to max |v|, float32 keys and values: the score's rounding moves the exponent by
// (head_dim + 2) u times the largest |s|, weights and their sum add n_positions / 16 + 8.
constexpr double attend_tolerance(double head_dim, double max_score, double n_positions) {
  return ((head_dim + 2) * (max_score + 1) + n_positions + 16) * 0x1p-24;
}

constexpr double attend_bytes(double n_positions, double head_dim, double value_bytes) {
  return 2 * n_positions * head_dim * value_bytes;
}

}  // namespace hearth::kernels
