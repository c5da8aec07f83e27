#include "engine/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace hearth::engine {

namespace {

std::uint64_t mem_available() {
  std::ifstream info("/proc/meminfo");
  std::string key, unit;
  std::uint64_t kib = 0;
  while (info >> key >> kib) {
    if (key == "MemAvailable:") return kib * 1024;
    std::getline(info, unit);
  }
  return std::numeric_limits<std::uint64_t>::max();
}

std::optional<std::uint64_t> read_number(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t n = 0;
  if (file >> n) return n;  // "max" is no number: no limit
  return std::nullopt;
}

std::uint64_t file_bytes_of_group() {
  std::ifstream file("/sys/fs/cgroup/memory.stat");
  std::string key;
  std::uint64_t n = 0, sum = 0;
  while (file >> key >> n) {
    if (key == "active_file" || key == "inactive_file") sum += n;
  }
  return sum;
}

}  // namespace

std::uint64_t available_memory() {
  std::uint64_t available = mem_available();
  const auto limit = read_number("/sys/fs/cgroup/memory.max");
  const auto used = read_number("/sys/fs/cgroup/memory.current");
  if (limit && used) {
    available = std::min(available, left_by_group(*limit, *used, file_bytes_of_group()));
  }
  return available;
}

std::uint64_t left_by_group(std::uint64_t limit, std::uint64_t used, std::uint64_t file_bytes) {
  const std::uint64_t held = used - std::min(used, file_bytes);
  return limit - std::min(limit, held);
}

bool has_huge_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string choices;  // "always [madvise] never"
  return std::getline(file, choices) && choices.find("[never]") == std::string::npos;
}

}  // namespace hearth::engine
