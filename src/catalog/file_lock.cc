// file_lock.cc - flock(2) on a file that is never deleted: deleting it would split the lock in two.
#include "catalog/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/str.h"

namespace hearth::catalog {

Result<FileLock> FileLock::take(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  const auto failed = [&] {
    return Error{ErrorKind::io, cat("cannot lock ", quote(path, 300), ": ", std::strerror(errno))};
  };
  if (fd < 0) return failed();
  FileLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) {
    log_warn(cat("another hearth holds the lock; waiting for it (", path, ")"));
  }
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) return failed();
  }
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace hearth::catalog
