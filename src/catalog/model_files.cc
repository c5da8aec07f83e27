#include "catalog/model_files.h"

#include <filesystem>

#include "base/ascii.h"
#include "base/check.h"
#include "base/str.h"
#include "formats/checkpoint.h"
#include "formats/gguf/gguf_parts.h"
#include "formats/open_folder.h"

namespace hearth::catalog {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kSuffixBytes = std::string_view("-00001-of-00002.gguf").size();

ModelFiles folder_files(const std::string& folder, const std::vector<std::string>& names) {
  ModelFiles out;
  for (const std::string& name : names) out.files.push_back({cat(folder, "/", name), name});
  return out;
}

}  // namespace

Result<ModelFiles> model_files(const std::string& path) {
  HEARTH_TRY(const auto opened, formats::open_checkpoint(path));
  if (opened->format != "gguf") {
    HEARTH_TRY(const auto names, formats::model_folder_files(opened->path));
    return folder_files(opened->path, names);
  }
  HEARTH_TRY(const std::int64_t n, formats::n_gguf_parts(*opened));
  std::vector<std::string> paths{path};
  if (n > 1) {
    const fs::path part(path);
    HEARTH_TRY(paths, formats::gguf_part_names(part.filename().string(), n));
    for (std::string& name : paths) name = (part.parent_path() / name).string();
  }
  const std::vector<std::string> names = gguf_names(n);
  ModelFiles out{.files = {}, .opens = names.front()};
  for (std::size_t i = 0; i < names.size(); ++i) out.files.push_back({paths[i], names[i]});
  return out;
}

std::vector<std::string> gguf_names(std::int64_t n_parts) {
  if (n_parts == 1) return {"model.gguf"};
  std::string five_digits = cat(100000 + n_parts);
  five_digits.erase(0, 1);
  auto names = formats::gguf_part_names(cat("model-00001-of-", five_digits, ".gguf"), n_parts);
  CHECK(names, "a number of parts is at most 9999");
  return *std::move(names);
}

std::int64_t n_parts_of_name(const std::string& file_name) {
  const auto part = formats::gguf_part_of_name(ascii_lower(file_name));
  return part ? part->n : 1;
}

bool is_later_part(const std::string& file_name) {
  const auto part = formats::gguf_part_of_name(ascii_lower(file_name));
  return part && part->number > 1;
}

bool is_companion(std::string_view file_name) {
  return ascii_lower(file_name).find("mmproj") != std::string::npos;
}

std::string stem_of_name(const std::string& file_name) {
  if (n_parts_of_name(file_name) > 1) return file_name.substr(0, file_name.size() - kSuffixBytes);
  return fs::path(file_name).stem().string();
}

}  // namespace hearth::catalog
