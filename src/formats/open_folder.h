// open_folder.h - a Hugging Face folder on disk as a Checkpoint. Not part of the portable core: it
// maps files.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/checkpoint.h"

namespace hearth::formats {

// The folder has a config.json beside its weights.
bool is_model_folder(const std::string& path);

inline constexpr std::string_view kFolderWeights = "model.safetensors";
inline constexpr std::string_view kFolderIndex = "model.safetensors.index.json";  // of its shards
// What is read beside the weights, where it is there: "config.json", "1_Pooling/config.json", …
std::span<const std::string_view> folder_settings();

// The files that the folder's model is read from, relative to it. Errors: not_found (no weights),
// corrupt (the index), io.
Result<std::vector<std::string>> model_folder_files(const std::string& path);

// Errors: not_found, corrupt, unsupported, io; each names the folder.
Result<std::shared_ptr<const Checkpoint>> open_model_folder(const std::string& path);

}  // namespace hearth::formats
