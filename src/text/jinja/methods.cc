// methods.cc - the methods of str, list, tuple, dict, int and float that the sandbox allows.
//
// Methods that change their owner exist only as names: touching one gives an "unsafe" undefined.
// Positions that a template sees (find, index, slices) count characters; inside, offsets are bytes.
#include <algorithm>
#include <cmath>

#include "base/str.h"
#include "base/utf8.h"
#include "text/jinja/builtin.h"
#include "text/jinja/unicode.h"

namespace hearth::jinja {

namespace {

using Parts = std::vector<MarkedText>;

// Of a Markup the parts are Markup too.
Value like(Runtime& runtime, const Value& self, MarkedText text) {
  return runtime.text(std::move(text), self.string().markup);
}

// Another text that goes into a Markup is escaped first.
Result<MarkedText> fitting_argument(const Value& self, const Value& v) {
  HEARTH_TRY(MarkedText text, text_argument(v));
  if (self.string().markup && !v.string().markup) return escape_html(text);
  return text;
}

template <CaseMap Map>
Result<Value> map_method(Runtime& runtime, const Value& self, const Slots&) {
  runtime.heap().charge_bytes(8 * self.view().size());
  return like(runtime, self, map_case(self.text(), Map));
}

Result<Value> capitalize_method(Runtime& runtime, const Value& self, const Slots&) {
  runtime.heap().charge_bytes(8 * self.view().size());
  return like(runtime, self, capitalize(self.text()));
}

Result<Value> title_method(Runtime& runtime, const Value& self, const Slots&) {
  runtime.heap().charge_bytes(8 * self.view().size());
  MarkedText out;
  bool in_word = false;
  for (std::size_t at = 0; at < self.view().size();) {
    const Utf8Char c = decode_utf8(self.view().substr(at));
    append_mapped(out, self.text(), at, c.size, in_word ? CaseMap::lower : CaseMap::title);
    in_word = is_class(c.code, CharClass::cased);
    at += c.size;
  }
  return like(runtime, self, std::move(out));
}

Result<Value> swapcase_method(Runtime& runtime, const Value& self, const Slots&) {
  runtime.heap().charge_bytes(8 * self.view().size());
  MarkedText out;
  for (std::size_t at = 0; at < self.view().size();) {
    const Utf8Char c = decode_utf8(self.view().substr(at));
    append_mapped(out, self.text(), at, c.size,
                  is_lower_char(c.code) ? CaseMap::upper : CaseMap::lower);
    at += c.size;
  }
  return like(runtime, self, std::move(out));
}

template <bool Left, bool Right>
Result<Value> strip_method(Runtime& runtime, const Value& self, const Slots& slots) {
  std::string_view chars;
  if (slots.some(0)) {
    HEARTH_TRY_VOID(text_argument(slots[0]));
    chars = slots[0].view();
  }
  runtime.heap().charge_bytes(self.view().size());
  const MarkedText& text = self.text();
  std::size_t from = 0, to = text.size();
  const auto goes = [&](std::string_view character) {
    return slots.some(0) ? chars.find(character) != std::string_view::npos
                         : leading_space(character) != 0;
  };
  while (Left && from < to) {
    const std::size_t size = decode_utf8(text.view().substr(from)).size;
    if (!goes(text.view().substr(from, size))) break;
    from += size;
  }
  while (Right && from < to) {
    std::size_t size = 0;
    last_char(text.view().substr(from, to - from), &size);
    if (!goes(text.view().substr(to - size, size))) break;
    to -= size;
  }
  return like(runtime, self, text.substr(from, to - from));
}

// maxsplit: none or negative means no limit.
Result<std::size_t> split_limit(const Slots& slots) {
  if (!slots.has(1)) return std::size_t{SIZE_MAX};
  HEARTH_TRY(const Int limit, int_argument(slots[1]));
  constexpr Int kMany = Int{1} << 40;
  return limit < 0 || limit > kMany ? std::size_t{SIZE_MAX} : static_cast<std::size_t>(limit);
}

Parts split_at_space(const MarkedText& text, std::size_t limit) {
  Parts parts;
  std::size_t at = leading_space(text.view());
  while (at < text.size()) {
    if (parts.size() == limit) {
      parts.push_back(text.substr(at, text.size() - at));
      break;
    }
    std::size_t end = at;
    while (end < text.size() && leading_space(text.view().substr(end, 4)) == 0) {
      end += decode_utf8(text.view().substr(end)).size;
    }
    parts.push_back(text.substr(at, end - at));
    at = end + leading_space(text.view().substr(end));
  }
  return parts;
}

Parts split_at_space_from_right(const MarkedText& text, std::size_t limit) {
  Parts parts;
  std::size_t end = text.size() - trailing_space(text.view());
  while (end > 0) {
    if (parts.size() == limit) {
      parts.push_back(text.substr(0, end));
      break;
    }
    std::size_t from = end, size = 0;
    while (from > 0 && trailing_space(text.view().substr(0, from)) == 0) {
      last_char(text.view().substr(0, from), &size);
      from -= size;
    }
    parts.push_back(text.substr(from, end - from));
    end = from - trailing_space(text.view().substr(0, from));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Parts split_at(const MarkedText& text, std::string_view separator, std::size_t limit) {
  Parts parts;
  std::size_t at = 0;
  while (parts.size() < limit) {
    const std::size_t found = text.view().find(separator, at);
    if (found == std::string_view::npos) break;
    parts.push_back(text.substr(at, found - at));
    at = found + separator.size();
  }
  parts.push_back(text.substr(at, text.size() - at));
  return parts;
}

Parts split_at_from_right(const MarkedText& text, std::string_view separator, std::size_t limit) {
  Parts parts;
  std::size_t end = text.size();
  while (parts.size() < limit && end >= separator.size()) {
    const std::size_t found = text.view().rfind(separator, end - separator.size());
    if (found == std::string_view::npos) break;
    parts.push_back(text.substr(found + separator.size(), end - found - separator.size()));
    end = found;
  }
  parts.push_back(text.substr(0, end));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Result<Value> list_of(Runtime& runtime, const Value& self, Parts parts, Shape shape = Shape::list) {
  runtime.heap().charge(parts.size());
  HEARTH_TRY_VOID(runtime.heap().check_room(parts.size() * sizeof(StringObject)));
  std::vector<Value> items;
  items.reserve(parts.size());
  for (MarkedText& part : parts) items.push_back(like(runtime, self, std::move(part)));
  return runtime.list(std::move(items), shape);
}

template <bool FromRight>
Result<Value> split_method(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const std::size_t limit, split_limit(slots));
  // A part costs more memory than the byte it may consist of.
  HEARTH_TRY_VOID(runtime.heap().check_room(self.view().size()));
  runtime.heap().charge_bytes(8 * self.view().size());
  const MarkedText& text = self.text();
  if (!slots.some(0)) {
    return list_of(
        runtime, self,
        FromRight ? split_at_space_from_right(text, limit) : split_at_space(text, limit));
  }
  HEARTH_TRY_VOID(text_argument(slots[0]));
  const std::string_view separator = slots[0].view();
  if (separator.empty()) return Runtime::type_error("ValueError: empty separator");
  return list_of(
      runtime, self,
      FromRight ? split_at_from_right(text, separator, limit) : split_at(text, separator, limit));
}

// Bytes of the line break at `at`: Python's str.splitlines knows ten kinds.
std::size_t line_break(std::string_view text, std::size_t at) {
  if (text.substr(at).starts_with("\r\n")) return 2;
  const Utf8Char c = decode_utf8(text.substr(at));
  const bool breaks = (c.code >= 0x0a && c.code <= 0x0d) || (c.code >= 0x1c && c.code <= 0x1e) ||
                      c.code == 0x85 || c.code == 0x2028 || c.code == 0x2029;
  return breaks ? c.size : 0;
}

Result<Value> splitlines_method(Runtime& runtime, const Value& self, const Slots& slots) {
  const bool keep = slots.has(0) && Runtime::truth(slots[0]);
  HEARTH_TRY_VOID(runtime.heap().check_room(self.view().size()));
  runtime.heap().charge_bytes(4 * self.view().size());
  return list_of(runtime, self, split_lines(self.text(), keep));
}

template <bool FromRight>
Result<Value> partition_method(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY_VOID(text_argument(slots[0]));
  const std::string_view separator = slots[0].view();
  if (separator.empty()) return Runtime::type_error("ValueError: empty separator");
  const MarkedText& text = self.text();
  const std::size_t found = FromRight ? text.view().rfind(separator) : text.view().find(separator);
  runtime.heap().charge_bytes(text.size());
  if (found == std::string_view::npos) {
    return list_of(runtime, self, FromRight ? Parts{{}, {}, text} : Parts{text, {}, {}},
                   Shape::tuple);
  }
  const std::size_t end = found + separator.size();
  return list_of(runtime, self,
                 {text.substr(0, found), text.substr(found, separator.size()),
                  text.substr(end, text.size() - end)},
                 Shape::tuple);
}

// The window [start, end) of find, count, startswith, in bytes; false when it is empty by its
// bounds.
struct Window {
  std::size_t from, to;
  bool valid;
};
Result<Window> window_of(const Value& self, const Slots& slots) {
  const std::string_view text = self.view();
  if (!slots.some(1) && !slots.some(2)) return Window{0, text.size(), true};
  const auto n = static_cast<Int>(count_chars(text));
  Int bounds[2] = {0, n};
  for (std::size_t i = 0; i < 2; ++i) {
    if (!slots.some(i + 1)) continue;
    HEARTH_TRY(const Int bound, int_argument(slots[i + 1]));
    bounds[i] = bound < 0 ? std::max(Int{0}, bound < -n ? Int{0} : bound + n) : bound;
  }
  bounds[1] = std::min(bounds[1], n);
  if (bounds[0] > bounds[1]) return Window{0, 0, false};
  return Window{char_offset(text, static_cast<std::size_t>(bounds[0])),
                char_offset(text, static_cast<std::size_t>(bounds[1])), true};
}

template <bool FromRight>
Result<Value> find_method_of_text(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY_VOID(text_argument(slots[0]));
  HEARTH_TRY(const Window window, window_of(self, slots));
  runtime.heap().charge_bytes(self.view().size());
  if (!window.valid) return Value::integer(-1);
  const std::string_view text = self.view().substr(window.from, window.to - window.from);
  const std::size_t found = FromRight ? text.rfind(slots[0].view()) : text.find(slots[0].view());
  if (found == std::string_view::npos) return Value::integer(-1);
  return Value::integer(static_cast<Int>(count_chars(self.view().substr(0, window.from + found))));
}

template <bool FromRight>
Result<Value> index_method_of_text(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const Value found, find_method_of_text<FromRight>(runtime, self, slots));
  if (found.as_int() < 0) return Runtime::type_error("ValueError: substring not found");
  return found;
}

Result<Value> count_method_of_text(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY_VOID(text_argument(slots[0]));
  HEARTH_TRY(const Window window, window_of(self, slots));
  runtime.heap().charge_bytes(self.view().size());
  if (!window.valid) return Value::integer(0);
  const std::string_view text = self.view().substr(window.from, window.to - window.from);
  const std::string_view part = slots[0].view();
  if (part.empty()) return Value::integer(static_cast<Int>(count_chars(text)) + 1);
  Int n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos;
       at += part.size()) {
    ++n;
  }
  return Value::integer(n);
}

template <bool AtEnd>
Result<Value> affix_method(Runtime&, const Value& self, const Slots& slots) {
  HEARTH_TRY(const Window window, window_of(self, slots));
  const std::string_view text = self.view().substr(window.from, window.to - window.from);
  std::vector<Value> candidates = {slots[0]};
  if (slots[0].is_list() && slots[0].list().is_tuple()) candidates = slots[0].items();
  for (const Value& candidate : candidates) {
    if (!candidate.is_string()) {
      if (candidate.is_undefined() && slots[0].is_undefined()) {
        return Runtime::type_error(cat(AtEnd ? "endswith" : "startswith",
                                       " first arg must be str or a tuple of str, not Undefined"));
      }
      return Runtime::type_error(cat(AtEnd ? "endswith" : "startswith",
                                     " first arg must be str or a tuple of str, not ",
                                     Runtime::type_name(candidate)));
    }
    if (window.valid &&
        (AtEnd ? text.ends_with(candidate.view()) : text.starts_with(candidate.view()))) {
      return Value::boolean(true);
    }
  }
  return Value::boolean(false);
}

template <bool AtEnd>
Result<Value> remove_affix_method(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY_VOID(text_argument(slots[0]));
  const std::string_view affix = slots[0].view();
  const MarkedText& text = self.text();
  if (AtEnd ? text.view().ends_with(affix) : text.view().starts_with(affix)) {
    return like(runtime, self, text.substr(AtEnd ? 0 : affix.size(), text.size() - affix.size()));
  }
  return self;
}

Result<Value> replace_method(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY_VOID(text_argument(slots[0]));
  HEARTH_TRY(const MarkedText with, fitting_argument(self, slots[1]));
  Int limit = -1;
  if (slots.has(2)) {
    HEARTH_TRY(limit, int_argument(slots[2]));
  }
  HEARTH_TRY(MarkedText out, replace_text(runtime, self.text(), slots[0].view(), with, limit));
  return like(runtime, self, std::move(out));
}

Result<Value> join_method(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const std::vector<Value> items, runtime.to_vector(slots[0]));
  MarkedText out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_string() && !self.string().markup) {
      return Runtime::type_error(cat("sequence item ", i, ": expected str instance, ",
                                     Runtime::type_name(items[i]), " found"));
    }
    if (i != 0) out.append(self.text());
    HEARTH_TRY(const Value item, runtime.soft_text(items[i]));
    HEARTH_TRY(const MarkedText text, fitting_argument(self, item));
    out.append(text);
    HEARTH_TRY_VOID(runtime.heap().check_text(out.size()));
  }
  runtime.heap().charge_bytes(out.size());
  return like(runtime, self, std::move(out));
}

