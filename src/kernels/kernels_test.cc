// kernels_test.cc - every kernel of every ISA that runs here, against the float64 definition with
// the tolerance of its header, and against the generic kernels bit for bit.
#include "kernels/cpu/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "kernels/cpu/isa.h"
#include "kernels/route.h"
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

TEST_P(Kernels, layer_norm_matches_the_definition_at_any_length_and_alignment) {
  for (const std::int64_t n : kLengths) {
    for (const std::int64_t shift : {0, 1, 3}) {
      Shifted x(3, n, shift, random), y(3, n, shift, random), expected(3, n, shift, random);
      for (std::int64_t c = 0; c < n; ++c) x.rows.row(1)[c] += 100;  // far from 0: nothing cancels
      const std::vector<float> gain = random_values(static_cast<std::size_t>(n), random);
      const std::vector<float> bias = random_values(static_cast<std::size_t>(n), random);
      const Shifted before = y;
      Shifted generic = y, in_place = x;
      generic.rows.data = generic.storage.data() + shift;
      in_place.rows.data = in_place.storage.data() + shift;
      k.layer_norm({x.rows, gain.data(), bias.data(), 1e-5f, y.rows}, 0, 3);
      generic_kernels().layer_norm({x.rows, gain.data(), bias.data(), 1e-5f, generic.rows}, 0, 3);
      EXPECT_TRUE(same_bits(y.storage, generic.storage)) << n;
      const Rows<float> same = in_place.rows;
      k.layer_norm({same, gain.data(), bias.data(), 1e-5f, same}, 0, 3);
      layer_norm_reference({x.rows, gain.data(), bias.data(), 1e-5f, expected.rows});
      for (std::int64_t t = 0; t < 3; ++t) {
        const std::span row(x.rows.row(t), static_cast<std::size_t>(n));
        double mean = 0, variance = 0, largest = 0;
        for (const float v : row) mean += double{v} / static_cast<double>(n);
        for (const float v : row) {
          variance += (double{v} - mean) * (double{v} - mean) / static_cast<double>(n);
          largest = std::max(largest, std::abs(double{v}));
        }
        const double scale = largest / std::sqrt(variance + 1e-5);
        for (std::int64_t c = 0; c < n; ++c) {
          const auto at = static_cast<std::size_t>(c);
          const double size = std::abs(bias[at]) + std::abs(gain[at]) * scale;
          EXPECT_NEAR(y.rows.row(t)[c], expected.rows.row(t)[c],
                      size * layer_norm_tolerance(static_cast<double>(n)))
              << n << " row " << t << " col " << c;
          EXPECT_EQ(in_place.rows.row(t)[c], y.rows.row(t)[c]);
        }
        if (t < 2) {  // what lies between rows is not touched
          EXPECT_EQ(y.rows.row(t)[n],
                    before.storage[static_cast<std::size_t>(shift + t * (n + 3) + n)]);
        }
      }
    }
  }
}

