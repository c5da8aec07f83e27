// catalog.cc - the entries of the cache: read with suspicion, made and removed whole.
#include "catalog/catalog.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/ascii.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/str.h"
#include "catalog/copy_file.h"
#include "catalog/file_lock.h"
#include "catalog/known_models.h"
#include "catalog/settings.h"
#include "formats/checkpoint.h"
#include "formats/gguf/gguf_parts.h"
#include "formats/open_folder.h"

namespace hearth::catalog {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kCard = "hearth.json";
constexpr std::string_view kModelFile = "model.gguf";
constexpr std::size_t kMaxAliasBytes = 64;
constexpr std::size_t kMaxCardBytes = 64 * 1024;

bool starts_alias(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool continues_alias(char c) { return starts_alias(c) || c == '.' || c == '_' || c == '-'; }

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

std::string user_home() {
  if (std::string home = environment("HOME"); !home.empty()) return home;
  const passwd* user = ::getpwuid(::getuid());
  return user == nullptr ? std::string("/tmp") : std::string(user->pw_dir);
}

namespace {

// "SmolLM2-135M-Instruct.Q4_1.gguf" -> "smollm2-135m-instruct.q4_1"; what an alias cannot hold
// becomes '-'.
std::string alias_of_name(const std::string& name) {
  std::string alias = ascii_lower(name);
  for (char& c : alias) {
    if (!continues_alias(c)) c = '-';
  }
  const auto first = std::find_if(alias.begin(), alias.end(), starts_alias);
  alias.erase(alias.begin(), first);
  if (alias.size() > kMaxAliasBytes) alias.resize(kMaxAliasBytes);
  return alias;
}

std::string alias_of_file(const std::string& path) {
  return alias_of_name(fs::path(path).stem().string());
}

// "models/Phi-4-mini/" -> "phi-4-mini"
std::string alias_of_folder(const std::string& absolute_path) {
  return alias_of_name((fs::path(absolute_path) / "").parent_path().filename().string());
}

std::string absolute_path(const std::string& path) {
  std::error_code failed;
  const fs::path absolute = fs::absolute(path, failed);
  return failed ? path : absolute.lexically_normal().string();
}

Error damaged(std::string_view alias, std::string_view why) {
  return {ErrorKind::corrupt, cat("the cached model ", quote(alias), " is damaged: ", why,
                                  "; remove it with: hearth model remove ", alias)};
}

template <class T>
bool read_field(const nlohmann::json& card, const char* key, T& out) {
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

// What a folder of the cache holds, checked against the file beside the card. Errors: not_found (no
// such entry), corrupt.
Result<CachedModel> read_entry(const std::string& folder, const std::string& alias) {
  std::error_code failed;
  if (!fs::exists(folder, failed)) {
    return Error{ErrorKind::not_found, cat("no model ", quote(alias), " in the cache")};
  }
  const auto file = MappedFile::open(cat(folder, "/", kCard));
  if (!file) return damaged(alias, file.error().message);
  const auto bytes = (*file)->bytes();
  if (bytes.size() > kMaxCardBytes) return damaged(alias, cat(kCard, " is too large"));
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const auto card = nlohmann::json::parse(text, text + bytes.size(), nullptr, false);
  if (!card.is_object()) return damaged(alias, cat(kCard, " is not a JSON object"));

  CachedModel model;
  std::string file_name;
  if (!read_field(card, "alias", model.alias) || !read_field(card, "file", file_name) ||
      !read_field(card, "bytes", model.bytes) || !read_field(card, "sha256", model.sha256) ||
      !read_field(card, "source", model.source) ||
      !read_field(card, "imported_at", model.imported_at)) {
    return damaged(alias,
                   cat(kCard, " lacks one of alias, file, bytes, sha256, source, imported_at"));
  }
  if (model.alias != alias) {
    return damaged(alias, cat(kCard, " is about ", quote(model.alias)));
  }
  if (file_name != kModelFile) {
    return damaged(alias, cat(kCard, " names the file ", quote(file_name), ", not ", kModelFile));
  }
  model.path = cat(folder, "/", file_name);
  const auto size = fs::file_size(model.path, failed);
  if (failed) return damaged(alias, cat(file_name, " is missing"));
  if (size != model.bytes) {
    return damaged(alias,
                   cat(file_name, " has ", std::uint64_t{size}, " bytes, not ", model.bytes));
  }
  return model;
}

std::string entry_folder(std::string_view alias) { return cat(cache_folder(), "/", alias); }

// Aliases of all entries, damaged ones included, in order.
Result<std::vector<std::string>> entry_names() {
  const std::string cache = cache_folder();
  std::error_code failed;
  std::vector<std::string> names;
  fs::directory_iterator at(cache, failed);
  if (failed == std::errc::no_such_file_or_directory) return names;
  for (; !failed && at != fs::directory_iterator(); at.increment(failed)) {
    std::error_code unknown;
    std::string name = at->path().filename().string();
    if (name.starts_with('.') || !at->is_directory(unknown)) continue;
    if (!alias_problem(name).empty()) {
      log_warn(cat("skipped ", quote(at->path().string(), 300), ": its name is no alias"));
      continue;
    }
    names.push_back(std::move(name));
  }
  if (failed) {
    return Error{ErrorKind::io,
                 cat("cannot read the model cache ", quote(cache, 300), ": ", failed.message())};
  }
  std::sort(names.begin(), names.end());
  return names;
}

Error no_such_model(std::string_view wanted, const std::vector<std::string>& names) {
  std::vector<std::string_view> views(names.begin(), names.end());
  const auto known = known_models();
  if (known) {
    for (const KnownModel& model : *known) views.push_back(model.alias);
  }
  const std::string_view near = nearest(ascii_lower(wanted), views.data(), views.size());
  return {ErrorKind::not_found,
          cat("no model ", quote(wanted), " in ", cache_folder(),
              near.empty() ? std::string() : cat("; did you mean ", quote(near), "?"),
              " (hearth model list shows what is there, hearth model import FILE adds one)")};
}

// Of all files directly in a folder; what cannot be read counts nothing.
std::uint64_t folder_bytes(const std::string& path) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  fs::directory_iterator at(path, failed);
  for (; !failed && at != fs::directory_iterator(); at.increment(failed)) {
    std::error_code unknown;
    const auto size = at->file_size(unknown);
    if (!unknown) bytes += size;
  }
  return bytes;
}

// A model file, or a Hugging Face folder.
Result<CachedModel> from_path(const std::string& path) {
  std::error_code failed;
  const auto status = fs::status(path, failed);
  if (!fs::exists(status)) {
    return Error{ErrorKind::not_found, cat("no model file ", quote(path, 300))};
  }
  const bool folder = formats::is_model_folder(path);
  if (!fs::is_regular_file(status) && !folder) {
    return Error{ErrorKind::invalid,
                 cat(quote(path, 300),
                     " is neither a regular file nor a folder with a config.json; "
                     "expected a model file (.gguf), a Hugging Face folder, or "
                     "an alias of hearth model list")};
  }
  CachedModel model;
  model.path = absolute_path(path);
  model.alias = folder ? alias_of_folder(model.path) : alias_of_file(path);
  if (model.alias.empty()) model.alias = "model";
  model.bytes = folder ? folder_bytes(path) : fs::file_size(path, failed);
  if (failed) {
    return Error{ErrorKind::io, cat("cannot read ", quote(path, 300), ": ", failed.message())};
  }
  model.source = model.path;
  return model;
}

std::string card_text(const CachedModel& model) {
  nlohmann::ordered_json card;
  card["alias"] = model.alias;
  card["file"] = kModelFile;
  card["bytes"] = model.bytes;
  card["sha256"] = model.sha256;
  card["source"] = model.source;
  card["imported_at"] = model.imported_at;
  // A path may be any bytes; JSON holds text.
  return card.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

// Refuses what is no model before gigabytes are copied.
Result<void> check_importable(const std::string& path) {
  HEARTH_TRY(const auto opened, formats::open_checkpoint(path));
  const auto parts = formats::n_gguf_parts(*opened);
  if (opened->format == "gguf" && parts && *parts <= 1) return {};
  return Error{ErrorKind::unsupported,
               cat(quote(path, 300),
                   " is a model in several files; the cache holds GGUF models of "
                   "one file. Make one with: hearth model convert")};
}

// The entry exists: fine when it is the same file, else a conflict.
Result<CachedModel> already_there(const CachedModel& entry, const std::string& path,
                                  const Progress& progress) {
  std::error_code failed;
  if (fs::file_size(path, failed) == entry.bytes && !failed) {
    HEARTH_TRY(const FileDigest digest, hash_file(path, progress));
    if (digest.sha256 == entry.sha256) return entry;
  }
  return Error{ErrorKind::conflict,
               cat("the alias ", quote(entry.alias), " is taken by another file, imported from ",
                   quote(entry.source, 300),
                   "; choose another with --alias, or remove it with: "
                   "hearth model remove ",
                   entry.alias)};
}

Result<void> make_folder(const std::string& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (!failed) return {};
  return Error{ErrorKind::io,
               cat("cannot create the folder ", quote(path, 300), ": ", failed.message())};
}

Result<void> delete_folder(const std::string& path) {
  std::error_code failed;
  fs::remove_all(path, failed);
  if (!failed) return {};
  return Error{ErrorKind::io, cat("cannot remove ", quote(path, 300), ": ", failed.message())};
}

Result<void> rename_folder(const std::string& from, const std::string& to) {
  std::error_code failed;
  fs::rename(from, to, failed);
  if (!failed) return sync_folder(cache_folder());
  return Error{ErrorKind::io, cat("cannot rename ", quote(from, 300), " to ", quote(to, 300), ": ",
                                  failed.message())};
}

std::string part_folder(std::string_view alias) { return cat(cache_folder(), "/.part-", alias); }

// Under the lock: makes the entry in its part folder, then shows it.
Result<CachedModel> make_entry(CachedModel model, const std::string& from,
                               const Progress& progress) {
  const std::string part = part_folder(model.alias);
  HEARTH_TRY_VOID(delete_folder(part));  // what an interrupted import left
  HEARTH_TRY_VOID(make_folder(part));
  const auto fill = [&]() -> Result<void> {
    HEARTH_TRY(const FileDigest digest, copy_file(from, cat(part, "/", kModelFile), progress));
    model.bytes = digest.bytes;
    model.sha256 = digest.sha256;
    HEARTH_TRY_VOID(write_file(cat(part, "/", kCard), card_text(model)));
    HEARTH_TRY_VOID(sync_folder(part));
    HEARTH_TRY_VOID(
        delete_folder(entry_folder(model.alias)));  // a damaged one; a whole one: conflict
    return rename_folder(part, entry_folder(model.alias));
  };
  if (auto filled = fill(); !filled) {
    if (auto cleaned = delete_folder(part); !cleaned) log_warn(cleaned.error().message);
    return filled.error();
  }
  model.path = cat(entry_folder(model.alias), "/", kModelFile);
  return model;
}

}  // namespace

std::string hearth_folder() {
  if (const std::string home = environment("HEARTH_HOME"); !home.empty()) {
    return absolute_path(home);
  }
  if (const std::string cache = environment("XDG_CACHE_HOME"); cache.starts_with('/')) {
    return cache + "/hearth";  // the XDG specification: a relative path is to be ignored
  }
  return user_home() + "/.cache/hearth";
}

std::string cache_folder() {
  const auto chosen = get_setting("cache.directory");
  if (!chosen) {
    log_warn(cat("using the usual model cache: ", chosen.error().message));
  } else if (const std::string folder = to_text(*chosen); !folder.empty()) {
    return folder;
  }
  return hearth_folder() + "/models";
}

std::string alias_problem(std::string_view alias) {
  if (!alias.empty() && alias.size() <= kMaxAliasBytes && starts_alias(alias.front()) &&
      std::all_of(alias.begin(), alias.end(), continues_alias)) {
    return {};
  }
  return cat("an alias has 1 to ", kMaxAliasBytes,
             " characters of a-z 0-9 . _ - and begins with a letter or digit; this is ",
             quote(alias));
}

Result<std::vector<CachedModel>> list_models() {
  HEARTH_TRY(const auto names, entry_names());
  std::vector<CachedModel> models;
  for (const std::string& name : names) {
    auto model = read_entry(entry_folder(name), name);
    if (model) {
      models.push_back(*std::move(model));
    } else if (model.error().kind != ErrorKind::not_found) {  // removed since: not damaged
      log_warn(model.error().message);
    }
  }
  return models;
}

Result<CachedModel> resolve(std::string_view alias_or_path) {
  const std::string wanted(alias_or_path);
  if (wanted.empty() || wanted.find('\0') != std::string::npos) {
    return Error{ErrorKind::invalid, cat("expected a model's alias or path, not ", quote(wanted))};
  }
  if (const std::string alias = ascii_lower(wanted); alias_problem(alias).empty()) {
    auto entry = read_entry(entry_folder(alias), alias);
    if (entry || entry.error().kind != ErrorKind::not_found) return entry;
  }
  std::error_code unknown;
  if (wanted.find('/') != std::string::npos || ascii_lower(wanted).ends_with(".gguf") ||
      fs::is_regular_file(wanted, unknown) || formats::is_model_folder(wanted)) {
    return from_path(wanted);
  }
  HEARTH_TRY(const auto known, find_known_model(wanted));
  HEARTH_TRY(const auto names, entry_names());
  if (!known) return no_such_model(wanted, names);
  auto entry = read_entry(entry_folder(known->alias), known->alias);
  if (entry || entry.error().kind != ErrorKind::not_found) return entry;
  return Error{ErrorKind::not_found, cat("model ", quote(known->alias),
                                         " is in the catalogue, but not on this machine; "
                                         "bring it with: hearth model download ",
                                         known->alias)};
}

Result<CachedModel> find_cached(std::string_view alias) {
  const std::string name = ascii_lower(alias);
  return read_entry(entry_folder(name), name);
}

std::string default_alias(const std::string& file_name) { return alias_of_file(file_name); }

std::string download_folder(std::string_view alias) {
  return cat(cache_folder(), "/.download-", alias);
}

Result<void> make_cache_folder(const std::string& path) { return make_folder(path); }

Result<CachedModel> adopt_folder(const std::string& folder, CachedModel model) {
  const std::string file = cat(folder, "/", kModelFile);
  HEARTH_TRY_VOID(check_importable(file));
  if (model.sha256.empty()) {
    HEARTH_TRY(const FileDigest digest, hash_file(file, {}));
    model.sha256 = digest.sha256;
  }
  HEARTH_TRY(const FileLock lock, FileLock::take(cache_folder() + "/.lock"));
  const auto entry = read_entry(entry_folder(model.alias), model.alias);
  if (entry) return already_there(*entry, file, {});
  std::error_code ignored;
  fs::remove(cat(folder, "/", kCard), ignored);  // of an attempt that was cut
  HEARTH_TRY_VOID(write_file(cat(folder, "/", kCard), card_text(model)));
  HEARTH_TRY_VOID(sync_folder(folder));
  HEARTH_TRY_VOID(delete_folder(entry_folder(model.alias)));  // a damaged one
  HEARTH_TRY_VOID(rename_folder(folder, entry_folder(model.alias)));
  model.path = cat(entry_folder(model.alias), "/", kModelFile);
  return model;
}

Result<void> verify_model(const CachedModel& model,
                          const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  HEARTH_TRY(const FileDigest digest, hash_file(model.path, progress));
  if (digest.sha256 == model.sha256) return {};
  return damaged(model.alias,
                 cat("its SHA-256 is ", digest.sha256, ", not ", model.sha256, " as when it came"));
}

Result<CachedModel> import_file(const std::string& path, std::string_view alias,
                                const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  HEARTH_TRY(CachedModel model, from_path(path));
  model.alias = alias.empty() ? alias_of_file(path) : std::string(alias);
  if (const std::string problem = alias_problem(model.alias); !problem.empty()) {
    return Error{ErrorKind::invalid, problem};
  }
  HEARTH_TRY_VOID(check_importable(path));
  model.imported_at = std::time(nullptr);

  HEARTH_TRY_VOID(make_folder(cache_folder()));
  HEARTH_TRY(const FileLock lock, FileLock::take(cache_folder() + "/.lock"));
  const auto entry = read_entry(entry_folder(model.alias), model.alias);
  if (entry) return already_there(*entry, path, progress);
  if (entry.error().kind == ErrorKind::corrupt) {
    log_warn(cat("replacing a damaged entry: ", entry.error().message));
  }
  return make_entry(std::move(model), path, progress);
}

Result<void> remove_model(std::string_view alias) {
  const std::string name = ascii_lower(alias);
  HEARTH_TRY(const auto names, entry_names());
  std::error_code unknown;
  const bool has_download =
      alias_problem(name).empty() && fs::exists(download_folder(name), unknown);
  if (has_download) HEARTH_TRY_VOID(delete_folder(download_folder(name)));
  if (!std::binary_search(names.begin(), names.end(), name)) {
    return has_download ? Result<void>() : no_such_model(alias, names);
  }
  HEARTH_TRY(const FileLock lock, FileLock::take(cache_folder() + "/.lock"));
  if (!fs::exists(entry_folder(name), unknown))
    return no_such_model(alias, {});  // another was faster
  const std::string part = part_folder(name);
  HEARTH_TRY_VOID(delete_folder(part));
  HEARTH_TRY_VOID(rename_folder(entry_folder(name), part));
  return delete_folder(part);
}

}  // namespace hearth::catalog
