// reference.cc - what each operator means, in float64 and in the plainest loops. Slow on purpose:
// the kernels are tested against these, never the other way round.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"
#include "kernels/add.h"
#include "kernels/attend.h"
#include "kernels/clamped_swiglu.h"
#include "kernels/gelu.h"
#include "kernels/gelu_mul.h"
#include "kernels/layer_norm.h"
#include "kernels/matmul.h"
#include "kernels/pool.h"
#include "kernels/quantize.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/route.h"
#include "kernels/silu_mul.h"
#include "kernels/weighted_sum.h"

namespace hearth::kernels {

void rms_norm_reference(const RmsNorm& op) {
  for (std::int64_t t = 0; t < op.x.n_rows; ++t) {
    double squares = 0;
    for (std::int64_t c = 0; c < op.x.n_cols; ++c) {
      squares += double{op.x.row(t)[c]} * double{op.x.row(t)[c]};
    }
    const double scale = 1 / std::sqrt(squares / static_cast<double>(op.x.n_cols) + double{op.eps});
    for (std::int64_t c = 0; c < op.x.n_cols; ++c) {
      op.y.row(t)[c] = static_cast<float>(double{op.x.row(t)[c]} * scale * double{op.gain[c]});
    }
  }
}

void layer_norm_reference(const LayerNorm& op) {
  const auto n = static_cast<double>(op.x.n_cols);
  for (std::int64_t t = 0; t < op.x.n_rows; ++t) {
    const float* x = op.x.row(t);
    double mean = 0, variance = 0;
    for (std::int64_t c = 0; c < op.x.n_cols; ++c) mean += double{x[c]} / n;
    for (std::int64_t c = 0; c < op.x.n_cols; ++c) {
      variance += (double{x[c]} - mean) * (double{x[c]} - mean) / n;
    }
    const double scale = 1 / std::sqrt(variance + double{op.eps});
    for (std::int64_t c = 0; c < op.x.n_cols; ++c) {
      op.y.row(t)[c] = static_cast<float>((double{x[c]} - mean) * scale * double{op.gain[c]} +
                                          double{op.bias[c]});
    }
  }
}

void rope_angles(std::int32_t position, const float* inverse_frequencies, std::int32_t n_pairs,
                 float attention_factor, float* cos, float* sin) {
  for (std::int32_t j = 0; j < n_pairs; ++j) {
    const float angle = static_cast<float>(position) * inverse_frequencies[j];
    cos[j] = static_cast<float>(std::cos(double{angle}) * double{attention_factor});
    sin[j] = static_cast<float>(std::sin(double{angle}) * double{attention_factor});
  }
}

void rope_reference(const RopeRows& op) {
  for (std::int64_t t = 0; t < op.x.n_rows; ++t) {
    for (std::int64_t h = 0; h < op.x.n_cols; h += op.head_dim) {
      for (std::int32_t j = 0; j < op.n_pairs; ++j) {
        const bool adjacent = op.pairs == RopePairs::adjacent;
        float& a = op.x.row(t)[h + (adjacent ? 2 * j : j)];
        float& b = op.x.row(t)[h + (adjacent ? 2 * j + 1 : j + op.n_pairs)];
        const double c = op.cos[t * op.n_pairs + j], s = op.sin[t * op.n_pairs + j];
        const double x = a, y = b;
        a = static_cast<float>(x * c - y * s);
        b = static_cast<float>(x * s + y * c);
      }
    }
  }
}

void silu_mul_reference(const SiluMul& op) {
  for (std::int64_t t = 0; t < op.gate.n_rows; ++t) {
    for (std::int64_t c = 0; c < op.gate.n_cols; ++c) {
      const double g = op.gate.row(t)[c];
      op.gate.row(t)[c] = static_cast<float>(g / (1 + std::exp(-g)) * double{op.up.row(t)[c]});
    }
  }
}

void gelu_mul_reference(const GeluMul& op) {
  for (std::int64_t t = 0; t < op.gate.n_rows; ++t) {
    for (std::int64_t c = 0; c < op.gate.n_cols; ++c) {
      const double g = op.gate.row(t)[c];
      const double u = kGeluRoot * (g + kGeluCube * g * g * g);
      op.gate.row(t)[c] = static_cast<float>(g / (1 + std::exp(-2 * u)) * double{op.up.row(t)[c]});
    }
  }
}

void gelu_reference(const Gelu& op) {
  for (std::int64_t t = 0; t < op.x.n_rows; ++t) {
    for (std::int64_t c = 0; c < op.x.n_cols; ++c) {
      const double x = op.x.row(t)[c];
      op.x.row(t)[c] = static_cast<float>(x / 2 * std::erfc(-x / std::sqrt(2.0)));
    }
  }
}

void clamped_swiglu_reference(const ClampedSwiglu& op) {
  const double limit = op.limit;
  for (std::int64_t t = 0; t < op.gate.n_rows; ++t) {
    for (std::int64_t c = 0; c < op.gate.n_cols; ++c) {
      const double g = std::min(double{op.gate.row(t)[c]}, limit);
      const double u = std::clamp(double{op.up.row(t)[c]}, -limit, limit);
      op.gate.row(t)[c] = static_cast<float>(g / (1 + std::exp(-double{op.alpha} * g)) * (u + 1));
    }
  }
}

void weighted_sum_reference(const WeightedSum& op) {
  for (std::int64_t t = 0; t < op.x.n_rows; ++t) {
    for (std::int64_t c = 0; c < op.x.n_cols; ++c) {
      double sum = op.x.row(t)[c];
      for (std::int64_t s = 0; s < op.n; ++s) {
        sum += double{op.weights[t * op.n + s]} * double{op.y.row(t * op.n + s)[c]};
      }
      op.x.row(t)[c] = static_cast<float>(sum);
    }
  }
}

void route_row(std::span<const float> logits, std::span<std::int32_t> experts,
               std::span<float> shares) {
  for (std::size_t s = 0; s < experts.size(); ++s) {
    const auto chosen = experts.first(s);
    std::int32_t best = -1;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const auto candidate = static_cast<std::int32_t>(i);
      if (std::find(chosen.begin(), chosen.end(), candidate) != chosen.end()) continue;
      if (best < 0 || logits[i] > logits[static_cast<std::size_t>(best)]) best = candidate;
    }
    experts[s] = best;
  }
  const auto weight = [&](std::size_t s) {
    return std::exp(double{logits[static_cast<std::size_t>(experts[s])]} -
                    double{logits[static_cast<std::size_t>(experts[0])]});
  };
  double total = 0;
  for (std::size_t s = 0; s < experts.size(); ++s) total += weight(s);
  for (std::size_t s = 0; s < experts.size(); ++s) {
    shares[s] = static_cast<float>(weight(s) / total);
  }
}

