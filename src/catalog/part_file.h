// part_file.h - a file that arrives in pieces, and remembers which are there when its process is
// killed.
//
// Beside the file lies its record: what it is to become, then for each segment how many of its
// bytes have been written. A count is written after its bytes, so what it counts is there. (After a
// loss of power it may not be: the hash of the whole tells.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"

namespace hearth::catalog {

class PartFile {
 public:
  static constexpr std::uint64_t kSegmentBytes = std::uint64_t{8} << 20;

  // What was begun there goes on when it is of the same identity (where it comes from, its hash)
  // and size; otherwise it begins anew. Errors: too_large when the disk has no room for the rest;
  // io.
  static Result<PartFile> open(const std::string& path, const std::string& identity,
                               std::uint64_t bytes);

  std::size_t n_segments() const { return written_.size(); }
  std::uint64_t segment_begin(std::size_t i) const { return i * kSegmentBytes; }
  std::uint64_t segment_bytes(std::size_t i) const;
  std::uint64_t written(std::size_t i) const { return written_[i]; }
  bool is_whole(std::size_t i) const { return written_[i] == segment_bytes(i); }
  std::uint64_t n_written() const;  // of all
  std::uint64_t bytes() const { return bytes_; }

  // The next bytes of a segment; the caller does not pass its end. Errors: io.
  Result<void> append(std::size_t segment, std::span<const std::byte> bytes);
  // Takes back what a segment has: its bytes were not what they should be.
  Result<void> forget(std::size_t segment);
  Result<void> sync();

  static std::string record_path(const std::string& path) { return path + ".progress"; }

 private:
  PartFile(std::string path, Descriptor file, Descriptor record, std::uint64_t bytes,
           std::vector<std::uint64_t> written, std::size_t counts_at)
      : path_(std::move(path)),
        file_(std::move(file)),
        record_(std::move(record)),
        bytes_(bytes),
        written_(std::move(written)),
        counts_at_(counts_at) {}
  Result<void> record(std::size_t segment);

  std::string path_;
  Descriptor file_, record_;
  std::uint64_t bytes_;
  std::vector<std::uint64_t> written_;
  std::size_t counts_at_;  // in the record
};

}  // namespace hearth::catalog
