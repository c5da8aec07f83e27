// str.h - building and reading short texts, without locale, exceptions or iostream.
//
// Part of the portable core: std::format, iostream and regex would each add hundreds of kilobytes
// to the browser's module.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth {

namespace str_detail {
inline void append(std::string& out, std::string_view s) { out.append(s); }
inline void append(std::string& out, const char* s) { out.append(s); }  // else it would be a bool
inline void append(std::string& out, char c) { out.push_back(c); }
inline void append(std::string& out, bool b) { out.append(b ? "true" : "false"); }
void append_signed(std::string& out, std::int64_t v);
void append_unsigned(std::string& out, std::uint64_t v);
void append_double(std::string& out, double v);  // "%.6g"
template <std::signed_integral T>
void append(std::string& out, T v) {
  append_signed(out, v);
}
template <std::unsigned_integral T>
void append(std::string& out, T v) {
  append_unsigned(out, v);
}
template <std::floating_point T>
void append(std::string& out, T v) {
  append_double(out, static_cast<double>(v));
}
}  // namespace str_detail

// Concatenates text, characters, booleans, integers and floating point numbers ("%.6g").
template <class... Args>
std::string cat(const Args&... args) {
  std::string out;
  (str_detail::append(out, args), ...);
  return out;
}

// The text with control characters, quotes, backslashes and invalid UTF-8 escaped (\n, \x1b, …), at
// most max_bytes of it, then "…": for quoting hostile input in an error message.
std::string quote(std::string_view text, std::size_t max_bytes = 80);

// "98.4 MB" style, decimal units, three significant digits.
std::string human_bytes(std::uint64_t n_bytes);

// "a, b, c"
std::string joined(const std::vector<std::string_view>& texts);

// The whole text as a base-10 integer (optional leading '-'), nothing else; nullopt on overflow.
std::optional<std::int64_t> parse_int(std::string_view text);

// The candidate within edit distance 2 (or a third of its length) that is nearest to word, for
// "did you mean"; empty when there is none.
std::string_view nearest(std::string_view word, const std::string_view* candidates, std::size_t n);

}  // namespace hearth
