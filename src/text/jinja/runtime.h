// runtime.h - Python's operators on values, for the evaluator and the built-in functions.
//
// Errors carry Python's sentence ("'<' not supported between instances of 'str' and 'int'"); the
// evaluator puts the line before it.
//
// Trap: recursion over values (equal, to_text, to_json) is bounded by kMaxNesting, but a value may
// hold the same child many times (x = [x, x]); such walks charge a step for each node and stop when
// the heap is exhausted, with an answer that nobody sees because the evaluator then fails.
#pragma once

#include <ctime>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/value.h"

namespace hearth::jinja {

enum class BinaryOp : std::uint8_t { add, sub, mul, div, floor_div, mod, pow };
enum class CompareOp : std::uint8_t { eq, ne, lt, le, gt, ge, in, not_in };

// Arguments as written in the call.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> named;
};

class Runtime {
 public:
  Runtime(const Limits& limits, std::time_t now) : heap_(limits), now_(now) {}
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  Heap& heap() { return heap_; }
  std::time_t now() const { return now_; }
  // raise_exception was called: its message is the whole error, without a position.
  void set_raised() { raised_ = true; }
  bool raised() const { return raised_; }

  // A copy of the name that lives as long as the runtime, for Arguments::named.
  std::string_view intern(std::string_view name);

  // New values.
  Value text(MarkedText text, bool markup = false);
  Value text(std::string_view trusted_text);
  Result<Value> list(std::vector<Value> items, Shape shape = Shape::list);
  Result<Value> dict(std::vector<DictObject::Entry> entries);  // a later equal key wins
  Value undefined(std::string why);
  Value generator(std::vector<Value> items);  // to be read once
  Value function(const Builtin& builtin, Value self);

  // Of any value.
  static bool truth(const Value& v);
  static std::string_view type_name(const Value& v);
  bool equal(const Value& a, const Value& b);
  Result<bool> less(const Value& a, const Value& b, std::string_view op = "<");
  Result<bool> compare(CompareOp op, const Value& a, const Value& b);
  Result<bool> contains(const Value& container, const Value& item);
  Result<Value> binary(BinaryOp op, const Value& a, const Value& b);
  Result<Value> negate(const Value& v, bool minus);
  // str(v), repr(v); the text keeps the marks.
  Result<MarkedText> to_text(const Value& v);
  Result<MarkedText> to_repr(const Value& v);
  // The same, as a string value; a string (markup or not) stays what it is.
  Result<Value> soft_text(const Value& v);

  Result<std::size_t> length(const Value& v);
  // An iterator over v, or v itself when it is one. Undefined is empty.
  Result<Ref<IteratorObject>> iterate(const Value& v);
  Result<std::vector<Value>> to_vector(const Value& v);

  // v.name, v[key], v[start:stop:step] (an absent bound is none). What does not exist is undefined.
  Result<Value> attribute(const Value& v, std::string_view name);
  Result<Value> item(const Value& v, const Value& key);
  Result<Value> slice(const Value& v, const Value& start, const Value& stop, const Value& step);
  // Only Python attributes (methods), not the items of a dict.
  Result<std::optional<Value>> own_attribute(const Value& v, std::string_view name);

  static Error undefined_error(const Value& v);
  static Error type_error(std::string message) { return {ErrorKind::invalid, std::move(message)}; }
  // TypeError "unhashable type" for a list or dict.
  static Result<void> check_key(const Value& v);

 private:
  Value no_such_item(const Value& v, const Value& key);
  Result<std::optional<Value>> own_item(const Value& v, const Value& key);
  Result<Value> int_arithmetic(BinaryOp op, Int a, Int b, bool trusted);
  Result<Value> float_arithmetic(BinaryOp op, double a, double b, bool trusted);
  Result<Value> repeat(const Value& sequence, const Value& count);
  Result<Value> concatenate(const Value& a, const Value& b);

  Heap heap_;
  std::time_t now_;
  bool raised_ = false;
  std::set<std::string, std::less<>> names_;
};

// Shortest text that reads back as the same double, as Python's repr.
std::string float_repr(double d);
std::string int_text(Int i);
// All of text (decimal, optional sign, underscores between digits, spaces around) or nullopt.
std::optional<Int> parse_integer(std::string_view text, unsigned base);
std::optional<double> parse_float(std::string_view text);
// & < > ' " as HTML entities.
MarkedText escape_html(const MarkedText& text);
// text in the quotes that Python's repr chooses.
void append_repr(MarkedText& out, const MarkedText& text);

}  // namespace hearth::jinja
