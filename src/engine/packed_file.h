// packed_file.h - a model's packed weights, kept in a file between loads.
//
// Packing a model costs seconds to half a minute, most of it the system's handing out of memory. So
// the first load writes what it packs to a file and computes from its pages; later loads, also
// those of other processes at the same time, map the same pages and are ready at once.
//
//   header     4096 bytes: what it belongs to, and in which start of the machine it was whole
//   image      [image_bytes], see kernels/weight_image.h
//   checksums  XXH3, 64 bits, of each 4 MiB of the image
//
// A kept file belongs to the model's files by path, size and time, to this program's packing by
// kPackingVersion, and to both by the panels that CpuOps compares. Nothing waits for the disk when
// it is written: the checksums are compared in the first load after each start of the machine, when
// a crash of the machine, or its disk, may have lost some of it. What does not belong or is damaged
// is made again. What a disk loses while the machine runs on is not noticed before its next start.
//
// The folder and its files are the program's own, writable by its user only, or nothing is kept. A
// file has no name until it is filled: a process that ends before leaves nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "kernels/weight_image.h"

namespace hearth::engine {

class PackedFile final : public kernels::WeightImage {
 public:
  // The file kept in `folder` (made when absent) of the model in `model_files`, or a new one to be
  // filled. Errors: too_large (the disk must keep some room), unsupported (a folder that others may
  // write to, or that lies in memory), not_found, io.
  static Result<std::shared_ptr<PackedFile>> open(const std::string& folder,
                                                  const std::vector<std::string>& model_files,
                                                  std::int64_t image_bytes, ThreadPool& pool);

  PackedFile(const PackedFile&) = delete;
  PackedFile& operator=(const PackedFile&) = delete;
  ~PackedFile() override;

  const std::uint8_t* data() const override;
  std::int64_t size() const override { return image_bytes_; }
  bool filled() const override { return filled_; }
  void write(std::int64_t offset, std::span<const std::uint8_t> bytes) override;
  void release(std::int64_t offset, std::int64_t n_bytes) override;

  // Errors: io, when something could not be written: the image must not be used.
  Result<void> written() const;
  // A new file that was filled gets its name. Errors: io; the image can be used.
  Result<void> keep(ThreadPool& pool);
  // A file that was found and does not hold what it should is removed.
  void discard();

 private:
  PackedFile(std::string path, std::string identity, std::int64_t image_bytes, Descriptor file)
      : path_(std::move(path)),
        identity_(std::move(identity)),
        image_bytes_(image_bytes),
        file_(std::move(file)) {}

  static Result<std::shared_ptr<PackedFile>> open_kept(const std::string& path,
                                                       const std::string& identity,
                                                       std::int64_t image_bytes, ThreadPool& pool);
  static Result<std::shared_ptr<PackedFile>> create(const std::string& folder,
                                                    const std::string& path,
                                                    const std::string& identity,
                                                    std::int64_t image_bytes);
  Result<void> map();
  Result<void> write_header() const;
  std::vector<std::uint64_t> checksums(ThreadPool& pool) const;

  std::string path_, identity_;
  std::int64_t image_bytes_;
  Descriptor file_;
  bool filled_ = false;
  std::uint8_t* mapped_ = nullptr;  // the whole file
  std::mutex write_error_mutex_;
  std::optional<Error> write_error_;  // the last one
};

// Removes the files whose model is no longer there.
void remove_orphaned_packed_files(const std::string& folder);

}  // namespace hearth::engine
