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

// Pages of files that the control group has read: the kernel drops them when memory is wanted.
std::uint64_t droppable_file_bytes() {
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
    const std::uint64_t held = *used - std::min(*used, droppable_file_bytes());
    available = std::min(available, *limit - std::min(*limit, held));
  }
  return available;
}

bool has_huge_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string choices;  // "always [madvise] never"
  return std::getline(file, choices) && choices.find("[never]") == std::string::npos;
}

}  // namespace hearth::engine
