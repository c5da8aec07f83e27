// rows_impl.h - the operators that go row by row (rms_norm, layer_norm, rope, silu_mul, gelu,
// gelu_mul, clamped_swiglu, weighted_sum, add, pool, quantize) over the vector layer.
//
// Rows of activations are padded to whole vectors (cpu_ops.h), but an operator never reads its
// padding as data: the tail goes through a zeroed buffer.
#pragma once

#include "kernels/add.h"
#include "kernels/clamped_swiglu.h"
#include "kernels/cpu/vec_math.h"
#include "kernels/gelu.h"
#include "kernels/gelu_mul.h"
#include "kernels/layer_norm.h"
#include "kernels/pool.h"
#include "kernels/quantize.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/silu_mul.h"
#include "kernels/weighted_sum.h"

namespace hearth::kernels {

// y[c] = fn(in[c]…), vector by vector.
template <class V, class Fn, class... In>
void map_row(float* y, std::int64_t n, Fn&& fn, const In*... in) {
  const std::int64_t whole = n / 16 * 16;
  for (std::int64_t i = 0; i < whole; i += 16) V::store(y + i, fn(V::load(in + i)...));
  if (whole < n) {
    store_tail<V>(y + whole, n - whole, fn(load_tail<V>(in + whole, n - whole)...));
  }
}

// fn(fn(0, x[0 … 15]), x[16 … 31]) …, its lanes summed. The tail's missing lanes are zeros.
template <class V, class Fn>
float sum_row(const float* x, std::int64_t n, Fn&& fn) {
  const std::int64_t whole = n / 16 * 16;
  typename V::F sum = V::set1(0);
  for (std::int64_t i = 0; i < whole; i += 16) sum = fn(sum, V::load(x + i));
  if (whole < n) sum = fn(sum, load_tail<V>(x + whole, n - whole));
  return V::reduce_add(sum);
}

template <class V>
float sum_squares(const float* x, std::int64_t n) {
  return sum_row<V>(x, n, [](typename V::F sum, typename V::F v) { return V::fma(v, v, sum); });
}

template <class V>
void rms_norm(const RmsNorm& op, std::int64_t first, std::int64_t last) {
  using F = typename V::F;
  const std::int64_t n = op.x.n_cols;
  for (std::int64_t t = first; t < last; ++t) {
    const float mean = sum_squares<V>(op.x.row(t), n) / static_cast<float>(n);
    const F scale = V::set1(1.0f / __builtin_sqrtf(mean + op.eps));
    map_row<V>(
        op.y.row(t), n, [&](F x, F gain) { return V::mul(V::mul(x, scale), gain); }, op.x.row(t),
        op.gain);
  }
}

template <class V>
void layer_norm(const LayerNorm& op, std::int64_t first, std::int64_t last) {
  using F = typename V::F;
  const std::int64_t n = op.x.n_cols;
  const auto count = static_cast<float>(n);
  for (std::int64_t t = first; t < last; ++t) {
    float* y = op.y.row(t);
    const float sum = sum_row<V>(op.x.row(t), n, [](F all, F x) { return V::add(all, x); });
    const F mean = V::set1(sum / count);
    map_row<V>(y, n, [&](F x) { return V::sub(x, mean); }, op.x.row(t));
    const float variance = sum_squares<V>(y, n) / count;
    const F scale = V::set1(1.0f / __builtin_sqrtf(variance + op.eps));
    map_row<V>(
        y, n, [&](F x, F gain, F bias) { return V::fma(V::mul(x, scale), gain, bias); }, y, op.gain,
        op.bias);
  }
}

template <class V>  // a template, so that each ISA keeps its own copy
void rotate(float* a, float* b, float c, float s) {
  const float x = *a, y = *b;
  *a = x * c - y * s;
  *b = x * s + y * c;
}

template <class V>
void rotate_halves(float* head, std::int32_t n_pairs, const float* c, const float* s) {
  const std::int32_t whole = n_pairs / 16 * 16;
  for (std::int32_t j = 0; j < whole; j += 16) {
    const typename V::F x = V::load(head + j), y = V::load(head + n_pairs + j);
    const typename V::F cos = V::load(c + j), sin = V::load(s + j);
    V::store(head + j, V::sub(V::mul(x, cos), V::mul(y, sin)));
    V::store(head + n_pairs + j, V::add(V::mul(x, sin), V::mul(y, cos)));
  }
  for (std::int32_t j = whole; j < n_pairs; ++j) {
    rotate<V>(head + j, head + j + n_pairs, c[j], s[j]);
  }
}

template <class V>
void rope(const RopeRows& op, std::int64_t first, std::int64_t last) {
  for (std::int64_t t = first; t < last; ++t) {
    const float* c = op.cos + t * op.n_pairs;
    const float* s = op.sin + t * op.n_pairs;
    for (std::int64_t h = 0; h < op.x.n_cols; h += op.head_dim) {
      float* head = op.x.row(t) + h;
      if (op.pairs == RopePairs::adjacent) {
        for (std::int32_t j = 0; j < op.n_pairs; ++j) {
          rotate<V>(head + 2 * j, head + 2 * j + 1, c[j], s[j]);
        }
      } else {
        rotate_halves<V>(head, op.n_pairs, c, s);
      }
    }
  }
}

template <class V>
typename V::F silu_times(typename V::F gate, typename V::F up) {
  const typename V::F one = V::set1(1);
  const typename V::F e = exp<V>(V::sub(V::set1(0), gate));
  return V::mul(V::div(gate, V::add(one, e)), up);
}

// x = fn(x, y) value by value.
template <class V, class Fn>
void for_values(Rows<float> rows, Rows<const float> others, std::int64_t first, std::int64_t last,
                Fn&& fn) {
  for (std::int64_t t = first; t < last; ++t) {
    map_row<V>(rows.row(t), rows.n_cols, fn, rows.row(t), others.row(t));
  }
}

template <class V>
void silu_mul(const SiluMul& op, std::int64_t first, std::int64_t last) {
  for_values<V>(op.gate, op.up, first, last,
                [](typename V::F g, typename V::F u) { return silu_times<V>(g, u); });
}

// |x| is bounded so that an infinite x is not multiplied by an exact zero.
template <class V>
void gelu(const Gelu& op, std::int64_t first, std::int64_t last) {
  using F = typename V::F;
  for (std::int64_t t = first; t < last; ++t) {
    map_row<V>(
        op.x.row(t), op.x.n_cols,
        [](F x) {
          const F size = V::min(V::abs(x), V::set1(20));
          return V::sub(V::max(V::set1(0), x), V::mul(size, normal_tail<V>(size)));
        },
        op.x.row(t));
  }
}

template <class V>
typename V::F gelu_times(typename V::F gate, typename V::F up) {
  const typename V::F one = V::set1(1);
  const typename V::F cube = V::set1(static_cast<float>(kGeluCube));
  const typename V::F u = V::mul(gate, V::fma(V::mul(gate, gate), cube, one));
  const typename V::F e = exp<V>(V::mul(u, V::set1(static_cast<float>(-2 * kGeluRoot))));
  return V::mul(V::div(gate, V::add(one, e)), up);
}

template <class V>
void gelu_mul(const GeluMul& op, std::int64_t first, std::int64_t last) {
  for_values<V>(op.gate, op.up, first, last,
                [](typename V::F g, typename V::F u) { return gelu_times<V>(g, u); });
}

// min and max give their second argument when one is not a number, so that stays one.
template <class V>
void clamped_swiglu(const ClampedSwiglu& op, std::int64_t first, std::int64_t last) {
  using F = typename V::F;
  const F one = V::set1(1), high = V::set1(op.limit), low = V::set1(-op.limit);
  const F minus_alpha = V::set1(-op.alpha);
  for_values<V>(op.gate, op.up, first, last, [&](F gate, F up) {
    const F g = V::min(high, gate);
    const F u = V::max(low, V::min(high, up));
    const F e = exp<V>(V::mul(minus_alpha, g));
    return V::mul(V::div(g, V::add(one, e)), V::add(u, one));
  });
}

template <class V>
void weighted_sum(const WeightedSum& op, std::int64_t first, std::int64_t last) {
  const std::int64_t n = op.x.n_cols;
  const std::int64_t whole = n / 16 * 16;
  for (std::int64_t t = first; t < last; ++t) {
    float* x = op.x.row(t);
    const float* weights = op.weights + t * op.n;
    const auto sum = [&](std::int64_t c, auto&& load) {
      typename V::F acc = load(x + c);
      for (std::int64_t s = 0; s < op.n; ++s) {
        acc = V::fma(load(op.y.row(t * op.n + s) + c), V::set1(weights[s]), acc);
      }
      return acc;
    };
    for (std::int64_t c = 0; c < whole; c += 16) {
      V::store(x + c, sum(c, [](const float* p) { return V::load(p); }));
    }
    if (whole < n) {
      store_tail<V>(x + whole, n - whole,
                    sum(whole, [&](const float* p) { return load_tail<V>(p, n - whole); }));
    }
  }
}

template <class V>
void add(const Add& op, std::int64_t first, std::int64_t last) {
  for_values<V>(op.x, op.y, first, last,
                [](typename V::F a, typename V::F b) { return V::add(a, b); });
}

template <class V>
void normalize_row(float* x, std::int64_t n) {
  const float length = __builtin_sqrtf(sum_squares<V>(x, n));
  const typename V::F divisor = V::set1(length < 1e-12f ? 1e-12f : length);
  map_row<V>(x, n, [&](typename V::F v) { return V::div(v, divisor); }, x);
}

template <class V>
void pool(const Pool& op) {
  using F = typename V::F;
  const std::int64_t n = op.x.n_cols, n_rows = op.x.n_rows;
  for (std::int64_t i = 0; i < n_pooled_rows(op.how, n_rows); ++i) {
    float* y = op.y.row(i);
    const float* x = op.x.row(op.how == Pooling::last ? n_rows - 1 : i);
    map_row<V>(y, n, [](F v) { return v; }, x);
    if (op.how == Pooling::mean) {
      for (std::int64_t t = 1; t < n_rows; ++t) {
        map_row<V>(y, n, [](F sum, F v) { return V::add(sum, v); }, y, op.x.row(t));
      }
      const F count = V::set1(static_cast<float>(n_rows));
      map_row<V>(y, n, [&](F sum) { return V::div(sum, count); }, y);
    }
    if (op.normalize) normalize_row<V>(y, n);
  }
}

// Up to 16 blocks, whose largest values and sums are found for all of them at once: one block's
// alone takes longer than all the rest. What there is room for behind the last block is written.
template <class V>
[[gnu::always_inline]] inline void quantize_blocks(const float* in, std::int64_t n, std::int8_t* q,
                                                   float* d, std::int32_t* sums) {
  using I = typename V::I;
  constexpr std::int32_t kInfinityBits = 0x7f800000;
  I largest[16];
#pragma GCC unroll 16
  for (std::int64_t b = 0; b < 16; ++b) {
    largest[b] =
        b < n ? V::maxi(V::abs_bits(V::load(in + 32 * b)), V::abs_bits(V::load(in + 32 * b + 16)))
              : V::set1i(0);
  }
  const I each = V::max_each(largest);
  const typename V::F size = V::max(V::from_bits(each), V::set1(kLeastQuantized));
  alignas(64) float inverse[16];
  V::store(inverse, V::div(V::set1(127), size));
  V::store(d, V::div(size, V::set1(127)));
  for (std::int64_t first = 0; first < n; first += 8) {
    I codes[16];
#pragma GCC unroll 16
    for (std::int64_t i = 0; i < 16; ++i) {
      const std::int64_t b = first + i / 2, at = 32 * b + 16 * (i % 2);
      codes[i] = V::set1i(0);
      if (b >= n) continue;
      codes[i] = V::to_int(V::mul(V::load(in + at), V::set1(inverse[b])));
      V::store_i8(q + at, codes[i]);
    }
    V::store_ints(sums + 2 * first, V::add_each(codes));
  }
  alignas(64) std::int32_t bits[16];
  V::store_ints(bits, each);
  for (std::int64_t b = 0; b < n; ++b) {
    if (bits[b] < kInfinityBits) continue;
    d[b] = __builtin_nanf("");
    std::memset(q + 32 * b, 0, 32);
    sums[2 * b] = sums[2 * b + 1] = 0;
  }
}

template <class V>
void quantize(Rows<const float> x, QuantizedRows out, std::int64_t first, std::int64_t last) {
  const std::int64_t n = out.k / 32, whole = n / 16 * 16;
  for (std::int64_t t = first; t < last; ++t) {
    const float* in = x.row(t);
    std::int8_t* q = out.q(t);
    float* d = out.d(t);
    std::int32_t* sums = out.sums(t);
    for (std::int64_t b = 0; b < whole; b += 16) {
      quantize_blocks<V>(in + 32 * b, 16, q + 32 * b, d + b, sums + 2 * b);
    }
    if (whole < n) {
      quantize_blocks<V>(in + 32 * whole, n - whole, q + 32 * whole, d + whole, sums + 2 * whole);
    }
  }
}

}  // namespace hearth::kernels
