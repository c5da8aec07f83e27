// numbers.cc - numbers to text and back, as Python writes them.
//
// Trap: strtod obeys the C locale's decimal point; Hearth never calls setlocale. std::from_chars
// for doubles is missing from the C++ library of the wasm build.
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace hearth::jinja {

namespace {

constexpr int kFirstScientific = 16;  // repr(1e16) is '1e+16'
constexpr int kLastScientific = -5;   // repr(1e-05) is '1e-05', repr(0.0001) is not

// digits "d[.ddd]" and the exponent of to_chars' scientific form.
std::string place_point(std::string digits, int exponent, std::string_view sign) {
  if (digits.size() > 1) digits.erase(1, 1);
  std::string out(sign);
  if (exponent >= kFirstScientific || exponent <= kLastScientific) {
    out += digits[0];
    if (digits.size() > 1) out += '.' + digits.substr(1);
    const int magnitude = std::abs(exponent);
    out += exponent < 0 ? "e-" : "e+";
    if (magnitude < 10) out += '0';
    return out + std::to_string(magnitude);
  }
  if (exponent < 0) {
    out.append("0.");
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    return out + digits;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    digits.append(whole - digits.size(), '0');
    return out + digits + ".0";
  }
  return out + digits.substr(0, whole) + '.' + digits.substr(whole);
}

// The digits without underscores; nullopt when an underscore is not between two digits.
std::optional<std::string> drop_underscores(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    const bool between = i > 0 && i + 1 < text.size() && text[i - 1] != '_' &&
                         std::isalnum(static_cast<unsigned char>(text[i - 1])) != 0 &&
                         std::isalnum(static_cast<unsigned char>(text[i + 1])) != 0;
    if (!between) return std::nullopt;
  }
  return out;
}

std::string_view strip(std::string_view text) {
  text.remove_prefix(leading_space(text));
  text.remove_suffix(trailing_space(text));
  return text;
}

unsigned digit_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A') + 10;
  return 99;
}

// "0x" and the like, allowed when they agree with the base; base 0 takes its base from them.
std::string_view skip_prefix(std::string_view digits, unsigned* base) {
  if (digits.size() > 2 && digits[0] == '0') {
    const char c = static_cast<char>(digits[1] | 0x20);
    const unsigned named = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
    if (named != 0 && (*base == named || *base == 0)) {
      *base = named;
      digits.remove_prefix(2);
      if (digits[0] == '_') digits.remove_prefix(1);
    }
  }
  if (*base == 0) *base = 10;
  return digits;
}

}  // namespace

std::string float_repr(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  const std::string_view sign = std::signbit(d) ? "-" : "";
  if (d == 0) return std::string(sign) + "0.0";
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::fabs(d), std::chars_format::scientific)
          .ptr;
  const std::string_view shortest(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t e = shortest.find('e');
  const int exponent = std::atoi(std::string(shortest.substr(e + 1)).c_str());
  return place_point(std::string(shortest.substr(0, e)), exponent, sign);
}

std::string int_text(Int i) {
  const bool negative = i < 0;
  UInt magnitude = negative ? UInt{0} - static_cast<UInt>(i) : static_cast<UInt>(i);
  std::string reversed;
  do {
    reversed += static_cast<char>('0' + static_cast<int>(magnitude % 10));
    magnitude /= 10;
  } while (magnitude != 0);
  if (negative) reversed += '-';
  return {reversed.rbegin(), reversed.rend()};
}

std::optional<Int> parse_integer(std::string_view text, unsigned base) {
  text = strip(text);
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  text = skip_prefix(text, &base);
  const std::optional<std::string> digits = drop_underscores(text);
  if (!digits || digits->empty()) return std::nullopt;
  constexpr UInt kMax = (UInt{1} << 127) - 1;
  UInt value = 0;
  for (const char c : *digits) {
    const unsigned d = digit_value(c);
    if (d >= base || value > (kMax - d) / base) return std::nullopt;
    value = value * base + d;
  }
  return negative ? -static_cast<Int>(value) : static_cast<Int>(value);
}

std::optional<double> parse_float(std::string_view text) {
  const std::optional<std::string> digits = drop_underscores(strip(text));
  if (!digits || digits->empty()) return std::nullopt;
  const char last = digits->back();
  const std::string& s = *digits;
  // strtod also reads hexadecimal numbers and "nan(…)", which Python does not.
  if (s.find_first_of("xX(") != std::string::npos || last == ')') return std::nullopt;
  if (leading_space(s) != 0) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(s.c_str(), &end);
  if (end != s.c_str() + s.size()) return std::nullopt;
  return value;
}

}  // namespace hearth::jinja
