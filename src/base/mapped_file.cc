#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/str.h"

namespace hearth {

static Error file_error(const std::string& path, const char* what) {
  const int code = errno;
  const ErrorKind kind = code == ENOENT || code == ENOTDIR ? ErrorKind::not_found : ErrorKind::io;
  return {kind, cat("cannot ", what, " ", quote(path, 200), ": ", std::strerror(code))};
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  if (path.find('\0') != std::string::npos) {
    return Error{ErrorKind::invalid, cat(quote(path, 200), " holds a NUL byte: not a file name")};
  }
  // Without O_NONBLOCK, opening a FIFO would wait for a writer instead of being refused below.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return file_error(path, "open");
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    const Error e = file_error(path, "read the size of");
    ::close(fd);
    return e;
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(fd);
    return Error{ErrorKind::invalid, cat(quote(path, 200), " is not a regular file")};
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  void* data = size == 0 ? nullptr : ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) {
    const Error e = file_error(path, "map");
    ::close(fd);
    return e;
  }
  ::close(fd);
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, static_cast<const std::byte*>(data), size));
}

MappedFile::~MappedFile() {
  if (size_ != 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release_pages(std::size_t offset, std::size_t size) const {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (offset >= size_) return;
  const std::size_t begin = (offset + page - 1) / page * page;
  const std::size_t end = (offset + std::min(size, size_ - offset)) / page * page;
  if (begin >= end) return;
  ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

void release_pages(const std::vector<std::shared_ptr<const MappedFile>>& files,
                   std::span<const std::byte> bytes) {
  for (const auto& file : files) {
    const std::byte* begin = file->bytes().data();
    if (bytes.data() < begin || bytes.data() >= begin + file->bytes().size()) continue;
    file->release_pages(static_cast<std::size_t>(bytes.data() - begin), bytes.size());
  }
}

}  // namespace hearth