TEST_P(Kernels, layer_norm_of_a_row_of_zeros_is_the_bias) {
  std::vector<float> x(20, 0.0f), gain(20, 2.0f), bias(20, -3.0f);
  const Rows<float> rows{x.data(), 1, 20, 20};
  k.layer_norm({rows, gain.data(), bias.data(), 1e-12f, rows}, 0, 1);
  for (const float v : x) EXPECT_EQ(v, -3.0f);
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

TEST_P(Kernels, gelu_matches_the_definition_for_small_and_huge_values) {
  for (const std::int64_t n : kLengths) {
    Shifted x(2, n, 1, random);
    for (float& v : x.storage) v *= 4;
    x.rows.row(1)[0] = -1e20f;
    x.rows.row(0)[n - 1] = 1e20f;
    const Shifted before = x;
    Shifted expected = x, generic = x;
    expected.rows.data = expected.storage.data() + 1;
    generic.rows.data = generic.storage.data() + 1;
    k.gelu({x.rows}, 0, 2);
    generic_kernels().gelu({generic.rows}, 0, 2);
    EXPECT_TRUE(same_bits(x.storage, generic.storage)) << n;
    gelu_reference({expected.rows});
    for (std::size_t i = 0; i < x.storage.size(); ++i) {
      const double e = expected.storage[i];
      const double at = std::clamp(double{before.storage[i]}, -14.0, 14.0);
      EXPECT_NEAR(x.storage[i], e, std::abs(e) * gelu_tolerance(at) + 1e-37) << i;
    }
  }
}

TEST_P(Kernels, gelu_is_exact_to_a_millionth_everywhere_and_keeps_what_is_no_number) {
  std::vector<float> x;
  for (int i = -16000; i <= 16000; ++i) x.push_back(static_cast<float>(i) / 2000);
  std::vector<float> got = x, expected = x;
  const auto n = static_cast<std::int64_t>(x.size());
  k.gelu({{got.data(), 1, n, n}}, 0, 1);
  gelu_reference({{expected.data(), 1, n, n}});
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(got[i], expected[i], 5e-7) << x[i];
  const float infinity = HUGE_VALF;
  float odd[4] = {std::nanf(""), infinity, -infinity, 0};
  k.gelu({{odd, 1, 4, 4}}, 0, 1);
  EXPECT_TRUE(std::isnan(odd[0]));
  EXPECT_EQ(odd[1], infinity);
  EXPECT_EQ(odd[2], 0);
  EXPECT_EQ(odd[3], 0);
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

TEST_P(Kernels, clamped_swiglu_matches_the_definition_inside_and_beyond_its_limits) {
  for (const std::int64_t n : kLengths) {
    Shifted gate(2, n, 1, random), up(2, n, 2, random);
    for (float& g : gate.storage) g *= 8;
    for (float& u : up.storage) u *= 8;
    gate.rows.row(1)[0] = -1e20f;
    gate.rows.row(0)[n - 1] = 1e20f;
    const Shifted before = gate;
    Shifted expected = gate, generic = gate;
    expected.rows.data = expected.storage.data() + 1;
    generic.rows.data = generic.storage.data() + 1;
    k.clamped_swiglu({gate.rows, up.rows, 1.702f, 7}, 0, 2);
    generic_kernels().clamped_swiglu({generic.rows, up.rows, 1.702f, 7}, 0, 2);
    EXPECT_TRUE(same_bits(gate.storage, generic.storage)) << n;
    clamped_swiglu_reference({expected.rows, up.rows, 1.702f, 7});
    for (std::size_t i = 0; i < gate.storage.size(); ++i) {
      const double e = expected.storage[i];
      const double argument = 1.702 * std::clamp(double{before.storage[i]}, -60.0, 7.0);
      EXPECT_NEAR(gate.storage[i], e, std::abs(e) * clamped_swiglu_tolerance(argument) + 1e-37);
    }
  }
  float gate = std::nanf(""), up = 1;
  k.clamped_swiglu({{&gate, 1, 1, 1}, {&up, 1, 1, 1}, 1.702f, 7}, 0, 1);
  EXPECT_TRUE(std::isnan(gate));
  gate = 1, up = std::nanf("");
  k.clamped_swiglu({{&gate, 1, 1, 1}, {&up, 1, 1, 1}, 1.702f, 7}, 0, 1);
  EXPECT_TRUE(std::isnan(gate));
}

TEST_P(Kernels, weighted_sum_matches_the_definition) {
  for (const std::int64_t n : kLengths) {
    constexpr std::int64_t kRows = 3, kUsed = 4;
    Shifted x(kRows, n, 1, random), y(kRows * kUsed, n, 2, random);
    const std::vector<float> weights = random_values(kRows * kUsed, random);
    const Shifted before = x;
    Shifted expected = x, generic = x;
    expected.rows.data = expected.storage.data() + 1;
    generic.rows.data = generic.storage.data() + 1;
    k.weighted_sum({x.rows, y.rows, weights.data(), kUsed}, 0, kRows);
    generic_kernels().weighted_sum({generic.rows, y.rows, weights.data(), kUsed}, 0, kRows);
    EXPECT_TRUE(same_bits(x.storage, generic.storage)) << n;
    weighted_sum_reference({expected.rows, y.rows, weights.data(), kUsed});
    for (std::size_t i = 0; i < x.storage.size(); ++i) {
      const double size = std::abs(before.storage[i]) + 40;  // of |x| + sum |w y|, at most
      EXPECT_NEAR(x.storage[i], expected.storage[i], size * weighted_sum_tolerance(kUsed));
    }
  }
}

TEST(Route, the_largest_logits_win_and_equals_go_to_the_lower_index) {
  const float logits[] = {1, 3, 2, 3, -1};
  std::int32_t experts[3];
  float shares[3];
  route_row(logits, experts, shares);
  EXPECT_EQ(std::vector(experts, experts + 3), (std::vector<std::int32_t>{1, 3, 2}));
  const double total = 2 + std::exp(-1.0);
  EXPECT_FLOAT_EQ(shares[0], static_cast<float>(1 / total));
  EXPECT_FLOAT_EQ(shares[2], static_cast<float>(std::exp(-1.0) / total));
}

TEST(Route, logits_that_are_no_numbers_still_choose_different_experts) {
  const float bad = std::nanf("");
  const float logits[] = {bad, bad, bad};
  std::int32_t experts[2];
  float shares[2];
  route_row(logits, experts, shares);
  EXPECT_EQ(std::vector(experts, experts + 2), (std::vector<std::int32_t>{0, 1}));
  EXPECT_TRUE(std::isnan(shares[0]));
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

TEST_P(Kernels, pool_matches_the_definition_also_in_place) {
  for (const std::int64_t n : kLengths) {
    for (const Pooling how : {Pooling::none, Pooling::mean, Pooling::first, Pooling::last}) {
      for (const bool normalize : {false, true}) {
        const std::int64_t n_rows = 5, n_pooled = n_pooled_rows(how, n_rows);
        Shifted x(n_rows + 1, n, 1, random);
        const Rows<float> own{x.rows.row(1), n_rows, n, x.rows.stride};
        std::vector<float> got(static_cast<std::size_t>(n_pooled * n)), generic = got,
                                                                        expected = got;
        k.pool({own, how, normalize, {got.data(), n_pooled, n, n}});
        generic_kernels().pool({own, how, normalize, {generic.data(), n_pooled, n, n}});
        pool_reference({own, how, normalize, {expected.data(), n_pooled, n, n}});
        EXPECT_TRUE(same_bits(got, generic)) << n;
        const double size = how == Pooling::mean && normalize ? 50 : 6;  // of |x|, over the length
        for (std::size_t i = 0; i < got.size(); ++i) {
          EXPECT_NEAR(got[i], expected[i], size * pool_tolerance(5, static_cast<double>(n))) << n;
        }
        // From the second row of a buffer to its first, and to itself.
        for (const std::int64_t first : {0, 1}) {
          Shifted y = x;
          y.rows.data = y.storage.data() + 1;
          const Rows<float> from{y.rows.row(1), n_rows, n, y.rows.stride};
          k.pool({from, how, normalize, {y.rows.row(first), n_pooled, n, y.rows.stride}});
          for (std::int64_t t = 0; t < n_pooled; ++t) {
            const auto at = static_cast<std::size_t>(t * n),
                       size_of_row = static_cast<std::size_t>(n);
            EXPECT_TRUE(same_bits({y.rows.row(first + t), size_of_row},
                                  std::span(got).subspan(at, size_of_row)));
          }
        }
      }
    }
  }
}

TEST_P(Kernels, pool_of_zeros_is_zero_and_one_bad_value_spoils_the_whole_unit_vector) {
  std::vector<float> x(40, 0.0f);
  const Rows<float> rows{x.data(), 2, 20, 20};
  k.pool({rows, Pooling::mean, true, rows});
  for (const float v : x) EXPECT_EQ(v, 0);
  x[3] = std::nanf("");
  x[5] = 1;
  k.pool({rows, Pooling::first, true, rows});
  EXPECT_TRUE(std::isnan(x[5]));
}

// Of each row: codes, scales and sums, without what lies between them.
void expect_equal_rows(const QuantizedRows& got, const QuantizedRows& expected) {
  const auto n = static_cast<std::size_t>(got.k);
  for (std::int64_t t = 0; t < got.n_rows; ++t) {
    EXPECT_EQ(std::memcmp(got.q(t), expected.q(t), n), 0) << n << " codes of row " << t;
    EXPECT_EQ(std::memcmp(got.d(t), expected.d(t), n / 32 * 4), 0) << n << " scales of row " << t;
    EXPECT_EQ(std::memcmp(got.sums(t), expected.sums(t), n / 16 * 4), 0) << n << " sums of " << t;
  }
}

TEST_P(Kernels, quantize_is_bit_equal_to_the_definition) {
  for (const std::int64_t n : {32, 64, 256, 288, 480, 512, 544, 576, 1536}) {
    Shifted x(5, n, 1, random);
    std::fill_n(x.rows.row(1), 32, 0.0f);  // a block of zeros
    x.rows.row(2)[5] = 1e30f;              // one huge value
    for (std::int64_t i = 0; i < n; ++i) {
      x.rows.row(3)[i] *= 0x1p-79f;  // on both sides of the least that is told apart
      x.rows.row(4)[i] *= 0x1p-130f;
    }
    const auto size = static_cast<std::size_t>(5 * QuantizedRows::row_bytes(n));
    std::vector<std::uint8_t> got(size + 64, 7), expected(size, 0);
    k.quantize(x.rows, {got.data(), 5, n}, 0, 5);
    quantize_reference(x.rows, {expected.data(), 5, n}, 0, 5);
    expect_equal_rows({got.data(), 5, n}, {expected.data(), 5, n});
    for (std::size_t i = size; i < got.size(); ++i) ASSERT_EQ(got[i], 7) << n << " behind the rows";
  }
}

TEST_P(Kernels, a_block_that_is_not_finite_has_a_scale_that_is_not_a_number) {
  constexpr std::int64_t kColumns = 576;
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<std::uint8_t> got(static_cast<std::size_t>(QuantizedRows::row_bytes(kColumns)), 0);
  std::vector<std::uint8_t> expected = got;
  const QuantizedRows out{got.data(), 1, kColumns}, reference{expected.data(), 1, kColumns};
  for (const float bad : {std::nanf(""), -std::nanf(""), inf, -inf}) {
    for (std::int64_t at = 0; at < kColumns; at += at < 64 ? 1 : 37) {
      std::vector<float> x = random_values(kColumns, random);
      x[static_cast<std::size_t>(at)] = bad;
      k.quantize({x.data(), 1, kColumns, kColumns}, out, 0, 1);
      quantize_reference({x.data(), 1, kColumns, kColumns}, reference, 0, 1);
      for (std::int64_t b = 0; b < kColumns / 32; ++b) {
        ASSERT_EQ(std::isnan(out.d(0)[b]), b == at / 32) << bad << " at " << at << ", block " << b;
      }
      expect_equal_rows(out, reference);
    }
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
  for (const DTypeInfo& info : dtypes()) {
    if (packed_dtype(info.dtype) != info.dtype || info.block_values == 1) continue;
    const auto block = static_cast<std::int64_t>(info.block_values);
    check_matmul(k, info.dtype, 16, block, random);
    if (block <= 64) {
      check_matmul(k, info.dtype, 33, 3 * block, random);
      check_matmul(k, info.dtype, 50, 576, random);
    } else {
      check_matmul(k, info.dtype, 35, 512, random);
      check_matmul(k, info.dtype, 16, 1280, random);  // more than one chunk of inputs
    }
  }
}

TEST_P(Kernels, matmul_of_float_weights_matches_at_any_length) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const std::int64_t in : {1, 7, 64, 100}) check_matmul(k, dtype, 21, in, random);
  }
}

TEST_P(Kernels, matmul_of_chosen_rows_is_that_of_all_rows) {
  ThreadPool pool(1);
  for (const DType dtype : {DType::mxfp4, DType::f32}) {
    const std::int64_t out = 32, in = 64, n_x = 7, n_used = 3, n_y = n_x * n_used;
    const TestTensor tensor = random_tensor(dtype, out, in, random);
    const PackedMatrix w = pack(tensor.view, false, pool);
    const std::vector<float> x = random_values(n_x * in, random);
    std::vector<std::uint8_t> record(static_cast<std::size_t>(n_x * QuantizedRows::row_bytes(in)));
    const Rows<const float> rows{x.data(), n_x, in, in};
    const QuantizedRows xq{record.data(), n_x, in};
    quantize_reference(rows, xq, 0, n_x);
    std::vector<float> all(n_x * out), got(n_y * out, 5.0f);
    k.matmul({&w, rows, xq, {all.data(), n_x, out, out}, false}, 0, 2, 0, n_x);
    const std::int32_t chosen[] = {0, 4, 5, 9, 11, 12, 13, 14, 15, 20};
    const MatMul op{.w = &w,
                    .x = rows,
                    .xq = xq,
                    .y = {got.data(), n_y, out, out},
                    .add = false,
                    .rows = chosen,
                    .n_rows = std::ssize(chosen),
                    .rows_an_x = n_used};
    k.matmul(op, 0, 2, 0, op.n_rows);
    std::vector<float> expected(n_y * out, 5.0f);
    for (const std::int32_t y : chosen) {
      std::copy_n(all.begin() + y / n_used * out, out, expected.begin() + y * out);
    }
    EXPECT_TRUE(same_bits(got, expected)) << dtype_info(dtype).name;
  }
}

TEST_P(Kernels, mxfp4_has_denormal_and_huge_scales) {
  ThreadPool pool(1);
  TestTensor tensor = random_tensor(DType::mxfp4, 16, 32, random);
  for (std::size_t o = 0; o < 16; ++o) {  // block by block: one an output
    constexpr int kExponents[] = {0, 1, 2, 3, 100, 128, 200, 245};
    tensor.bytes[17 * o] = static_cast<std::byte>(kExponents[o % 8]);
  }
  const PackedMatrix w = pack(tensor.view, false, pool);
  const std::vector<float> x = random_values(32, random);
  std::vector<std::uint8_t> record(static_cast<std::size_t>(QuantizedRows::row_bytes(32)));
  const QuantizedRows xq{record.data(), 1, 32};
  quantize_reference({x.data(), 1, 32, 32}, xq, 0, 1);
  std::vector<float> got(16), generic(16), expected(16);
  k.matmul({&w, {}, xq, {got.data(), 1, 16, 16}, false}, 0, 1, 0, 1);
  generic_kernels().matmul({&w, {}, xq, {generic.data(), 1, 16, 16}, false}, 0, 1, 0, 1);
  matmul_reference({&w, {}, xq, {expected.data(), 1, 16, 16}, false});
  EXPECT_TRUE(same_bits(got, generic));
  for (std::size_t o = 0; o < 16; ++o) {
    // A denormal scale times the activations' is off by 2^-150; the integer sum multiplies that.
    EXPECT_NEAR(got[o], expected[o], std::abs(expected[o]) * 1e-6 + 12 * 127 * 32 * 0x1p-150) << o;
  }
}

// In packed bytes: every code of some types' files is a point of a grid, of which few are extreme.
TEST_P(Kernels, the_extreme_codes_do_not_saturate) {
  ThreadPool pool(1);
  constexpr struct {
    DType dtype;
    std::size_t block, first, step, codes;  // bytes
  } kCodes[] = {
      {DType::q8_0, 544, 0, 544, 512},        {DType::q4_0, 288, 0, 288, 256},
      {DType::q4_1, 320, 0, 320, 256},        {DType::q5_1, 384, 0, 384, 320},
      {DType::q2_k, 1344, 64, 1280, 1280},    {DType::q4_k, 2304, 64, 2240, 2240},
      {DType::q5_k, 2816, 64, 2752, 2752},    {DType::q6_k, 3360, 32, 416, 384},
      {DType::mxfp4, 272, 0, 272, 256},       {DType::nvfp4, 288, 0, 288, 256},
      {DType::iq1_s, 1632, 32, 1600, 1600},   {DType::iq1_m, 1696, 32, 1664, 1664},
      {DType::iq2_xxs, 1632, 32, 1600, 1600}, {DType::iq2_xs, 1696, 32, 1664, 1664},
      {DType::iq3_xxs, 2144, 32, 2112, 2112}, {DType::iq3_s, 2144, 32, 2112, 2112},
  };
  for (const auto& [dtype, block, first, step, codes] : kCodes) {
    for (const int fill : {0x00, 0xff, 0x80, 0x7f, 0x77, 0xaa}) {
      const TestTensor tensor = random_tensor(dtype, 16, 256, random);
      const DTypeInfo& info = dtype_info(dtype);
      PackedMatrix w = pack(tensor.view, false, pool);
      std::vector<std::uint8_t> bytes(w.panel(0), w.panel(0) + w.bytes());
      for (std::size_t at = 0; at + block <= bytes.size(); at += block) {
        for (std::size_t i = at + first; i + step <= at + block; i += step) {
          std::memset(&bytes[i], fill, codes);
        }
      }
      w.data = {std::shared_ptr<void>(), bytes.data()};
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
  const std::int32_t end = tile.end(tile.n_queries - 1);
  k.attend_partition(tile, 0, into);
  for (std::int32_t p = 1; p * kPartition < end; ++p) {
    k.attend_partition(tile, p, next);
    for (int m = 0; m < tile.n_queries; ++m) k.attend_merge(into[m], next[m], dim);
  }
  std::vector<float> out(static_cast<std::size_t>(tile.n_queries * tile.kv.head_dim));
  for (int m = 0; m < tile.n_queries; ++m) {
    k.attend_finish(into[m], tile.kv.head_dim, tile.sink(m), out.data() + m * tile.kv.head_dim);
  }
  return out;
}

TEST_P(Kernels, attend_matches_the_definition_for_any_tile_window_and_length) {
  for (const std::int32_t head_dim : {8, 24, 64}) {
    for (const bool f32 : {false, true}) {
      for (const std::int32_t position : {0, 5, 15, 16, 100, 511, 512, 1100}) {
        const TestCache cache(k, position + 9, 2, head_dim, f32, random);
        for (const std::int32_t window : {-1, 0, 1, 20, 600}) {  // -1: all see all
          const float sinks[3] = {1.5f, -200, 30};               // some weight, none, nearly all
          // A whole tile, and one whose last group has room left.
          const std::int32_t n_rows = window % 2 == 0 ? kMaxQueries / 3 : 5, n = 3 * n_rows;
          AttendTile tile{.kv = cache.kv,
                          .pages = cache.pages.data(),
                          .kv_head = 1,
                          .group = 3,
                          .n_queries = n,
                          .first_position = position,
                          .n_positions = window < 0 ? position + n_rows + 1 : 0,
                          .window = std::max(window, 0),
                          .scale = 0.3f,
                          .q = {},
                          .sinks = position % 2 == 1 ? sinks : nullptr};
          const std::vector<float> q = random_values(
              static_cast<std::size_t>(n) * static_cast<std::size_t>(head_dim), random);
          for (int m = 0; m < n; ++m) tile.q[m] = q.data() + m * head_dim;
          const std::vector<float> got = attend_all(k, tile);
          EXPECT_TRUE(same_bits(got, attend_all(generic_kernels(), tile)));
          std::vector<float> expected(got.size());
          float* out[kMaxQueries];
          for (int m = 0; m < n; ++m) out[m] = expected.data() + m * head_dim;
          attend_reference(tile, out);
          const double tolerance = 5 * attend_tolerance(head_dim, 20, position + n_rows + 1);
          for (std::size_t i = 0; i < got.size(); ++i) {
            ASSERT_NEAR(got[i], expected[i], tolerance)
                << "head " << head_dim << " position " << position << " window " << window << " at "
                << i;
          }
          // The same bytes for one query alone as in the tile.
          for (const int m : {0, 4, n - 1}) {
            AttendTile alone = tile;
            alone.group = 1;
            if (tile.sinks != nullptr) alone.sinks = sinks + m % 3;
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
