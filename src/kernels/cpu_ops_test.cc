// cpu_ops_test.cc - how operators are cut for the threads must not show in their results.
#include "kernels/cpu/cpu_ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>

#include "kernels/cpu/isa.h"
#include "kernels/test_data.h"

namespace hearth::kernels {
namespace {

using Values = std::vector<float>;

Values values_of(Rows<float> x, std::int64_t row) { return {x.row(row), x.row(row) + x.n_cols}; }

// One sequence of random queries, keys and values, computed in batches of chosen sizes.
class OneSequence {
 public:
  static constexpr std::int32_t kPositions = 2100, kHeads = 6, kKvHeads = 2, kDim = 24;

  explicit OneSequence(int n_threads)
      : pool_(n_threads),
        ops_(*runnable_kernels().back(), pool_,
             {.max_rows = kPositions, .max_output_rows = 1, .max_positions = kPositions}) {
    q_ = ops_.activation(kHeads * kDim);
    k_ = ops_.activation(kKvHeads * kDim);
    v_ = ops_.activation(kKvHeads * kDim);
    out_ = ops_.activation(kHeads * kDim);
    pages_.resize(kPositions / kPage + 1);
    std::iota(pages_.begin(), pages_.end(), 0);
    CHECK(ops_.allocate({.n_layers = 1, .n_kv_heads = kKvHeads, .head_dim = kDim},
                        std::ssize(pages_)),
          "a small cache");
    std::mt19937 random(1);
    for (Values* all : {&all_q_, &all_k_, &all_v_}) {
      *all = random_values(std::size_t{kPositions} * kHeads * kDim, random);
    }
  }

  // What attention gives for the positions [first, first + n).
  std::vector<Values> attend(std::int32_t first, std::int32_t n, std::int32_t window) {
    const std::vector<std::int32_t> tokens(static_cast<std::size_t>(n), 0);
    std::vector<std::int32_t> positions(static_cast<std::size_t>(n));
    std::iota(positions.begin(), positions.end(), first);
    const SequenceRows sequence{.n_rows = n, .first_position = first, .pages = pages_.data()};
    ops_.begin(
        {.tokens = tokens, .positions = positions, .sequences = {&sequence, 1}, .output_rows = {}});
    copy(all_q_, first, q_);
    copy(all_k_, first, k_);
    copy(all_v_, first, v_);
    ops_.store_kv(0, k_, v_);
    ops_.attend(out_, q_, 0,
                {.n_heads = kHeads,
                 .n_kv_heads = kKvHeads,
                 .head_dim = kDim,
                 .scale = 0.2f,
                 .window = window});
    std::vector<Values> got;
    for (std::int64_t i = 0; i < n; ++i) got.push_back(values_of(ops_.rows(out_), i));
    return got;
  }

 private:
  void copy(const Values& all, std::int32_t first, Activation to) {
    const Rows<float> x = ops_.rows(to);
    for (std::int64_t t = 0; t < x.n_rows; ++t) {
      std::copy_n(all.data() + (first + t) * kHeads * kDim, x.n_cols, x.row(t));
    }
  }

  ThreadPool pool_;
  CpuOps ops_;
  Activation q_, k_, v_, out_;
  std::vector<std::int32_t> pages_;
  Values all_q_, all_k_, all_v_;
};

// Few queries over a long cache are split over its partitions, many are not.
TEST(CpuOps, attention_gives_the_same_bytes_split_over_a_long_cache_or_not) {
  for (const std::int32_t window : {0, 700}) {
    OneSequence whole(2);
    const auto expected = whole.attend(0, OneSequence::kPositions, window);
    OneSequence parts(3);
    (void)parts.attend(0, 1990, window);
    for (std::int32_t at = 1990; at < OneSequence::kPositions;) {
      const std::int32_t n = std::min(1 + at % 4, OneSequence::kPositions - at);
      for (const Values& got : parts.attend(at, n, window)) {
        ASSERT_EQ(got, expected[static_cast<std::size_t>(at)]) << "position " << at;
        ++at;
      }
    }
  }
}

// However it is cut by panels and, with many rows, by rows.
TEST(CpuOps, matmul_gives_the_same_bytes_for_a_row_alone_as_among_hundreds) {
  std::mt19937 random(2);
  ThreadPool pool(3);
  CpuOps ops(*runnable_kernels().back(), pool,
             {.max_rows = 300, .max_output_rows = 1, .max_positions = 16});
  const TestTensor wide = random_tensor(DType::q4_0, 1040, 96, random);
  const TestTensor narrow = random_tensor(DType::q8_0, 40, 96, random);
  const Matrix a = ops.matrix(wide.view), b = ops.matrix(narrow.view);
  const Activation in = ops.activation(96), out_a = ops.activation(1040),
                   out_b = ops.activation(40);
  ASSERT_TRUE(ops.allocate({.n_layers = 1, .n_kv_heads = 1, .head_dim = 16}, 1));
  const Values all = random_values(std::size_t{300} * 96, random);
  const auto multiply = [&](std::int32_t first, std::int32_t n) {
    const std::vector<std::int32_t> zeros(static_cast<std::size_t>(n), 0);
    const SequenceRows sequence{.n_rows = n};
    ops.begin(
        {.tokens = zeros, .positions = zeros, .sequences = {&sequence, 1}, .output_rows = {}});
    for (std::int64_t t = 0; t < n; ++t) {
      std::copy_n(all.data() + (first + t) * 96, 96, ops.rows(in).row(t));
    }
    ops.matmul(in, {{out_a, a}, {out_b, b}});
    std::vector<Values> got;
    for (std::int64_t t = 0; t < n; ++t) {
      got.push_back(values_of(ops.rows(out_a), t));
      const Values more = values_of(ops.rows(out_b), t);
      got.back().insert(got.back().end(), more.begin(), more.end());
    }
    return got;
  };
  std::vector<Values> alone;
  for (std::int32_t t = 0; t < 300; ++t) alone.push_back(multiply(t, 1).front());
  for (const std::int32_t n : {2, 3, 12, 17, 32, 33, 100, 300}) {
    const auto together = multiply(0, n);
    for (std::int32_t t = 0; t < n; ++t) {
      ASSERT_EQ(together[static_cast<std::size_t>(t)], alone[static_cast<std::size_t>(t)])
          << "row " << t << " of " << n;
    }
  }
}

// A step whose operators make rows for products to read.
class NormAndProduct {
 public:
  enum class Between : std::uint8_t { nothing, add, other_input };