// -1: left-justified, 0: centred, 1: right-justified.
template <int Side>
Result<Value> pad_method(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const Int width, int_argument(slots[0]));
  MarkedText fill(" ", true);
  if (slots.has(1)) {
    HEARTH_TRY(fill, fitting_argument(self, slots[1]));
    if (count_chars(fill.view()) != 1) {
      return Runtime::type_error("The fill character must be exactly one character long");
    }
  }
  HEARTH_TRY(MarkedText out, pad_text(runtime, self.text(), width, fill, Side));
  return like(runtime, self, std::move(out));
}

Result<Value> zfill_method(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const Int width, int_argument(slots[0]));
  const MarkedText& text = self.text();
  const bool has_sign = text.view().starts_with('-') || text.view().starts_with('+');
  const std::size_t sign = has_sign ? 1 : 0;
  MarkedText out = text.substr(0, sign);
  HEARTH_TRY(const MarkedText rest,
             pad_text(runtime, text.substr(sign, text.size() - sign),
                      std::max(width, Int{1}) - static_cast<Int>(sign), MarkedText("0", true), 1));
  out.append(rest);
  return like(runtime, self, std::move(out));
}

Result<Value> expandtabs_method(Runtime& runtime, const Value& self, const Slots& slots) {
  Int tab = 8;
  if (slots.has(0)) {
    HEARTH_TRY(tab, int_argument(slots[0]));
  }
  constexpr Int kMaxTab = 10'000;
  if (tab > kMaxTab) return Runtime::type_error(cat("expandtabs: at most ", int_text(kMaxTab)));
  MarkedText out;
  Int column = 0;
  for (std::size_t at = 0; at < self.view().size();) {
    const Utf8Char c = decode_utf8(self.view().substr(at));
    if (c.code == '\t') {
      const Int spaces = tab > 0 ? tab - column % tab : Int{0};
      out.append(std::string(static_cast<std::size_t>(spaces), ' '), self.text().trusted_at(at));
      column += spaces;
    } else {
      out.append(self.text(), at, c.size);
      column = c.code == '\n' || c.code == '\r' ? Int{0} : column + 1;
    }
    at += c.size;
    HEARTH_TRY_VOID(runtime.heap().check_text(out.size()));
  }
  runtime.heap().charge_bytes(out.size());
  return like(runtime, self, std::move(out));
}

