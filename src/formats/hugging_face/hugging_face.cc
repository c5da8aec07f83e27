#include "formats/hugging_face/hugging_face.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/str.h"
#include "formats/hugging_face/config_reader.h"
#include "formats/hugging_face/embedding_files.h"
#include "formats/hugging_face/families.h"
#include "formats/hugging_face/tokenizer_files.h"
#include "formats/safetensors/safetensors.h"

namespace hearth::formats {

namespace {

using Json = nlohmann::ordered_json;

Error corrupt(std::string message) { return {ErrorKind::corrupt, std::move(message)}; }

// ---- shards -------------------------------------------------------------------------------------

constexpr std::string_view kIndex = "model.safetensors.index.json";

// name -> shard, of an index.
Result<std::map<std::string, std::string>> weight_map(std::string_view index) {
  HEARTH_TRY(const Json json, parse_settings(index, kIndex));
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object()) {
    return corrupt(cat(kIndex, " has no object \"weight_map\" of tensors and files"));
  }
  std::map<std::string, std::string> out;
  for (const auto& [tensor, file] : *map->get_ptr<const Json::object_t*>()) {
    const auto* name = file.get_ptr<const std::string*>();
    if (name == nullptr) {
      return corrupt(cat(kIndex, ": tensor ", quote(tensor), " is not in a named file"));
    }
    out.emplace(tensor, *name);
  }
  return out;
}

bool is_plain_shard_name(std::string_view name) {
  constexpr std::string_view kKind = ".safetensors";
  return name.size() > kKind.size() && name.ends_with(kKind) && !name.starts_with('.') &&
         name.find_first_of(std::string_view("/\\\0", 3)) == name.npos;
}

// Every tensor that the index names is in the shard where the index has it.
Result<void> check_index(std::string_view index, const HuggingFaceFiles& files,
                         const std::vector<std::vector<StoredTensor>>& stored) {
  HEARTH_TRY(const auto map, weight_map(index));
  std::map<std::string_view, std::string_view> at;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    for (const StoredTensor& t : stored[i]) at.emplace(t.name, files.shards[i].name);
  }
  for (const auto& [tensor, shard] : map) {
    const auto found = at.find(tensor);
    if (found != at.end() && found->second == shard) continue;
    return corrupt(
        cat(kIndex, " has tensor ", quote(tensor), " in ", quote(shard),
            found == at.end() ? ", where it is not" : cat(", but it is in ", quote(found->second)),
            "; fetch the files again"));
  }
  return {};
}

// ---- tensors ------------------------------------------------------------------------------------

std::optional<DType> dtype_of(std::string_view stored) {
  if (stored == "F32") return DType::f32;
  if (stored == "F16") return DType::f16;
  if (stored == "BF16") return DType::bf16;
  if (stored == "F8_E4M3") return DType::f8_e4m3;
  if (stored == "F8_E5M2") return DType::f8_e5m2;
  return std::nullopt;
}

Result<void> add_tensor(StoredTensor stored, std::string name, Draft& draft) {
  const std::optional<DType> dtype = dtype_of(stored.dtype);
  if (!dtype && stored.dtype != "U8") {
    return Error{ErrorKind::unsupported,
                 cat("tensor ", quote(stored.name), " has type ", stored.dtype,
                     ", which Hearth does not compute with; it reads F32, F16, BF16, F8_E4M3, "
                     "F8_E5M2, and MXFP4 blocks in U8")};
  }
  if (!dtype) {
    if (draft.raw.emplace(name, std::move(stored)).second) return {};
    return corrupt(cat("tensor ", quote(name), " is there twice"));
  }
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = *dtype;
  if (stored.shape.size() > Shape::kMaxRank || stored.bytes.empty()) {
    return corrupt(cat("tensor ", quote(stored.name), " has ", stored.shape.size(),
                       " dimensions and ", stored.bytes.size(),
                       " bytes, expected at most 4 dimensions and a value"));
  }
  if (stored.shape.empty()) stored.shape = {1};  // a single value: a scale
  tensor.shape.rank = stored.shape.size();
  std::copy(stored.shape.begin(), stored.shape.end(), tensor.shape.dims.begin());
  tensor.bytes = stored.bytes;
  draft.checkpoint.tensors.push_back(std::move(tensor));
  return {};
}

// tied: the output matrix is the embedding, also when a copy of it is stored.
Result<void> add_tensors(const Family& family, bool tied, std::vector<StoredTensor> stored,
                         Draft& draft) {
  for (StoredTensor& t : stored) {
    const std::optional<std::string> name = family.name(t.name);
    if (!name) {
      return Error{ErrorKind::unsupported,
                   cat("tensor ", quote(t.name), " has no place in the family ", family.model_type,
                       "; computing without it would give wrong answers")};
    }
    if (name->empty() || (tied && *name == "output.weight")) continue;
    HEARTH_TRY_VOID(add_tensor(std::move(t), *name, draft));
  }
  return {};
}

// What is left in `raw` when the family has taken what it knows.
Result<void> check_raw_used(const Draft& draft) {
  if (draft.raw.empty()) return {};
  const StoredTensor& t = draft.raw.begin()->second;
  return Error{ErrorKind::unsupported, cat("tensor ", quote(t.name), " has type ", t.dtype,
                                           ", which this family is not computed with")};
}

// ---- configuration ------------------------------------------------------------------------------

