// fuzz_gguf.cc - arbitrary bytes as a GGUF file. Whatever the reader accepts must be usable: every
// tensor's first and last row is expanded, the text description printed, the tokenizer built.
#include <cstdlib>
#include <vector>

#include "base/str.h"
#include "formats/describe.h"
#include "formats/gguf/gguf.h"
#include "text/tokenizer.h"

namespace {

void require(bool ok) {
  if (!ok) std::abort();
}

void walk_tensors(const hearth::formats::Checkpoint& c, std::span<const std::byte> file) {
  std::vector<float> row;
  for (const hearth::Tensor& t : c.tensors) {
    require(t.bytes.data() >= file.data() &&
            t.bytes.data() + t.bytes.size() <= file.data() + file.size());
    require(c.find(t.name) == &t);
    row.resize(static_cast<std::size_t>(t.shape.cols()));
    hearth::dequantize_row(t, 0, row);
    hearth::dequantize_row(t, t.shape.rows() - 1, row);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::span<const std::byte> file(reinterpret_cast<const std::byte*>(data), size);
  auto c = hearth::formats::parse_gguf(file);
  if (!c) {
    require(c.error().message.size() > 10);
    return 0;
  }
  walk_tensors(*c, file);
  require(!hearth::formats::describe(*c, false).empty());
  require(!hearth::formats::describe(*c, true).empty());
  if (c->tokenizer) {
    const auto tokenizer = hearth::text::Tokenizer::build(std::move(*c->tokenizer));
    require(tokenizer || tokenizer.error().message.size() > 10);
  }
  return 0;
}
