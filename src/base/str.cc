#include "base/str.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <vector>

#include "base/utf8.h"

namespace hearth {

namespace str_detail {
void append_unsigned(std::string& out, std::uint64_t v) {
  char digits[20];
  int n = 0;
  do {
    digits[n++] = static_cast<char>('0' + v % 10);
    v /= 10;
  } while (v != 0);
  while (n > 0) out.push_back(digits[--n]);
}

void append_signed(std::string& out, std::int64_t v) {
  if (v >= 0) return append_unsigned(out, static_cast<std::uint64_t>(v));
  out.push_back('-');
  append_unsigned(out, 0 - static_cast<std::uint64_t>(v));
}

void append_double(std::string& out, double v) {
  char buffer[32];
  const int n = std::snprintf(buffer, sizeof buffer, "%.6g", v);
  out.append(buffer, static_cast<std::size_t>(n));
}
}  // namespace str_detail

std::string quote(std::string_view text, std::size_t max_bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  std::size_t i = 0;
  while (i < text.size() && i < max_bytes) {
    const Utf8Char c = decode_utf8(text.substr(i));
    const auto byte = static_cast<unsigned char>(text[i]);
    if (text[i] == '"' || text[i] == '\\') {
      out += {'\\', text[i]};
    } else if (text[i] == '\n') {
      out += "\\n";
    } else if (text[i] == '\t') {
      out += "\\t";
    } else if (!c.valid || byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else if (c.code >= 0x80 && c.code < 0xa0) {  // C1: U+009B starts a terminal escape sequence
      out += {'\\', 'x', 'c', '2', '\\', 'x', kHex[c.code >> 4], kHex[c.code & 15]};
    } else {
      out += text.substr(i, c.size);
    }
    i += c.valid ? c.size : 1;
  }
  out += '"';
  if (i < text.size()) out += "…";
  return out;
}

std::string human_bytes(std::uint64_t n_bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  double v = static_cast<double>(n_bytes);
  std::size_t unit = 0;
  while (v >= 999.5 && unit + 1 < std::size(kUnits)) {
    v /= 1000;
    ++unit;
  }
  char buffer[32];
  const char* format = unit == 0 || v >= 99.95 ? "%.0f %s" : v >= 9.995 ? "%.1f %s" : "%.2f %s";
  const int n = std::snprintf(buffer, sizeof buffer, format, v, kUnits[unit]);
  return std::string(buffer, static_cast<std::size_t>(n));
}

std::string joined(const std::vector<std::string_view>& texts) {
  std::string out;
  for (const std::string_view text : texts) out += cat(out.empty() ? "" : ", ", text);
  return out;
}

std::optional<std::int64_t> parse_int(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 19) return std::nullopt;
  std::uint64_t v = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    v = v * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (v > (std::uint64_t{1} << 63) - (negative ? 0 : 1)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - v : v);
}

static std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row[b.size()];
}

std::string_view nearest(std::string_view word, const std::string_view* candidates, std::size_t n) {
  if (word.size() > 100) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t d = edit_distance(word, candidates[i]);
    if (d < best_distance && d < candidates[i].size()) {
      best = candidates[i];
      best_distance = d;
    }
  }
  return best;
}

}  // namespace hearth
