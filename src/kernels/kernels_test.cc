// kernels_test.cc - every kernel of every ISA that runs here, against the float64 definition with
// the tolerance of its header, and against the generic kernels bit for bit.
#include "kernels/cpu/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "kernels/cpu/isa.h"
#include "kernels/test_data.h"

namespace hearth::kernels {
namespace {

class Kernels : public testing::TestWithParam<const CpuKernels*> {
 protected:
  const CpuKernels& k = *GetParam();
  std::mt19937 random{42};
};

INSTANTIATE_TEST_SUITE_P(, Kernels, testing::ValuesIn(runnable_kernels()),
                         [](const auto& test) { return std::string(test.param->isa); });

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

constexpr std::int64_t kLengths[] = {1, 2, 7, 15, 16, 17, 31, 32, 33, 48, 63, 64, 100, 576, 1000};

// A matrix with room before and after, misaligned by `shift` floats.
struct Shifted {
  Shifted(std::int64_t n_rows, std::int64_t n_cols, std::int64_t shift, std::mt19937& random)
      : storage(random_values(static_cast<std::size_t>(n_rows * (n_cols + 3) + shift), random)),
        rows{storage.data() + shift, n_rows, n_cols, n_cols + 3} {}
  std::vector<float> storage;
  Rows<float> rows;
};

TEST_P(Kernels, rms_norm_matches_the_definition_at_any_length_and_alignment) {
  for (const std::int64_t n : kLengths) {
    for (const std::int64_t shift : {0, 1, 3}) {
      Shifted x(3, n, shift, random), y(3, n, shift, random), expected(3, n, shift, random);
      const std::vector<float> gain = random_values(static_cast<std::size_t>(n), random);
      const std::vector<float> before = y.storage;
      k.rms_norm({x.rows, gain.data(), 1e-5f, y.rows}, 0, 3);
      rms_norm_reference({x.rows, gain.data(), 1e-5f, expected.rows});
      for (std::int64_t t = 0; t < 3; ++t) {
        for (std::int64_t c = 0; c < n; ++c) {
          const double e = expected.rows.row(t)[c];
          EXPECT_NEAR(y.rows.row(t)[c], e, std::abs(e) * rms_norm_tolerance(static_cast<double>(n)))
              << n << " row " << t << " col " << c;
        }
        if (t < 2) {  // what lies between rows is not touched
          EXPECT_EQ(y.rows.row(t)[n], before[static_cast<std::size_t>(shift + t * (n + 3) + n)]);
        }
      }
    }
  }
}

TEST_P(Kernels, rms_norm_of_a_zero_row_is_zero_and_works_in_place) {
  std::vector<float> x(20, 0.0f), gain(20, 2.0f);
  const Rows<float> rows{x.data(), 1, 20, 20};
  k.rms_norm({rows, gain.data(), 1e-5f, rows}, 0, 1);
  for (const float v : x) EXPECT_EQ(v, 0.0f);
}

TEST_P(Kernels, rope_matches_the_definition_in_both_pairings) {
  for (const RopePairs pairs : {RopePairs::adjacent, RopePairs::halves}) {
    const std::int32_t head_dim = 24, n_pairs = 9, n_heads = 3, n_rows = 4;
    std::vector<float> inverse(n_pairs), cos(n_rows * n_pairs), sin(n_rows * n_pairs);
    for (std::size_t j = 0; j < inverse.size(); ++j)
      inverse[j] = std::pow(0.3f, static_cast<float>(j));
    for (std::int32_t t = 0; t < n_rows; ++t) {
      rope_angles(1000 + t, inverse.data(), n_pairs, 1.25f, cos.data() + t * n_pairs,
                  sin.data() + t * n_pairs);
    }
    Shifted x(n_rows, n_heads * head_dim, 1, random);
    Shifted expected = x;
    expected.rows.data = expected.storage.data() + 1;
    k.rope({x.rows, head_dim, n_pairs, pairs, cos.data(), sin.data()}, 0, n_rows);
    rope_reference({expected.rows, head_dim, n_pairs, pairs, cos.data(), sin.data()});
    for (std::size_t i = 0; i < x.storage.size(); ++i) {
      EXPECT_NEAR(x.storage[i], expected.storage[i], 8 * kRopeTolerance) << i;
    }
  }
}

TEST_P(Kernels, silu_mul_matches_the_definition_for_small_and_huge_values) {
  for (const std::int64_t n : kLengths) {
    Shifted gate(2, n, 1, random), up(2, n, 2, random);
    for (float& g : gate.storage) g *= 30;
    gate.rows.row(1)[0] = -200;
    gate.rows.row(0)[n - 1] = 200;
    Shifted expected = gate;
    expected.rows.data = expected.storage.data() + 1;
    k.silu_mul({gate.rows, up.rows}, 0, 2);
    silu_mul_reference({expected.rows, up.rows});
    for (std::size_t i = 0; i < gate.storage.size(); ++i) {
      const double e = expected.storage[i];
      EXPECT_NEAR(gate.storage[i], e, std::abs(e) * kSiluMulTolerance + 1e-37) << i;
    }
  }
}

TEST_P(Kernels, gelu_mul_matches_the_definition_for_small_and_huge_values) {
  for (const std::int64_t n : kLengths) {
    Shifted gate(2, n, 1, random), up(2, n, 2, random);
    for (float& g : gate.storage) g *= 4;
    gate.rows.row(1)[0] = -1e20f;
    gate.rows.row(0)[n - 1] = 1e20f;
    const Shifted before = gate;
    Shifted expected = gate, generic = gate;
    expected.rows.data = expected.storage.data() + 1;
    generic.rows.data = generic.storage.data() + 1;
    k.gelu_mul({gate.rows, up.rows}, 0, 2);
    generic_kernels().gelu_mul({generic.rows, up.rows}, 0, 2);
    EXPECT_TRUE(same_bits(gate.storage, generic.storage)) << n;
    gelu_mul_reference({expected.rows, up.rows});
    for (std::size_t i = 0; i < gate.storage.size(); ++i) {
      const double e = expected.storage[i];
      const double x = std::clamp(double{before.storage[i]}, -10.0, 10.0);
      EXPECT_NEAR(gate.storage[i], e, std::abs(e) * gelu_mul_tolerance(x) + 1e-37) << i;
    }
  }
}

TEST_P(Kernels, add_takes_rows_or_one_row_for_all) {
  for (const std::int64_t n : kLengths) {
    for (const bool one_row : {false, true}) {
      Shifted x(3, n, 1, random), y(3, n, 2, random);
      if (one_row) y.rows.stride = 0;
      Shifted expected = x;
      expected.rows.data = expected.storage.data() + 1;
      k.add({x.rows, y.rows}, 0, 3);
      add_reference({expected.rows, y.rows});
      EXPECT_TRUE(same_bits(x.storage, expected.storage)) << n;  // a sum of two is rounded once
    }
  }
}

TEST_P(Kernels, quantize_is_bit_equal_to_the_definition) {
  for (const std::int64_t n : {32, 64, 576, 1536}) {
    Shifted x(3, n, 1, random);
    std::fill_n(x.rows.row(1), 32, 0.0f);  // a block of zeros
    x.rows.row(2)[5] = 1e30f;              // one huge value
    const auto size = static_cast<std::size_t>(3 * QuantizedRows::row_bytes(n));
    std::vector<std::uint8_t> got(size, 0), expected(size, 0);
    k.quantize(x.rows, {got.data(), 3, n}, 0, 3);
    quantize_reference(x.rows, {expected.data(), 3, n}, 0, 3);
    EXPECT_EQ(got, expected) << n;
  }
}

// One matmul with every row count up to 19, against float64 and against the generic kernels.
void check_matmul(const CpuKernels& k, DType dtype, std::int64_t out, std::int64_t in,
                  std::mt19937& random) {
  ThreadPool pool(1);
  const TestTensor tensor = random_tensor(dtype, out, in, random);
  const PackedMatrix w = pack(tensor.view, false, pool);
  const std::int64_t n_rows = 19, stride = w.n_panels() * kPanel;
  const std::vector<float> x = random_values(static_cast<std::size_t>(n_rows * in), random);
  const std::vector<float> start = random_values(static_cast<std::size_t>(n_rows * stride), random);
  std::vector<std::uint8_t> record(
      static_cast<std::size_t>(n_rows * QuantizedRows::row_bytes(in / 32 * 32)));
  const Rows<const float> rows{x.data(), n_rows, in, in};
  const QuantizedRows xq{record.data(), n_rows, in};
  if (w.quantized()) quantize_reference(rows, xq, 0, n_rows);
  for (const bool add : {false, true}) {
    std::vector<float> got = start, expected = start, generic = start, magnitude = start;
    const auto op = [&](std::vector<float>& y) {
      return MatMul{&w, rows, xq, {y.data(), n_rows, out, stride}, add};
    };
    k.matmul(op(got), 0, w.n_panels(), 0, n_rows);
    generic_kernels().matmul(op(generic), 0, w.n_panels(), 0, n_rows);
    EXPECT_TRUE(same_bits(got, generic)) << dtype_info(dtype).name;
    matmul_reference(op(expected));
    for (std::int64_t t = 0; t < n_rows; ++t) {
      double size = 4;  // of sum |x w|, for weights and activations of about 1
      for (std::int64_t i = 0; i < in; ++i) size += std::abs(double{rows.row(t)[i]}) * 2;
      for (std::int64_t o = 0; o < out; ++o) {
        const auto at = static_cast<std::size_t>(t * stride + o);
        EXPECT_NEAR(got[at], expected[at], size * matmul_tolerance(static_cast<double>(in)))
            << dtype_info(dtype).name << " row " << t << " output " << o;
      }
    }
    // The same bytes for a row alone as among others.
    for (std::int64_t first = 0; first < n_rows; ++first) {
      for (const std::int64_t count : {1, 2, 3, 8}) {
        if (first + count > n_rows) continue;
        std::vector<float> part = start;
        k.matmul(op(part), 0, w.n_panels(), first, first + count);
        const auto at = static_cast<std::size_t>(first * stride),
                   n = static_cast<std::size_t>(count * stride);
        EXPECT_TRUE(same_bits(std::span(part).subspan(at, n), std::span(got).subspan(at, n)));
      }
    }
  }
}

TEST_P(Kernels, matmul_of_quantised_weights_matches_and_does_not_depend_on_the_batch) {
  for (const DType dtype : {DType::q8_0, DType::q4_0, DType::q4_1}) {
    check_matmul(k, dtype, 16, 32, random);
    check_matmul(k, dtype, 33, 96, random);
    check_matmul(k, dtype, 50, 576, random);
  }
  check_matmul(k, DType::q6_k, 35, 512, random);
}

TEST_P(Kernels, matmul_of_float_weights_matches_at_any_length) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const std::int64_t in : {1, 7, 64, 100}) check_matmul(k, dtype, 21, in, random);
  }
}

