#include "base/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/str.h"

namespace hearth {

namespace {

namespace fs = std::filesystem;

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Error os_error(std::string_view what, const std::string& path) {
  const int code = errno;
  return {code == ENOENT   ? ErrorKind::not_found
          : code == EEXIST ? ErrorKind::conflict
                           : ErrorKind::io,
          cat("cannot ", what, " ", quote(path, 300), ": ", std::strerror(code))};
}

Result<Descriptor> create_new(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file.get() < 0) return os_error("create", path);
  return file;
}

Result<void> write_all(const Descriptor& file, std::span<const std::byte> bytes,
                       const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("write", path);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> write_at(const Descriptor& file, std::span<const std::byte> bytes, std::uint64_t at,
                      const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("write", path);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<void> sync_file(const Descriptor& file, const std::string& path) {
  if (::fsync(file.get()) != 0) return os_error("write", path);
  return {};
}

Result<void> sync_folder(const std::string& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) return os_error("open", path);
  // Some file systems cannot sync a folder (EINVAL); there, nothing more can be done.
  if (::fsync(folder.get()) != 0 && errno != EINVAL) return os_error("write", path);
  return {};
}

Result<void> check_room(const std::string& folder, std::uint64_t bytes) {
  std::error_code failed;
  const fs::space_info room = fs::space(folder.empty() ? "." : folder, failed);
  if (failed || room.available >= bytes) return {};  // an unknown size: the write itself will tell
  return Error{ErrorKind::too_large,
               cat("no room for ", human_bytes(bytes), ": the disk of ", quote(folder, 300),
                   " has ", human_bytes(room.available), " free; free some, or use another disk")};
}

Result<NewFile> NewFile::create(const std::string& path) {
  std::error_code unknown;
  if (fs::exists(path, unknown)) {
    return Error{ErrorKind::conflict,
                 cat(quote(path, 300), " exists already; remove it, or choose another name")};
  }
  auto file = create_new(path + ".part");
  if (file) return NewFile(path, *std::move(file));
  if (file.error().kind != ErrorKind::conflict) return file.error();
  return Error{ErrorKind::conflict, cat(quote(path + ".part", 300),
                                        " exists: another program is writing it, or one "
                                        "was interrupted; if none is, remove it")};
}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), file_(std::move(other.file_)), size_(other.size_) {}

NewFile::~NewFile() {
  if (!path_.empty()) ::unlink(part().c_str());
}

std::string NewFile::part() const { return path_ + ".part"; }

Result<void> NewFile::write(std::span<const std::byte> bytes) {
  HEARTH_TRY_VOID(write_all(file_, bytes, part()));
  size_ += bytes.size();
  return {};
}

Result<void> NewFile::commit() {
  HEARTH_TRY_VOID(sync_file(file_, part()));
  if (::rename(part().c_str(), path_.c_str()) != 0) return os_error("rename to", path_);
  const std::string folder = folder_of(std::exchange(path_, {}));
  return sync_folder(folder);
}

}  // namespace hearth