template <class Test>
bool every_char(std::string_view text, Test test) {
  if (text.empty()) return false;
  while (!text.empty()) {
    const Utf8Char c = decode_utf8(text);
    if (!test(c.code)) return false;
    text.remove_prefix(c.size);
  }
  return true;
}

template <CharClass... Classes>
Result<Value> class_method(Runtime& runtime, const Value& self, const Slots&) {
  runtime.heap().charge_bytes(4 * self.view().size());
  return Value::boolean(
      every_char(self.view(), [](char32_t c) { return (is_class(c, Classes) || ...); }));
}

Result<Value> isprintable_method(Runtime&, const Value& self, const Slots&) {
  return Value::boolean(self.view().empty() || every_char(self.view(), [](char32_t c) {
                          return is_class(c, CharClass::printable);
                        }));
}
Result<Value> isascii_method(Runtime&, const Value& self, const Slots&) {
  return Value::boolean(self.view().empty() ||
                        every_char(self.view(), [](char32_t c) { return c < 0x80; }));
}
Result<Value> isidentifier_method(Runtime&, const Value& self, const Slots&) {
  const bool starts_well =
      !self.view().empty() && !is_class(decode_utf8(self.view()).code, CharClass::decimal);
  return Value::boolean(starts_well && every_char(self.view(), [](char32_t c) {
                          return c == '_' || is_class(c, CharClass::alphabetic) ||
                                 is_class(c, CharClass::decimal);
                        }));
}

