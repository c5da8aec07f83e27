// filters.cc - what may stand after "|".
//
// map, select, reject and their attr forms are lazy as in Python: their result is an iterator, true
// in a condition even when nothing is left in it, and used up once read.
#include <algorithm>
#include <cmath>
#include <functional>

#include "base/str.h"
#include "base/utf8.h"
#include "text/jinja/builtin.h"
#include "text/jinja/unicode.h"

namespace hearth::jinja {

namespace {

// --- attributes
// ----------------------------------------------------------------------------------- "a.b.0" as
// keys to follow one after the other.
struct Path {
  std::vector<Value> keys;
  std::optional<Value> fallback;  // for what is undefined
};

Path make_path(Runtime& runtime, const Value& attribute) {
  Path path;
  if (!attribute.is_string()) {
    if (!attribute.is_none()) path.keys.push_back(attribute);
    return path;
  }
  std::string_view rest = attribute.view();
  while (true) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, dot);
    const bool digits =
        !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    const std::optional<Int> index = digits ? parse_integer(part, 10) : std::nullopt;
    path.keys.push_back(index ? Value::integer(*index) : runtime.text(part));
    if (dot == rest.size()) return path;
    rest.remove_prefix(dot + 1);
  }
}

Result<Value> follow(Runtime& runtime, const Path& path, const Value& item) {
  Value v = item;
  for (const Value& key : path.keys) {
    HEARTH_TRY(v, runtime.item(v, key));
    if (path.fallback && v.is_undefined()) v = *path.fallback;
  }
  return v;
}

// What to sort, group and compare by: an attribute, lower-cased unless case counts.
Result<Value> sort_key(Runtime& runtime, const Path& path, const Value& item, bool ignore_case) {
  HEARTH_TRY(const Value v, follow(runtime, path, item));
  if (!ignore_case || !v.is_string()) return v;
  runtime.heap().charge_bytes(8 * v.view().size());
  return runtime.text(map_case(v.text(), CaseMap::lower));
}

Result<std::vector<Value>> sort_keys(Runtime& runtime, const Path& path,
                                     const std::vector<Value>& items, bool ignore_case) {
  std::vector<Value> keys;
  for (const Value& item : items) {
    HEARTH_TRY(Value key, sort_key(runtime, path, item, ignore_case));
    keys.push_back(std::move(key));
  }
  return keys;
}

bool truth_at(const Slots& slots, std::size_t i) {
  return slots.has(i) && Runtime::truth(slots[i]);
}

// --- text
// ----------------------------------------------------------------------------------------- The
// method of that name, on the value's text.
template <const char* Name>
Result<Value> as_method(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const Value text, runtime.soft_text(self));
  return find_method(text, Name)->call(runtime, text, slots);
}
constexpr char kStrip[] = "strip", kUpperName[] = "upper", kLowerName[] = "lower",
               kCapitalize[] = "capitalize";

// Words begin after spaces, hyphens and opening brackets.
Result<Value> title(Runtime& runtime, const Value& self, const Slots&) {
  HEARTH_TRY(const Value text, runtime.soft_text(self));
  runtime.heap().charge_bytes(8 * text.view().size());
  MarkedText out;
  bool at_start = true;
  for (std::size_t at = 0; at < text.view().size();) {
    const Utf8Char c = decode_utf8(text.view().substr(at));
    append_mapped(out, text.text(), at, c.size, at_start ? CaseMap::upper : CaseMap::lower);
    at_start = is_class(c.code, CharClass::space) ||
               (c.code < 0x80 && std::string_view("-({[<").find(static_cast<char>(c.code)) !=
                                     std::string_view::npos);
    at += c.size;
  }
  return runtime.text(std::move(out));
}

Result<Value> string(Runtime& runtime, const Value& self, const Slots&) {
  return runtime.soft_text(self);
}

Result<Value> safe(Runtime& runtime, const Value& self, const Slots&) {
  HEARTH_TRY(MarkedText text, runtime.to_text(self));
  return runtime.text(std::move(text), true);
}

Result<Value> force_escape(Runtime& runtime, const Value& self, const Slots&) {
  HEARTH_TRY(const MarkedText text, runtime.to_text(self));
  MarkedText out = escape_html(text);
  HEARTH_TRY_VOID(runtime.heap().check_text(out.size()));
  runtime.heap().charge_bytes(out.weight());
  return runtime.text(std::move(out), true);
}

Result<Value> escape(Runtime& runtime, const Value& self, const Slots& slots) {
  if (self.is_string() && self.string().markup) return self;
  return force_escape(runtime, self, slots);
}

Result<Value> replace(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const MarkedText text, runtime.to_text(self));
  HEARTH_TRY(const MarkedText old, runtime.to_text(slots[0]));
  HEARTH_TRY(const MarkedText with, runtime.to_text(slots[1]));
  Int limit = -1;
  if (slots.some(2)) {
    HEARTH_TRY(limit, int_argument(slots[2]));
  }
  HEARTH_TRY(MarkedText out, replace_text(runtime, text, old.view(), with, limit));
  return runtime.text(std::move(out));
}

