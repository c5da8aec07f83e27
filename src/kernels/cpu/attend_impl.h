// attend_impl.h - attend.h over the vector layer: a page of 16 positions is one vector of scores,
// four pages are one step of the online softmax.
//
// Scores: lane = position, so q · k needs no sum across lanes (that is why keys stand transposed).
// Values: lane = channel, the position's weight is broadcast. Both loads serve all queries of the
// tile.
//
// What a decoding step reads it reads once, a page here and a page there, too short a way each for
// the processor to see where it leads. So scores ask for the values that they will weigh, and
// values for the keys after them.
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

// The Q queries of a tile that are computed together, and where they stand after the positions so
// far: the highest score, the sum of the exponentials, the weighted values.
template <class V, int Q>
struct QueryGroup {
  const float* q[Q];
  std::int32_t begin[Q], end[Q];  // the positions each one sees
  float* partial[Q];              // {m, l, padding to 16, acc[padded_dim]}
};

// scores[i][at …] of the 16 positions of one page.
template <class V, bool f32, int Q>
void page_scores(const AttendTile& tile, const QueryGroup<V, Q>& group, std::int32_t page,
                 std::int32_t at, float (*scores)[kScoreBlock]) {
  constexpr std::int64_t kRow = kPage * (f32 ? 4 : 2);
  const std::uint8_t* keys = tile.kv.k_head(tile.pages[page], tile.kv_head);
  const std::uint8_t* values = tile.kv.v_head(tile.pages[page], tile.kv_head);
  typename V::F s[Q];
#pragma GCC unroll 8
  for (int i = 0; i < Q; ++i) s[i] = V::set1(0);
  for (std::int32_t c = 0; c < tile.kv.head_dim; ++c) {
    const typename V::F k = load_kv<V, f32>(keys + c * kRow);
    __builtin_prefetch(values + c * kRow);
#pragma GCC unroll 8
    for (int i = 0; i < Q; ++i) s[i] = V::fma(k, V::set1(group.q[i][c]), s[i]);
  }
  // Unrolled like the others: s must stay in registers.
#pragma GCC unroll 8
  for (int i = 0; i < Q; ++i) {
    typename V::F scaled = V::mul(s[i], V::set1(tile.scale));
    const std::int32_t low = group.begin[i] - page * kPage, high = group.end[i] - page * kPage;
    if (low > 0 || high < kPage) scaled = V::add(scaled, visible_lanes<V>(low, high));
    V::store(scores[i] + at, scaled);
  }
}

// From scores to weights relative to the highest so far. correction[i] is what the sums before are
// multiplied by. Each step is done for all queries before the next one: that of one query alone
// waits for its own latencies (a tenth of the attention of a prompt).
template <class V, int Q>
void weigh_block(const QueryGroup<V, Q>& group, float (*scores)[kScoreBlock], float* correction) {
  alignas(64) float fall[16] = {};
  float highest[Q];
  for (int i = 0; i < Q; ++i) {
    typename V::F found = V::load(scores[i]);
    for (int c = 16; c < kScoreBlock; c += 16) found = V::max(found, V::load(scores[i] + c));
    highest[i] = V::reduce_max(found);
  }
  for (int i = 0; i < Q; ++i) {
    const float before = group.partial[i][0];
    const float after = highest[i] > before ? highest[i] : before;
    group.partial[i][0] = after;
    // Nothing visible to this query yet: everything stays zero, as exp(-inf - 0) is.
    const bool none = after == -__builtin_inff();
    highest[i] = none ? 0 : after;
    fall[i] = none ? 0 : before - after;
  }
  typename V::F sum[Q];
  for (int i = 0; i < Q; ++i) sum[i] = V::set1(0);
  for (int c = 0; c < kScoreBlock; c += 16) {
#pragma GCC unroll 8
    for (int i = 0; i < Q; ++i) {
      const typename V::F weights = exp<V>(V::sub(V::load(scores[i] + c), V::set1(highest[i])));
      V::store(scores[i] + c, weights);
      sum[i] = V::add(sum[i], weights);
    }
  }
  alignas(64) float corrections[16];
  V::store(corrections, exp<V>(V::load(fall)));
  for (int i = 0; i < Q; ++i) {
    correction[i] = corrections[i];
    group.partial[i][1] = group.partial[i][1] * correction[i] + V::reduce_add(sum[i]);
  }
}

