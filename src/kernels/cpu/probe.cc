// probe.cc - see probe.h. The arithmetic is written as assembly, so that no compiler can leave it
// out, put an accumulator into memory or choose another instruction; it needs no flags for an ISA.
#include "kernels/cpu/probe.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>

#include "kernels/packed_matrix.h"

namespace hearth::kernels {

namespace {

using Clock = std::chrono::steady_clock;

// 10^9 units a second of the fastest pass. fn(i) is called for each chunk 0 … n_chunks - 1, units
// each, n_a_pass of them a pass: a few milliseconds, so that a busy neighbour leaves some passes
// undisturbed.
template <class Fn>
double best_rate(ThreadPool& pool, std::int64_t n_chunks, std::int64_t n_a_pass, double units,
                 Fn&& fn) {
  double best = 0;
  for (std::int64_t first = 0; first < n_chunks; first += n_a_pass) {
    const auto start = Clock::now();
    pool.run(n_a_pass, [&](std::int64_t i) { fn(first + i); });
    const std::chrono::duration<double, std::nano> time = Clock::now() - start;
    best = std::max(best, static_cast<double>(n_a_pass) * units / time.count());
  }
  return best;
}

constexpr std::int64_t kReadBytes = std::int64_t{1} << 30, kReadChunk = std::int64_t{1} << 18;

// One load of every cache line: what crosses the memory bus is the same as if all of it were used,
// and no compiler makes arithmetic of it that would be slower than the bus.
void read_chunk(const std::uint8_t* bytes) {
  constexpr std::int64_t kLine = 64;
  for (std::int64_t at = 0; at < kReadChunk; at += 8 * kLine) {
    const std::uint8_t* p = bytes + at;
#if defined(__x86_64__)
    asm volatile(
        "mov (%0), %%rax\n\tmov 64(%0), %%rax\n\tmov 128(%0), %%rax\n\tmov 192(%0), %%rax\n\t"
        "mov 256(%0), %%rax\n\tmov 320(%0), %%rax\n\tmov 384(%0), %%rax\n\tmov 448(%0), %%rax"
        :
        : "r"(p)
        : "rax", "memory");
#else
    for (std::int64_t i = 0; i < 8; ++i)
      (void)*static_cast<const volatile std::uint8_t*>(p + i * kLine);
#endif
  }
}

Result<double> read_rate(ThreadPool& pool) {
  const auto memory = allocate_pages(static_cast<std::size_t>(kReadBytes), PageSize::huge);
  if (!memory) {
    return Error{ErrorKind::too_large,
                 "[probe] the system has no 1 GiB to measure its memory with"};
  }
  constexpr std::int64_t n_chunks = kReadBytes / kReadChunk;
  pool.run(n_chunks, [&](std::int64_t i) {  // pages that were never written are all one page
    std::memset(memory.get() + i * kReadChunk, static_cast<int>(i), kReadChunk);
  });
  constexpr std::int64_t n_rounds = 3, n_a_pass = 256;
  return best_rate(pool, n_rounds * n_chunks, n_a_pass, kReadChunk,
                   [&](std::int64_t i) { read_chunk(memory.get() + i % n_chunks * kReadChunk); });
}

#if defined(__x86_64__)

constexpr std::int64_t kRounds = 50'000, kRound = 12;

// Twelve chains hide the latency of two instructions a cycle. Registers 13 and 14 are the operands,
// 15 an intermediate; all begin as zero, because arbitrary floats could be slow ones.
#define HEARTH_CLEAR(r) "vpxor %%xmm" #r ", %%xmm" #r ", %%xmm" #r "\n\t"
#define HEARTH_TWELVE(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)
#define HEARTH_ROUNDS(name, F)                                                                     \
  void name() {                                                                                    \
    std::int64_t n = kRounds;                                                                      \
    asm volatile(HEARTH_TWELVE(HEARTH_CLEAR) HEARTH_CLEAR(13)                                      \
                     HEARTH_CLEAR(14) "1:\n\t" HEARTH_TWELVE(F) "dec %0\n\tjnz 1b\n\tvzeroupper"   \
                 : "+r"(n)                                                                         \
                 :                                                                                 \
                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
                   "xmm10", "xmm11", "xmm13", "xmm14", "xmm15", "cc");                             \
  }
#define HEARTH_VPDPBUSD(r) "vpdpbusd %%zmm14, %%zmm13, %%zmm" #r "\n\t"
#define HEARTH_VPMADDUBSW(r) \
  "vpmaddubsw %%ymm14, %%ymm13, %%ymm15\n\tvpaddw %%ymm15, %%ymm" #r ", %%ymm" #r "\n\t"
#define HEARTH_FMA_ZMM(r) "vfmadd231ps %%zmm14, %%zmm13, %%zmm" #r "\n\t"
#define HEARTH_FMA_YMM(r) "vfmadd231ps %%ymm14, %%ymm13, %%ymm" #r "\n\t"

HEARTH_ROUNDS(dot_avx512, HEARTH_VPDPBUSD)
HEARTH_ROUNDS(dot_avx2, HEARTH_VPMADDUBSW)
HEARTH_ROUNDS(fma_avx512, HEARTH_FMA_ZMM)
HEARTH_ROUNDS(fma_avx2, HEARTH_FMA_YMM)

double arithmetic_rate(ThreadPool& pool, void (*rounds)(), int ops_an_instruction) {
  constexpr std::int64_t n_chunks = 2048, n_a_pass = 16;
  return best_rate(pool, n_chunks, n_a_pass, double{kRounds * kRound} * ops_an_instruction,
                   [&](std::int64_t) { rounds(); });
}

void add_arithmetic(std::string_view isa, ThreadPool& pool, Peaks& peaks) {
  if (isa == "avx512") {
    peaks.int8_gop_s = arithmetic_rate(pool, dot_avx512, 128);
    peaks.fp32_gop_s = arithmetic_rate(pool, fma_avx512, 32);
  } else if (isa == "avx2") {
    peaks.int8_gop_s = arithmetic_rate(pool, dot_avx2, 64);
    peaks.fp32_gop_s = arithmetic_rate(pool, fma_avx2, 16);
  }
}

#else

void add_arithmetic(std::string_view, ThreadPool&, Peaks&) {}

#endif

}  // namespace

Result<Peaks> probe(std::string_view isa, ThreadPool& pool) {
  Peaks peaks;
  HEARTH_TRY(peaks.read_gb_s, read_rate(pool));
  add_arithmetic(isa, pool, peaks);
  return peaks;
}

}  // namespace hearth::kernels