Result<Value> center(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const MarkedText text, runtime.to_text(self));
  Int width = 80;
  if (slots.has(0)) {
    HEARTH_TRY(width, int_argument(slots[0]));
  }
  HEARTH_TRY(MarkedText out, pad_text(runtime, text, width, MarkedText(" ", true), 0));
  return runtime.text(std::move(out));
}

// The text of one level of indentation: a width, or the text itself.
Result<MarkedText> indentation(Runtime& runtime, const Value& v) {
  if (v.is_string()) return v.text();
  HEARTH_TRY(const Int width, int_argument(v));
  constexpr Int kWidest = 1'000'000;
  if (width > kWidest) return Runtime::type_error(cat("an indentation of ", int_text(width)));
  HEARTH_TRY_VOID(runtime.heap().check_text(static_cast<std::size_t>(std::max(width, Int{0}))));
  return MarkedText(std::string(static_cast<std::size_t>(std::max(width, Int{0})), ' '),
                    v.trusted());
}

Result<Value> indent(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(MarkedText text, text_argument(self));
  HEARTH_TRY(const MarkedText unit,
             indentation(runtime, slots.has(0) ? slots[0] : Value::integer(4)));
  const bool first = truth_at(slots, 1), blank = truth_at(slots, 2);
  text.append("\n", true);
  HEARTH_TRY_VOID(runtime.heap().check_room(text.size()));
  const std::vector<MarkedText> lines = split_lines(text, false);
  MarkedText out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i != 0) out.append("\n", true);
    if (i == 0 ? first : (blank || !lines[i].empty())) out.append(unit);
    out.append(lines[i]);
    HEARTH_TRY_VOID(runtime.heap().check_text(out.size()));
  }
  runtime.heap().charge_bytes(8 * out.weight());
  return runtime.text(std::move(out), self.string().markup);
}

Result<Value> truncate(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const std::size_t n_chars, runtime.length(self));
  const auto n = static_cast<Int>(n_chars);
  Int length = 255, leeway = 5;
  if (slots.has(0)) {
    HEARTH_TRY(length, int_argument(slots[0]));
  }
  if (slots.some(3)) {
    HEARTH_TRY(leeway, int_argument(slots[3]));
  }
  MarkedText end("...", true);
  if (slots.has(2)) {
    HEARTH_TRY(end, text_argument(slots[2]));
  }
  const auto end_chars = static_cast<Int>(count_chars(end.view()));
  if (length < end_chars) {
    return Runtime::type_error(
        cat("expected length >= ", int_text(end_chars), ", got ", int_text(length)));
  }
  if (leeway < 0) return Runtime::type_error(cat("expected leeway >= 0, got ", int_text(leeway)));
  if (n <= length || n - length <= leeway) return self;
  HEARTH_TRY(const MarkedText text, text_argument(self));
  std::size_t cut = char_offset(text.view(), static_cast<std::size_t>(length - end_chars));
  if (!truth_at(slots, 1)) {
    const std::size_t space = text.view().substr(0, cut).rfind(' ');
    if (space != std::string_view::npos) cut = space;
  }
  MarkedText out = text.substr(0, cut);
  out.append(end);
  return runtime.text(std::move(out));
}

Result<Value> wordcount(Runtime& runtime, const Value& self, const Slots&) {
  HEARTH_TRY(const MarkedText text, runtime.to_text(self));
  runtime.heap().charge_bytes(4 * text.size());
  Int n = 0;
  bool in_word = false;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = decode_utf8(text.view().substr(at));
    const bool is_word = c.code == '_' || is_class(c.code, CharClass::alphabetic) ||
                         is_class(c.code, CharClass::numeric);
    n += is_word && !in_word ? 1 : 0;
    in_word = is_word;
    at += c.size;
  }
  return Value::integer(n);
}

// `plain`: the punctuation that stays.
void append_percent(MarkedText& out, const MarkedText& text, std::string_view plain) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text.view()[i];
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || plain.find(c) != std::string_view::npos) {
      out.append(text, i, 1);
    } else {
      const char escaped[] = {'%', kHex[byte >> 4], kHex[byte & 15]};
      out.append(std::string_view(escaped, 3), text.trusted_at(i));
    }
  }
}

// A text, or a dict or pairs as a query.
Result<Value> urlencode(Runtime& runtime, const Value& self, const Slots&) {
  MarkedText out;
  if (self.is_dict() || self.is_list()) {
    HEARTH_TRY(const std::vector<Value> pairs,
               self.is_dict() ? dict_pairs(runtime, self) : runtime.to_vector(self));
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      HEARTH_TRY(const std::vector<Value> pair, runtime.to_vector(pairs[i]));
      if (pair.size() != 2) return Runtime::type_error("urlencode takes a text, a dict or pairs");
      HEARTH_TRY(const MarkedText key, runtime.to_text(pair[0]));
      HEARTH_TRY(const MarkedText value, runtime.to_text(pair[1]));
      if (i != 0) out.append('&', true);
      append_percent(out, key, "_.-~");
      out.append('=', true);
      append_percent(out, value, "_.-~");
      HEARTH_TRY_VOID(runtime.heap().check_text(out.size()));
    }
  } else {
    HEARTH_TRY(const MarkedText text, runtime.to_text(self));
    append_percent(out, text, "_.-~/");
  }
  HEARTH_TRY_VOID(runtime.heap().check_text(out.size()));
  runtime.heap().charge_bytes(4 * out.weight());
  return runtime.text(std::move(out));
}

