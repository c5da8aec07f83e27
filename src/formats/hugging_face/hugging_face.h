// hugging_face.h - a model as the Hugging Face hub publishes it, a folder of files, as a
// Checkpoint. Part of the portable core: formats/open_folder.cc finds and maps the files.
//
//   config.json                     the family and its sizes (families.h)
//   model.safetensors, or model.safetensors.index.json and the shards that it names
//   generation_config.json          further end tokens, recommended sampling
//   tokenizer.json, tokenizer_config.json
//   chat_template.jinja, or the template in tokenizer_config.json
//   modules.json, 1_Pooling/config.json, sentence_bert_config.json    of embedding models
//
// The Checkpoint is what the same model's GGUF file gives: GGUF's names, keys and row order.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/checkpoint.h"

namespace hearth::formats {

// The files' contents; empty: there is no such file.
struct HuggingFaceFiles {
  std::string_view config, generation_config, tokenizer, tokenizer_config, chat_template;
  std::string_view index;                                   // model.safetensors.index.json
  std::string_view modules, pooling, sentence_bert_config;  // embedding_files.h
  struct Shard {
    std::string name;
    std::span<const std::byte> bytes;
  };
  std::vector<Shard> shards;
};

struct HuggingFaceModel {
  Checkpoint checkpoint;  // `storage` holds what was made here; the files must outlive it too
  // The files' bytes behind a tensor whose rows are made on demand, by its name.
  std::map<std::string, std::vector<std::span<const std::byte>>, std::less<>> origins;
};

// The shards that an index names, each once: plain names of .safetensors files, since the index is
// a stranger's and must not lead out of the folder. Errors: corrupt.
Result<std::vector<std::string>> shard_names(std::string_view index);

// name: for people, the folder's. Errors: corrupt, unsupported; each names the file at fault.
Result<HuggingFaceModel> read_hugging_face(const HuggingFaceFiles& files, std::string name);

}  // namespace hearth::formats
