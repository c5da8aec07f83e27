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

#include "base/descriptor.h"
#include "base/str.h"
#include "catalog/sha256.h"

namespace hearth::catalog {

namespace {

// 1 MiB: large enough that system calls do not count, small enough for the second-level cache,
// where the hash and the write find what the read brought.
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

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
  if (!shared)
    HEARTH_TRY_VOID(check_room(std::filesystem::path(to).parent_path().string(), source.bytes));
  HEARTH_TRY(FileDigest digest, pump(source, from, shared ? nullptr : &target, to, progress));
  HEARTH_TRY_VOID(sync_file(target, to));
  return digest;
}

Result<void> write_file(const std::string& path, const std::string& text) {
  HEARTH_TRY(const Descriptor file, create_new(path));
  HEARTH_TRY_VOID(write_all(file, std::as_bytes(std::span(text.data(), text.size())), path));
  return sync_file(file, path);
}

}  // namespace hearth::catalog