// Without tags and comments, runs of space as one space.
Result<Value> striptags(Runtime& runtime, const Value& self, const Slots&) {
  HEARTH_TRY(const MarkedText text, runtime.to_text(self));
  MarkedText kept;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t open = std::min(text.view().find('<', at), text.size());
    kept.append(text, at, open - at);
    const bool comment = text.view().substr(open).starts_with("<!--");
    const std::string_view close = comment ? "-->" : ">";
    const std::size_t end = open == text.size() ? open : text.view().find(close, open);
    if (end == std::string_view::npos) {
      kept.append(text, open, text.size() - open);
      break;
    }
    at = open == text.size() ? open : end + close.size();
  }
  runtime.heap().charge_bytes(8 * text.weight());
  const Value words = runtime.text(std::move(kept));
  HEARTH_TRY(const Value parts, find_method(words, "split")->call(runtime, words, Slots{}));
  MarkedText out;
  for (std::size_t i = 0; i < parts.items().size(); ++i) {
    if (i != 0) out.append(' ', true);
    out.append(parts.items()[i].text());
  }
  return runtime.text(std::move(out));
}

Result<Value> format(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const Value text, runtime.soft_text(self));
  if (!slots.named_rest.empty() && !slots.rest.empty()) {
    return Runtime::type_error("can't handle positional and keyword arguments at the same time");
  }
  if (slots.named_rest.empty()) {
    HEARTH_TRY(const Value arguments, runtime.list(slots.rest, Shape::tuple));
    return format_percent(runtime, text, arguments);
  }
  HEARTH_TRY(const Value arguments, make_dict(runtime, slots));
  return format_percent(runtime, text, arguments);
}

// --- JSON
// -----------------------------------------------------------------------------------------
Result<void> read_separators(Runtime& runtime, const Value& v, JsonStyle* style) {
  HEARTH_TRY(const std::vector<Value> two, runtime.to_vector(v));
  if (two.size() != 2) {
    return Runtime::type_error(cat("tojson: expected 2 separators, got ", two.size()));
  }
  HEARTH_TRY(style->item_separator, text_argument(two[0]));
  HEARTH_TRY(style->key_separator, text_argument(two[1]));
  return {};
}

Result<Value> tojson(Runtime& runtime, const Value& self, const Slots& slots) {
  JsonStyle style;
  style.ensure_ascii = truth_at(slots, 0);
  style.sort_keys = truth_at(slots, 3);
  if (slots.some(1)) {
    HEARTH_TRY(style.indent, indentation(runtime, slots[1]));
    style.item_separator = MarkedText(",", true);
  }
  if (slots.some(2)) HEARTH_TRY_VOID(read_separators(runtime, slots[2], &style));
  HEARTH_TRY(MarkedText out, to_json(runtime, self, style));
  return runtime.text(std::move(out));
}

// --- numbers
// --------------------------------------------------------------------------------------
Result<Value> absolute(Runtime& runtime, const Value& self, const Slots&) {
  if (!self.is_number()) {
    return Runtime::type_error(cat("bad operand type for abs(): '", Runtime::type_name(self), "'"));
  }
  if (self.is_float()) return Value::floating(std::fabs(self.as_double()), self.trusted());
  return runtime.negate(self, self.as_int() < 0);
}

std::optional<Int> truncate_to_int(double d) {
  constexpr double kMax = 1.7e38;
  if (!(std::fabs(d) < kMax)) return std::nullopt;
  return static_cast<Int>(d);
}

Result<Value> to_int(Runtime&, const Value& self, const Slots& slots) {
  if (self.is_undefined()) return Runtime::undefined_error(self);
  const Value fallback = slots.has(0) ? slots[0] : Value::integer(0);
  Int base = 10;
  if (slots.has(1)) {
    HEARTH_TRY(base, int_argument(slots[1]));
  }
  std::optional<Int> value;
  bool trusted = self.trusted();
  if (self.is_string()) {
    trusted = self.text().all_trusted();
    if (base == 0 || (base >= 2 && base <= 36)) {
      value = parse_integer(self.view(), static_cast<unsigned>(base));
    }
    if (!value) {
      const std::optional<double> d = parse_float(self.view());
      if (d) value = truncate_to_int(*d);
    }
  } else if (self.is_int_like()) {
    value = self.as_int();
  } else if (self.is_float()) {
    value = truncate_to_int(self.as_double());
  }
  return value ? Value::integer(*value, trusted) : fallback;
}

