// open_folder.h - a Hugging Face folder on disk as a Checkpoint. Not part of the portable core: it
// maps files.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "formats/checkpoint.h"

namespace hearth::formats {

// The folder has a config.json beside its weights.
bool is_model_folder(const std::string& path);

// Errors: not_found, corrupt, unsupported, io; each names the folder.
Result<std::shared_ptr<const Checkpoint>> open_model_folder(const std::string& path);

}  // namespace hearth::formats