template <bool (*Wanted)(char32_t)>
Result<Value> cased_method(Runtime&, const Value& self, const Slots&) {
  bool any = false;
  std::string_view rest = self.view();
  while (!rest.empty()) {
    const Utf8Char c = decode_utf8(rest);
    rest.remove_prefix(c.size);
    if (!is_class(c.code, CharClass::cased)) continue;
    if (!Wanted(c.code)) return Value::boolean(false);
    any = true;
  }
  return Value::boolean(any);
}

Result<Value> istitle_method(Runtime&, const Value& self, const Slots&) {
  bool any = false, in_word = false;
  std::string_view rest = self.view();
  while (!rest.empty()) {
    const Utf8Char c = decode_utf8(rest);
    rest.remove_prefix(c.size);
    const bool cased = is_class(c.code, CharClass::cased);
    if (cased && is_lower_char(c.code) != in_word) return Value::boolean(false);
    any |= cased;
    in_word = cased;
  }
  return Value::boolean(any);
}

Result<Value> format_method(Runtime& runtime, const Value& self, const Slots& slots) {
  return format_braces(runtime, self, slots);
}

// --- list, tuple, dict, numbers
// -------------------------------------------------------------------
Result<Value> index_method(Runtime& runtime, const Value& self, const Slots& slots) {
  const std::vector<Value>& items = self.items();
  const auto n = static_cast<Int>(items.size());
  Int bounds[2] = {0, n};
  for (std::size_t i = 0; i < 2; ++i) {
    if (!slots.has(i + 1)) continue;
    HEARTH_TRY(const Int bound, int_argument(slots[i + 1]));
    bounds[i] = std::clamp(bound < 0 ? bound + n : bound, Int{0}, n);
  }
  for (Int i = bounds[0]; i < bounds[1]; ++i) {
    if (runtime.equal(items[static_cast<std::size_t>(i)], slots[0])) return Value::integer(i);
  }
  HEARTH_TRY(const MarkedText shown, runtime.to_repr(slots[0]));
  return Runtime::type_error(
      cat("ValueError: ", shown.str(), " is not in ", Runtime::type_name(self)));
}

