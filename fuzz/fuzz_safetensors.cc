// fuzz_safetensors.cc - arbitrary bytes as a safetensors file: every tensor that the reader accepts
// lies inside the file.
#include <cstdlib>
#include <span>

#include "formats/safetensors/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::span<const std::byte> file(reinterpret_cast<const std::byte*>(data), size);
  const auto tensors = hearth::formats::parse_safetensors(file);
  if (!tensors && tensors.error().message.size() <= 10) std::abort();
  if (!tensors) return 0;
  for (const hearth::formats::StoredTensor& t : *tensors) {
    if (t.bytes.data() < file.data() ||
        t.bytes.data() + t.bytes.size() > file.data() + file.size()) {
      std::abort();
    }
  }
  return 0;
}
