// format.cc - '%s' % values, '{}'.format(values), and strftime.
//
// A formatted argument keeps its marks; padding is the template's.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/str.h"
#include "base/utf8.h"
#include "text/jinja/builtin.h"
#include "text/jinja/unicode.h"

namespace hearth::jinja {

namespace {

// One conversion of either language, as far as both agree.
struct Spec {
  std::string fill = " ";
  char align = '\0';  // '<' '>' '^' '='; none: by the type
  char sign = '-';    // '+' ' ' '-'
  bool alternate = false;
  bool comma = false;
  std::size_t width = 0;
  int precision = -1;
  char type = '\0';
};

constexpr std::size_t kMaxFloatPrecision = 100;

std::string with_commas(const std::string& digits) {
  const std::size_t whole = std::min(digits.find_first_of(".e"), digits.size());
  std::string out;
  for (std::size_t i = 0; i < whole; ++i) {
    if (i != 0 && (whole - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out + digits.substr(whole);
}

std::string in_base(UInt value, unsigned base, bool upper) {
  const char* const digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  do {
    out.insert(out.begin(), digits[static_cast<std::size_t>(value % base)]);
    value /= base;
  } while (value != 0);
  return out;
}

// Puts sign and padding around a number's digits.
MarkedText finish_number(const Spec& spec, bool negative, std::string_view prefix,
                         std::string digits, bool trusted) {
  std::string head = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  head += prefix;
  if (spec.comma) digits = with_commas(digits);
  const std::size_t size = head.size() + digits.size();
  const std::size_t pad = spec.width > size ? spec.width - size : 0;
  const char align = spec.align == '\0' ? '>' : spec.align;
  const std::size_t left = align == '>' ? pad : align == '^' ? pad / 2 : 0;
  MarkedText out;
  for (std::size_t i = 0; i < left; ++i) out.append(spec.fill, true);
  out.append(head, trusted);
  for (std::size_t i = 0; align == '=' && i < pad; ++i) out.append(spec.fill, true);
  out.append(digits, trusted);
  for (std::size_t i = left; align != '=' && i < pad; ++i) out.append(spec.fill, true);
  return out;
}

MarkedText format_int(const Spec& spec, const Value& v) {
  const Int i = v.as_int();
  const UInt magnitude = i < 0 ? UInt{0} - static_cast<UInt>(i) : static_cast<UInt>(i);
  const char type = static_cast<char>(spec.type | 0x20);
  const unsigned base = type == 'x' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
  std::string digits = in_base(magnitude, base, spec.type == 'X');
  if (spec.precision > 0 && digits.size() < static_cast<std::size_t>(spec.precision)) {
    digits.insert(0, static_cast<std::size_t>(spec.precision) - digits.size(), '0');
  }
  const std::string prefix = spec.alternate && base != 10 ? cat('0', spec.type) : "";
  return finish_number(spec, i < 0, prefix, std::move(digits), v.trusted());
}

MarkedText format_float(const Spec& spec, const Value& v) {
  const double magnitude = std::fabs(v.as_double());
  const bool negative = std::signbit(v.as_double());
  std::string digits;
  if (spec.type == '\0' && spec.precision < 0) {
    digits = float_repr(magnitude);
  } else {
    const char type = spec.type == '\0' ? 'g' : spec.type == '%' ? 'f' : spec.type;
    const std::string pattern = cat(spec.alternate ? "%#.*" : "%.*", type);
    const int precision = spec.precision < 0 ? 6 : spec.precision;
    const double shown = spec.type == '%' ? magnitude * 100 : magnitude;
    std::array<char, 512> buffer;
    const int size = std::snprintf(buffer.data(), buffer.size(), pattern.c_str(), precision, shown);
    digits.assign(buffer.data(), static_cast<std::size_t>(size));
    if (spec.type == '%') digits += '%';
  }
  return finish_number(spec, negative, "", std::move(digits), v.trusted());
}

MarkedText format_text(const Spec& spec, MarkedText text) {
  if (spec.precision >= 0) {
    const std::size_t cut = char_offset(text.view(), static_cast<std::size_t>(spec.precision));
    text = text.substr(0, cut);
  }
  const std::size_t size = count_chars(text.view());
  const std::size_t pad = spec.width > size ? spec.width - size : 0;
  const std::size_t left = spec.align == '>' ? pad : spec.align == '^' ? pad / 2 : 0;
  MarkedText out;
  for (std::size_t i = 0; i < left; ++i) out.append(spec.fill, true);
  out.append(text);
  for (std::size_t i = left; i < pad; ++i) out.append(spec.fill, true);
  return out;
}

Result<void> check_spec(Runtime& runtime, const Spec& spec) {
  HEARTH_TRY_VOID(runtime.heap().check_text(spec.width));
  runtime.heap().charge_bytes(spec.width);
  const bool is_float = std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
  if (spec.precision > static_cast<int>(kMaxFloatPrecision) && (is_float || spec.type != 's')) {
    return Runtime::type_error(cat("a format's precision is limited to ", kMaxFloatPrecision));
  }
  return {};
}

// Digits from *at on, at most six of them; what is longer is beyond every limit.
Result<std::size_t> read_number(std::string_view text, std::size_t* at) {
  std::size_t value = 0;
  const std::size_t start = *at;
  while (*at < text.size() && text[*at] >= '0' && text[*at] <= '9') {
    value = value * 10 + static_cast<std::size_t>(text[(*at)++] - '0');
    if (*at - start > 9)
      return Runtime::type_error("a width or precision in a format is too large");
  }
  return value;
}

// --- printf style
// ---------------------------------------------------------------------------------
class PercentFormatter {
 public:
  PercentFormatter(Runtime& runtime, const MarkedText& format, const Value& arguments)
      : runtime_(runtime), format_(format), arguments_(arguments) {}

  Result<MarkedText> run() {
    const std::string_view text = format_.view();
    while (at_ < text.size()) {
      const std::size_t percent = std::min(text.find('%', at_), text.size());
      out_.append(format_, at_, percent - at_);
      at_ = percent + 1;
      if (percent < text.size()) HEARTH_TRY_VOID(conversion());
      HEARTH_TRY_VOID(runtime_.heap().check_text(out_.size()));
    }
    // What can be indexed counts as a mapping, whose keys need not all be used.
    const bool is_mapping = arguments_.is_dict() || arguments_.is_undefined() ||
                            (arguments_.is_list() && arguments_.list().shape <= Shape::range);
    const bool unused = is_tuple() ? next_ < arguments_.items().size() : next_ == 0 && !is_mapping;
    if (unused) return Runtime::type_error("not all arguments converted during string formatting");
    return std::move(out_);
  }

 private:
  bool is_tuple() const { return arguments_.is_list() && arguments_.list().is_tuple(); }
  char peek() const { return at_ < format_.size() ? format_.view()[at_] : '\0'; }

  Result<Value> take() {
    const std::size_t n = is_tuple() ? arguments_.items().size() : 1;
    if (next_ >= n) return Runtime::type_error("not enough arguments for format string");
    return is_tuple() ? arguments_.items()[next_++] : (++next_, arguments_);
  }

  Result<Value> named() {
    const std::size_t end = format_.view().find(')', at_);
    if (end == std::string_view::npos) return Runtime::type_error("incomplete format key");
    if (!arguments_.is_dict()) return Runtime::type_error("format requires a mapping");
    const std::string_view key = format_.view().substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    const Value* const found = arguments_.dict().find(key);
    if (found == nullptr) return Runtime::type_error(cat("KeyError: ", quote(key)));
    ++next_;
    return *found;
  }

  Result<std::size_t> number_or_star() {
    if (peek() != '*') return read_number(format_.view(), &at_);
    ++at_;
    HEARTH_TRY(const Value v, take());
    HEARTH_TRY(const Int i, int_argument(v));
    constexpr Int kMax = 1'000'000'000;
    if (i < 0 || i > kMax)
      return Runtime::type_error("a width or precision in a format is too large");
    return static_cast<std::size_t>(i);
  }

  Result<Spec> read_spec() {
    Spec spec;
    bool zero = false;
    for (; std::string_view("-+ #0").find(peek()) != std::string_view::npos && peek() != '\0';
         ++at_) {
      if (peek() == '-') spec.align = '<';
      if (peek() == '+' || (peek() == ' ' && spec.sign != '+')) spec.sign = peek();
      if (peek() == '#') spec.alternate = true;
      if (peek() == '0') zero = true;
    }
    HEARTH_TRY(spec.width, number_or_star());
    if (peek() == '.') {
      ++at_;
      HEARTH_TRY(const std::size_t precision, number_or_star());
      spec.precision = static_cast<int>(precision);
    }
    while (peek() == 'h' || peek() == 'l' || peek() == 'L') ++at_;
    if (peek() == '\0') return Runtime::type_error("incomplete format");
    spec.type = format_.view()[at_++];
    if (spec.align == '\0') spec.align = '>';
    const bool is_number =
        std::string_view("diuxXoeEfFgG").find(spec.type) != std::string_view::npos;
    if (zero && spec.align == '>' && is_number) {
      spec.align = '=';
      spec.fill = "0";
    }
    return spec;
  }

  Result<void> conversion() {
    std::optional<Value> value;
    if (peek() == '(') {
      HEARTH_TRY(value, named());
    }
    HEARTH_TRY(Spec spec, read_spec());
    if (spec.type == '%') {
      out_.append('%', true);
      return {};
    }
    if (std::string_view("diuoxXeEfFgGcrsa").find(spec.type) == std::string_view::npos) {
      return Runtime::type_error(
          cat("unsupported format character ", quote(std::string_view(&spec.type, 1))));
    }
    HEARTH_TRY_VOID(check_spec(runtime_, spec));
    if (!value) {
      HEARTH_TRY(value, take());
    }
    HEARTH_TRY(const MarkedText text, convert(spec, *value));
    out_.append(text);
    return {};
  }

  Result<MarkedText> convert(Spec spec, const Value& v) {
    switch (spec.type) {
      case 's': {
        HEARTH_TRY(MarkedText text, runtime_.to_text(v));
        return format_text(spec, std::move(text));
      }
      case 'r':
      case 'a': {
        HEARTH_TRY(MarkedText text, runtime_.to_repr(v));
        return format_text(spec, std::move(text));
      }
      case 'c':
        return character(spec, v);
      default:
        break;
    }
    if (!v.is_number()) {
      if (v.is_undefined()) return Runtime::undefined_error(v);
      const bool decimal = std::string_view("diu").find(spec.type) != std::string_view::npos;
      return Runtime::type_error(cat("%", spec.type, " format: a ",
                                     decimal ? "real number" : "number", " is required, not ",
                                     Runtime::type_name(v)));
    }
    if (std::string_view("eEfFgG").find(spec.type) != std::string_view::npos) {
      return format_float(spec, v);
    }
    if (v.is_int_like()) return format_int(spec, v);
    if (spec.type == 'x' || spec.type == 'X' || spec.type == 'o') {
      return Runtime::type_error(cat("%", spec.type, " format: an integer is required, not float"));
    }
    constexpr double kMax = 1e38;
    if (!(std::fabs(v.as_double()) < kMax))
      return Runtime::type_error("cannot convert float to integer");
    return format_int(spec, Value::integer(static_cast<Int>(v.as_double()), v.trusted()));
  }

  static Result<MarkedText> character(const Spec& spec, const Value& v) {
    if (v.is_string() && count_chars(v.view()) == 1) return format_text(spec, v.text());
    const Int code = v.is_int_like() ? v.as_int() : Int{-1};
    if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      return Runtime::type_error("%c requires an int in range(0x110000) or a single character");
    }
    std::string text;
    append_utf8(text, static_cast<char32_t>(code));
    return format_text(spec, MarkedText(std::move(text), v.trusted()));
  }

  Runtime& runtime_;
  const MarkedText& format_;
  const Value& arguments_;
  MarkedText out_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;  // arguments taken
};

// --- str.format
// -----------------------------------------------------------------------------------
class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, const MarkedText& format, const Slots& slots)
      : runtime_(runtime), format_(format), slots_(slots) {}

  Result<MarkedText> run() {
    const std::string_view text = format_.view();
    while (at_ < text.size()) {
      const char c = text[at_];
      const bool doubled = at_ + 1 < text.size() && text[at_ + 1] == c;
      if ((c == '{' || c == '}') && doubled) {
        out_.append(format_, at_, 1);
        at_ += 2;
      } else if (c == '{') {
        HEARTH_TRY_VOID(field());
      } else if (c == '}') {
        return Runtime::type_error("Single '}' encountered in format string");
      } else {
        const std::size_t end = std::min(text.find_first_of("{}", at_), text.size());
        out_.append(format_, at_, end - at_);
        at_ = end;
      }
      HEARTH_TRY_VOID(runtime_.heap().check_text(out_.size()));
    }
    return std::move(out_);
  }

 private:
  Result<void> field() {
    const std::size_t end = format_.view().find('}', at_);
    if (end == std::string_view::npos)
      return Runtime::type_error("expected '}' before end of string");
    std::string_view inside = format_.view().substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    if (inside.find('{') != std::string_view::npos) {
      return Runtime::type_error("a replacement field inside a format is not supported");
    }
    const std::size_t name_end = std::min(inside.find_first_of("!:"), inside.size());
    HEARTH_TRY(Value v, lookup(inside.substr(0, name_end)));
    inside.remove_prefix(name_end);
    if (inside.starts_with('!')) {
      const char conversion = inside.size() > 1 ? inside[1] : '\0';
      if (conversion != 's' && conversion != 'r') {
        return Runtime::type_error("expected !s or !r in a replacement field");
      }
      HEARTH_TRY(MarkedText text, conversion == 'r' ? runtime_.to_repr(v) : runtime_.to_text(v));
      v = runtime_.text(std::move(text));
      inside.remove_prefix(2);
    }
    if (!inside.empty() && inside[0] != ':') {
      return Runtime::type_error("expected ':' after the conversion in a replacement field");
    }
    return convert(v, inside.empty() ? inside : inside.substr(1));
  }

  Result<Value> lookup(std::string_view name) {
    const std::size_t end = std::min(name.find_first_of(".["), name.size());
    HEARTH_TRY(Value v, first(name.substr(0, end)));
    name.remove_prefix(end);
    while (!name.empty()) {
      const bool is_item = name[0] == '[';
      name.remove_prefix(1);
      const std::size_t stop =
          std::min(is_item ? name.find(']') : name.find_first_of(".["), name.size());
      const std::string_view part = name.substr(0, stop);
      const std::optional<Int> index = parse_integer(part, 10);
      HEARTH_TRY(v, !is_item ? runtime_.attribute(v, part)
                    : index  ? runtime_.item(v, Value::integer(*index))
                             : runtime_.item(v, runtime_.text(part)));
      name.remove_prefix(std::min(stop + (is_item ? 1 : 0), name.size()));
      if (!name.empty() && !is_item && name[0] != '.' && name[0] != '[') break;
    }
    return v;
  }

  Result<Value> first(std::string_view name) {
    std::size_t index = next_;
    if (name.empty()) {
      ++next_;
    } else if (const auto number = parse_int(name); number && *number >= 0) {
      index = static_cast<std::size_t>(*number);
    } else {
      for (const auto& [key, value] : slots_.named_rest) {
        if (key == name) return value;
      }
      return Runtime::type_error(cat("KeyError: ", quote(name)));
    }
    if (index < slots_.rest.size()) return slots_.rest[index];
    return Runtime::type_error(
        cat("Replacement index ", index, " out of range for positional args tuple"));
  }

  static Result<Spec> read_spec(std::string_view text) {
    Spec spec;
    constexpr std::string_view kAligns = "<>^=";
    const auto is_align = [&](std::size_t i) {
      return i < text.size() && kAligns.find(text[i]) != std::string_view::npos;
    };
    std::size_t at = 0;
    const std::size_t fill = text.empty() ? 0 : decode_utf8(text).size;
    if (fill != 0 && is_align(fill)) {
      spec.fill = std::string(text.substr(0, fill));
      spec.align = text[fill];
      at = fill + 1;
    } else if (is_align(0)) {
      spec.align = text[at++];
    }
    const auto skip = [&](char c) { return at < text.size() && text[at] == c && ++at != 0; };
    if (at < text.size() && std::string_view("+- ").find(text[at]) != std::string_view::npos) {
      spec.sign = text[at++];
    }
    spec.alternate = skip('#');
    if (skip('0') && spec.align == '\0') {
      spec.align = '=';
      spec.fill = "0";
    }
    HEARTH_TRY(spec.width, read_number(text, &at));
    spec.comma = skip(',');
    if (skip('.')) {
      HEARTH_TRY(const std::size_t precision, read_number(text, &at));
      spec.precision = static_cast<int>(precision);
    }
    if (at < text.size()) spec.type = text[at++];
    if (at != text.size())
      return Runtime::type_error(cat("invalid format specifier ", quote(text)));
    return spec;
  }

  Result<void> convert(const Value& v, std::string_view format) {
    HEARTH_TRY(Spec spec, read_spec(format));
    if (v.is_string() || format.empty() || !v.is_number() ||
        (v.is(Kind::boolean) && spec.type == '\0')) {
      if (spec.type != '\0' && spec.type != 's') {
        return Runtime::type_error(cat("unknown format code ",
                                       quote(std::string_view(&spec.type, 1)),
                                       " for an object of type '", Runtime::type_name(v), "'"));
      }
      spec.type = 's';
    }
    HEARTH_TRY_VOID(check_spec(runtime_, spec));
    if (spec.type == 's') {
      HEARTH_TRY(MarkedText text, runtime_.to_text(v));
      out_.append(format_text(spec, std::move(text)));
      return {};
    }
    const bool wants_float = std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
    if (v.is_int_like() && (spec.type == '\0' || !wants_float)) {
      if (std::string_view("dxXobn").find(spec.type) == std::string_view::npos &&
          spec.type != '\0') {
        return Runtime::type_error(cat("unknown format code ",
                                       quote(std::string_view(&spec.type, 1)),
                                       " for an object of type 'int'"));
      }
      out_.append(format_int(spec, v));
      return {};
    }
    if (!wants_float && spec.type != '\0') {
      return Runtime::type_error(cat("unknown format code ", quote(std::string_view(&spec.type, 1)),
                                     " for an object of type 'float'"));
    }
    out_.append(format_float(spec, v));
    return {};
  }

  Runtime& runtime_;
  const MarkedText& format_;
  const Slots& slots_;
  MarkedText out_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;
};

// --- time
// -----------------------------------------------------------------------------------------
struct Moment {
  long year;
  int month, day, hour, minute, second, weekday, yearday;  // month 1.., Sunday 0, yearday 0..
};

// Days since 1970-01-01 to a date of the Gregorian calendar, by counting 400-year cycles from a
// 1 March, so that the leap day is the last of its year.
Moment to_moment(std::time_t time) {
  constexpr std::int64_t kDay = 86400, kCycle = 146097, kShift = 719468;
  const auto t = static_cast<std::int64_t>(time);
  const std::int64_t days = t >= 0 ? t / kDay : (t - kDay + 1) / kDay;
  const std::int64_t rest = t - days * kDay;
  const std::int64_t z = days + kShift;
  const std::int64_t cycle = z >= 0 ? z / kCycle : (z - kCycle + 1) / kCycle;
  const std::int64_t day = z - cycle * kCycle;
  const std::int64_t y = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  const std::int64_t day_of_year = day - (365 * y + y / 4 - y / 100);
  const std::int64_t m = (5 * day_of_year + 2) / 153;
  Moment out{};
  out.day = static_cast<int>(day_of_year - (153 * m + 2) / 5 + 1);
  out.month = static_cast<int>(m < 10 ? m + 3 : m - 9);
  out.year = static_cast<long>(y + cycle * 400 + (out.month <= 2 ? 1 : 0));
  out.hour = static_cast<int>(rest / 3600);
  out.minute = static_cast<int>(rest / 60 % 60);
  out.second = static_cast<int>(rest % 60);
  out.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);
  const bool leap = (out.year % 4 == 0 && out.year % 100 != 0) || out.year % 400 == 0;
  constexpr int kBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  out.yearday = kBefore[out.month - 1] + out.day - 1 + (leap && out.month > 2 ? 1 : 0);
  return out;
}

// ISO 8601: week 1 holds the year's first Thursday; days before it belong to the year before.
void iso_week(const Moment& m, long* year, int* week) {
  const auto is_leap = [](long y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; };
  const int monday_based = (m.weekday + 6) % 7;
  const int thursday = m.yearday - monday_based + 3;  // of this week, as a day of the year
  *year = m.year;
  int day = thursday;
  if (thursday < 0) {
    --*year;
    day += is_leap(*year) ? 366 : 365;
  } else if (thursday >= (is_leap(m.year) ? 366 : 365)) {
    ++*year;
    day -= is_leap(m.year) ? 366 : 365;
  }
  *week = day / 7 + 1;
}

// flag '-': no padding, '_': with spaces.
std::string padded(long value, std::size_t width, char flag, char pad = '0') {
  std::string digits = std::to_string(value);
  if (flag == '-') return digits;
  if (digits.size() < width) digits.insert(0, width - digits.size(), flag == '_' ? ' ' : pad);
  return digits;
}

constexpr std::string_view kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};
constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};

