// catalog.cc - the entries of the cache: read with suspicion, made and removed whole.
#include "catalog/catalog.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>

#include "base/ascii.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/copy_file.h"
#include "catalog/entry.h"
#include "catalog/file_lock.h"
#include "catalog/found_models.h"
#include "catalog/known_models.h"
#include "catalog/model_files.h"
#include "catalog/model_ids.h"
#include "catalog/settings.h"
#include "formats/checkpoint.h"
#include "formats/open_folder.h"

namespace hearth::catalog {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxAliasBytes = 64;

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

std::string default_alias(const std::string& file_name) {
  return alias_of_name(stem_of_name(fs::path(file_name).filename().string()));
}

namespace {

// "models/Phi-4-mini/" -> "phi-4-mini"
std::string alias_of_folder(const std::string& absolute_path) {
  return alias_of_name((fs::path(absolute_path) / "").parent_path().filename().string());
}

std::string absolute_path(const std::string& path) {
  std::error_code failed;
  const fs::path absolute = fs::absolute(path, failed);
  return failed ? path : absolute.lexically_normal().string();
}

// Aliases of all entries, damaged ones included, in order.
Result<std::vector<std::string>> entry_names(const std::string& cache) {
  std::error_code failed;
  std::vector<std::string> names;
  fs::directory_iterator at(cache, failed);
  if (failed == std::errc::no_such_file_or_directory) return names;
  for (; !failed && at != fs::directory_iterator(); at.increment(failed)) {
    std::string name = at->path().filename().string();
    if (name.starts_with('.') || !has_card(at->path().string())) continue;
    if (!alias_problem(name).empty()) {
      warn_once(cat("skipped ", quote(at->path().string(), 300), ": its name is no alias"));
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

// A cache that is searched for several names, and walked once at most.
class Look {
 public:
  explicit Look(std::string cache) : cache_(std::move(cache)) {}

  const std::string& cache() const { return cache_; }

  Result<const std::vector<std::string>*> names() {
    if (!names_) {
      HEARTH_TRY(names_, entry_names(cache_));
    }
    return &*names_;
  }

  // An entry, or what its user put there by hand. Errors: not_found, corrupt, io.
  Result<CachedModel> find(const std::string& alias) {
    auto entry = read_entry(cat(cache_, "/", alias), alias);
    if (entry || entry.error().kind != ErrorKind::not_found) return entry;
    if (!found_) {
      HEARTH_TRY(const auto* entries, names());
      found_ = found_models(cache_, *entries);
    }
    for (const CachedModel& model : *found_) {
      if (model.alias == alias) return model;
    }
    return entry;
  }

 private:
  std::string cache_;
  std::optional<std::vector<std::string>> names_;
  std::optional<std::vector<CachedModel>> found_;
};

Result<CachedModel> find_any(const std::string& alias) { return Look(cache_folder()).find(alias); }

Error no_such_model(std::string_view wanted, const std::string& cache,
                    const std::vector<std::string>& names) {
  std::vector<std::string_view> views(names.begin(), names.end());
  const auto known = known_models();
  if (known) {
    for (const KnownModel& model : *known) views.push_back(model.alias);
  }
  const std::string_view near = nearest(ascii_lower(wanted), views.data(), views.size());
  return {
      ErrorKind::not_found,
      cat("no model ", quote(wanted), " in ", cache,
          near.empty() ? std::string() : cat("; did you mean ", quote(near), "?"),
          " (hearth model list --cached shows what is there, hearth model import FILE adds one)")};
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
  model.alias = folder ? alias_of_folder(model.path) : default_alias(path);
  if (model.alias.empty()) model.alias = "model";
  model.bytes = folder ? folder_bytes(path) : fs::file_size(path, failed);
  if (failed) {
    return Error{ErrorKind::io, cat("cannot read ", quote(path, 300), ": ", failed.message())};
  }
  model.source = model.path;
  return model;
}

// The alias is used: fine when it is by the same model, else a conflict.
Result<CachedModel> already_there(const CachedModel& entry, const std::vector<std::string>& paths,
                                  const Progress& progress) {
  bool same = entry.files.size() == paths.size();
  for (std::size_t i = 0; same && i < paths.size(); ++i) {
    const CachedFile& file = entry.files[i];
    std::error_code failed;
    same = !file.sha256.empty() && fs::file_size(paths[i], failed) == file.bytes && !failed;
    if (!same) break;
    HEARTH_TRY(const FileDigest digest, hash_file(paths[i], progress));
    same = digest.sha256 == file.sha256;
  }
  if (same) return entry;
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

// Under the lock: the folder, with the model's files in it, becomes its entry.
Result<void> show(CachedModel& model, const std::string& folder) {
  sum_up(model, folder);
  std::error_code ignored;
  fs::remove(cat(folder, "/", kCard), ignored);  // of an attempt that was cut
  HEARTH_TRY_VOID(write_file(cat(folder, "/", kCard), card_text(model, folder)));
  HEARTH_TRY_VOID(sync_folder(folder));
  HEARTH_TRY_VOID(check_place(model.alias));
  HEARTH_TRY_VOID(delete_folder(entry_folder(model.alias)));  // a damaged one
  return rename_folder(folder, entry_folder(model.alias));
}

// Under the lock: makes the entry in its part folder, then shows it.
Result<CachedModel> make_entry(CachedModel model, const ModelFiles& from,
                               const Progress& progress) {
  const std::string part = part_folder(model.alias);
  HEARTH_TRY_VOID(delete_folder(part));  // what an interrupted import left
  std::uint64_t done = 0;
  const auto fill = [&]() -> Result<void> {
    for (const ModelFile& file : from.files) {
      const std::string to = cat(part, "/", file.name);
      HEARTH_TRY_VOID(make_folder(fs::path(to).parent_path().string()));
      HEARTH_TRY(const FileDigest digest,
                 copy_file(file.path, to, [&](std::uint64_t copied, std::uint64_t) {
                   if (progress) progress(done + copied, model.bytes);
                 }));
      done += digest.bytes;
      model.files.push_back({to, digest.bytes, digest.sha256});
    }
    model.path = from.opens.empty() ? part : cat(part, "/", from.opens);
    return show(model, part);
  };
  if (auto filled = fill(); !filled) {
    if (auto cleaned = delete_folder(part); !cleaned) log_warn(cleaned.error().message);
    return filled.error();
  }
  return read_entry(entry_folder(model.alias), model.alias);
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
    warn_once(cat("using the usual model cache: ", chosen.error().message));
  } else if (const std::string folder = to_text(*chosen); !folder.empty()) {
    return folder;
  }
  return hearth_folder() + "/models";
}

std::string packed_folder() { return cache_folder() + "/.packed"; }

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
  const std::string cache = cache_folder();
  HEARTH_TRY(const auto names, entry_names(cache));
  std::vector<CachedModel> models;
  for (const std::string& name : names) {
    auto model = read_entry(cat(cache, "/", name), name);
    if (model) {
      models.push_back(*std::move(model));
    } else if (model.error().kind != ErrorKind::not_found) {  // removed since: not damaged
      warn_once(model.error().message);
    }
  }
  for (CachedModel& model : found_models(cache, names)) models.push_back(std::move(model));
  std::sort(models.begin(), models.end(),
            [](const CachedModel& a, const CachedModel& b) { return a.alias < b.alias; });
  return models;
}

Result<CachedModel> resolve(std::string_view alias_or_path) {
  return resolve_in(cache_folder(), alias_or_path);
}

Result<CachedModel> resolve_in(const std::string& cache, std::string_view alias_or_path) {
  const std::string wanted(alias_or_path);
  if (wanted.empty() || wanted.find('\0') != std::string::npos) {
    return Error{ErrorKind::invalid, cat("expected a model's alias or path, not ", quote(wanted))};
  }
  Look look(cache);
  if (const std::string alias = ascii_lower(wanted); alias_problem(alias).empty()) {
    auto entry = look.find(alias);
    if (entry || entry.error().kind != ErrorKind::not_found) return entry;
  }
  std::error_code unknown;
  if (wanted.find('/') != std::string::npos || ascii_lower(wanted).ends_with(".gguf") ||
      fs::is_regular_file(wanted, unknown) || formats::is_model_folder(wanted)) {
    return from_path(wanted);
  }
  HEARTH_TRY(const std::string meant, alias_of(wanted));
  const std::string alias = ascii_lower(meant);
  if (alias_problem(alias).empty()) {
    auto entry = look.find(alias);
    if (entry || entry.error().kind != ErrorKind::not_found) return entry;
  }
  HEARTH_TRY(const auto known, find_known_model(meant));
  if (!known) {
    HEARTH_TRY(const auto* names, look.names());
    return no_such_model(wanted, cache, *names);
  }
  auto entry = look.find(known->alias);
  if (entry || entry.error().kind != ErrorKind::not_found) return entry;
  return Error{ErrorKind::not_found, cat("model ", quote(known->alias),
                                         " is in the catalogue, but not on this machine; "
                                         "bring it with: hearth model download ",
                                         known->alias)};
}

Result<CachedModel> find_cached(std::string_view alias) { return find_any(ascii_lower(alias)); }

std::string download_folder(std::string_view alias) {
  return cat(cache_folder(), "/.download-", alias);
}

Result<void> check_place(const std::string& alias) {
  const std::string folder = entry_folder(alias);
  std::error_code unknown;
  if (!fs::exists(folder, unknown) || has_card(folder)) return {};
  return Error{ErrorKind::conflict, cat(quote(folder, 300),
                                        " is in the way, and Hearth did not make it; choose "
                                        "another alias with --alias, or move it away")};
}

Result<void> make_cache_folder(const std::string& path) { return make_folder(path); }

Result<CachedModel> adopt_folder(const std::string& folder, CachedModel model) {
  HEARTH_TRY_VOID(formats::open_checkpoint(model.path));
  std::vector<std::string> paths;
  for (CachedFile& file : model.files) {
    paths.push_back(file.path);
    if (!file.sha256.empty()) continue;
    HEARTH_TRY(const FileDigest digest, hash_file(file.path, {}));
    file.sha256 = digest.sha256;
  }
  HEARTH_TRY(const FileLock lock, FileLock::take(cache_folder() + "/.lock"));
  const auto entry = find_any(model.alias);
  if (entry) return already_there(*entry, paths, {});
  HEARTH_TRY_VOID(show(model, folder));
  return read_entry(entry_folder(model.alias), model.alias);
}

Result<void> verify_model(const CachedModel& model,
                          const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  std::uint64_t done = 0;
  for (const CachedFile& file : model.files) {
    if (file.sha256.empty()) continue;
    HEARTH_TRY(const FileDigest digest,
               hash_file(file.path, [&](std::uint64_t read, std::uint64_t) {
                 if (progress) progress(done + read, model.bytes);
               }));
    done += digest.bytes;
    if (digest.sha256 == file.sha256) continue;
    return damaged(model.alias,
                   cat("the SHA-256 of ", fs::path(file.path).filename().string(), " is ",
                       digest.sha256, ", not ", file.sha256, " as when it came"));
  }
  const auto opened = formats::open_checkpoint(model.path);
  return opened ? Result<void>() : damaged(model.alias, opened.error().message);
}

Result<CachedModel> import_model(
    const std::string& path, std::string_view alias,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  HEARTH_TRY(CachedModel model, from_path(path));
  if (!alias.empty()) model.alias = std::string(alias);
  if (const std::string problem = alias_problem(model.alias); !problem.empty()) {
    return Error{ErrorKind::invalid, problem};
  }
  HEARTH_TRY(const ModelFiles files, model_files(path));
  std::vector<std::string> paths;
  model.bytes = 0;
  for (const ModelFile& file : files.files) {
    std::error_code unknown;
    model.bytes += fs::file_size(file.path, unknown);
    paths.push_back(file.path);
  }
  model.imported_at = std::time(nullptr);

  HEARTH_TRY_VOID(make_folder(cache_folder()));
  HEARTH_TRY(const FileLock lock, FileLock::take(cache_folder() + "/.lock"));
  const auto entry = find_any(model.alias);
  if (entry) return already_there(*entry, paths, progress);
  if (entry.error().kind == ErrorKind::corrupt) {
    log_warn(cat("replacing a damaged entry: ", entry.error().message));
  }
  HEARTH_TRY_VOID(check_place(model.alias));
  return make_entry(std::move(model), files, progress);
}

Result<void> remove_model(std::string_view alias) {
  const std::string name = ascii_lower(alias), cache = cache_folder();
  HEARTH_TRY(const auto names, entry_names(cache));
  std::error_code unknown;
  const bool has_download =
      alias_problem(name).empty() && fs::exists(download_folder(name), unknown);
  if (has_download) HEARTH_TRY_VOID(delete_folder(download_folder(name)));
  if (!std::binary_search(names.begin(), names.end(), name)) {
    for (const CachedModel& model : found_models(cache, names)) {
      if (model.alias == name) return remove_found(cache, model);
    }
    return has_download ? Result<void>() : no_such_model(alias, cache, names);
  }
  HEARTH_TRY(const FileLock lock, FileLock::take(cache_folder() + "/.lock"));
  if (!fs::exists(entry_folder(name), unknown))
    return no_such_model(alias, cache, {});  // another was faster
  const std::string part = part_folder(name);
  HEARTH_TRY_VOID(delete_folder(part));
  HEARTH_TRY_VOID(rename_folder(entry_folder(name), part));
  return delete_folder(part);
}

}  // namespace hearth::catalog