void pool_reference(const Pool& op) {
  for (std::int64_t i = 0; i < n_pooled_rows(op.how, op.x.n_rows); ++i) {
    const std::int64_t chosen = op.how == Pooling::last ? op.x.n_rows - 1 : i;
    const std::int64_t first = op.how == Pooling::mean ? 0 : chosen;
    const std::int64_t behind = op.how == Pooling::mean ? op.x.n_rows : chosen + 1;
    std::vector<double> y(static_cast<std::size_t>(op.x.n_cols), 0.0);
    double squares = 0;
    for (std::int64_t c = 0; c < op.x.n_cols; ++c) {
      double& sum = y[static_cast<std::size_t>(c)];
      for (std::int64_t t = first; t < behind; ++t) sum += double{op.x.row(t)[c]};
      sum /= static_cast<double>(behind - first);
      squares += sum * sum;
    }
    const double length = op.normalize ? std::max(std::sqrt(squares), 1e-12) : 1;
    for (std::int64_t c = 0; c < op.x.n_cols; ++c) {
      op.y.row(i)[c] = static_cast<float>(y[static_cast<std::size_t>(c)] / length);
    }
  }
}

void add_reference(const Add& op) {
  for (std::int64_t t = 0; t < op.x.n_rows; ++t) {
    for (std::int64_t c = 0; c < op.x.n_cols; ++c) {
      op.x.row(t)[c] = static_cast<float>(double{op.x.row(t)[c]} + double{op.y.row(t)[c]});
    }
  }
}

void quantize_reference(Rows<const float> x, QuantizedRows out, std::int64_t first,
                        std::int64_t last) {
  for (std::int64_t t = first; t < last; ++t) {
    for (std::int64_t b = 0; b < out.k / 32; ++b) {
      const float* in = x.row(t) + 32 * b;
      const bool finite = std::all_of(in, in + 32, [](float v) { return std::isfinite(v); });
      float size = kLeastQuantized;
      for (int i = 0; i < 32; ++i) size = std::max(size, std::fabs(in[i]));
      out.d(t)[b] = finite ? size / 127.0f : std::numeric_limits<float>::quiet_NaN();
      for (int half = 0; half < 2; ++half) {
        std::int32_t sum = 0;
        for (int i = 16 * half; i < 16 * half + 16; ++i) {
          const float code = finite ? std::nearbyint(in[i] * (127.0f / size)) : 0.0f;
          const auto q = static_cast<std::int8_t>(code);
          out.q(t)[32 * b + i] = q;
          sum += q;
        }
        out.sums(t)[2 * b + half] = sum;
      }
    }
  }
}

