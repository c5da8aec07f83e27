// catalog.h - which models exist, where they are on disk, how they get there.
//
// The cache is a folder: the setting cache.directory, else $HEARTH_HOME/models, else
// $XDG_CACHE_HOME/hearth/models, else ~/.cache/hearth/models. A model is a folder in it, named by
// its alias (entry.h):
//   <alias>/hearth.json    its card: what there is, how large, with which hashes, where from
//   <alias>/model.gguf     or model-00001-of-00002.gguf, …, or the files of a Hugging Face folder
// What a user puts into the cache by hand is a model, too (found_models.h). A model appears only
// when it is whole: it is made in a folder .part-<alias> and renamed; no alias begins with a dot.
//
// Threads and processes: reading needs no lock, because entries appear and vanish by rename.
// Importing and removing take turns by an flock on .lock, which the kernel drops when a process
// dies.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::catalog {

struct CachedFile {
  std::string path;  // absolute
  std::uint64_t bytes = 0;
  std::string sha256;  // hex; "" when nobody knows: it was put there by hand
};

struct CachedModel {
  std::string alias;
  std::string path;         // of what is opened, absolute: a file, the first of several, a folder
  std::uint64_t bytes = 0;  // of all files
  std::string sha256;       // hex; of several files: of their list, as sha256sum writes it
  std::string source;       // where it was imported from, for people
  std::int64_t imported_at = 0;        // seconds since 1970, UTC; 0: it was put there by hand
  std::vector<CachedFile> files = {};  // none: it is not in the cache, but was named by its path
};

std::string cache_folder();
// In it: where packed weights are kept (engine/packed_file.h).
std::string packed_folder();
// Where what belongs to this user lies beside the cache: $HEARTH_HOME, else
// $XDG_CACHE_HOME/hearth, else ~/.cache/hearth.
std::string hearth_folder();
std::string user_home();

// "" when it may name a model, else what is wrong with it.
std::string alias_problem(std::string_view alias);

// All whole models, by alias. A damaged entry is skipped with a warning that names it, logged
// once by a process.
Result<std::vector<CachedModel>> list_models();

// An alias, another name of the catalogue, an id (model_ids.h), in any case, or a path (it has a
// '/' or ends in .gguf or names an existing file). Errors: not_found, with the nearest alias and
// how to get a model.
Result<CachedModel> resolve(std::string_view alias_or_path);
// The same in another folder than cache_folder().
Result<CachedModel> resolve_in(const std::string& cache, std::string_view alias_or_path);

// The model of this alias in the cache. Errors: not_found, corrupt.
Result<CachedModel> find_cached(std::string_view alias);

// "SmolLM2 Instruct" -> "smollm2-instruct": what an alias cannot hold becomes '-'.
std::string alias_of_name(const std::string& name);
// The alias that a file gets when nobody chooses one; "" when its name has no letter or digit.
std::string default_alias(const std::string& file_name);

// Copies (or reflinks) a model into the cache under the alias (default: the file's or the folder's
// name, lower case): a GGUF file, all parts of the split one that `path` is a part of, or a Hugging
// Face folder. It must be a model Hearth can open. progress(done, total) may be empty. Errors:
// conflict (the alias is taken by another file), corrupt, not_found, io, invalid (an alias is
// [a-z0-9][a-z0-9._-]*, at most 64 characters). Importing the same file again is no error.
Result<CachedModel> import_model(
    const std::string& path, std::string_view alias,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

// ---- for downloads (download.h) ----
// Where the parts of an alias lie until they are whole.
std::string download_folder(std::string_view alias);
Result<void> make_cache_folder(const std::string& path);
// Whether an entry of this alias may appear: what has no card is its user's, and stays. Errors:
// conflict.
Result<void> check_place(const std::string& alias);
// Shows a folder that holds model.files as the entry of model.alias; a hash that lacks is computed.
// model.path: of what is opened, in the folder. Errors: conflict, corrupt (it is no model Hearth
// can open), io.
Result<CachedModel> adopt_folder(const std::string& folder, CachedModel model);

// Hashes a cached model's files; of one that was put there by hand it can only be told whether it
// can be opened. Errors: corrupt, when it is not what was brought; io.
Result<void> verify_model(const CachedModel& model,
                          const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

// Removes a model (also a damaged one, and what was downloaded of one) from the cache, by its alias
// in any case. A program that has
// it open keeps its file. Errors: not_found, io.
Result<void> remove_model(std::string_view alias);

}  // namespace hearth::catalog