Result<Value> to_float(Runtime&, const Value& self, const Slots& slots) {
  if (self.is_undefined()) return Runtime::undefined_error(self);
  if (self.is_number()) return Value::floating(self.as_double(), self.trusted());
  if (self.is_string()) {
    if (const auto d = parse_float(self.view())) {
      return Value::floating(*d, self.text().all_trusted());
    }
  }
  return slots.has(0) ? slots[0] : Value::floating(0);
}

// To `digits` places as Python does: by the exact decimal value, ties to even.
double round_places(double d, int digits) {
  if (!std::isfinite(d)) return d;
  constexpr int kMost = 308;
  if (digits > kMost) return d;
  if (digits < -kMost) return std::copysign(0.0, d);
  if (digits < 0) {
    const double unit = std::pow(10.0, -digits);
    return std::nearbyint(d / unit) * unit;
  }
  char buffer[700];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, d);
  return std::strtod(buffer, nullptr);
}

Result<Value> round_int(const Value& self, Int digits) {
  if (digits >= 0) return Value::integer(self.as_int(), self.trusted());
  constexpr Int kMostDigits = 38;
  if (-digits > kMostDigits) return Value::integer(0, self.trusted());
  UInt unit = 1;
  for (Int i = 0; i < -digits; ++i) unit *= 10;
  const bool negative = self.as_int() < 0;
  const UInt n =
      negative ? UInt{0} - static_cast<UInt>(self.as_int()) : static_cast<UInt>(self.as_int());
  const UInt rest = n % unit;
  const bool up = rest > unit - rest || (rest == unit - rest && (n / unit) % 2 == 1);
  const UInt rounded = n - rest + (up ? unit : 0);
  constexpr UInt kMax = (UInt{1} << 127) - 1;
  if (rounded > kMax)
    return Runtime::type_error("OverflowError: an integer has more than 128 bits");
  const Int magnitude = static_cast<Int>(rounded);
  return Value::integer(negative ? -magnitude : magnitude, self.trusted());
}

Result<Value> round(Runtime&, const Value& self, const Slots& slots) {
  Int digits = 0;
  if (slots.has(0)) {
    HEARTH_TRY(digits, int_argument(slots[0]));
  }
  std::string_view method = "common";
  if (slots.has(1)) {
    HEARTH_TRY_VOID(text_argument(slots[1]));
    method = slots[1].view();
  }
  if (method != "common" && method != "ceil" && method != "floor") {
    return Runtime::type_error("method must be common, ceil or floor");
  }
  if (!self.is_number()) {
    if (self.is_undefined()) return Runtime::undefined_error(self);
    return Runtime::type_error(
        cat("type ", Runtime::type_name(self), " doesn't define __round__ method"));
  }
  if (method == "common" && self.is_int_like()) return round_int(self, digits);
  const int places = static_cast<int>(std::clamp(digits, Int{-400}, Int{400}));
  if (method == "common") {
    return Value::floating(round_places(self.as_double(), places), self.trusted());
  }
  const double scale = std::pow(10.0, places);
  const double scaled = self.as_double() * scale;
  if (!std::isfinite(scaled) || scale == 0)
    return Runtime::type_error("round: result out of range");
  const double whole = method == "ceil" ? std::ceil(scaled) : std::floor(scaled);
  return Value::floating(whole / scale, self.trusted());
}