TEST_P(Kernels, the_extreme_codes_do_not_saturate) {
  ThreadPool pool(1);
  for (const DType dtype : {DType::q8_0, DType::q4_0, DType::q4_1, DType::q6_k}) {
    for (const int fill : {0x00, 0xff, 0x80, 0x7f}) {
      TestTensor tensor = random_tensor(dtype, 16, 256, random);
      const DTypeInfo& info = dtype_info(dtype);
      for (std::size_t at = 0; at < tensor.bytes.size(); at += info.block_bytes) {
        const std::size_t begin = dtype == DType::q6_k ? at : at + (dtype == DType::q4_1 ? 4 : 2);
        const std::size_t end = dtype == DType::q6_k ? at + 192 : at + info.block_bytes;
        for (std::size_t i = begin; i < end; ++i) tensor.bytes[i] = static_cast<std::byte>(fill);
      }
      const PackedMatrix w = pack(tensor.view, false, pool);
      for (const float sign : {1.0f, -1.0f}) {
        const std::vector<float> x(256, sign);
        std::vector<std::uint8_t> record(static_cast<std::size_t>(QuantizedRows::row_bytes(256)));
        const QuantizedRows xq{record.data(), 1, 256};
        k.quantize({x.data(), 1, 256, 256}, xq, 0, 1);
        std::vector<float> got(16), expected(16);
        k.matmul({&w, {}, xq, {got.data(), 1, 16, 16}, false}, 0, 1, 0, 1);
        matmul_reference({&w, {}, xq, {expected.data(), 1, 16, 16}, false});
        for (std::size_t o = 0; o < 16; ++o) {
          EXPECT_NEAR(got[o], expected[o], std::abs(expected[o]) * 1e-5 + 1e-3)
              << info.name << " fill " << fill;
        }
      }
    }
  }
}