namespace {

double half_at(const std::uint8_t* p, std::int64_t index) {
  const auto bits = static_cast<std::uint16_t>(p[2 * index] | (p[2 * index + 1] << 8));
  return double{f16_to_f32(bits)};
}

// Where a step of 32 inputs has the codes of one of them for one of the 16 outputs.
struct InStep {
  InStep(std::int64_t input, std::int64_t col) : quad(input % 32 / 4), lane(4 * col + input % 4) {}
  int bit(const std::uint8_t* block) const { return block[lane] >> quad & 1; }
  int two_bits(const std::uint8_t* block) const {
    return block[64 * (quad / 4) + lane] >> (2 * (quad % 4)) & 3;
  }
  int nibble(const std::uint8_t* block) const {
    const int byte = block[64 * (quad % 4) + lane];
    return quad < 4 ? byte & 15 : byte >> 4;
  }
  std::int64_t quad, lane;
};

double grid_weight_at(const GridLayout& grid, const std::uint8_t* panel, std::int64_t i,
                      std::int64_t col) {
  const InStep at(i, col);
  const std::uint8_t* super = panel + i / 256 * grid.block_bytes();
  const std::uint8_t* scales = super + 32;
  const std::uint8_t* block = scales + 64 * grid.n_scales + i % 256 / 32 * 64 * grid.code_bits;
  const std::int64_t s = i % 256 * grid.n_scales / 32;
  const int scale = scales[16 * (s / 2) + col] >> (4 * (s % 2)) & 15;
  const int code =
      grid.code_bits == 4 ? at.nibble(block) : at.two_bits(block) | at.bit(block + 128) << 2;
  return half_at(super, col) * double{grid.unit} * (2 * scale + 1) * grid.values[code];
}

// Weight (input i, output column) of a panel, by the layout table of packed_matrix.h.
double weight_at(DType dtype, const std::uint8_t* panel, std::int64_t i, std::int64_t col) {
  if (const GridLayout* grid = grid_layout(dtype)) return grid_weight_at(*grid, panel, i, col);
  const InStep at(i, col);
  switch (dtype) {
    case DType::f32: {
      float w;
      __builtin_memcpy(&w, panel + (i * kPanel + col) * 4, 4);
      return double{w};
    }
    case DType::f16:
      return half_at(panel, i * kPanel + col);
    case DType::bf16: {
      const std::uint8_t* p = panel + (i * kPanel + col) * 2;
      return double{bf16_to_f32(static_cast<std::uint16_t>(p[0] | (p[1] << 8)))};
    }
    case DType::q8_0: {
      const std::uint8_t* block = panel + i / 32 * 544;
      return (block[64 * at.quad + at.lane] - 128) * half_at(block + 512, col);
    }
    case DType::q4_0: {
      const std::uint8_t* block = panel + i / 32 * 288;
      return (at.nibble(block) - 8) * half_at(block + 256, col);
    }
    case DType::q4_1: {
      const std::uint8_t* block = panel + i / 32 * 320;
      return at.nibble(block) * half_at(block + 256, col) + half_at(block + 288, col);
    }
    case DType::q5_1: {
      const std::uint8_t* block = panel + i / 32 * 384;
      const int code = at.nibble(block) | at.bit(block + 256) << 4;
      return code * half_at(block + 320, col) + half_at(block + 352, col);
    }
    case DType::q2_k: {
      const std::uint8_t* super = panel + i / 256 * 1344;
      const int scales = super[64 + 16 * (i % 256 / 16) + col];
      const int code = at.two_bits(super + 320 + 128 * (i % 256 / 32));
      return half_at(super, col) * (scales & 15) * code - half_at(super + 32, col) * (scales >> 4);
    }
    case DType::q4_k:
    case DType::q5_k: {
      const bool fifth = dtype == DType::q5_k;
      const std::uint8_t* super = panel + i / 256 * (fifth ? 2816 : 2304);
      const std::int64_t step = i % 256 / 32;
      const std::uint8_t* block = super + 256 + step * (fifth ? 320 : 256);
      const int code = at.nibble(block) | (fifth ? at.bit(block + 256) : 0) << 4;
      const int low = super[64 + 16 * step + col];
      const int high = super[192 + 16 * (step / 2) + col] >> (4 * (step % 2));
      const int scale = (low & 15) | (high & 3) << 4, minimum = low >> 4 | (high >> 2 & 3) << 4;
      return half_at(super, col) * scale * code - half_at(super + 32, col) * minimum;
    }
    case DType::q6_k: {
      const std::uint8_t* super = panel + i / 256 * 3360;
      const std::uint8_t* block = super + 32 + i % 256 / 32 * 416;
      const auto scale = static_cast<std::int8_t>(block[384 + 16 * (at.quad / 4) + col]);
      return half_at(super, col) * scale *
             ((at.nibble(block) | at.two_bits(block + 256) << 4) - 32);
    }
    case DType::mxfp4: {
      const std::uint8_t* block = panel + i / 32 * 272;
      return std::ldexp(kE2m1Values[at.nibble(block)], block[256 + col] - 128);
    }
    case DType::nvfp4: {
      const std::uint8_t* block = panel + i / 32 * 288;
      const std::uint8_t scale = block[256 + 16 * (at.quad / 4) + col];
      const double d = scale == 0x7f ? 480 : double{f8_e4m3_to_f32(scale)};
      return d / 2 * kE2m1Values[at.nibble(block)];
    }
    default:
      CHECK(false, "packed_dtype gives only types that have a layout");
  }
}

}  // namespace

