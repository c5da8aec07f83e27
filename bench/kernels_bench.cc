// kernels_bench.cc - how fast each kernel of each ISA is, on one thread, at the shapes of
// SmolLM2-135M and of a 3B model. bytes/s are those that must cross the memory bus, items/s are
// multiply-adds.
//
//   build/release/kernels_bench [--benchmark_filter=avx2/matmul]
#include <benchmark/benchmark.h>

#include <string>

#include "base/str.h"
#include "kernels/cpu/isa.h"
#include "kernels/test_data.h"

namespace hearth::kernels {
namespace {

void bench_matmul(benchmark::State& state, const CpuKernels* k, DType dtype, std::int64_t out,
                  std::int64_t in, std::int64_t n_rows) {
  std::mt19937 random(1);
  ThreadPool pool(1);
  const TestTensor tensor = random_tensor(dtype, out, in, random);
  const PackedMatrix w = pack(tensor.view, false, pool);
  const std::vector<float> x = random_values(static_cast<std::size_t>(n_rows * in), random);
  std::vector<float> y(static_cast<std::size_t>(n_rows * w.n_panels() * kPanel));
  std::vector<std::uint8_t> record(static_cast<std::size_t>(n_rows * QuantizedRows::row_bytes(in)));
  const Rows<const float> rows{x.data(), n_rows, in, in};
  const QuantizedRows xq{record.data(), n_rows, in};
  k->quantize(rows, xq, 0, n_rows);
  const MatMul op{&w, rows, xq, {y.data(), n_rows, out, w.n_panels() * kPanel}, false};
  for (auto _ : state) {
    k->matmul(op, 0, w.n_panels(), 0, n_rows);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(matmul_bytes(w)) * state.iterations());
  state.SetItemsProcessed(out * in * n_rows * state.iterations());
}

void bench_rows(benchmark::State& state, const CpuKernels* k) {
  std::mt19937 random(1);
  const std::int64_t n = 576, n_rows = 64;
  std::vector<float> x = random_values(static_cast<std::size_t>(n * n_rows), random), y = x;
  const std::vector<float> gain(static_cast<std::size_t>(n), 1.0f);
  for (auto _ : state) {
    k->rms_norm({{x.data(), n_rows, n, n}, gain.data(), 1e-5f, {y.data(), n_rows, n, n}}, 0,
                n_rows);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(rms_norm_bytes(n_rows, n)) *
                          state.iterations());
}

void bench_attend(benchmark::State& state, const CpuKernels* k, std::int32_t n_queries) {
  std::mt19937 random(1);
  const std::int32_t head_dim = 64, n_positions = 512;
  KvPages kv{.k = nullptr, .v = nullptr, .n_kv_heads = 1, .head_dim = head_dim, .f32 = false};
  std::vector<std::uint8_t> keys(static_cast<std::size_t>(kv.k_head_bytes() * n_positions / kPage));
  std::vector<std::uint8_t> values(
      static_cast<std::size_t>(kv.v_head_bytes() * n_positions / kPage));
  kv.k = keys.data();
  kv.v = values.data();
  std::vector<std::int32_t> pages;
  for (std::int32_t p = 0; p < n_positions / kPage; ++p) pages.push_back(p);
  AttendTile tile{.kv = kv,
                  .pages = pages.data(),
                  .kv_head = 0,
                  .group = n_queries,
                  .n_queries = n_queries,
                  .first_position = n_positions - 1,
                  .n_positions = 0,
                  .window = 0,
                  .scale = 0.125f,
                  .q = {}};
  const std::vector<float> q =
      random_values(static_cast<std::size_t>(n_queries * head_dim), random);
  const std::int64_t size = attend_partial_floats(kv.padded_dim());
  std::vector<float> partial(static_cast<std::size_t>(size * n_queries));
  float* partials[kMaxQueries];
  for (std::int32_t m = 0; m < n_queries; ++m) {
    tile.q[m] = q.data() + m * head_dim;
    partials[m] = partial.data() + m * size;
  }
  for (auto _ : state) {
    k->attend_partition(tile, 0, partials);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(attend_bytes(n_positions, head_dim, 2)) *
                          state.iterations());
  state.SetItemsProcessed(std::int64_t{2} * n_positions * head_dim * n_queries *
                          state.iterations());
}

void register_all() {
  struct ShapeOf {
    std::int64_t out, in;
  };
  for (const CpuKernels* k : runnable_kernels()) {
    for (const DType dtype :
         {DType::f32, DType::f16, DType::q8_0, DType::q4_0, DType::q4_1, DType::q6_k}) {
      for (const ShapeOf shape : {ShapeOf{1536, 512}, ShapeOf{3072, 3072}}) {
        for (const std::int64_t n_rows : {1, 4, 16, 256}) {
          const std::string name = cat(k->isa, "/matmul/", dtype_info(dtype).name, "/", shape.out,
                                       "x", shape.in, "/rows:", n_rows);
          benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
            bench_matmul(state, k, dtype, shape.out, shape.in, n_rows);
          });
        }
      }
    }
    benchmark::RegisterBenchmark(cat(k->isa, "/rms_norm/64x576").c_str(),
                                 [k](benchmark::State& state) { bench_rows(state, k); });
    for (const std::int32_t n_queries : {1, 3, 15}) {
      benchmark::RegisterBenchmark(
          cat(k->isa, "/attend/512x64/queries:", n_queries).c_str(),
          [=](benchmark::State& state) { bench_attend(state, k, n_queries); });
    }
  }
}

const bool registered = (register_all(), true);

}  // namespace
}  // namespace hearth::kernels
