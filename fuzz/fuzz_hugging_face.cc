// fuzz_hugging_face.cc - a folder's files, separated by a line "----": config.json,
// generation_config.json, tokenizer_config.json, tokenizer.json, the index, and a safetensors file.
// Whatever the reader accepts must be usable: every row of every tensor is read.
#include <cstdlib>
#include <string_view>
#include <vector>

#include "formats/hugging_face/hugging_face.h"

namespace {

void require(bool ok) {
  if (!ok) std::abort();
}

std::string_view next_file(std::string_view& rest) {
  constexpr std::string_view kLine = "\n----\n";
  const std::size_t end = rest.find(kLine);
  const std::string_view file = rest.substr(0, end);
  rest = end == rest.npos ? std::string_view() : rest.substr(end + kLine.size());
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  hearth::formats::HuggingFaceFiles files;
  files.config = next_file(rest);
  files.generation_config = next_file(rest);
  files.tokenizer_config = next_file(rest);
  files.tokenizer = next_file(rest);
  files.index = next_file(rest);
  if (!files.index.empty()) {
    const auto names = hearth::formats::shard_names(files.index);
    require(names || names.error().message.size() > 10);
  }
  files.shards = {{"model.safetensors", std::as_bytes(std::span(rest.data(), rest.size()))}};
  const auto model = hearth::formats::read_hugging_face(files, "fuzz");
  if (!model) {
    require(model.error().message.size() > 10);
    return 0;
  }
  for (const hearth::Tensor& t : model->checkpoint.tensors) {
    std::vector<float> row(static_cast<std::size_t>(t.shape.cols()));
    for (std::int64_t r = 0; r < t.shape.rows(); ++r) hearth::dequantize_row(t, r, row);
  }
  return 0;
}