Result<Value> filesizeformat(Runtime& runtime, const Value& self, const Slots& slots) {
  if (!self.is_number() && !(self.is_string() && parse_float(self.view()))) {
    return Runtime::type_error(
        cat("filesizeformat takes a number, not ", Runtime::type_name(self)));
  }
  HEARTH_TRY(const Value number, to_float(runtime, self, Slots{}));
  const double base = truth_at(slots, 0) ? 1024 : 1000, bytes = number.as_double();
  constexpr const char* kDecimal[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
  constexpr const char* kBinary[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
  std::string out;
  if (bytes == 1) {
    out = "1 Byte";
  } else if (bytes < base) {
    out = cat(int_text(truncate_to_int(bytes).value_or(0)), " Bytes");
  } else {
    double unit = base;
    std::size_t i = 0;
    while (i + 1 < std::size(kDecimal) && bytes >= unit * base) {
      unit *= base;
      ++i;
    }
    char buffer[400];
    std::snprintf(buffer, sizeof buffer, "%.1f %s", bytes / unit,
                  truth_at(slots, 0) ? kBinary[i] : kDecimal[i]);
    out = buffer;
  }
  return runtime.text(MarkedText(std::move(out), number.trusted()));
}

// --- sequences
// ------------------------------------------------------------------------------------
Result<Value> length(Runtime& runtime, const Value& self, const Slots&) {
  HEARTH_TRY(const std::size_t n, runtime.length(self));
  return Value::integer(static_cast<Int>(n));
}

Result<Value> list(Runtime& runtime, const Value& self, const Slots&) {
  HEARTH_TRY(std::vector<Value> items, runtime.to_vector(self));
  return runtime.list(std::move(items));
}

Result<Value> first(Runtime& runtime, const Value& self, const Slots&) {
  HEARTH_TRY(const Ref<IteratorObject> it, runtime.iterate(self));
  Value v;
  HEARTH_TRY(const bool any, it->next(runtime, v));
  return any ? v : runtime.undefined("No first item, sequence was empty.");
}

Result<void> check_reversible(const Value& v) {
  if (v.is(Kind::iterator) || v.is_none() || v.is_number()) {
    return Runtime::type_error(cat("'", Runtime::type_name(v), "' object is not reversible"));
  }
  return {};
}

Result<Value> last(Runtime& runtime, const Value& self, const Slots&) {
  HEARTH_TRY_VOID(check_reversible(self));
  HEARTH_TRY(const std::vector<Value> items, runtime.to_vector(self));
  return items.empty() ? runtime.undefined("No last item, sequence was empty.") : items.back();
}

Result<Value> reverse(Runtime& runtime, const Value& self, const Slots&) {
  if (self.is_string()) {
    return runtime.slice(self, Value::none(), Value::none(), Value::integer(-1));
  }
  if (self.is_none() || self.is_number()) return Runtime::type_error("argument must be iterable");
  HEARTH_TRY(std::vector<Value> items, runtime.to_vector(self));
  std::reverse(items.begin(), items.end());
  if (self.is(Kind::iterator)) return runtime.list(std::move(items));
  return runtime.generator(std::move(items));
}

Result<Value> join(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const std::vector<Value> items, runtime.to_vector(self));
  const Path path = make_path(runtime, slots.has(1) ? slots[1] : Value::none());
  MarkedText separator;
  if (slots.has(0)) {
    HEARTH_TRY(separator, runtime.to_text(slots[0]));
  }
  MarkedText out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i != 0) out.append(separator);
    HEARTH_TRY(const Value item, follow(runtime, path, items[i]));
    HEARTH_TRY(const MarkedText text, runtime.to_text(item));
    out.append(text);
    HEARTH_TRY_VOID(runtime.heap().check_text(out.size()));
    if (!runtime.heap().charge_bytes(text.size())) return runtime.heap().exhausted_error();
  }
  return runtime.text(std::move(out));
}

Result<Value> items(Runtime& runtime, const Value& self, const Slots&) {
  if (self.is_undefined()) return runtime.generator({});
  if (!self.is_dict()) return Runtime::type_error("Can only get item pairs from a mapping.");
  HEARTH_TRY(std::vector<Value> pairs, dict_pairs(runtime, self));
  return runtime.generator(std::move(pairs));
}

Result<Value> dictsort(Runtime& runtime, const Value& self, const Slots& slots) {
  if (self.is_undefined()) return Runtime::undefined_error(self);
  if (!self.is_dict()) {
    return Runtime::type_error(
        cat("'", Runtime::type_name(self), "' object has no attribute 'items'"));
  }
  std::string_view by = "key";
  if (slots.has(1)) {
    HEARTH_TRY_VOID(text_argument(slots[1]));
    by = slots[1].view();
  }
  if (by != "key" && by != "value") {
    return Runtime::type_error("You can only sort by either \"key\" or \"value\"");
  }
  HEARTH_TRY(const std::vector<Value> pairs, dict_pairs(runtime, self));
  Path path;
  path.keys.push_back(Value::integer(by == "key" ? 0 : 1));
  HEARTH_TRY(const std::vector<Value> keys, sort_keys(runtime, path, pairs, !truth_at(slots, 0)));
  HEARTH_TRY(std::vector<Value> sorted, sort_by(runtime, pairs, keys, truth_at(slots, 2)));
  return runtime.list(std::move(sorted));
}

Result<Value> sort(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const std::vector<Value> items, runtime.to_vector(self));
  const Value attribute = slots.has(2) ? slots[2] : Value::none();
  // "a,b" sorts by a, then by b. Keys are lists, so that two undefined parts count as equal.
  std::vector<Path> paths;
  if (attribute.is_string()) {
    const Value comma = runtime.text(",");
    HEARTH_TRY(const Value names, call_builtin(runtime, *find_method(attribute, "split"), attribute,
                                               Arguments{{comma}, {}}));
    for (const Value& name : names.items()) paths.push_back(make_path(runtime, name));
  } else {
    paths.push_back(make_path(runtime, attribute));
  }
  std::vector<Value> keys;
  for (const Value& item : items) {
    std::vector<Value> parts;
    for (const Path& path : paths) {
      HEARTH_TRY(Value part, sort_key(runtime, path, item, !truth_at(slots, 1)));
      parts.push_back(std::move(part));
    }
    HEARTH_TRY(Value key, runtime.list(std::move(parts)));
    keys.push_back(std::move(key));
  }
  HEARTH_TRY(std::vector<Value> sorted, sort_by(runtime, items, keys, truth_at(slots, 0)));
  return runtime.list(std::move(sorted));
}

