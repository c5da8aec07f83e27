// families.h - what config.json and the tensor names of each family of Hugging Face models mean in
// a Checkpoint, which uses GGUF's names. A family is one row of the table in families.cc. Part of
// the portable core.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"
#include "formats/hugging_face/config_reader.h"
#include "formats/safetensors/safetensors.h"

namespace hearth::formats {

// Keeps bytes that were made while reading for as long as the checkpoint lives.
using MadeBytes = std::deque<std::vector<std::byte>>;

// A checkpoint in the making.
struct Draft {
  Checkpoint checkpoint;
  MadeBytes made;
  // Tensors that no DType describes (U8 blocks and scales), by their name in the checkpoint.
  std::map<std::string, StoredTensor, std::less<>> raw;
  // Where the rows of a tensor with a source come from.
  std::map<std::string, std::vector<std::span<const std::byte>>, std::less<>> origins;

  void set(std::string_view key, MetaValue value);  // below the architecture's name
  // Adds a float32 tensor [values.size()], or [n, …] with the shape of `like`.
  void add_vector(std::string name, const std::vector<float>& values);
  Tensor* find(std::string_view name);
};

struct Family {
  std::string_view model_type;    // of config.json
  std::string_view architecture;  // of models/
  // The checkpoint's name of a stored tensor; "" for one that is known to carry nothing, nullopt
  // for one that has no place.
  std::optional<std::string> (*name)(std::string_view stored);
  // config.json to the metadata that models/ reads, and the tensors that follow from it.
  void (*configure)(ConfigReader& config, Draft& draft);
  // Brings stored tensors into the order the checkpoint has them in; may be null.
  Result<void> (*rearrange)(ConfigReader& config, Draft& draft);
  bool tied_by_default;  // what an absent tie_word_embeddings means
};

// Errors: unsupported, naming the model types that are known.
Result<const Family*> family_of(std::string_view model_type);

// ---- float8.cc ----
// Gives every FP8 matrix the scales that are stored beside it. block: the rows and columns that
// share a scale where there is a matrix of them (quantization_config.weight_block_size).
Result<void> scale_float8(const std::vector<std::int64_t>& block, Draft& draft);

// ---- rearrange.cc ----
Result<void> rearrange_llama(ConfigReader& config, Draft& draft);    // rope pairs
Result<void> rearrange_gemma3(ConfigReader& config, Draft& draft);   // norms are stored less one
Result<void> rearrange_gpt_oss(ConfigReader& config, Draft& draft);  // gate and up interleaved

}  // namespace hearth::formats
