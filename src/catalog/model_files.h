// model_files.h - which files a model on disk consists of, and what they are called in the cache.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::catalog {

struct ModelFile {
  std::string path;
  std::string name;  // in the cache, relative to its entry: "model.gguf", "1_Pooling/config.json"
};

struct ModelFiles {
  std::vector<ModelFile> files;
  std::string opens;  // the name of the file to open; "" for a folder
};

// Of a GGUF file, of any part of a split one, of a Hugging Face folder or a file in one. Errors:
// those of formats::open_checkpoint, which the model must pass.
Result<ModelFiles> model_files(const std::string& path);

// "model.gguf", or of n > 1 parts "model-00001-of-0000n.gguf", …
std::vector<std::string> gguf_names(std::int64_t n_parts);

// "dir/Name-00002-of-00003.gguf" -> 3; 1 when the name is not a part's.
std::int64_t n_parts_of_name(const std::string& file_name);

// "Name-00002-of-00003.gguf": the first part stands for all.
bool is_later_part(const std::string& file_name);

// Of a vision encoder, which lies beside the model that it belongs to.
bool is_companion(std::string_view file_name);

// "Name-00002-of-00003.gguf" -> "Name"; "Name.gguf" -> "Name".
std::string stem_of_name(const std::string& file_name);

}  // namespace hearth::catalog
