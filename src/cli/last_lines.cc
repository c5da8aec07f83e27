#include "cli/last_lines.h"

#include <algorithm>
#include <fstream>
#include <string_view>

namespace hearth::cli {

namespace {

constexpr std::uint64_t kFirstBytes = 64 << 10;

std::string end_of(std::ifstream& file, std::uint64_t size, std::uint64_t n_bytes) {
  std::string text(n_bytes, '\0');
  file.seekg(static_cast<std::streamoff>(size - n_bytes));
  file.read(text.data(), static_cast<std::streamsize>(n_bytes));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  file.clear();
  return text;
}

// Where the last n lines begin; 0 when there are not more.
std::size_t begin_of_last(std::string_view text, std::int64_t n) {
  for (std::size_t at = text.size(); at-- > 1;) {
    if (text[at - 1] == '\n' && n-- == 1) return at;
  }
  return 0;
}

}  // namespace

std::optional<std::string> last_lines(const std::string& path, std::int64_t most_lines,
                                      std::uint64_t most_bytes) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff end = file.tellg();
  if (end < 0) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(end);
  const std::uint64_t most = std::min(size, most_bytes);
  std::uint64_t n_bytes = std::min(most, kFirstBytes);
  std::string text = end_of(file, size, n_bytes);
  std::size_t begin = begin_of_last(text, most_lines);
  while (begin == 0 && n_bytes < most) {
    n_bytes = std::min(most, 4 * n_bytes);
    text = end_of(file, size, n_bytes);
    begin = begin_of_last(text, most_lines);
  }
  if (begin == 0 && n_bytes < size) begin = text.find('\n') + 1;  // of the first whole line
  return text.erase(0, begin);
}

}  // namespace hearth::cli
