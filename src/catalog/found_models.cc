#include "catalog/found_models.h"

#include <algorithm>
#include <filesystem>

#include "base/ascii.h"
#include "base/mapped_file.h"
#include "base/str.h"
#include "catalog/entry.h"
#include "catalog/model_files.h"
#include "formats/checkpoint.h"
#include "formats/gguf/gguf_parts.h"
#include "formats/open_folder.h"

namespace hearth::catalog {

namespace fs = std::filesystem;

namespace {

constexpr int kMaxDepth = 4;          // publisher/repository/variant, and one more
constexpr int kMaxVisited = 100'000;  // a cache that is someone's whole disk still answers

bool begins_as_gguf(const fs::path& path) {
  const auto file = MappedFile::open(path.string());
  return file && (*file)->bytes().size() >= 4 &&
         std::string_view(reinterpret_cast<const char*>((*file)->bytes().data()), 4) == "GGUF";
}

bool is_gguf_name(const std::string& name) { return ascii_lower(name).ends_with(".gguf"); }

class Search {
 public:
  Search(std::string cache, const std::vector<std::string>& taken)
      : cache_(std::move(cache)), taken_(taken) {}

  std::vector<CachedModel> run() {
    visit(cache_, 0);
    std::sort(found_.begin(), found_.end(),
              [](const CachedModel& a, const CachedModel& b) { return a.alias < b.alias; });
    return std::move(found_);
  }

 private:
  static std::vector<fs::path> sorted(const fs::path& folder) {
    std::vector<fs::path> out;
    std::error_code failed;
    for (fs::directory_iterator at(folder, failed); !failed && at != fs::directory_iterator();
         at.increment(failed)) {
      if (!at->path().filename().string().starts_with('.')) out.push_back(at->path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  void visit(const fs::path& folder, int depth) {
    for (const fs::path& path : sorted(folder)) {
      if (++n_visited_ > kMaxVisited) return;
      std::error_code unknown;
      const std::string name = path.filename().string();
      if (fs::is_directory(path, unknown)) {
        if (!has_card(path.string())) visit_folder(path, depth + 1);
      } else if (is_gguf_name(name) && !is_companion(name) && fs::is_regular_file(path, unknown)) {
        add_gguf(path);
      }
    }
  }

  void visit_folder(const fs::path& folder, int depth) {
    if (formats::is_model_folder(folder.string())) return add_folder(folder);
    const std::size_t n_before = n_seen_;
    if (depth < kMaxDepth) visit(folder, depth);
    if (depth > 1 || n_seen_ > n_before) return;
    skip(folder,
         "it holds no model that this version reads: a .gguf file, or a config.json with "
         "safetensors");
  }

  void add_folder(const fs::path& folder) {
    const auto names = formats::model_folder_files(folder.string());
    if (!names) return skip(folder, names.error().message);
    std::vector<fs::path> paths;
    for (const std::string& name : *names) paths.push_back(folder / name);
    add(folder, alias_of_name(folder.filename().string()), paths);
  }

  void add_gguf(const fs::path& path) {
    const std::string name = path.filename().string();
    if (is_later_part(name)) return;
    const std::int64_t n_parts = n_parts_of_name(name);
    std::vector<fs::path> paths{path};
    if (n_parts > 1) {
      const auto names = formats::gguf_part_names(name, n_parts);
      if (!names) return skip(path, names.error().message);
      paths.clear();
      for (const std::string& part : *names) paths.push_back(path.parent_path() / part);
    }
    if (!begins_as_gguf(path)) {
      const auto opened = formats::open_checkpoint(path.string());
      return skip(path, opened ? "it is no GGUF file" : opened.error().message);
    }
    const bool says_nothing = ascii_lower(stem_of_name(name)) == "model";
    const fs::path folder = path.parent_path();
    add(path,
        says_nothing && folder != fs::path(cache_) ? alias_of_name(folder.filename().string())
                                                   : default_alias(name),
        paths);
  }

  void add(const fs::path& opens, const std::string& alias, const std::vector<fs::path>& paths) {
    ++n_seen_;
    CachedModel model{
        .alias = alias, .path = opens.string(), .sha256 = {}, .source = opens.string()};
    for (const fs::path& path : paths) {
      std::error_code failed;
      const auto bytes = fs::file_size(path, failed);
      if (failed) return skip(opens, cat(quote(path.filename().string(), 300), " is missing"));
      model.files.push_back({path.string(), bytes, ""});
      model.bytes += bytes;
    }
    if (!alias_problem(alias).empty()) return skip(opens, "its name makes no alias; rename it");
    const auto same = [&](const CachedModel& other) { return other.alias == alias; };
    if (std::binary_search(taken_.begin(), taken_.end(), alias) ||
        std::any_of(found_.begin(), found_.end(), same)) {
      return skip(opens, cat("another model has the alias ", quote(alias), "; rename it"));
    }
    found_.push_back(std::move(model));
  }

  void skip(const fs::path& path, std::string_view why) {
    ++n_seen_;
    warn_once(cat("skipped ", quote(path.string(), 300), " in the model cache: ", why));
  }

  std::string cache_;
  const std::vector<std::string>& taken_;
  std::vector<CachedModel> found_;
  std::size_t n_seen_ = 0;  // models, and what was skipped
  int n_visited_ = 0;
};

}  // namespace

std::vector<CachedModel> found_models(const std::string& cache,
                                      const std::vector<std::string>& taken) {
  return Search(cache, taken).run();
}

Result<void> remove_found(const std::string& cache, const CachedModel& model) {
  std::vector<std::string> paths{model.path};  // a folder goes with what lies beside the model
  for (const CachedFile& file : model.files) paths.push_back(file.path);
  for (const std::string& path : paths) {
    std::error_code failed;
    fs::remove_all(path, failed);
    if (failed) {
      return Error{ErrorKind::io, cat("cannot remove ", quote(path, 300), ": ", failed.message())};
    }
  }
  for (fs::path folder = fs::path(model.path).parent_path(); folder.string().size() > cache.size();
       folder = folder.parent_path()) {
    std::error_code failed;
    if (!fs::is_empty(folder, failed) || failed || !fs::remove(folder, failed)) break;
  }
  return {};
}

}  // namespace hearth::catalog
