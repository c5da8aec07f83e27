// gguf_memory_test.cc - a small file must not make the reader ask for much memory, whatever it
// claims. A program of its own, because it replaces operator new to count.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "formats/gguf/gguf.h"
#include "formats/gguf/gguf_writer_for_tests.h"

static std::size_t n_allocated_bytes = 0;

// noinline: GCC 12 takes malloc and free that it has inlined here for a mismatched pair.
[[gnu::noinline]] void* operator new(std::size_t n) {
  n_allocated_bytes += n;
  if (void* p = std::malloc(n)) return p;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace hearth::formats {
namespace {

// Everything that was ever allocated while parsing, freed or not: an upper bound of the peak.
std::size_t bytes_allocated_by_parsing(const std::vector<std::byte>& file) {
  const std::size_t before = n_allocated_bytes;
  const auto c = parse_gguf(file);
  return n_allocated_bytes - before;
}

GgufWriter base() {
  GgufWriter w;
  w.text("general.architecture", "llama");
  return w;
}

TEST(GgufMemory, claims_alone_cost_nothing) {
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 40;
  GgufWriter tensors = base(), metadata = base(), strings = base(), numbers = base(), text = base(),
             tokens = base();
  tensors.extra_tensors = metadata.extra_metadata = kHuge;
  strings.array("k", 8, kHuge, "");
  numbers.array("k", 10, kHuge, "");
  text.entry("k", 8, GgufWriter::le(kHuge));
  constexpr std::uint64_t k31Bits = 0x7fffffff;
  tokens.array("tokenizer.ggml.tokens", 8, 1, GgufWriter::le(k31Bits) + "token");
  for (const GgufWriter* w : {&tensors, &metadata, &strings, &numbers, &text, &tokens}) {
    EXPECT_LT(bytes_allocated_by_parsing(w->bytes()), 8192u);
  }
}

// The densest contents: u8 arrays (8 bytes a value), empty strings, the shortest records and
// entries.
TEST(GgufMemory, dense_files_cost_a_small_multiple_of_their_size) {
  constexpr std::size_t kN = 5000;
  GgufWriter strings = base(), bytes = base(), records = base(), entries = base();
  strings.array("k", 8, kN, std::string(8 * kN, '\0'));
  bytes.array("k", 0, 8 * kN, std::string(8 * kN, '\1'));
  for (std::size_t i = 0; i < kN; ++i) {
    records.record(std::to_string(i), {1}, 0, 32 * i);
    entries.u8(std::to_string(i), 1);
  }
  records.raw_data(std::string(32 * kN, 'x'));
  for (const GgufWriter* w : {&strings, &bytes, &records, &entries}) {
    const auto file = w->bytes();
    ASSERT_TRUE(parse_gguf(file));
    EXPECT_LT(bytes_allocated_by_parsing(file), 12 * file.size() + 8192);
  }
}

}  // namespace
}  // namespace hearth::formats
