#include "cli/kernel_figures.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>

#include "base/check.h"
#include "base/seconds.h"
#include "base/str.h"
#include "cli/machine.h"
#include "kernels/cpu/cpu_ops.h"
#include "tensor/quantize.h"

namespace hearth::cli {

namespace {

using namespace kernels;  // the operators' own words

constexpr std::int64_t kRows = 512;                           // of a prompt
constexpr double kWorkingSet = double{512} * 1024 * 1024;     // beyond every cache
constexpr std::int64_t kBatches[] = {1, 2, 4, 8, 16, kRows};  // decode, small batches, prefill

// The median seconds of a call, after one that does not count.
template <class Fn>
double time_of(Fn&& fn) {
  using Clock = std::chrono::steady_clock;
  constexpr double kEnough = 0.2;
  constexpr std::size_t kLeast = 3, kMost = 100;
  fn();
  std::vector<double> samples;
  for (double total = 0; samples.size() < kLeast || (total < kEnough && samples.size() < kMost);) {
    const auto start = Clock::now();
    fn();
    samples.push_back(seconds(start, Clock::now()));
    total += samples.back();
  }
  return median(std::move(samples));
}

// A backend, and one sequence's rows in it: tokens and positions are what rope and store_kv read.
class Bench {
 public:
  Bench(const CpuKernels& kernels, ThreadPool& pool, std::int64_t max_positions)
      : ops_(kernels, pool,
             {.max_rows = kRows, .max_output_rows = kRows, .max_positions = max_positions}),
        tokens_(kRows, 0),
        positions_(kRows),
        pages_(static_cast<std::size_t>(max_positions / kPage)) {
    std::iota(pages_.begin(), pages_.end(), 0);
  }

  CpuOps& ops() { return ops_; }

  Result<void> allocate(const KvGeometry& geometry) {
    return ops_.allocate(geometry, static_cast<std::int64_t>(pages_.size()));
  }
  void begin(std::int64_t n_rows, std::int64_t first_position = 0) {
    const auto n = static_cast<std::size_t>(n_rows);
    std::iota(positions_.begin(), positions_.end(), static_cast<std::int32_t>(first_position));
    sequence_ = {.n_rows = static_cast<std::int32_t>(n_rows),
                 .first_position = static_cast<std::int32_t>(first_position),
                 .pages = pages_.data()};
    ops_.begin({.tokens = std::span(tokens_).first(n),
                .positions = std::span(positions_).first(n),
                .sequences = {&sequence_, 1},
                .output_rows = {}});
  }
  void fill(Activation a) {
    std::normal_distribution<float> normal;
    const Rows<float> x = ops_.rows(a);
    for (std::int64_t t = 0; t < x.n_rows; ++t) {
      for (std::int64_t c = 0; c < x.n_cols; ++c) x.row(t)[c] = normal(random_);
    }
  }

 private:
  CpuOps ops_;
  std::mt19937 random_{1};
  std::vector<std::int32_t> tokens_, positions_, pages_;
  SequenceRows sequence_;
};

constexpr KvGeometry kNoKv{.n_layers = 1, .n_kv_heads = 1, .head_dim = 16};

// A few random rows over and over: what a multiplication costs does not depend on the numbers.
struct Weights {
  Weights(DType dtype, std::vector<std::int64_t> dims) {
    tensor.name = "random";
    tensor.dtype = dtype;
    tensor.shape.rank = dims.size();
    std::copy(dims.begin(), dims.end(), tensor.shape.dims.begin());
    constexpr std::int64_t n_made = 16;
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(n_made * tensor.shape.cols()));
    for (float& value : values) value = normal(random);
    // A half of such bytes is 0.065, which suits the types that cannot be made of values.
    bytes.resize(tensor.byte_size(), std::byte{0x2c});
    if (can_quantize(dtype)) {
      const std::size_t made = n_made * row_bytes(dtype, tensor.shape.cols());
      CHECK(quantize_row(dtype, values, std::span(bytes).first(made)), "small finite values");
      for (std::size_t at = made; at < bytes.size(); ++at) bytes[at] = bytes[at - made];
    }
    tensor.bytes = bytes;
  }

  // As the kernels read them.
  double packed_bytes() const { return matmul_bytes(packed_shape(tensor, false)); }