// A cache of n positions with random keys and values in shuffled pages.
struct TestCache {
  TestCache(const CpuKernels& k, std::int32_t n, std::int32_t n_kv_heads, std::int32_t head_dim,
            bool f32, std::mt19937& random) {
    const std::int32_t n_pages = (n + kPage - 1) / kPage;
    kv.n_kv_heads = n_kv_heads;
    kv.head_dim = head_dim;
    kv.f32 = f32;
    k_bytes.resize(static_cast<std::size_t>(n_pages * n_kv_heads * kv.k_head_bytes()));
    v_bytes.resize(static_cast<std::size_t>(n_pages * n_kv_heads * kv.v_head_bytes()));
    kv.k = k_bytes.data();
    kv.v = v_bytes.data();
    pages.resize(static_cast<std::size_t>(n_pages));
    std::iota(pages.begin(), pages.end(), 0);
    std::shuffle(pages.begin(), pages.end(), random);
    for (std::int32_t p = 0; p < n; ++p) {
      for (std::int32_t h = 0; h < n_kv_heads; ++h) {
        const auto size = static_cast<std::size_t>(head_dim);
        const std::int32_t page = pages[static_cast<std::size_t>(p / kPage)];
        k.store_k(random_values(size, random).data(), head_dim, kv.k_head(page, h), p % kPage, f32);
        k.store_v(random_values(size, random).data(), head_dim, kv.v_head(page, h), p % kPage, f32);
      }
    }
  }
  KvPages kv;
  std::vector<std::uint8_t> k_bytes, v_bytes;
  std::vector<std::int32_t> pages;
};

