#include "catalog/entry.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "base/log.h"
#include "base/mapped_file.h"
#include "base/str.h"
#include "catalog/sha256.h"

namespace hearth::catalog {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxCardBytes = std::size_t{1} << 20;
constexpr std::string_view kWholeFolder = ".";

template <class T>
bool read_field(const Json& card, const char* key, T& out) {
  const auto at = card.find(key);
  if (at == card.end()) return false;
  if constexpr (std::is_same_v<T, std::string>) {
    if (!at->is_string()) return false;
  } else if constexpr (std::is_unsigned_v<T>) {
    if (!at->is_number_unsigned()) return false;
  } else {
    if (!at->is_number_integer()) return false;
  }
  out = at->get<T>();
  return true;
}

// A relative path of plain names: nothing hidden, nothing outside.
bool is_entry_name(std::string_view name) {
  if (name.empty() || name.size() > 300 || name.find('\0') != name.npos) return false;
  while (true) {
    const std::size_t end = std::min(name.find('/'), name.size());
    if (end == 0 || name.front() == '.') return false;
    if (end == name.size()) return true;
    name.remove_prefix(end + 1);
    if (name.empty()) return false;
  }
}

bool read_files(const Json& card, const std::string& folder, std::vector<CachedFile>& out) {
  const auto at = card.find("files");
  if (at == card.end() || !at->is_array()) return false;
  for (const Json& object : *at) {
    std::string name;
    CachedFile file;
    if (!object.is_object() || !read_field(object, "name", name) || !is_entry_name(name) ||
        !read_field(object, "bytes", file.bytes) || !read_field(object, "sha256", file.sha256)) {
      return false;
    }
    file.path = cat(folder, "/", name);
    out.push_back(std::move(file));
  }
  return !out.empty();
}

std::string name_in(const std::string& folder, const CachedFile& file) {
  return file.path.substr(folder.size() + 1);
}

Result<Json> read_card(const std::string& folder, const std::string& alias) {
  const auto file = MappedFile::open(cat(folder, "/", kCard));
  if (!file) return damaged(alias, file.error().message);
  const auto bytes = (*file)->bytes();
  if (bytes.size() > kMaxCardBytes) return damaged(alias, cat(kCard, " is too large"));
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  Json card = Json::parse(text, text + bytes.size(), nullptr, false);
  if (!card.is_object()) return damaged(alias, cat(kCard, " is not a JSON object"));
  return card;
}

Result<void> check_files(const CachedModel& model, const std::string& folder) {
  std::uint64_t total = 0;
  for (const CachedFile& file : model.files) {
    std::error_code failed;
    const auto size = fs::file_size(file.path, failed);
    if (failed) return damaged(model.alias, cat(name_in(folder, file), " is missing"));
    if (size != file.bytes) {
      return damaged(model.alias, cat(name_in(folder, file), " has ", std::uint64_t{size},
                                      " bytes, not ", file.bytes));
    }
    total += size;
  }
  if (total == model.bytes) return {};
  return damaged(model.alias, cat("its files have ", total, " bytes, not ", model.bytes));
}

}  // namespace

void warn_once(const std::string& text) {
  static std::mutex mutex;
  static std::set<std::string> told;
  const std::lock_guard lock(mutex);
  if (told.insert(text).second) log_warn(text);
}

Error damaged(std::string_view alias, std::string_view why) {
  return {ErrorKind::corrupt, cat("the cached model ", quote(alias), " is damaged: ", why,
                                  "; remove it with: hearth model remove ", alias)};
}

std::string entry_folder(std::string_view alias) { return cat(cache_folder(), "/", alias); }

bool has_card(const std::string& folder) {
  std::error_code failed;
  return fs::exists(cat(folder, "/", kCard), failed);
}

Result<CachedModel> read_entry(const std::string& folder, const std::string& alias) {
  if (!has_card(folder)) {
    return Error{ErrorKind::not_found, cat("no model ", quote(alias), " in the cache")};
  }
  HEARTH_TRY(const Json card, read_card(folder, alias));
  CachedModel model;
  std::string opens;
  if (!read_field(card, "alias", model.alias) || !read_field(card, "file", opens) ||
      !read_field(card, "bytes", model.bytes) || !read_field(card, "sha256", model.sha256) ||
      !read_field(card, "source", model.source) ||
      !read_field(card, "imported_at", model.imported_at)) {
    return damaged(alias,
                   cat(kCard, " lacks one of alias, file, bytes, sha256, source, imported_at"));
  }
  if (model.alias != alias) return damaged(alias, cat(kCard, " is about ", quote(model.alias)));
  const bool whole_folder = opens == kWholeFolder;
  if (!whole_folder && !is_entry_name(opens)) {
    return damaged(alias, cat(kCard, " names the file ", quote(opens)));
  }
  model.path = whole_folder ? folder : cat(folder, "/", opens);
  if (!card.contains("files") && !whole_folder) {
    model.files = {{model.path, model.bytes, model.sha256}};
  } else if (!read_files(card, folder, model.files)) {
    return damaged(alias, cat(kCard, " lists no files, or wrongly"));
  }
  const auto is_opened = [&](const CachedFile& file) { return file.path == model.path; };
  if (!whole_folder && std::none_of(model.files.begin(), model.files.end(), is_opened)) {
    return damaged(alias, cat(kCard, " opens ", quote(opens), ", which is none of its files"));
  }
  HEARTH_TRY_VOID(check_files(model, folder));
  return model;
}

std::string card_text(const CachedModel& model, const std::string& folder) {
  Json card;
  card["alias"] = model.alias;
  card["file"] = model.path == folder ? kWholeFolder : model.path.substr(folder.size() + 1);
  card["bytes"] = model.bytes;
  card["sha256"] = model.sha256;
  card["source"] = model.source;
  card["imported_at"] = model.imported_at;
  if (model.files.size() > 1) {
    Json& files = card["files"] = Json::array();
    for (const CachedFile& file : model.files) {
      files.push_back(
          Json{{"name", name_in(folder, file)}, {"bytes", file.bytes}, {"sha256", file.sha256}});
    }
  }
  // A path may be any bytes; JSON holds text.
  return card.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void sum_up(CachedModel& model, const std::string& folder) {
  model.bytes = 0;
  std::string list;
  for (const CachedFile& file : model.files) {
    model.bytes += file.bytes;
    list += cat(file.sha256, "  ", name_in(folder, file), "\n");
  }
  model.sha256 = model.files.front().sha256;
  if (model.files.size() == 1) return;
  Sha256 hash;
  hash.update(std::as_bytes(std::span(list.data(), list.size())));
  model.sha256 = hash.finish();
}

}  // namespace hearth::catalog
