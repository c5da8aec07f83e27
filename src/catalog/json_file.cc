#include "catalog/json_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/descriptor.h"
#include "base/mapped_file.h"
#include "base/str.h"
#include "base/strict_json.h"
#include "catalog/file_lock.h"

namespace hearth::catalog {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

// By way of a link in the path, as to a disk that is not mounted.
bool leads_nowhere(const fs::path& path) {
  std::error_code unknown;
  for (fs::path at = path; at != at.parent_path(); at = at.parent_path()) {
    if (fs::is_symlink(at, unknown) && !fs::exists(at, unknown)) return true;
  }
  return false;
}

Result<void> replace(const JsonFile& file, const std::string& text) {
  const std::string part = file.path + ".part";
  std::error_code failed;
  fs::remove(part, failed);  // of a change that was cut
  HEARTH_TRY(const Descriptor out, create_new(part));
  if (file.is_private && ::fchmod(out.get(), S_IRUSR | S_IWUSR) != 0) {
    return os_error("cannot protect", part);
  }
  HEARTH_TRY_VOID(write_all(out, std::as_bytes(std::span(text.data(), text.size())), part));
  HEARTH_TRY_VOID(sync_file(out, part));
  fs::rename(part, file.path, failed);
  if (!failed) return {};
  return Error{ErrorKind::io, cat("cannot write ", quote(file.path, 300), ": ", failed.message())};
}

}  // namespace

Result<std::optional<Json>> read_json_file(const std::string& path) {
  std::error_code failed;
  const fs::file_type type = fs::symlink_status(path, failed).type();
  if (type == fs::file_type::not_found && !leads_nowhere(path)) return std::optional<Json>();
  if (type == fs::file_type::none || type == fs::file_type::not_found) {
    return Error{ErrorKind::io, cat("cannot read ", quote(path, 300), ": ", failed.message())};
  }
  const auto file = MappedFile::open(path);
  if (!file) return Error{ErrorKind::io, file.error().message};
  const auto bytes = (*file)->bytes();
  HEARTH_TRY(Json json,
             parse_strict_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                               quote(path, 300)));
  return std::optional(std::move(json));
}

Result<void> change_json_file(const JsonFile& file, const Json& absent,
                              const std::function<Result<void>(Json&)>& change) {
  const std::string folder = fs::path(file.path).parent_path().string();
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) {
    return Error{ErrorKind::io,
                 cat("cannot create the folder ", quote(folder, 300), ": ", failed.message())};
  }
  HEARTH_TRY(const FileLock lock, FileLock::take(cat(folder, "/", file.lock)));
  HEARTH_TRY(std::optional<Json> read, read_json_file(file.path));
  Json json = read ? *std::move(read) : absent;
  HEARTH_TRY_VOID(change(json));
  return replace(file, json.dump(2) + "\n");
}

}  // namespace hearth::catalog