  explicit NormAndProduct(int n_threads, const CpuKernels& kernels = *runnable_kernels().back())
      : kernels_(kernels), pool_(n_threads) {
    ops_.vector(gain_);
    EXPECT_TRUE(ops_.allocate({.n_layers = 1, .n_kv_heads = 1, .head_dim = 16}, 1));
  }

  // norm(x), perhaps something else, a product of it; silu(x) * norm(x), a product of that.
  Values step(Between between, std::int32_t n) {
    const std::vector<std::int32_t> zeros(static_cast<std::size_t>(n), 0);
    const SequenceRows sequence{.n_rows = n};
    ops_.begin(
        {.tokens = zeros, .positions = zeros, .sequences = {&sequence, 1}, .output_rows = {}});
    std::copy_n(x_values_.data(), n * kColumns, ops_.rows(x_).row(0));
    ops_.rms_norm(h_, x_, {0, kColumns}, 1e-5f);
    if (between == Between::add) ops_.add(h_, x_);
    ops_.matmul(between == Between::other_input ? x_ : h_, {{y_, w_}});
    ops_.silu_mul(x_, h_);
    ops_.matmul_add(y_, x_, w_);
    Values got;
    for (std::int32_t t = 0; t < n; ++t) {
      const Values row = values_of(ops_.rows(y_), t);
      got.insert(got.end(), row.begin(), row.end());
    }
    return got;
  }

 private:
  static constexpr std::int64_t kColumns = 96;
  std::mt19937 random_{5};
  const CpuKernels& kernels_;
  ThreadPool pool_;
  CpuOps ops_{kernels_, pool_, {.max_rows = 40, .max_output_rows = 1, .max_positions = 16}};
  const Values gain_ = random_values(kColumns, random_);
  const Values x_values_ = random_values(std::size_t{40} * kColumns, random_);
  const TestTensor tensor_ = random_tensor(DType::q4_0, 48, kColumns, random_);
  const Activation x_ = ops_.activation(kColumns), h_ = ops_.activation(kColumns),
                   y_ = ops_.activation(48);
  const Matrix w_ = ops_.matrix(tensor_.view);
};

// From its second time on, a step quantises what a product read next the time before.
TEST(CpuOps, what_is_quantised_early_is_never_old) {
  using enum NormAndProduct::Between;
  for (const int n_threads : {1, 3}) {
    NormAndProduct learned(n_threads);
    for (const auto between : {nothing, nothing, add, other_input, add, nothing, other_input}) {
      for (const std::int32_t n : {40, 3, 40}) {
        EXPECT_EQ(learned.step(between, n), NormAndProduct(n_threads).step(between, n))
            << static_cast<int>(between) << " with " << n << " rows";
      }
    }
  }
}

std::atomic<std::int64_t> n_quantized_rows;

TEST(CpuOps, every_row_is_quantised_once) {
  CpuKernels counting = *runnable_kernels().back();
  counting.quantize = [](Rows<const float> x, QuantizedRows out, std::int64_t first,
                         std::int64_t last) {
    n_quantized_rows += last - first;
    runnable_kernels().back()->quantize(x, out, first, last);
  };
  NormAndProduct model(2, counting);
  for (int step = 0; step < 3; ++step) {
    n_quantized_rows = 0;
    model.step(NormAndProduct::Between::nothing, 40);
    EXPECT_EQ(n_quantized_rows, 2 * 40) << step;
  }
}

// Whatever is released is gone at once.
class ForgetfulImage final : public WeightImage {
 public:
  explicit ForgetfulImage(std::int64_t size)
      : size_(size), bytes_(allocate_pages(static_cast<std::size_t>(size), PageSize::small)) {}
  const std::uint8_t* data() const override { return bytes_.get(); }
  std::int64_t size() const override { return size_; }
  bool filled() const override { return filled_; }
  void write(std::int64_t offset, std::span<const std::uint8_t> bytes) override {
    std::copy(bytes.begin(), bytes.end(), bytes_.get() + offset);
  }
  void release(std::int64_t offset, std::int64_t n_bytes) override {
    std::fill_n(bytes_.get() + offset, n_bytes, std::uint8_t{0xa5});
  }
  void invert(std::int64_t offset) { bytes_.get()[offset] ^= 0xff; }
  void set_filled() { filled_ = true; }

