// copy_file.cc - FICLONE first; else one pass that reads, hashes and writes.
#include "catalog/copy_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/str.h"
#include "catalog/sha256.h"

namespace hearth::catalog {

namespace {

// 1 MiB: large enough that system calls do not count, small enough for the second-level cache,
// where the hash and the write find what the read brought.
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Error os_error(std::string_view what, const std::string& path) {
  const int code = errno;
  return {code == ENOENT ? ErrorKind::not_found : ErrorKind::io,
          cat("cannot ", what, " ", quote(path, 300), ": ", std::strerror(code))};
}

struct Source {
  Descriptor file;
  std::uint64_t bytes;
};

// O_NONBLOCK: opening a named pipe must not wait for a writer before it is refused.
Result<Source> open_source(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return os_error("open", path);
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return os_error("read", path);
  if (!S_ISREG(info.st_mode)) {
    return Error{ErrorKind::invalid, cat(quote(path, 300), " is not a regular file")};
  }
  return Source{std::move(file), static_cast<std::uint64_t>(info.st_size)};
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

// Hashes the source to its end and, when there is a target, writes each block to it.
Result<FileDigest> pump(const Source& source, const std::string& from, const Descriptor* target,
                        const std::string& to, const Progress& progress) {
  std::vector<std::byte> block(kBlockBytes);
  Sha256 hash;
  FileDigest digest;
  while (true) {
    const ssize_t n = ::read(source.file.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("read", from);
    if (n == 0) break;
    const auto bytes = std::span<const std::byte>(block).first(static_cast<std::size_t>(n));
    hash.update(bytes);
    if (target != nullptr) HEARTH_TRY_VOID(write_all(*target, bytes, to));
    digest.bytes += bytes.size();
    if (progress) progress(digest.bytes, source.bytes);
  }
  if (digest.bytes != source.bytes) {
    return Error{ErrorKind::io, cat(quote(from, 300), " changed while it was read: it had ",
                                    source.bytes, " bytes, then ", digest.bytes)};
  }
  digest.sha256 = hash.finish();
  return digest;
}

Result<void> check_room(const std::string& to, std::uint64_t bytes) {
  std::error_code failed;
  const auto folder = std::filesystem::path(to).parent_path();
  const std::filesystem::space_info room = std::filesystem::space(folder, failed);
  if (failed || room.available >= bytes) return {};  // an unknown size: the write itself will tell
  return Error{ErrorKind::too_large,
               cat("no room for the model: it has ", human_bytes(bytes), ", the disk of ",
                   quote(folder.string(), 300), " has ", human_bytes(room.available),
                   " free; free some, or set HEARTH_HOME to a folder on another disk")};
}

}  // namespace

Result<FileDigest> hash_file(const std::string& path, const Progress& progress) {
  HEARTH_TRY(const Source source, open_source(path));
  return pump(source, path, nullptr, {}, progress);
}

Result<FileDigest> copy_file(const std::string& from, const std::string& to,
                             const Progress& progress) {
  HEARTH_TRY(const Source source, open_source(from));
  HEARTH_TRY(const Descriptor target, create_new(to));
  const bool shared = ::ioctl(target.get(), FICLONE, source.file.get()) == 0;
  if (!shared) HEARTH_TRY_VOID(check_room(to, source.bytes));
  HEARTH_TRY(FileDigest digest, pump(source, from, shared ? nullptr : &target, to, progress));
  if (::fsync(target.get()) != 0) return os_error("write", to);
  return digest;
}

Result<void> write_file(const std::string& path, const std::string& text) {
  HEARTH_TRY(const Descriptor file, create_new(path));
  HEARTH_TRY_VOID(write_all(file, std::as_bytes(std::span(text.data(), text.size())), path));
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

}  // namespace hearth::catalog
