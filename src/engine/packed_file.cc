#include "engine/packed_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

#include "base/log.h"
#include "base/str.h"
#include "kernels/packed_matrix.h"

namespace hearth::engine {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kHeaderBytes = 4096;
constexpr std::int64_t kChecked = std::int64_t{4} << 20;
// A disk is not filled up for what only saves time.
constexpr std::uint64_t kRoomLeft = std::uint64_t{2} << 30;
constexpr std::string_view kSuffix = ".packed";

struct Header {
  std::array<char, 8> magic = {'h', 'e', 'a', 'r', 't', 'h', 'P', 'W'};
  std::int64_t image_bytes = 0;
  std::uint64_t identity = 0;         // of the model's files
  std::array<char, 40> boot = {};     // in which the image was last known to be whole
  std::array<char, 3968> model = {};  // the path, for people and remove_orphaned_packed_files()
};
static_assert(sizeof(Header) <= kHeaderBytes);

std::int64_t n_checksums(std::int64_t image_bytes) {
  return (image_bytes + kChecked - 1) / kChecked;
}

std::int64_t file_bytes(std::int64_t image_bytes) {
  return kHeaderBytes + image_bytes + 8 * n_checksums(image_bytes);
}

std::uint64_t hash(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

template <std::size_t kSize>
void copy_text(std::string_view text, std::array<char, kSize>& out) {
  std::copy_n(text.begin(), std::min(text.size(), kSize - 1), out.begin());
}

// Differs after each start of the machine; empty where the system does not tell.
std::array<char, 40> this_boot() {
  std::array<char, 40> boot = {};
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  if (file >> id) copy_text(id, boot);
  return boot;
}

// The path of the first file, then what tells these files from those they were or may become, and
// this program's packing from another's. Errors: not_found, io.
Result<std::string> identity_of(const std::vector<std::string>& files) {
  std::string identity;
  for (const std::string& file : files) {
    struct stat info{};
    if (::stat(file.c_str(), &info) != 0) return os_error("look at", file);
    std::error_code failed;
    const fs::path whole = fs::canonical(file, failed);
    identity += cat(failed ? file : whole.string(), "\n", info.st_size, " ", info.st_mtim.tv_sec,
                    " ", info.st_mtim.tv_nsec, "\n");
  }
  return cat(identity, kernels::kPackingVersion);
}

std::string_view model_of(std::string_view identity) {
  return identity.substr(0, identity.find('\n'));
}

std::string kept_name(std::string_view identity) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), hash(model_of(identity)), 16).ptr;
  return cat(std::string_view(digits.begin(), end), kSuffix);
}

std::optional<Header> read_header(const Descriptor& file) {
  Header header;
  if (::pread(file.get(), &header, sizeof header, 0) != sizeof header) return std::nullopt;
  if (header.magic != Header{}.magic) return std::nullopt;
  header.model.back() = 0;
  return header;
}

// Errors: unsupported when somebody else may write to it.
Result<struct stat> look_at_own(const Descriptor& file, const std::string& path) {
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return os_error("look at", path);
  if (info.st_uid == ::geteuid() && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0) return info;
  return Error{ErrorKind::unsupported,
               cat("other users may write to ", quote(path, 300), "; remove it")};
}

// Makes it when it is absent. Errors: unsupported, io.
Result<void> check_folder(const std::string& folder) {
  std::error_code failed;
  fs::create_directories(fs::path(folder).parent_path(), failed);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return os_error("create", folder);
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (opened.get() < 0) return os_error("open", folder);
  HEARTH_TRY_VOID(look_at_own(opened, folder));
  struct statfs file_system{};
  if (::fstatfs(opened.get(), &file_system) != 0) return os_error("look at", folder);
  if (file_system.f_type == TMPFS_MAGIC || file_system.f_type == RAMFS_MAGIC) {
    return Error{ErrorKind::unsupported, cat(quote(folder, 300), " lies in memory")};
  }
  return {};
}

bool is_orphaned(const fs::path& path) {
  // Without O_NONBLOCK a FIFO would be waited for.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0) return false;
  const auto header = read_header(file);
  std::error_code unknown;
  return !header || (!fs::exists(header->model.data(), unknown) && !unknown);
}

}  // namespace

void remove_orphaned_packed_files(const std::string& folder) {
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed)) {
    if (entry.path().extension() == kSuffix && is_orphaned(entry.path())) {
      fs::remove(entry.path(), failed);
    }
  }
}

Result<std::shared_ptr<PackedFile>> PackedFile::open(const std::string& folder,
                                                     const std::vector<std::string>& model_files,
                                                     std::int64_t image_bytes, ThreadPool& pool) {
  HEARTH_TRY(const std::string identity, identity_of(model_files));
  HEARTH_TRY_VOID(check_folder(folder));
  const std::string path = cat(folder, "/", kept_name(identity));
  auto kept = open_kept(path, identity, image_bytes, pool);
  if (kept) return kept;
  if (kept.error().kind != ErrorKind::not_found) {
    log_info(cat("packing the weights again: ", kept.error().message));
    ::unlink(path.c_str());
  }
  remove_orphaned_packed_files(folder);
  HEARTH_TRY_VOID(check_room(folder, static_cast<std::uint64_t>(image_bytes) + kRoomLeft));
  return create(folder, path, identity, image_bytes);
}

