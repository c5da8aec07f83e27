// output.cc - standard output through stdio, terminal-safe text, plain tables.
#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "base/str.h"
#include "base/utf8.h"

namespace hearth::cli {

namespace {

std::size_t n_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string escaped(std::string_view text, bool keep_lines) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char c = decode_utf8(text.substr(i));
    i += c.size;
    if (c.code == '\n' || c.code == '\t') {
      if (keep_lines) {
        out += static_cast<char>(c.code);
      } else {
        out += c.code == '\n' ? "\\n" : "\\t";
      }
    } else if (c.code < 0x20 || (c.code >= 0x7f && c.code < 0xa0)) {
      out += {'\\', 'x', kHex[c.code >> 4], kHex[c.code & 15]};
    } else {
      append_utf8(out, c.code);
    }
  }
  return out;
}

}  // namespace

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void note(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

Result<void> finish_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return Error{ErrorKind::io, cat("cannot write to standard output",
                                  errno == 0 ? std::string() : cat(": ", std::strerror(errno)))};
}

bool errors_are_terminal() {
  static const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
  return is_terminal;
}

bool output_is_terminal() {
  static const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  return is_terminal;
}

std::string printable(std::string_view text) { return escaped(text, true); }
std::string one_line(std::string_view text) { return escaped(text, false); }

std::string float_list(std::span<const float> values, std::string_view between) {
  std::string out;
  out.reserve(values.size() * 14);
  std::array<char, 32> digits{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += between;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), double{values[i]},
                                   std::chars_format::general, 9);
    out.append(digits.data(), end.ptr);
  }
  return out;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], n_characters(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - n_characters(row[i]) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

}  // namespace hearth::cli
