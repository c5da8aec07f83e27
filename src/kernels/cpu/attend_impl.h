// attend_impl.h - attend.h over the vector layer: a page of 16 positions is one vector of scores.
//
// Scores: lane = position, so q · k needs no sum across lanes (that is why keys stand transposed).
// Values: lane = channel, the position's weight is broadcast. Both loads serve all queries of the
// tile.
#pragma once

#include "kernels/attend.h"
#include "kernels/cpu/vec_math.h"

namespace hearth::kernels {

template <class V, bool f32>
typename V::F load_kv(const std::uint8_t* p) {
  if constexpr (f32) {
    return V::load(reinterpret_cast<const float*>(p));
  } else {
    return V::load_f16(p);
  }
}

// 0 in the lanes [low, high), -inf in the others: added to scores.
template <class V>
typename V::F visible_lanes(std::int32_t low, std::int32_t high) {
  alignas(64) float mask[16];
  for (std::int32_t i = 0; i < 16; ++i) mask[i] = i >= low && i < high ? 0.0f : -__builtin_inff();
  return V::load(mask);
}

// Q queries of the tile, beginning with query m, against one page. p[q][16] receives the weights.
template <class V, bool f32, int Q>
void page_scores(const AttendTile& tile, int m, const std::uint8_t* keys, typename V::F* s) {
  constexpr std::int64_t kRow = kPage * (f32 ? 4 : 2);
  for (int i = 0; i < Q; ++i) s[i] = V::set1(0);
  for (std::int32_t c = 0; c < tile.kv.head_dim; ++c) {
    const typename V::F k = load_kv<V, f32>(keys + c * kRow);
    for (int i = 0; i < Q; ++i) s[i] = V::fma(k, V::set1(tile.q[m + i][c]), s[i]);
  }
}

template <class V, bool f32, int Q>
void page_values(const AttendTile& tile, const std::uint8_t* values, const float (*p)[16],
                 const float* correction, float* const* partials) {
  const std::int64_t dim = tile.kv.padded_dim();
  constexpr std::int64_t kSize = f32 ? 4 : 2;
  for (std::int64_t c = 0; c < dim; c += 16) {
    typename V::F acc[Q];
    for (int i = 0; i < Q; ++i) {
      acc[i] = V::mul(V::load(partials[i] + 16 + c), V::set1(correction[i]));
    }
    for (int j = 0; j < kPage; ++j) {
      const typename V::F v = load_kv<V, f32>(values + (j * dim + c) * kSize);
      for (int i = 0; i < Q; ++i) acc[i] = V::fma(v, V::set1(p[i][j]), acc[i]);
    }
    for (int i = 0; i < Q; ++i) V::store(partials[i] + 16 + c, acc[i]);
  }
}

template <class V, bool f32, int Q>
void attend_queries(const AttendTile& tile, std::int32_t partition, int m, float* const* partials) {
  const std::int32_t begin = partition * kPartition;
  for (int i = 0; i < Q; ++i) {
    V::store(partials[i], V::set1(0));
    partials[i][0] = -__builtin_inff();
    for (std::int64_t c = 0; c < tile.kv.padded_dim(); c += 16) {
      V::store(partials[i] + 16 + c, V::set1(0));
    }
  }
  const std::int32_t first_visible = tile.begin(m), behind_last = tile.end(m + Q - 1);
  const std::int32_t first_page = (first_visible > begin ? first_visible : begin) / kPage;
  const std::int32_t end = behind_last < begin + kPartition ? behind_last : begin + kPartition;
  for (std::int32_t page = first_page; page * kPage < end; ++page) {
    const std::int32_t at = page * kPage;
    typename V::F s[Q];
    page_scores<V, f32, Q>(tile, m, tile.kv.k_head(tile.pages[page], tile.kv_head), s);
    alignas(64) float p[Q][16];
    float correction[Q];
    for (int i = 0; i < Q; ++i) {
      typename V::F scores = V::mul(s[i], V::set1(tile.scale));
      const std::int32_t low = tile.begin(m + i) - at, high = tile.end(m + i) - at;
      if (low > 0 || high < kPage) scores = V::add(scores, visible_lanes<V>(low, high));
      const float before = partials[i][0];
      const float highest = V::reduce_max(scores);
      const float after = highest > before ? highest : before;
      if (after == -__builtin_inff()) {  // nothing of this page or before is visible to this query
        V::store(p[i], V::set1(0));
        correction[i] = 1;
        continue;
      }
      const typename V::F weights = exp<V>(V::sub(scores, V::set1(after)));
      V::store(p[i], weights);
      alignas(64) float difference[16];
      V::store(difference, exp<V>(V::set1(before - after)));
      correction[i] = difference[0];
      partials[i][0] = after;
      partials[i][1] = partials[i][1] * correction[i] + V::reduce_add(weights);
    }
    page_values<V, f32, Q>(tile, tile.kv.v_head(tile.pages[page], tile.kv_head), p, correction,
                           partials);
  }
}

template <class V, bool f32, int Q = V::kTileQueries>
void attend_tile(const AttendTile& tile, std::int32_t partition, int m, float* const* partials) {
  for (; m + Q <= tile.n_queries; m += Q) {
    attend_queries<V, f32, Q>(tile, partition, m, partials + m);
  }
  if constexpr (Q > 1) {
    if (m < tile.n_queries) attend_tile<V, f32, Q / 2>(tile, partition, m, partials);
  }
}

template <class V>
void attend_partition(const AttendTile& tile, std::int32_t partition, float* const* partials) {
  if (tile.kv.f32) {
    attend_tile<V, true>(tile, partition, 0, partials);
  } else {
    attend_tile<V, false>(tile, partition, 0, partials);
  }
}

template <class V>
void attend_merge(float* into, const float* next, std::int64_t padded_dim) {
  if (next[0] == -__builtin_inff()) return;
  if (into[0] == -__builtin_inff()) {
    for (std::int64_t c = 0; c < 16 + padded_dim; c += 16) V::store(into + c, V::load(next + c));
    return;
  }
  const float highest = into[0] > next[0] ? into[0] : next[0];
  alignas(64) float a[16], b[16];
  V::store(a, exp<V>(V::set1(into[0] - highest)));
  V::store(b, exp<V>(V::set1(next[0] - highest)));
  const typename V::F keep = V::set1(a[0]), take = V::set1(b[0]);
  into[1] = into[1] * a[0] + next[1] * b[0];
  into[0] = highest;
  for (std::int64_t c = 16; c < 16 + padded_dim; c += 16) {
    V::store(into + c, V::fma(V::load(next + c), take, V::mul(V::load(into + c), keep)));
  }
}

// exp of -infinity is an exact zero, so no sink changes no bit. A sink far above the scores makes
// the divisor infinite and the result zero.
template <class V>
void attend_finish(const float* partial, std::int64_t head_dim, float sink, float* out) {
  alignas(64) float share[16];
  V::store(share, exp<V>(V::set1(sink - partial[0])));
  const float total = partial[1] + share[0];
  for (std::int64_t c = 0; c < head_dim; ++c) out[c] = partial[16 + c] / total;
}

template <class V>
void store_k(const float* x, std::int64_t head_dim, std::uint8_t* head, std::int32_t slot,
             bool f32) {
  for (std::int64_t c = 0; c < head_dim; ++c) {
    const std::int64_t at = c * kPage + slot;
    if (f32) {
      reinterpret_cast<float*>(head)[at] = x[c];
    } else {
      alignas(64) std::uint16_t half[16];
      V::store_f16(half, V::set1(x[c]));
      reinterpret_cast<std::uint16_t*>(head)[at] = half[0];
    }
  }
}

template <class V>
void store_v(const float* x, std::int64_t head_dim, std::uint8_t* head, std::int32_t slot,
             bool f32) {
  const std::int64_t dim = (head_dim + 15) / 16 * 16;
  for (std::int64_t c = 0; c < dim; c += 16) {
    alignas(64) float lanes[16] = {};
    for (std::int64_t i = 0; i < 16 && c + i < head_dim; ++i) lanes[i] = x[c + i];
    if (f32) {
      V::store(reinterpret_cast<float*>(head) + slot * dim + c, V::load(lanes));
    } else {
      V::store_f16(reinterpret_cast<std::uint16_t*>(head) + slot * dim + c, V::load(lanes));
    }
  }
}

}  // namespace hearth::kernels