// Encodings of weights that are undone here are named; all others are refused. Returns the block
// that shares a scale in FP8 matrices, if any.
Result<std::vector<std::int64_t>> read_quantization(ConfigReader& config, const Family& family) {
  std::vector<std::int64_t> block;
  if (!config.has("quantization_config")) return block;
  ConfigReader quantization = config.object("quantization_config");
  const std::string method = quantization.text_or("quant_method", "");
  const std::string format = quantization.text_or("format", "");
  const bool float8 = method == "fp8" || method == "fbgemm_fp8" ||
                      (method == "compressed-tensors" && format == "float-quantized");
  if (float8) block = quantization.integers("weight_block_size");
  if (quantization.error()) return *quantization.error();
  if (float8 || (method == "mxfp4" && family.architecture == "gpt-oss")) return block;
  return Error{ErrorKind::unsupported,
               cat("config.json: quantization_config has the method ", quote(method),
                   "; Hearth reads unquantised weights, FP8, and gpt_oss's mxfp4. Use a GGUF file "
                   "of the model")};
}

// Recommended sampling, under the keys that GGUF has for it.
void read_sampling(ConfigReader& generation, Draft& draft) {
  for (const auto& [key, ours] : {std::pair("temperature", "general.sampling.temp"),
                                  {"top_p", "general.sampling.top_p"},
                                  {"min_p", "general.sampling.min_p"},
                                  {"repetition_penalty", "general.sampling.penalty_repeat"}}) {
    if (generation.has(key)) draft.checkpoint.metadata[ours] = generation.number(key);
  }
  if (generation.has("top_k")) {
    draft.checkpoint.metadata["general.sampling.top_k"] = generation.integer("top_k");
  }
}

// A checkpoint that also sees images keeps the language model's settings in text_config.
Result<ConfigReader> language_config(const Json& json) {
  ConfigReader config(json, "config.json");
  if (!config.has("text_config")) return config;
  ConfigReader text = config.object("text_config");
  if (config.error()) return *config.error();
  return text;
}

Result<const Family*> read_family(ConfigReader& config) {
  const std::string model_type = config.text_or("model_type", "");
  if (config.error()) return *config.error();
  return family_of(model_type);
}

}  // namespace

Result<std::vector<std::string>> shard_names(std::string_view index) {
  HEARTH_TRY(const auto map, weight_map(index));
  std::set<std::string> names;
  for (const auto& [tensor, shard] : map) {
    if (!is_plain_shard_name(shard)) {
      return corrupt(cat(kIndex, " has tensor ", quote(tensor), " in ", quote(shard),
                         ", expected the name of a .safetensors file in the same folder"));
    }
    names.insert(shard);
  }
  if (names.empty()) return corrupt(cat(kIndex, " names no tensor"));
  return std::vector<std::string>(names.begin(), names.end());
}

Result<HuggingFaceModel> read_hugging_face(const HuggingFaceFiles& files, std::string name) {
  HEARTH_TRY(const Json json, parse_settings(files.config, "config.json"));
  HEARTH_TRY(ConfigReader config, language_config(json));
  HEARTH_TRY(const Family* family, read_family(config));
  HEARTH_TRY(const std::vector<std::int64_t> float8_block, read_quantization(config, *family));
  HEARTH_TRY(const Json generation_json,
             parse_settings(files.generation_config, "generation_config.json"));
  ConfigReader generation(generation_json, "generation_config.json");

  Draft draft;
  Checkpoint& out = draft.checkpoint;
  out.format = "safetensors";
  out.architecture = family->architecture;
  out.name = std::move(name);
  out.metadata["general.architecture"] = out.architecture;
  out.metadata["general.name"] = out.name;
  family->configure(config, draft);
  const bool tied = config.flag_or("tie_word_embeddings", family->tied_by_default);
  read_sampling(generation, draft);
  HEARTH_TRY_VOID(read_embedding_files(files, draft));
  if (config.error()) return *config.error();
  if (generation.error()) return *generation.error();

  std::vector<std::vector<StoredTensor>> stored;
  for (const HuggingFaceFiles::Shard& shard : files.shards) {
    auto tensors = parse_safetensors(shard.bytes);
    if (!tensors)
      return Error{tensors.error().kind, cat(shard.name, ": ", tensors.error().message)};
    stored.push_back(*std::move(tensors));
    out.file_bytes += shard.bytes.size();
  }
  if (!files.index.empty()) HEARTH_TRY_VOID(check_index(files.index, files, stored));
  for (auto& tensors : stored) {
    HEARTH_TRY_VOID(add_tensors(*family, tied, std::move(tensors), draft));
  }
  HEARTH_TRY_VOID(scale_float8(float8_block, draft));
  if (family->rearrange != nullptr) HEARTH_TRY_VOID(family->rearrange(config, draft));
  HEARTH_TRY_VOID(check_raw_used(draft));
  HEARTH_TRY_VOID(out.index());
  if (!tied && family->architecture != "bert" && out.find("output.weight") == nullptr) {
    return corrupt("lm_head.weight is missing, and config.json does not say tie_word_embeddings");
  }
  HEARTH_TRY_VOID(read_tokenizer_files(files, config, generation, out));
  out.storage = std::make_shared<MadeBytes>(std::move(draft.made));
  return HuggingFaceModel{std::move(out), std::move(draft.origins)};
}

}  // namespace hearth::formats
