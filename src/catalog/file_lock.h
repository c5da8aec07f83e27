// file_lock.h - one process at a time. The kernel drops the lock when its holder ends, however it
// ends.
#pragma once

#include <string>

#include "base/result.h"

namespace hearth::catalog {

class FileLock {
 public:
  // Creates the file when it is absent and waits for its turn. Errors: io.
  static Result<FileLock> take(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace hearth::catalog