// Equal keys, for strings in constant time.
class KeySet {
 public:
  // True when it was not there.
  bool insert(Runtime& runtime, const Value& key) {
    kept_.push_back(key);
    if (key.is_string()) return texts_.emplace(kept_.back().view(), 0).second;
    for (const Value& other : others_) {
      if (runtime.equal(other, key)) return false;
    }
    others_.push_back(key);
    return true;
  }

 private:
  std::vector<Value> kept_;  // holds the texts that texts_ points into
  std::unordered_map<std::string_view, int> texts_;
  std::vector<Value> others_;
};

Result<Value> unique(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const std::vector<Value> items, runtime.to_vector(self));
  const Path path = make_path(runtime, slots.has(1) ? slots[1] : Value::none());
  KeySet seen;
  std::vector<Value> kept;
  for (const Value& item : items) {
    HEARTH_TRY(const Value key, sort_key(runtime, path, item, !truth_at(slots, 0)));
    HEARTH_TRY_VOID(Runtime::check_key(key));
    if (seen.insert(runtime, key)) kept.push_back(item);
    if (runtime.heap().exhausted()) return runtime.heap().exhausted_error();
  }
  return runtime.generator(std::move(kept));
}

template <bool Largest>
Result<Value> extreme(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const std::vector<Value> items, runtime.to_vector(self));
  if (items.empty()) return runtime.undefined("No aggregated item, sequence was empty.");
  const Path path = make_path(runtime, slots.has(1) ? slots[1] : Value::none());
  HEARTH_TRY(const std::vector<Value> keys, sort_keys(runtime, path, items, !truth_at(slots, 0)));
  std::size_t best = 0;
  for (std::size_t i = 1; i < items.size(); ++i) {
    HEARTH_TRY(const bool better, Largest ? runtime.less(keys[best], keys[i], ">")
                                          : runtime.less(keys[i], keys[best]));
    if (better) best = i;
  }
  return items[best];
}

Result<Value> sum(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const std::vector<Value> items, runtime.to_vector(self));
  const Path path = make_path(runtime, slots.has(0) ? slots[0] : Value::none());
  Value total = slots.has(1) ? slots[1] : Value::integer(0);
  if (total.is_string()) {
    return Runtime::type_error("sum() can't sum strings [use ''.join(seq) instead]");
  }
  for (const Value& item : items) {
    HEARTH_TRY(const Value v, follow(runtime, path, item));
    HEARTH_TRY(total, runtime.binary(BinaryOp::add, total, v));
    if (runtime.heap().exhausted()) return runtime.heap().exhausted_error();
  }
  return total;
}

Result<Value> groupby(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const std::vector<Value> items, runtime.to_vector(self));
  Path path = make_path(runtime, slots[0]);
  if (slots.some(1)) path.fallback = slots[1];
  const bool ignore_case = !truth_at(slots, 2);
  HEARTH_TRY(const std::vector<Value> keys, sort_keys(runtime, path, items, ignore_case));
  HEARTH_TRY(const std::vector<Value> sorted, sort_by(runtime, items, keys, false));
  HEARTH_TRY(const std::vector<Value> sorted_keys, sort_by(runtime, keys, keys, false));
  std::vector<Value> groups;
  for (std::size_t start = 0; start < sorted.size();) {
    std::size_t end = start + 1;
    while (end < sorted.size() && runtime.equal(sorted_keys[start], sorted_keys[end])) ++end;
    HEARTH_TRY(Value grouper, follow(runtime, path, sorted[start]));
    HEARTH_TRY(Value members, runtime.list({sorted.begin() + static_cast<std::ptrdiff_t>(start),
                                            sorted.begin() + static_cast<std::ptrdiff_t>(end)}));
    HEARTH_TRY(Value group, runtime.list({std::move(grouper), std::move(members)}, Shape::group));
    groups.push_back(std::move(group));
    start = end;
  }
  return runtime.list(std::move(groups));
}

Result<Int> positive(const Value& v, std::string_view what) {
  HEARTH_TRY(const Int n, int_argument(v));
  if (n <= 0) return Runtime::type_error(cat(what, " must be positive, got ", int_text(n)));
  return n;
}

Result<Value> batch(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const Int count, positive(slots[0], "batch: the size"));
  HEARTH_TRY(const std::vector<Value> items, runtime.to_vector(self));
  std::vector<Value> batches;
  for (std::size_t start = 0; start < items.size();) {
    const Int left = static_cast<Int>(items.size() - start);
    const auto n = static_cast<std::size_t>(std::min(count, left));
    std::vector<Value> part(items.begin() + static_cast<std::ptrdiff_t>(start),
                            items.begin() + static_cast<std::ptrdiff_t>(start + n));
    if (slots.some(1) && count > left) {
      if (count > kMaxRange)
        return Runtime::type_error(cat("batch: at most ", kMaxRange, " a batch"));
      part.resize(static_cast<std::size_t>(count), slots[1]);
    }
    HEARTH_TRY(Value made, runtime.list(std::move(part)));
    batches.push_back(std::move(made));
    start += n;
  }
  return runtime.generator(std::move(batches));
}

