#include "formats/open_folder.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/str.h"
#include "formats/hugging_face/hugging_face.h"

namespace hearth::formats {

namespace fs = std::filesystem;

namespace {

// Settings are parsed whole into memory, so their size is bounded; the largest tokenizer.json known
// has 34 MB.
constexpr std::size_t kMaxSettingsBytes = 256 << 20;

constexpr std::string_view kPooling = "1_Pooling/config.json";

using Files = std::vector<std::shared_ptr<const MappedFile>>;

class Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) {}

  std::string at(std::string_view name) const { return cat(path_, "/", name); }
  bool has(std::string_view name) const {
    std::error_code ignored;
    return fs::exists(at(name), ignored);
  }

  Result<std::span<const std::byte>> map(std::string_view name) {
    HEARTH_TRY(auto file, MappedFile::open(at(name)));
    files_.push_back(file);
    return file->bytes();
  }

  // "" when there is no such file.
  Result<std::string_view> text(std::string_view name) {
    if (!has(name)) return std::string_view();
    HEARTH_TRY(const auto bytes, map(name));
    if (bytes.size() > kMaxSettingsBytes) {
      return Error{ErrorKind::corrupt, cat(name, " has ", bytes.size(), " bytes, expected at most ",
                                           kMaxSettingsBytes)};
    }
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  const Files& files() const { return files_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Files files_;
};

constexpr std::string_view kSettings[] = {
    "config.json",         "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "chat_template.jinja", "modules.json",           kPooling,         "sentence_bert_config.json"};

// Of the files with weights; `index` gets the text that names them, where there is one.
Result<std::vector<std::string>> weight_names(Folder& folder, std::string_view& index) {
  if (folder.has(kFolderWeights)) return std::vector{std::string(kFolderWeights)};
  HEARTH_TRY(index, folder.text(kFolderIndex));
  if (!index.empty()) return shard_names(index);
  return Error{ErrorKind::not_found,
               cat("it has neither ", kFolderWeights, " nor ", kFolderIndex,
                   "; fetch the weights as safetensors, or use a GGUF file of the model")};
}

Result<void> map_shards(Folder& folder, HuggingFaceFiles& out) {
  HEARTH_TRY(const auto names, weight_names(folder, out.index));
  for (const std::string& name : names) {
    HEARTH_TRY(const auto bytes, folder.map(name));
    out.shards.push_back({name, bytes});
  }
  return {};
}

Result<HuggingFaceModel> read_folder(Folder& folder) {
  HuggingFaceFiles files;
  HEARTH_TRY(files.config, folder.text("config.json"));
  HEARTH_TRY(files.generation_config, folder.text("generation_config.json"));
  HEARTH_TRY(files.tokenizer, folder.text("tokenizer.json"));
  HEARTH_TRY(files.tokenizer_config, folder.text("tokenizer_config.json"));
  HEARTH_TRY(files.chat_template, folder.text("chat_template.jinja"));
  HEARTH_TRY(files.modules, folder.text("modules.json"));
  HEARTH_TRY(files.pooling, folder.text(kPooling));
  HEARTH_TRY(files.sentence_bert_config, folder.text("sentence_bert_config.json"));
  HEARTH_TRY_VOID(map_shards(folder, files));
  std::error_code failed;
  const fs::path whole = fs::canonical(folder.path(), failed);
  return read_hugging_face(files, (failed ? fs::path(folder.path()) : whole).filename().string());
}

Error at_folder(const std::string& path, const Error& error) {
  return {error.kind, cat("the model folder ", quote(path, 200), ": ", error.message)};
}

}  // namespace

bool is_model_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) && Folder(path).has("config.json");
}

std::span<const std::string_view> folder_settings() { return kSettings; }

Result<std::vector<std::string>> model_folder_files(const std::string& path) {
  Folder folder(path);
  std::string_view index;
  auto weights = weight_names(folder, index);
  if (!weights) return at_folder(path, weights.error());
  std::vector<std::string> names;
  for (const std::string_view name : kSettings) {
    if (folder.has(name)) names.emplace_back(name);
  }
  if (!index.empty()) names.emplace_back(kFolderIndex);
  names.insert(names.end(), weights->begin(), weights->end());
  return names;
}

Result<std::shared_ptr<const Checkpoint>> open_model_folder(const std::string& path) {
  Folder folder(path);
  auto model = read_folder(folder);
  if (!model) return at_folder(path, model.error());
  auto out = std::make_shared<Checkpoint>(std::move(model->checkpoint));
  out->path = path;
  for (const auto& file : folder.files()) out->files.push_back(file->path());
  out->storage = std::make_shared<std::pair<Files, std::shared_ptr<const void>>>(
      folder.files(), std::move(out->storage));
  out->release = [files = folder.files(), origins = std::move(model->origins)](const Tensor& t) {
    const auto made_from = origins.find(t.name);
    if (made_from == origins.end()) return release_pages(files, t.bytes);
    for (const auto& bytes : made_from->second) release_pages(files, bytes);
  };
  return std::shared_ptr<const Checkpoint>(std::move(out));
}

}  // namespace hearth::formats
