// descriptor.h - file descriptors that close themselves, and writing through them so that nothing
// is lost without a word. Not part of the portable core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace hearth {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

// What errno says after a failed system call: "cannot open "PATH": …". Kind: not_found or io.
Error os_error(std::string_view what, const std::string& path);

// A new file to write; conflict when it exists.
Result<Descriptor> create_new(const std::string& path);
Result<void> write_all(const Descriptor& file, std::span<const std::byte> bytes,
                       const std::string& path);
// From byte `at` of the file on.
Result<void> write_at(const Descriptor& file, std::span<const std::byte> bytes, std::uint64_t at,
                      const std::string& path);
// Waits until what was written is on disk.
Result<void> sync_file(const Descriptor& file, const std::string& path);
// Makes a rename inside the folder durable.
Result<void> sync_folder(const std::string& path);
// Errors: too_large, with the numbers, when the disk of `folder` has fewer bytes free.
Result<void> check_room(const std::string& folder, std::uint64_t bytes);

// A file that appears under its name only when it is whole: written as PATH.part, renamed by
// commit(), removed when it is given up.
class NewFile {
 public:
  // Errors: conflict when `path` or its part exists (another program may be writing it), io.
  static Result<NewFile> create(const std::string& path);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  Result<void> write(std::span<const std::byte> bytes);
  std::uint64_t size() const { return size_; }
  Result<void> commit();

 private:
  NewFile(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string part() const;

  std::string path_;  // empty: committed or moved away
  Descriptor file_;
  std::uint64_t size_ = 0;
};

}  // namespace hearth