Result<Value> slice(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const Int wanted, positive(slots[0], "slice: the number of slices"));
  if (wanted > kMaxRange) return Runtime::type_error(cat("slice: at most ", kMaxRange, " slices"));
  HEARTH_TRY(const std::vector<Value> items, runtime.to_vector(self));
  const auto n_slices = static_cast<std::size_t>(wanted);
  const std::size_t each = items.size() / n_slices, longer = items.size() % n_slices;
  runtime.heap().charge(n_slices);
  std::vector<Value> out;
  std::size_t start = 0;
  for (std::size_t i = 0; i < n_slices; ++i) {
    const std::size_t end = start + each + (i < longer ? 1 : 0);
    std::vector<Value> part(items.begin() + static_cast<std::ptrdiff_t>(start),
                            items.begin() + static_cast<std::ptrdiff_t>(end));
    if (slots.some(1) && i >= longer) part.push_back(slots[1]);
    HEARTH_TRY(Value made, runtime.list(std::move(part)));
    out.push_back(std::move(made));
    start = end;
  }
  return runtime.generator(std::move(out));
}

// --- lazy filters
// --------------------------------------------------------------------------------- One element in;
// a value out, or nothing to leave it out.
using Transform = std::function<Result<std::optional<Value>>(Runtime&, const Value&)>;

class TransformIterator : public IteratorObject {
 public:
  TransformIterator(Heap* heap, Value source, int nesting, Transform transform)
      : IteratorObject(heap), source_(std::move(source)), transform_(std::move(transform)) {
    set_nesting(nesting);
  }
  // That the source cannot be iterated shows when it is, as in Python.
  Result<bool> next(Runtime& runtime, Value& out) override {
    if (!elements_) {
      HEARTH_TRY(elements_, runtime.iterate(source_));
    }
    Value item;
    while (true) {
      HEARTH_TRY(const bool more, elements_->next(runtime, item));
      if (!more) return false;
      if (!runtime.heap().charge(1)) return runtime.heap().exhausted_error();
      HEARTH_TRY(std::optional<Value> made, transform_(runtime, item));
      if (!made) continue;
      out = std::move(*made);
      return true;
    }
  }

 private:
  Value source_;
  Ref<IteratorObject> elements_;
  Transform transform_;
};

// A false source (None, 0) gives nothing. The arguments count in the nesting, for the transform
// holds them.
Result<Value> lazily(Runtime& runtime, const Value& source, const Slots& slots,
                     Transform transform) {
  if (!Runtime::truth(source)) return runtime.generator({});
  int nesting = source.nesting();
  for (const Value& v : slots.rest) nesting = std::max(nesting, v.nesting());
  for (const auto& [name, v] : slots.named_rest) nesting = std::max(nesting, v.nesting());
  if (nesting >= kMaxNesting) {
    return Runtime::type_error(cat("more than ", kMaxNesting, " lazy filters on one another"));
  }
  return Value(new TransformIterator(&runtime.heap(), source, nesting + 1, std::move(transform)));
}

// The filter or test that slots.rest[at] names, with the arguments behind it.
Result<std::function<Result<Value>(Runtime&, const Value&)>> named_builtin(const Slots& slots,
                                                                           std::size_t at,
                                                                           bool is_filter) {
  HEARTH_TRY_VOID(text_argument(slots.rest[at]));
  const std::string_view name = slots.rest[at].view();
  const Builtin* const builtin = is_filter ? find_filter(name) : find_test(name);
  if (builtin == nullptr) {
    return Runtime::type_error(cat("No ", is_filter ? "filter" : "test", " named '", name, "'."));
  }
  std::vector<Value> rest(slots.rest.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                          slots.rest.end());
  // Names of keyword arguments outlive the rendering: the template or Runtime::intern holds them.
  return std::function<Result<Value>(Runtime&, const Value&)>(
      [builtin, rest = std::move(rest), named = slots.named_rest](Runtime& runtime,
                                                                  const Value& v) {
        return call_builtin(runtime, *builtin, v, Arguments{rest, named});
      });
}

Result<Value> map(Runtime& runtime, const Value& self, const Slots& slots) {
  if (!slots.rest.empty()) {
    HEARTH_TRY(auto filter, named_builtin(slots, 0, true));
    return lazily(runtime, self, slots,
                  [filter](Runtime& r, const Value& v) -> Result<std::optional<Value>> {
                    HEARTH_TRY(Value made, filter(r, v));
                    return std::optional(std::move(made));
                  });
  }
  std::optional<Value> attribute, fallback;
  for (const auto& [name, value] : slots.named_rest) {
    if (name != "attribute" && name != "default") {
      return Runtime::type_error(cat("map: unexpected keyword argument '", name, "'"));
    }
    (name == "attribute" ? attribute : fallback) = value;
  }
  if (!attribute) return Runtime::type_error("map requires a filter argument");
  Path path = make_path(runtime, *attribute);
  if (fallback && !fallback->is_none()) path.fallback = fallback;
  return lazily(runtime, self, slots,
                [path](Runtime& r, const Value& v) -> Result<std::optional<Value>> {
                  HEARTH_TRY(Value made, follow(r, path, v));
                  return std::optional(std::move(made));
                });
}

