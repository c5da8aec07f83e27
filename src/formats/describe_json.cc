// describe_json.cc - a Checkpoint as JSON: nothing shortened, everything valid UTF-8.
#include "formats/describe_json.h"

#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "formats/describe.h"

namespace hearth::formats {

using nlohmann::ordered_json;

namespace {

template <class T>
ordered_json to_json(const T& v) {
  return v;
}
ordered_json to_json(const std::string& v) { return to_valid_utf8(v); }

template <class T>
ordered_json to_json(const std::vector<T>& values) {
  ordered_json out = ordered_json::array();
  for (std::size_t i = 0; i < values.size(); ++i) out.push_back(to_json(static_cast<T>(values[i])));
  return out;
}

ordered_json tokenizer_json(const Checkpoint& c) {
  if (!c.tokenizer) return nullptr;
  return {{"tokens", c.tokenizer->tokens.size()}, {"merges", c.tokenizer->merges.size()}};
}

ordered_json tensors_json(const Checkpoint& c) {
  ordered_json out = ordered_json::array();
  for (const Tensor& t : c.tensors) {
    ordered_json shape = ordered_json::array();
    for (std::size_t i = 0; i < t.shape.rank; ++i) shape.push_back(t.shape.dims[i]);
    out.push_back({{"name", to_valid_utf8(t.name)},
                   {"type", dtype_info(t.dtype).name},
                   {"shape", shape},
                   {"bytes", t.byte_size()}});
  }
  return out;
}

}  // namespace

ordered_json describe_json(const Checkpoint& checkpoint) {
  ordered_json metadata = ordered_json::object();
  for (const auto& [key, value] : checkpoint.metadata) {
    metadata[to_valid_utf8(key)] = std::visit([](const auto& v) { return to_json(v); }, value);
  }
  ordered_json types = ordered_json::object();
  for (const DTypeTotal& total : totals_by_dtype(checkpoint)) {
    types[std::string(dtype_info(total.dtype).name)] = {{"tensors", total.n_tensors},
                                                        {"bytes", total.n_bytes}};
  }
  return {{"path", to_valid_utf8(checkpoint.path)},
          {"format", checkpoint.format},
          {"architecture", to_valid_utf8(checkpoint.architecture)},
          {"name", to_valid_utf8(checkpoint.name)},
          {"file_bytes", checkpoint.file_bytes},
          {"parameters", n_parameters(checkpoint)},
          {"tokenizer", tokenizer_json(checkpoint)},
          {"tokenizer_problem", checkpoint.tokenizer_problem},
          {"chat_template", to_valid_utf8(checkpoint.chat_template)},
          {"metadata", std::move(metadata)},
          {"tensors", tensors_json(checkpoint)},
          {"types", std::move(types)}};
}

}  // namespace hearth::formats