// Directives made of others.
std::string_view composite(char directive) {
  switch (directive) {
    case 'c':
      return "%a %b %e %H:%M:%S %Y";
    case 'D':
    case 'x':
      return "%m/%d/%y";
    case 'F':
      return "%Y-%m-%d";
    case 'r':
      return "%I:%M:%S %p";
    case 'R':
      return "%H:%M";
    case 'T':
    case 'X':
      return "%H:%M:%S";
    default:
      return "";
  }
}

std::optional<std::string> directive_text(char directive, char flag, const Moment& m,
                                          std::time_t time) {
  const int hour12 = m.hour % 12 == 0 ? 12 : m.hour % 12;
  long year = 0;
  int week = 0;
  iso_week(m, &year, &week);
  switch (directive) {
    case 'a':
      return std::string(kDays[m.weekday].substr(0, 3));
    case 'A':
      return std::string(kDays[m.weekday]);
    case 'b':
    case 'h':
      return std::string(kMonths[m.month - 1].substr(0, 3));
    case 'B':
      return std::string(kMonths[m.month - 1]);
    case 'C':
      return padded(m.year / 100, 2, flag);
    case 'd':
      return padded(m.day, 2, flag);
    case 'e':
      return padded(m.day, 2, flag, ' ');
    case 'f':
      return "000000";
    case 'g':
      return padded(year % 100, 2, flag);
    case 'G':
      return padded(year, 4, flag);
    case 'H':
      return padded(m.hour, 2, flag);
    case 'I':
      return padded(hour12, 2, flag);
    case 'j':
      return padded(m.yearday + 1, 3, flag);
    case 'k':
      return padded(m.hour, 2, flag, ' ');
    case 'l':
      return padded(hour12, 2, flag, ' ');
    case 'm':
      return padded(m.month, 2, flag);
    case 'M':
      return padded(m.minute, 2, flag);
    case 'n':
      return "\n";
    case 'p':
      return m.hour < 12 ? "AM" : "PM";
    case 'P':
      return m.hour < 12 ? "am" : "pm";
    case 's':
      return std::to_string(static_cast<std::int64_t>(time));
    case 'S':
      return padded(m.second, 2, flag);
    case 't':
      return "\t";
    case 'u':
      return std::to_string(m.weekday == 0 ? 7 : m.weekday);
    case 'U':
      return padded((m.yearday + 7 - m.weekday) / 7, 2, flag);
    case 'V':
      return padded(week, 2, flag);
    case 'w':
      return std::to_string(m.weekday);
    case 'W':
      return padded((m.yearday + 7 - (m.weekday + 6) % 7) / 7, 2, flag);
    case 'y':
      return padded(m.year % 100, 2, flag);
    case 'Y':
      return padded(m.year, 4, flag == '\0' ? '-' : flag);
    case 'z':
    case 'Z':
      return "";  // Python's datetime.now() knows no zone
    case '%':
      return "%";
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<Value> format_percent(Runtime& runtime, const Value& format, const Value& arguments) {
  HEARTH_TRY(MarkedText out, PercentFormatter(runtime, format.text(), arguments).run());
  runtime.heap().charge_bytes(out.size());
  return runtime.text(std::move(out), format.string().markup);
}

Result<Value> format_braces(Runtime& runtime, const Value& format, const Slots& slots) {
  HEARTH_TRY(MarkedText out, BraceFormatter(runtime, format.text(), slots).run());
  runtime.heap().charge_bytes(out.size());
  return runtime.text(std::move(out), format.string().markup);
}

// An unknown directive stays as it is written, as in the C library.
std::string format_time(std::string_view format, std::time_t time) {
  const Moment moment = to_moment(time);
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 >= format.size()) {
      out += format[i];
      continue;
    }
    const std::size_t start = i++;
    const bool has_flag = (format[i] == '-' || format[i] == '_') && i + 1 < format.size();
    const char flag = has_flag ? format[i++] : '\0';
    if (const std::string_view parts = composite(format[i]); !parts.empty()) {
      out += format_time(parts, time);
    } else if (const auto text = directive_text(format[i], flag, moment, time)) {
      out += *text;
    } else {
      out += format.substr(start, i + 1 - start);
    }
  }
  return out;
}

}  // namespace hearth::jinja
