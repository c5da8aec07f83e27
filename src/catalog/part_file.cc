#include "catalog/part_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <numeric>

#include "base/str.h"

namespace hearth::catalog {

namespace {

std::vector<std::byte> read_all(const Descriptor& file) {
  std::vector<std::byte> out;
  std::byte block[4096];
  for (;;) {
    const ssize_t n = ::pread(file.get(), block, sizeof block, static_cast<off_t>(out.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return out;
    out.insert(out.end(), block, block + n);
  }
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

Result<PartFile> PartFile::open(const std::string& path, const std::string& identity,
                                std::uint64_t bytes) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (file.get() < 0) return os_error("create", path);
  const std::string beside = record_path(path);
  Descriptor record(::open(beside.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (record.get() < 0) return os_error("create", beside);

  // What the file holds already does not need room again.
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return os_error("read", path);
  const std::uint64_t held = static_cast<std::uint64_t>(info.st_blocks) * 512;
  HEARTH_TRY_VOID(check_room(std::filesystem::path(path).parent_path().string(),
                             bytes > held ? bytes - held : 0));

  const std::string head = cat("hearth download\n", identity, "\n", bytes, "\n");
  const std::size_t n_segments =
      static_cast<std::size_t>((bytes + kSegmentBytes - 1) / kSegmentBytes);
  std::vector<std::uint64_t> written(n_segments);
  const auto known = read_all(record);
  const bool goes_on = known.size() == head.size() + n_segments * sizeof(std::uint64_t) &&
                       std::equal(bytes_of(head).begin(), bytes_of(head).end(), known.begin());
  PartFile part(path, std::move(file), std::move(record), bytes, std::move(written), head.size());
  if (goes_on) {
    std::copy(known.begin() + static_cast<std::ptrdiff_t>(head.size()), known.end(),
              std::as_writable_bytes(std::span(part.written_)).begin());
    for (std::size_t i = 0; i < n_segments; ++i) {
      if (part.written_[i] > part.segment_bytes(i)) part.written_[i] = 0;
    }
  }
  if (goes_on) return part;
  if (::ftruncate(part.record_.get(), 0) != 0 || ::ftruncate(part.file_.get(), 0) != 0) {
    return os_error("empty", path);
  }
  HEARTH_TRY_VOID(write_at(part.record_, bytes_of(head), 0, beside));
  HEARTH_TRY_VOID(
      write_at(part.record_, std::as_bytes(std::span(part.written_)), head.size(), beside));
  return part;
}

std::uint64_t PartFile::segment_bytes(std::size_t i) const {
  return std::min(kSegmentBytes, bytes_ - segment_begin(i));
}

std::uint64_t PartFile::n_written() const {
  return std::accumulate(written_.begin(), written_.end(), std::uint64_t{0});
}

Result<void> PartFile::append(std::size_t segment, std::span<const std::byte> bytes) {
  HEARTH_TRY_VOID(write_at(file_, bytes, segment_begin(segment) + written_[segment], path_));
  written_[segment] += bytes.size();
  return record(segment);
}

Result<void> PartFile::forget(std::size_t segment) {
  written_[segment] = 0;
  return record(segment);
}

Result<void> PartFile::record(std::size_t segment) {
  return write_at(record_, std::as_bytes(std::span(&written_[segment], 1)),
                  counts_at_ + segment * sizeof(std::uint64_t), record_path(path_));
}

Result<void> PartFile::sync() { return sync_file(file_, path_); }

}  // namespace hearth::catalog
