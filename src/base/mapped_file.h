// mapped_file.h - a whole file as read-only bytes. Not part of the portable core.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace hearth {

class MappedFile {
 public:
  // Errors: not_found, invalid (a folder), io; each names the path. An empty file maps to no bytes.
  // A file that another process truncates while it is mapped raises SIGBUS: Hearth never writes a
  // file in place, it replaces (rename), so that only a foreign writer can do this.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

  // Lets the kernel drop the pages of bytes [offset, offset + size): the caller keeps its own
  // packed copy. They are read again from the file if touched.
  void release_pages(std::size_t offset, std::size_t size) const;

 private:
  MappedFile(std::string path, const std::byte* data, std::size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}
  std::string path_;
  const std::byte* data_;
  std::size_t size_;
};

// Lets the kernel drop the pages of `bytes`, which lie in one of the files; elsewhere: nothing.
void release_pages(const std::vector<std::shared_ptr<const MappedFile>>& files,
                   std::span<const std::byte> bytes);

}  // namespace hearth
