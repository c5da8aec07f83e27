// builtin.h - the tables of filters, tests, methods and global functions.
//
// A Builtin names its parameters in one string, so that positional and keyword arguments are bound
// in one place: "old new count" with required = 2 is f(old, new, count=…); a last "*" collects
// further positional arguments, "**" further keyword arguments ("* **" both). In a filter or test,
// `self` is the value in front of it.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja/runtime.h"

namespace hearth::jinja {

struct Slots {
  std::vector<Value> values;  // one a named parameter
  std::vector<bool> given;
  std::vector<Value> rest;
  std::vector<std::pair<std::string_view, Value>> named_rest;

  bool has(std::size_t i) const { return i < given.size() && given[i]; }
  const Value& operator[](std::size_t i) const { return values[i]; }
  // Given and not none.
  bool some(std::size_t i) const { return has(i) && !values[i].is_none(); }
};

struct Builtin {
  std::string_view name;
  std::string_view parameters;
  std::size_t required;
  Result<Value> (*call)(Runtime& runtime, const Value& self, const Slots& slots);
};

// nullptr when there is none of that name.
const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);
const Builtin* find_method(const Value& owner, std::string_view name);
const Builtin* find_global(std::string_view name);
// A method that changes its owner exists in Python, and the sandbox forbids it.
bool is_forbidden_method(const Value& owner, std::string_view name);

Result<Slots> bind(const Builtin& builtin, Arguments arguments);
Result<Value> call_builtin(Runtime& runtime, const Builtin& builtin, const Value& self,
                           Arguments arguments);

// Reading arguments.
Result<Int> int_argument(const Value& v);          // TypeError unless an integer or boolean
Result<MarkedText> text_argument(const Value& v);  // TypeError unless a string
Result<Value> make_dict(Runtime& runtime, const Slots& slots);  // dict(mapping or pairs, **more)

Error namespace_name_error(std::string_view name);  // a name that begins with "_"

// json.dumps(v, …) of Python; no HTML escaping.
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<MarkedText> indent;  // one level; none: all on one line
  MarkedText item_separator{", ", true}, key_separator{": ", true};
};
Result<MarkedText> to_json(Runtime& runtime, const Value& v, const JsonStyle& style);

// Pieces shared by methods and filters.
Result<std::vector<Value>> dict_pairs(Runtime& runtime, const Value& dict);  // (key, value) tuples
std::vector<MarkedText> split_lines(const MarkedText& text, bool keep_ends);
// limit < 0: all.
Result<MarkedText> replace_text(Runtime& runtime, const MarkedText& text, std::string_view old,
                                const MarkedText& with, Int limit);
// side -1: text at the left, 0: in the middle, 1: at the right.
Result<MarkedText> pad_text(Runtime& runtime, const MarkedText& text, Int width,
                            const MarkedText& fill, int side);

// A stable sort of values by keys of the same length; reverse keeps equal ones in order too.
Result<std::vector<Value>> sort_by(Runtime& runtime, const std::vector<Value>& values,
                                   const std::vector<Value>& keys, bool reverse);

// printf-style formatting ('%s' % value) and str.format.
Result<Value> format_percent(Runtime& runtime, const Value& format, const Value& arguments);
Result<Value> format_braces(Runtime& runtime, const Value& format, const Slots& slots);
// strftime in UTC and English.
std::string format_time(std::string_view format, std::time_t time);

}  // namespace hearth::jinja