// acc = acc * correction + the values of pages [first, last) times their weights. last_page: behind
// the last one that is still to come.
template <class V, bool f32, int Q>
void add_values(const AttendTile& tile, const QueryGroup<V, Q>& group, std::int32_t block_page,
                std::int32_t first, std::int32_t last, std::int32_t last_page,
                const float (*weights)[kScoreBlock], const float* correction) {
  const std::int64_t dim = tile.kv.padded_dim();
  constexpr std::int64_t kSize = f32 ? 4 : 2, kRow = kPage * kSize;
  for (std::int64_t c = 0; c < dim; c += 16) {
    typename V::F acc[Q];
#pragma GCC unroll 8
    for (int i = 0; i < Q; ++i) {
      acc[i] = V::mul(V::load(group.partial[i] + 16 + c), V::set1(correction[i]));
    }
    for (std::int32_t page = first; page < last; ++page) {
      const std::uint8_t* values = tile.kv.v_head(tile.pages[page], tile.kv_head) + c * kSize;
      const std::int32_t at = (page - block_page) * kPage;
      const std::int32_t later = page + kScoreBlock / kPage;
      if (later < last_page) {
        const std::uint8_t* keys = tile.kv.k_head(tile.pages[later], tile.kv_head) + c * kRow;
        for (std::int64_t i = 0; i < 16 * kRow; i += 64) __builtin_prefetch(keys + i);
      }
      for (int j = 0; j < kPage; ++j) {
        const typename V::F v = load_kv<V, f32>(values + j * dim * kSize);
#pragma GCC unroll 8
        for (int i = 0; i < Q; ++i) acc[i] = V::fma(v, V::set1(weights[i][at + j]), acc[i]);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < Q; ++i) V::store(group.partial[i] + 16 + c, acc[i]);
  }
}

template <class V, bool f32, int Q>
void attend_queries(const AttendTile& tile, std::int32_t partition, const QueryGroup<V, Q>& group) {
  const std::int32_t begin = partition * kPartition;
  for (int i = 0; i < Q; ++i) {
    V::store(group.partial[i], V::set1(0));
    group.partial[i][0] = -__builtin_inff();
    for (std::int64_t c = 0; c < tile.kv.padded_dim(); c += 16) {
      V::store(group.partial[i] + 16 + c, V::set1(0));
    }
  }
  // Later queries see later positions.
  const std::int32_t first_visible = group.begin[0], behind_last = group.end[Q - 1];
  const std::int32_t end = behind_last < begin + kPartition ? behind_last : begin + kPartition;
  constexpr std::int32_t kPages = kScoreBlock / kPage;
  std::int32_t page = (first_visible > begin ? first_visible : begin) / kPage;
  const std::int32_t last_page = (end + kPage - 1) / kPage;
  while (page < last_page) {
    const std::int32_t block_page = page / kPages * kPages;
    const std::int32_t first = page;
    const std::int32_t last = last_page < block_page + kPages ? last_page : block_page + kPages;
    alignas(64) float scores[Q][kScoreBlock];
    if (last - first < kPages) {
      for (int i = 0; i < Q; ++i) {
        for (float& score : scores[i]) score = -__builtin_inff();
      }
    }
    for (; page < last; ++page) {
      page_scores<V, f32, Q>(tile, group, page, (page - block_page) * kPage, scores);
    }
    float correction[Q];
    weigh_block<V, Q>(group, scores, correction);
    add_values<V, f32, Q>(tile, group, block_page, first, last, last_page, scores, correction);
  }
}

// Queries go in groups of Q; what is left fills a group that has room for a third more (the last
// query is then computed again, for nobody), or goes on in smaller ones.
template <class V, bool f32, int Q = V::kTileQueries>
void attend_tile(const AttendTile& tile, std::int32_t partition, int m, float* const* partials) {
  while (4 * (tile.n_queries - m) >= 3 * Q) {
    alignas(64) float nobody[attend_partial_floats(kMaxHeadDim)];
    QueryGroup<V, Q> group;
    for (int i = 0; i < Q; ++i) {
      const bool real = m + i < tile.n_queries;
      const int query = real ? m + i : tile.n_queries - 1;
      group.q[i] = tile.q[query];
      group.begin[i] = tile.begin(query);
      group.end[i] = tile.end(query);
      group.partial[i] = real ? partials[m + i] : nobody;
    }
    attend_queries<V, f32, Q>(tile, partition, group);
    m += Q;
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
  if (f32) {
    for (std::int64_t c = 0; c < head_dim; ++c) {
      reinterpret_cast<float*>(head)[c * kPage + slot] = x[c];
    }
    return;
  }
  for (std::int64_t c = 0; c < head_dim; c += 16) {
    const std::int64_t n = head_dim - c < 16 ? head_dim - c : 16;
    alignas(64) std::uint16_t half[16];
    V::store_f16(half, n == 16 ? V::load(x + c) : load_tail<V>(x + c, n));
    for (std::int64_t i = 0; i < n; ++i) {
      reinterpret_cast<std::uint16_t*>(head)[(c + i) * kPage + slot] = half[i];
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