template <bool Keep, bool ByAttribute>
Result<Value> choose(Runtime& runtime, const Value& self, const Slots& slots) {
  constexpr std::size_t kTestAt = ByAttribute ? 1 : 0;
  Path path;
  if (ByAttribute) {
    if (slots.rest.empty()) return Runtime::type_error("Missing parameter for attribute name");
    path = make_path(runtime, slots.rest[0]);
  }
  std::function<Result<Value>(Runtime&, const Value&)> test;
  if (slots.rest.size() > kTestAt) {
    HEARTH_TRY(test, named_builtin(slots, kTestAt, false));
  }
  return lazily(runtime, self, slots,
                [path, test](Runtime& r, const Value& v) -> Result<std::optional<Value>> {
                  HEARTH_TRY(Value answer, follow(r, path, v));
                  if (test) {
                    HEARTH_TRY(answer, test(r, answer));
                  }
                  return Runtime::truth(answer) == Keep ? std::optional(v) : std::nullopt;
                });
}

// --- others
// ---------------------------------------------------------------------------------------
Result<Value> or_default(Runtime& runtime, const Value& self, const Slots& slots) {
  const bool replaced = self.is_undefined() || (truth_at(slots, 1) && !Runtime::truth(self));
  if (!replaced) return self;
  return slots.has(0) ? slots[0] : runtime.text("");
}

Result<Value> attr(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const MarkedText name, runtime.to_text(slots[0]));
  if (self.is_undefined()) return Runtime::undefined_error(self);
  HEARTH_TRY(const std::optional<Value> own, runtime.own_attribute(self, name.view()));
  if (own) return *own;
  return runtime.undefined(
      cat("'", Runtime::type_name(self), " object' has no attribute '", name.view(), "'"));
}

constexpr Builtin kFilters[] = {
    {"abs", "", 0, absolute},
    {"attr", "name", 1, attr},
    {"batch", "linecount fill_with", 1, batch},
    {"capitalize", "", 0, as_method<kCapitalize>},
    {"center", "width", 0, center},
    {"count", "", 0, length},
    {"d", "default_value boolean", 0, or_default},
    {"default", "default_value boolean", 0, or_default},
    {"dictsort", "case_sensitive by reverse", 0, dictsort},
    {"e", "", 0, escape},
    {"escape", "", 0, escape},
    {"filesizeformat", "binary", 0, filesizeformat},
    {"first", "", 0, first},
    {"float", "default", 0, to_float},
    {"forceescape", "", 0, force_escape},
    {"format", "* **", 0, format},
    {"groupby", "attribute default case_sensitive", 1, groupby},
    {"indent", "width first blank", 0, indent},
    {"int", "default base", 0, to_int},
    {"items", "", 0, items},
    {"join", "d attribute", 0, join},
    {"last", "", 0, last},
    {"length", "", 0, length},
    {"list", "", 0, list},
    {"lower", "", 0, as_method<kLowerName>},
    {"map", "* **", 0, map},
    {"max", "case_sensitive attribute", 0, extreme<true>},
    {"min", "case_sensitive attribute", 0, extreme<false>},
    {"reject", "* **", 0, choose<false, false>},
    {"rejectattr", "* **", 0, choose<false, true>},
    {"replace", "old new count", 2, replace},
    {"reverse", "", 0, reverse},
    {"round", "precision method", 0, round},
    {"safe", "", 0, safe},
    {"select", "* **", 0, choose<true, false>},
    {"selectattr", "* **", 0, choose<true, true>},
    {"slice", "slices fill_with", 1, slice},
    {"sort", "reverse case_sensitive attribute", 0, sort},
    {"string", "", 0, string},
    {"striptags", "", 0, striptags},
    {"sum", "attribute start", 0, sum},
    {"title", "", 0, title},
    {"tojson", "ensure_ascii indent separators sort_keys", 0, tojson},
    {"trim", "chars", 0, as_method<kStrip>},
    {"truncate", "length killwords end leeway", 0, truncate},
    {"unique", "case_sensitive attribute", 0, unique},
    {"upper", "", 0, as_method<kUpperName>},
    {"urlencode", "", 0, urlencode},
    {"wordcount", "", 0, wordcount},
};

}  // namespace

const Builtin* find_filter(std::string_view name) {
  const auto it = std::find_if(std::begin(kFilters), std::end(kFilters),
                               [name](const Builtin& b) { return b.name == name; });
  return it == std::end(kFilters) ? nullptr : it;
}

}  // namespace hearth::jinja