Result<Value> count_method(Runtime& runtime, const Value& self, const Slots& slots) {
  Int n = 0;
  for (const Value& item : self.items()) n += runtime.equal(item, slots[0]) ? 1 : 0;
  return Value::integer(n);
}

Result<Value> copy_method(Runtime&, const Value& self, const Slots&) { return self; }

Result<Value> get_method(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY_VOID(Runtime::check_key(slots[0]));
  HEARTH_TRY(const bool has, runtime.contains(self, slots[0]));
  if (!has) return slots.has(1) ? slots[1] : Value::none();
  return runtime.item(self, slots[0]);
}

Result<Value> keys_method(Runtime& runtime, const Value& self, const Slots&) {
  std::vector<Value> keys;
  for (const auto& [key, value] : self.dict().entries) keys.push_back(key);
  return runtime.list(std::move(keys), Shape::keys);
}
Result<Value> values_method(Runtime& runtime, const Value& self, const Slots&) {
  std::vector<Value> values;
  for (const auto& [key, value] : self.dict().entries) values.push_back(value);
  return runtime.list(std::move(values), Shape::values);
}
Result<Value> items_method(Runtime& runtime, const Value& self, const Slots&) {
  HEARTH_TRY(std::vector<Value> pairs, dict_pairs(runtime, self));
  return runtime.list(std::move(pairs), Shape::items);
}