  std::vector<std::byte> bytes;
  Tensor tensor;
};

bool is_int8(DType dtype) {
  return dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16;
}

std::int64_t n_copies(const Weights& weights) {
  return static_cast<std::int64_t>(kWorkingSet / weights.packed_bytes()) + 1;
}

Result<std::vector<KernelFigure>> matmul(const CpuKernels& kernels, ThreadPool& pool, DType dtype,
                                         std::int64_t n_out, std::int64_t n_in) {
  Bench bench(kernels, pool, kPage);
  const Weights weights(dtype, {n_out, n_in});
  std::vector<Matrix> matrices;
  for (std::int64_t i = n_copies(weights); i > 0; --i) {
    matrices.push_back(bench.ops().matrix(weights.tensor));
  }
  const Activation in = bench.ops().activation(n_in), out = bench.ops().activation(n_out);
  HEARTH_TRY_VOID(bench.allocate(kNoKv));
  bench.begin(kRows);
  bench.fill(in);
  std::vector<KernelFigure> figures;
  std::size_t next = 0;
  for (const std::int64_t n_rows : kBatches) {
    bench.begin(n_rows);
    const double time =
        time_of([&] { bench.ops().matmul(in, {{out, matrices[next++ % matrices.size()]}}); });
    figures.push_back({.n_rows = n_rows,
                       .seconds = time,
                       .bytes = weights.packed_bytes(),
                       .operations = 2.0 * static_cast<double>(n_out * n_in * n_rows),
                       .int8 = is_int8(dtype)});
  }
  return figures;
}

// gpt-oss's down projection: 4 of 32 experts a row. The router's logits are random.
Result<std::vector<KernelFigure>> expert_matmul(const CpuKernels& kernels, ThreadPool& pool,
                                                DType dtype) {
  constexpr std::int64_t n_experts = 32, n_used = 4, width = 2880;
  Bench bench(kernels, pool, kPage);
  CpuOps& ops = bench.ops();
  const Weights weights(dtype, {n_experts, width, width});
  std::vector<Experts> experts;
  for (std::int64_t i = n_copies(weights); i > 0; --i) {
    experts.push_back(ops.experts(weights.tensor));
  }
  const Vector bias = ops.vector(std::vector<float>(n_experts * width, 0.0f));
  const Routing routing = ops.routing(n_experts, n_used);
  const Activation in = ops.activation(width), logits = ops.activation(n_experts);
  const Activation out = ops.expert_activation(routing, width);
  HEARTH_TRY_VOID(bench.allocate(kNoKv));
  bench.begin(kRows);
  bench.fill(in);
  bench.fill(logits);
  std::vector<KernelFigure> figures;
  std::size_t next = 0;
  for (const std::int64_t n_rows : kBatches) {
    bench.begin(n_rows);
    ops.route(routing, logits);
    const double time = time_of(
        [&] { ops.expert_matmul(routing, in, {{out, experts[next++ % experts.size()], bias}}); });
    // With one row it is known how many experts are read; with many, at most all of them.
    const std::int64_t n_read = std::min(n_experts, n_rows * n_used);
    figures.push_back({.n_rows = n_rows,
                       .seconds = time,
                       .bytes = weights.packed_bytes() * static_cast<double>(n_read) /
                                static_cast<double>(n_experts),
                       .operations = 2.0 * static_cast<double>(width * width * n_rows * n_used),
                       .int8 = is_int8(dtype)});
  }
  return figures;
}

// Phi-4-mini's heads over `depth` positions, of which the last n_rows are the queries; a layer a
// call.
Result<std::vector<KernelFigure>> attend(const CpuKernels& kernels, ThreadPool& pool,
                                         std::int64_t n_rows, std::int64_t depth) {
  constexpr KvGeometry geometry{.n_layers = 32, .n_kv_heads = 8, .head_dim = 128};
  constexpr std::int32_t n_heads = 24;
  Bench bench(kernels, pool, depth);
  CpuOps& ops = bench.ops();
  const Activation k = ops.activation(geometry.n_kv_heads * geometry.head_dim);
  const Activation v = ops.activation(k.cols);
  const Activation q = ops.activation(n_heads * geometry.head_dim), out = ops.activation(q.cols);
  HEARTH_TRY_VOID(bench.allocate(geometry));
  for (std::int64_t at = 0; at < depth; at += kRows) {
    bench.begin(std::min(kRows, depth - at), at);
    bench.fill(k);
    bench.fill(v);
    for (std::int32_t layer = 0; layer < geometry.n_layers; ++layer) ops.store_kv(layer, k, v);
  }
  bench.begin(n_rows, depth - n_rows);
  bench.fill(q);
  const Attention how{.n_heads = n_heads,
                      .n_kv_heads = geometry.n_kv_heads,
                      .head_dim = geometry.head_dim,
                      .scale = 0.088f};
  std::int32_t layer = 0;
  const double time = time_of([&] { ops.attend(out, q, layer++ % geometry.n_layers, how); });
  const double n_seen = static_cast<double>(n_rows) * static_cast<double>(depth) -
                        static_cast<double>(n_rows * (n_rows - 1) / 2);
  return std::vector<KernelFigure>{
      {.n_rows = n_rows,
       .seconds = time,
       .bytes =
           geometry.n_kv_heads * attend_bytes(static_cast<double>(depth), geometry.head_dim, 2),
       .operations = 4.0 * n_heads * geometry.head_dim * n_seen,
       .int8 = false}};
}

// What works value by value, on a prompt's rows of `cols` values: how often they cross the memory
// bus is all that counts.
struct ValueWise {
  const char* name;
  std::int64_t cols;
  double (*bytes)(double n_rows, double n_cols);
  // Declares what it needs beside two activations, and returns the call.
  std::function<void()> (*declare)(CpuOps&, Activation, Activation);
};

constexpr std::int64_t kWidth = 3072, kInner = 8192, kHead = 128;

Vector ones(CpuOps& ops, std::int64_t n) {
  return ops.vector(std::vector<float>(static_cast<std::size_t>(n), 1.0f));
}

double store_kv_bytes(double n_rows, double n_cols) { return n_rows * n_cols * (4 + 2) * 2; }

const ValueWise kValueWise[] = {
    {"rms_norm", kWidth, rms_norm_bytes,
     [](CpuOps& ops, Activation x, Activation y) -> std::function<void()> {
       return [&ops, x, y, gain = ones(ops, x.cols)] { ops.rms_norm(y, x, gain, 1e-5f); };
     }},
    {"layer_norm", kWidth, layer_norm_bytes,
     [](CpuOps& ops, Activation x, Activation y) -> std::function<void()> {
       return [&ops, x, y, gain = ones(ops, x.cols)] { ops.layer_norm(y, x, gain, gain, 1e-5f); };
     }},
    {"rope", kWidth, rope_bytes,
     [](CpuOps& ops, Activation x, Activation) -> std::function<void()> {
       const std::vector<float> frequencies(kHead / 2, 0.1f);
       return [&ops, x, table = ops.rope_table({.inverse_frequencies = frequencies})] {
         ops.rope(x, kHead, table);
       };
     }},
    {"store_kv", 8 * kHead, store_kv_bytes,
     [](CpuOps& ops, Activation x, Activation y) -> std::function<void()> {
       return [&ops, x, y] { ops.store_kv(0, x, y); };
     }},
    {"add", kWidth, add_bytes,
     [](CpuOps& ops, Activation x, Activation y) -> std::function<void()> {
       return [&ops, x, y] { ops.add(y, x); };
     }},
    {"gelu", kInner, gelu_bytes,
     [](CpuOps& ops, Activation x, Activation) -> std::function<void()> {
       return [&ops, x] { ops.gelu(x); };
     }},
    {"gelu_mul", kInner, gelu_mul_bytes,
     [](CpuOps& ops, Activation x, Activation y) -> std::function<void()> {
       return [&ops, x, y] { ops.gelu_mul(x, y); };
     }},
    {"silu_mul", kInner, silu_mul_bytes,
     [](CpuOps& ops, Activation x, Activation y) -> std::function<void()> {
       return [&ops, x, y] { ops.silu_mul(x, y); };
     }},
    {"clamped_swiglu", kInner, clamped_swiglu_bytes,
     [](CpuOps& ops, Activation x, Activation y) -> std::function<void()> {
       return [&ops, x, y] { ops.clamped_swiglu(x, y, 1.702f, 7); };
     }},
};

Result<std::vector<KernelFigure>> value_wise(const CpuKernels& kernels, ThreadPool& pool,
                                             const ValueWise& what) {
  Bench bench(kernels, pool, kRows);
  const Activation x = bench.ops().activation(what.cols), y = bench.ops().activation(what.cols);
  const std::function<void()> call = what.declare(bench.ops(), x, y);
  HEARTH_TRY_VOID(bench.allocate({.n_layers = 1, .n_kv_heads = 8, .head_dim = kHead}));
  bench.begin(kRows);
  bench.fill(x);
  bench.fill(y);
  return std::vector<KernelFigure>{
      {.n_rows = kRows,
       .seconds = time_of(call),
       .bytes = what.bytes(static_cast<double>(kRows), static_cast<double>(what.cols))}};
}

}  // namespace