Result<std::shared_ptr<PackedFile>> PackedFile::open_kept(const std::string& path,
                                                          const std::string& identity,
                                                          std::int64_t image_bytes,
                                                          ThreadPool& pool) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0) return os_error("open", path);
  HEARTH_TRY(const struct stat info, look_at_own(file, path));
  const auto header = read_header(file);
  if (!header || header->image_bytes != image_bytes || header->identity != hash(identity) ||
      !S_ISREG(info.st_mode) || info.st_size != file_bytes(image_bytes)) {
    return Error{ErrorKind::corrupt,
                 cat(quote(path, 300), " belongs to what its model was before")};
  }
  std::shared_ptr<PackedFile> out(new PackedFile(path, identity, image_bytes, std::move(file)));
  HEARTH_TRY_VOID(out->map());
  out->filled_ = true;
  if (header->boot == this_boot() && header->boot.front() != 0) return out;
  const std::vector<std::uint64_t> found = out->checksums(pool);
  if (std::memcmp(found.data(), out->data() + image_bytes, 8 * found.size()) != 0) {
    return Error{ErrorKind::corrupt, cat(quote(path, 300), " is damaged")};
  }
  HEARTH_TRY_VOID(out->write_header());
  return out;
}

Result<std::shared_ptr<PackedFile>> PackedFile::create(const std::string& folder,
                                                       const std::string& path,
                                                       const std::string& identity,
                                                       std::int64_t image_bytes) {
  Descriptor file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.get() < 0) return os_error("create a file in", folder);
  std::shared_ptr<PackedFile> out(new PackedFile(path, identity, image_bytes, std::move(file)));
  // Room is taken now: a write to a mapped file that finds the disk full would end the process. Not
  // every file system can; there the writes themselves tell.
  const std::int64_t size = file_bytes(image_bytes);
  if (::fallocate(out->file_.get(), 0, 0, size) != 0 &&
      (errno != EOPNOTSUPP || ::ftruncate(out->file_.get(), size) != 0)) {
    return os_error("make room in", folder);
  }
  HEARTH_TRY_VOID(out->map());
  return out;
}

PackedFile::~PackedFile() {
  if (mapped_ != nullptr) ::munmap(mapped_, static_cast<std::size_t>(file_bytes(image_bytes_)));
}

const std::uint8_t* PackedFile::data() const { return mapped_ + kHeaderBytes; }

Result<void> PackedFile::map() {
  const auto size = static_cast<std::size_t>(file_bytes(image_bytes_));
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file_.get(), 0);
  if (data == MAP_FAILED) return os_error("map", path_);
  mapped_ = static_cast<std::uint8_t*>(data);
  return {};
}

void PackedFile::write(std::int64_t offset, std::span<const std::uint8_t> bytes) {
  const auto at = static_cast<std::uint64_t>(kHeaderBytes + offset);
  const auto done = write_at(file_, std::as_bytes(bytes), at, path_);
  if (done) return;
  const std::lock_guard lock(write_error_mutex_);
  write_error_ = done.error();
}

void PackedFile::release(std::int64_t offset, std::int64_t n_bytes) {
  ::madvise(mapped_ + kHeaderBytes + offset, static_cast<std::size_t>(n_bytes), MADV_DONTNEED);
}

Result<void> PackedFile::write_header() const {
  Header header;
  header.image_bytes = image_bytes_;
  header.identity = hash(identity_);
  header.boot = this_boot();
  copy_text(model_of(identity_), header.model);
  return write_at(file_, std::as_bytes(std::span(&header, 1)), 0, path_);
}

// Read, not mapped: what the disk has lost is then a wrong sum and no SIGBUS. In short loops, so
// that answers of other models go on.
std::vector<std::uint64_t> PackedFile::checksums(ThreadPool& pool) const {
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(n_checksums(image_bytes_)));
  const auto n = static_cast<std::int64_t>(sums.size());
  for (std::int64_t first = 0; first < n; first += pool.n_threads()) {
    pool.run(std::min<std::int64_t>(pool.n_threads(), n - first), [&](std::int64_t i) {
      const std::int64_t at = (first + i) * kChecked;
      std::vector<char> bytes(static_cast<std::size_t>(std::min(kChecked, image_bytes_ - at)));
      const ssize_t read = ::pread(file_.get(), bytes.data(), bytes.size(), kHeaderBytes + at);
      bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(read, 0)));
      sums[static_cast<std::size_t>(first + i)] = XXH3_64bits(bytes.data(), bytes.size());
    });
  }
  return sums;
}

Result<void> PackedFile::written() const {
  if (write_error_) return *write_error_;
  return {};
}

Result<void> PackedFile::keep(ThreadPool& pool) {
  const std::vector<std::uint64_t> sums = checksums(pool);
  HEARTH_TRY_VOID(write_at(file_, std::as_bytes(std::span(sums)),
                           static_cast<std::uint64_t>(kHeaderBytes + image_bytes_), path_));
  HEARTH_TRY_VOID(write_header());
  const std::string unnamed = cat("/proc/self/fd/", file_.get());
  if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) != 0 &&
      errno != EEXIST) {  // one that another process kept in the meantime is as good
    return os_error("create", path_);
  }
  return {};
}

void PackedFile::discard() {
  if (filled_) ::unlink(path_.c_str());
}

}  // namespace hearth::engine