void matmul_reference(const MatMul& op) {
  for (std::int64_t row = 0; row < (op.rows ? op.n_rows : op.y.n_rows); ++row) {
    const std::int64_t t = op.y_row(row), from = op.x_row(row);
    for (std::int64_t o = 0; o < op.w->out; ++o) {
      double sum = op.add ? double{op.y.row(t)[o]} : 0;
      for (std::int64_t i = 0; i < op.w->in; ++i) {
        const double x = op.w->quantized() ? op.xq.q(from)[i] * double{op.xq.d(from)[i / 32]}
                                           : double{op.x.row(from)[i]};
        sum += x * weight_at(op.w->dtype, op.w->panel(o / kPanel), i, o % kPanel);
      }
      op.y.row(t)[o] = static_cast<float>(sum);
    }
  }
}

void attend_reference(const AttendTile& tile, float* const* out) {
  const KvPages& kv = tile.kv;
  const auto element = [&kv](const std::uint8_t* p, std::int64_t index) {
    if (!kv.f32) return half_at(p, index);
    float x;
    __builtin_memcpy(&x, p + 4 * index, 4);
    return double{x};
  };
  for (std::int32_t m = 0; m < tile.n_queries; ++m) {
    const std::int32_t first = tile.begin(m), end = tile.end(m);
    std::vector<double> score;
    double highest = -HUGE_VAL;
    for (std::int32_t j = first; j < end; ++j) {
      const std::uint8_t* k = kv.k_head(tile.pages[j / kPage], tile.kv_head);
      double s = 0;
      for (std::int32_t c = 0; c < kv.head_dim; ++c) {
        s += double{tile.q[m][c]} * element(k, c * kPage + j % kPage);
      }
      score.push_back(s * double{tile.scale});
      highest = std::max(highest, score.back());
    }
    double total = 0;
    if (tile.sinks != nullptr) {
      const double sink = tile.sinks[m % tile.group];
      highest = std::max(highest, sink);
      total = std::exp(sink - highest);
    }
    std::vector<double> sum(static_cast<std::size_t>(kv.head_dim), 0.0);
    for (std::int32_t j = first; j < end; ++j) {
      const double p = std::exp(score[static_cast<std::size_t>(j - first)] - highest);
      const std::uint8_t* v = kv.v_head(tile.pages[j / kPage], tile.kv_head);
      total += p;
      for (std::int32_t c = 0; c < kv.head_dim; ++c) {
        sum[static_cast<std::size_t>(c)] += p * element(v, j % kPage * kv.padded_dim() + c);
      }
    }
    for (std::int32_t c = 0; c < kv.head_dim; ++c) {
      out[m][c] = static_cast<float>(sum[static_cast<std::size_t>(c)] / total);
    }
  }
}

}  // namespace hearth::kernels