 private:
  std::int64_t size_;
  std::shared_ptr<std::uint8_t> bytes_;
  bool filled_ = false;
};

// Two matrices, one of them larger than what is settled at a time, with an image or without.
class TwoMatrices {
 public:
  explicit TwoMatrices(std::shared_ptr<WeightImage> image, Measure measure = Measure::no)
      : ops_(*runnable_kernels().back(), pool_,
             {.max_rows = 1,
              .max_output_rows = 1,
              .max_positions = 16,
              .measure = measure,
              .image = std::move(image)}) {
    std::mt19937 random(4);
    const TestTensor wide = random_tensor(DType::q4_0, 1040, 96, random);
    const TestTensor narrow = random_tensor(DType::q8_0, 40, 96, random);
    a_ = ops_.matrix(wide.view);
    b_ = ops_.matrix(narrow.view);
    in_ = ops_.activation(96);
    out_a_ = ops_.activation(1040);
    out_b_ = ops_.activation(40);
  }

  CpuOps& ops() { return ops_; }

  Values product() {
    if (!allocated_) CHECK(ops_.allocate({.n_layers = 1, .n_kv_heads = 1, .head_dim = 16}, 1), "");
    allocated_ = true;
    const std::int32_t zero = 0;
    const SequenceRows sequence{.n_rows = 1};
    ops_.begin({.tokens = {&zero, 1},
                .positions = {&zero, 1},
                .sequences = {&sequence, 1},
                .output_rows = {}});
    std::iota(ops_.rows(in_).row(0), ops_.rows(in_).row(0) + 96, -40.0f);
    ops_.matmul(in_, {{out_a_, a_}, {out_b_, b_}});
    Values got = values_of(ops_.rows(out_a_), 0);
    const Values more = values_of(ops_.rows(out_b_), 0);
    got.insert(got.end(), more.begin(), more.end());
    return got;
  }

 private:
  ThreadPool pool_{2};
  CpuOps ops_;
  Matrix a_, b_;
  Activation in_, out_a_, out_b_;
  bool allocated_ = false;
};

std::int64_t image_bytes_of_two() { return TwoMatrices(nullptr, Measure::yes).ops().image_bytes(); }

TEST(CpuOps, weights_compute_the_same_bytes_wherever_they_have_moved) {
  const Values expected = TwoMatrices(nullptr).product();
  TwoMatrices kept(std::make_shared<ForgetfulImage>(image_bytes_of_two()));
  EXPECT_EQ(kept.ops().image_bytes(), image_bytes_of_two());
  int n_slices = 0;
  do {
    ASSERT_EQ(kept.product(), expected) << "after " << n_slices << " slices";
    ++n_slices;
  } while (kept.ops().settle(kImageUnit));
  EXPECT_EQ(kept.product(), expected);
  EXPECT_EQ(n_slices, image_bytes_of_two() / kImageUnit);
  EXPECT_EQ(kept.ops().unsettled_bytes(), 0u);
}

TEST(CpuOps, an_image_is_this_models_when_the_ends_of_its_matrices_are) {
  const auto image = std::make_shared<ForgetfulImage>(image_bytes_of_two());
  const Values expected = TwoMatrices(image).product();
  image->set_filled();
  TwoMatrices later(image);
  EXPECT_TRUE(later.ops().image_agrees());
  EXPECT_EQ(later.product(), expected);
  image->invert(0);
  EXPECT_FALSE(TwoMatrices(image).ops().image_agrees());
  image->invert(0);
  const std::int64_t last = packed_panel_bytes(DType::q4_0, 96) * (1040 / kPanel) - 1;
  image->invert(last);
  EXPECT_FALSE(TwoMatrices(image).ops().image_agrees());
}

}  // namespace
}  // namespace hearth::kernels