std::vector<float> attend_all(const CpuKernels& k, const AttendTile& tile) {
  const std::int64_t dim = tile.kv.padded_dim();
  const auto size = static_cast<std::size_t>(attend_partial_floats(dim));
  std::vector<float> total(size * kMaxQueries), part(size * kMaxQueries);
  float *into[kMaxQueries], *next[kMaxQueries];
  for (std::size_t m = 0; m < kMaxQueries; ++m) {
    into[m] = total.data() + m * size;
    next[m] = part.data() + m * size;
  }
  const std::int32_t last = tile.first_position + (tile.n_queries - 1) / tile.group;
  k.attend_partition(tile, 0, into);
  for (std::int32_t p = 1; p <= last / kPartition; ++p) {
    k.attend_partition(tile, p, next);
    for (int m = 0; m < tile.n_queries; ++m) k.attend_merge(into[m], next[m], dim);
  }
  std::vector<float> out(static_cast<std::size_t>(tile.n_queries * tile.kv.head_dim));
  for (int m = 0; m < tile.n_queries; ++m) {
    k.attend_finish(into[m], tile.kv.head_dim, out.data() + m * tile.kv.head_dim);
  }
  return out;
}

TEST_P(Kernels, attend_matches_the_definition_for_any_tile_window_and_length) {
  for (const std::int32_t head_dim : {8, 24, 64}) {
    for (const bool f32 : {false, true}) {
      for (const std::int32_t position : {0, 5, 15, 16, 100, 511, 512, 1100}) {
        const TestCache cache(k, position + 6, 2, head_dim, f32, random);
        for (const std::int32_t window : {0, 1, 20, 600}) {
          AttendTile tile{.kv = cache.kv,
                          .pages = cache.pages.data(),
                          .kv_head = 1,
                          .group = 3,
                          .n_queries = 15,
                          .first_position = position,
                          .window = window,
                          .scale = 0.3f,
                          .q = {}};
          const std::vector<float> q =
              random_values(static_cast<std::size_t>(15 * head_dim), random);
          for (int m = 0; m < 15; ++m) tile.q[m] = q.data() + m * head_dim;
          const std::vector<float> got = attend_all(k, tile);
          EXPECT_TRUE(same_bits(got, attend_all(generic_kernels(), tile)));
          std::vector<float> expected(got.size());
          float* out[15];
          for (int m = 0; m < 15; ++m) out[m] = expected.data() + m * head_dim;
          attend_reference(tile, out);
          const double tolerance = 5 * attend_tolerance(head_dim, 20, position + 6);
          for (std::size_t i = 0; i < got.size(); ++i) {
            ASSERT_NEAR(got[i], expected[i], tolerance)
                << "head " << head_dim << " position " << position << " window " << window << " at "
                << i;
          }
          // The same bytes for one query alone as in the tile.
          for (const int m : {0, 4, 14}) {
            AttendTile alone = tile;
            alone.group = 1;
            alone.n_queries = 1;
            alone.first_position = position + m / 3;
            alone.q[0] = tile.q[m];
            const std::vector<float> single = attend_all(k, alone);
            EXPECT_TRUE(
                same_bits(single, std::span(got).subspan(static_cast<std::size_t>(m * head_dim),
                                                         static_cast<std::size_t>(head_dim))));
          }
        }
      }
    }
  }
}

TEST(Isa, generic_always_runs_and_an_unknown_one_is_refused_by_name) {
  EXPECT_STREQ(runnable_kernels().front()->isa, "generic");
  ASSERT_TRUE(choose_kernels("generic"));
  EXPECT_STREQ((*choose_kernels(""))->isa, runnable_kernels().back()->isa);
  const auto refused = choose_kernels("sse9");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("sse9"), std::string::npos);
  EXPECT_NE(refused.error().message.find("generic"), std::string::npos);
}

}  // namespace
}  // namespace hearth::kernels
