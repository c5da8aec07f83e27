// copy_file.h - a large file into the cache: shared with the source where the file system can
// (reflink), else copied; hashed on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace hearth::catalog {

using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;  // may be empty

struct FileDigest {
  std::uint64_t bytes = 0;
  std::string sha256;
};

// Errors: not_found, invalid (no regular file), io; each names the path.
Result<FileDigest> hash_file(const std::string& path, const Progress& progress);

// `to` must not exist; it is on disk (fsync) when this returns. Errors: as hash_file for the
// source; too_large with the numbers when the target's disk has no room; io.
Result<FileDigest> copy_file(const std::string& from, const std::string& to,
                             const Progress& progress);

// Writes a small new file and waits until it is on disk.
Result<void> write_file(const std::string& path, const std::string& text);

}  // namespace hearth::catalog