std::vector<KernelBench> kernel_benches() {
  struct MatrixShape {
    std::int64_t out, in;
  };
  // q, k and v; the attention's output; gate and up; down.
  constexpr MatrixShape phi[] = {{5120, 3072}, {3072, 3072}, {16384, 3072}, {3072, 8192}};
  std::vector<KernelBench> all;
  for (const DTypeInfo& type : dtypes()) {
    const DType dtype = type.dtype;
    if (packed_dtype(dtype) != dtype) continue;  // it is computed as another type
    for (const auto [out, in] : phi) {
      all.push_back(
          {cat("matmul/", type.name, "/", out, "x", in),
           [=](const CpuKernels& k, ThreadPool& p) { return matmul(k, p, dtype, out, in); }});
    }
  }
  all.push_back({"expert_matmul/mxfp4/32x2880x2880", [](const CpuKernels& k, ThreadPool& p) {
                   return expert_matmul(k, p, DType::mxfp4);
                 }});
  for (const std::int64_t depth : {512, 2048}) {
    all.push_back({cat("attend/prefill/", depth),
                   [=](const CpuKernels& k, ThreadPool& p) { return attend(k, p, kRows, depth); }});
  }
  for (const std::int64_t depth : {512, 4096}) {
    all.push_back({cat("attend/decode/", depth),
                   [=](const CpuKernels& k, ThreadPool& p) { return attend(k, p, 1, depth); }});
  }
  for (const ValueWise& what : kValueWise) {
    all.push_back({cat(what.name, "/", what.cols),
                   [&what](const CpuKernels& k, ThreadPool& p) { return value_wise(k, p, what); }});
  }
  return all;
}

}  // namespace hearth::cli