Result<Value> bit_length_method(Runtime&, const Value& self, const Slots&) {
  const Int i = self.as_int();
  UInt rest = i < 0 ? UInt{0} - static_cast<UInt>(i) : static_cast<UInt>(i);
  Int n = 0;
  for (; rest != 0; rest >>= 1) ++n;
  return Value::integer(n);
}
Result<Value> is_integer_method(Runtime&, const Value& self, const Slots&) {
  const double d = self.as_double();
  return Value::boolean(std::isfinite(d) && d == std::floor(d));
}

constexpr Builtin kTextMethods[] = {
    {"capitalize", "", 0, capitalize_method},
    {"center", "width fillchar", 1, pad_method<0>},
    {"count", "sub start end", 1, count_method_of_text},
    {"endswith", "suffix start end", 1, affix_method<true>},
    {"expandtabs", "tabsize", 0, expandtabs_method},
    {"find", "sub start end", 1, find_method_of_text<false>},
    {"format", "* **", 0, format_method},
    {"index", "sub start end", 1, index_method_of_text<false>},
    {"isalnum", "", 0, class_method<CharClass::alphabetic, CharClass::numeric>},
    {"isalpha", "", 0, class_method<CharClass::alphabetic>},
    {"isascii", "", 0, isascii_method},
    {"isdecimal", "", 0, class_method<CharClass::decimal>},
    {"isdigit", "", 0, class_method<CharClass::digit>},
    {"isidentifier", "", 0, isidentifier_method},
    {"islower", "", 0, cased_method<is_lower_char>},
    {"isnumeric", "", 0, class_method<CharClass::numeric>},
    {"isprintable", "", 0, isprintable_method},
    {"isspace", "", 0, class_method<CharClass::space>},
    {"istitle", "", 0, istitle_method},
    {"isupper", "", 0, cased_method<is_upper_char>},
    {"join", "iterable", 1, join_method},
    {"ljust", "width fillchar", 1, pad_method<-1>},
    {"lower", "", 0, map_method<CaseMap::lower>},
    {"lstrip", "chars", 0, strip_method<true, false>},
    {"partition", "sep", 1, partition_method<false>},
    {"removeprefix", "prefix", 1, remove_affix_method<false>},
    {"removesuffix", "suffix", 1, remove_affix_method<true>},
    {"replace", "old new count", 2, replace_method},
    {"rfind", "sub start end", 1, find_method_of_text<true>},
    {"rindex", "sub start end", 1, index_method_of_text<true>},
    {"rjust", "width fillchar", 1, pad_method<1>},
    {"rpartition", "sep", 1, partition_method<true>},
    {"rsplit", "sep maxsplit", 0, split_method<true>},
    {"rstrip", "chars", 0, strip_method<false, true>},
    {"split", "sep maxsplit", 0, split_method<false>},
    {"splitlines", "keepends", 0, splitlines_method},
    {"startswith", "prefix start end", 1, affix_method<false>},
    {"strip", "chars", 0, strip_method<true, true>},
    {"swapcase", "", 0, swapcase_method},
    {"title", "", 0, title_method},
    {"upper", "", 0, map_method<CaseMap::upper>},
    {"zfill", "width", 1, zfill_method},
};

constexpr Builtin kListMethods[] = {
    {"count", "value", 1, count_method},
    {"index", "value start stop", 1, index_method},
    {"copy", "", 0, copy_method},  // not of a tuple or range
};

constexpr Builtin kDictMethods[] = {
    {"copy", "", 0, copy_method},     {"get", "key default", 1, get_method},
    {"items", "", 0, items_method},   {"keys", "", 0, keys_method},
    {"values", "", 0, values_method},
};

constexpr Builtin kIntMethods[] = {{"bit_length", "", 0, bit_length_method}};
constexpr Builtin kFloatMethods[] = {{"is_integer", "", 0, is_integer_method}};

std::span<const Builtin> methods_of(const Value& owner) {
  switch (owner.kind()) {
    case Kind::string:
      return kTextMethods;
    case Kind::list:
      if (owner.list().shape > Shape::range) return {};
      return std::span(kListMethods).first(owner.list().shape == Shape::list ? 3 : 2);
    case Kind::dict:
      return kDictMethods;
    case Kind::boolean:
    case Kind::integer:
      return kIntMethods;
    case Kind::floating:
      return kFloatMethods;
    default:
      return {};
  }
}

}  // namespace

const Builtin* find_method(const Value& owner, std::string_view name) {
  for (const Builtin& builtin : methods_of(owner)) {
    if (builtin.name == name) return &builtin;
  }
  return nullptr;
}

bool is_forbidden_method(const Value& owner, std::string_view name) {
  constexpr std::string_view kOfList[] = {"append", "clear",  "extend",  "insert",
                                          "pop",    "remove", "reverse", "sort"};
  constexpr std::string_view kOfDict[] = {"clear", "pop", "popitem", "setdefault", "update"};
  const bool is_list = owner.is_list() && owner.list().shape == Shape::list;
  if (!is_list && !owner.is_dict()) return false;
  const std::span<const std::string_view> names =
      is_list ? std::span<const std::string_view>(kOfList) : kOfDict;
  return std::find(names.begin(), names.end(), name) != names.end();
}

Result<std::vector<Value>> dict_pairs(Runtime& runtime, const Value& dict) {
  const auto& entries = dict.dict().entries;
  HEARTH_TRY_VOID(
      runtime.heap().check_room(entries.size() * (sizeof(ListObject) + 2 * sizeof(Value))));
  runtime.heap().charge(entries.size());
  std::vector<Value> pairs;
  pairs.reserve(entries.size());
  for (const auto& [key, value] : entries) {
    HEARTH_TRY(Value pair, runtime.list({key, value}, Shape::tuple));
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

std::vector<MarkedText> split_lines(const MarkedText& text, bool keep_ends) {
  Parts lines;
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = line_break(text.view(), at);
    if (size == 0) {
      at += decode_utf8(text.view().substr(at)).size;
      continue;
    }
    lines.push_back(text.substr(start, at - start + (keep_ends ? size : 0)));
    at += size;
    start = at;
  }
  if (start < text.size()) lines.push_back(text.substr(start, text.size() - start));
  return lines;
}

Result<MarkedText> replace_text(Runtime& runtime, const MarkedText& text, std::string_view old,
                                const MarkedText& with, Int limit) {
  MarkedText out;
  std::size_t at = 0;
  for (Int n = 0; limit < 0 || n < limit; ++n) {
    // An empty pattern stands before every character and at the end.
    std::size_t found = at;
    if (old.empty()) {
      if (n != 0) {
        if (at >= text.size()) break;
        found = at + decode_utf8(text.view().substr(at)).size;
      }
    } else {
      found = text.view().find(old, at);
      if (found == std::string_view::npos) break;
    }
    out.append(text, at, found - at);
    out.append(with);
    at = found + old.size();
    HEARTH_TRY_VOID(runtime.heap().check_text(out.size()));
    if (!runtime.heap().charge_bytes(with.size())) return runtime.heap().exhausted_error();
  }
  out.append(text, at, text.size() - at);
  HEARTH_TRY_VOID(runtime.heap().check_text(out.size()));
  runtime.heap().charge_bytes(out.weight());
  return out;
}

Result<MarkedText> pad_text(Runtime& runtime, const MarkedText& text, Int width,
                            const MarkedText& fill, int side) {
  const auto n = static_cast<Int>(count_chars(text.view()));
  if (width <= n) return text;
  constexpr Int kHuge = Int{1} << 40;
  const auto pad = static_cast<std::size_t>(std::min(width, kHuge) - std::min(n, kHuge));
  HEARTH_TRY_VOID(runtime.heap().check_text(text.size() + pad * fill.size()));
  runtime.heap().charge_bytes(text.size() + pad * fill.size());
  // str.center puts the odd one to the left when the width is odd.
  const std::size_t odd = static_cast<std::size_t>(width % 2) & pad & 1;
  const std::size_t left = side > 0 ? pad : side < 0 ? 0 : pad / 2 + odd;
  MarkedText out;
  for (std::size_t i = 0; i < left; ++i) out.append(fill);
  out.append(text);
  for (std::size_t i = left; i < pad; ++i) out.append(fill);
  return out;
}

}  // namespace hearth::jinja
