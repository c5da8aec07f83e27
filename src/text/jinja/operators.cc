// operators.cc - truth, comparison and arithmetic of values, see runtime.h.
#include <cmath>

#include "base/str.h"
#include "text/jinja/builtin.h"
#include "text/jinja/runtime.h"

namespace hearth::jinja {

namespace {

constexpr Int kIntMax = static_cast<Int>((UInt{1} << 127) - 1);
constexpr Int kIntMin = -kIntMax - 1;

Error overflow() { return Runtime::type_error("OverflowError: an integer has more than 128 bits"); }

std::string_view symbol(BinaryOp op) {
  constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};
  return kSymbols[static_cast<std::size_t>(op)];
}

Error unsupported(BinaryOp op, const Value& a, const Value& b) {
  const std::string_view ta = Runtime::type_name(a), tb = Runtime::type_name(b);
  if (op == BinaryOp::add && a.is_string()) {
    return Runtime::type_error(cat("can only concatenate str (not \"", tb, "\") to str"));
  }
  if (op == BinaryOp::add && a.is_list() && a.list().shape <= Shape::group) {
    return Runtime::type_error(cat("can only concatenate ", ta, " (not \"", tb, "\") to ", ta));
  }
  return Runtime::type_error(
      cat("unsupported operand type(s) for ", symbol(op), ": '", ta, "' and '", tb, "'"));
}

bool add_overflows(Int a, Int b) { return b > 0 ? a > kIntMax - b : a < kIntMin - b; }

// Without a 128-bit overflow builtin: clang calls a function for it that libgcc lacks.
bool multiply(Int a, Int b, Int* product) {
  const bool negative = (a < 0) != (b < 0);
  const UInt x = a < 0 ? UInt{0} - static_cast<UInt>(a) : static_cast<UInt>(a);
  const UInt y = b < 0 ? UInt{0} - static_cast<UInt>(b) : static_cast<UInt>(b);
  const UInt limit = static_cast<UInt>(kIntMax);
  if (x != 0 && y > limit / x) return false;
  const Int magnitude = static_cast<Int>(x * y);
  *product = negative ? -magnitude : magnitude;
  return true;
}

// Python's // and %: the remainder has the divisor's sign.
Int floor_divide(Int a, Int b) {
  const Int quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

double floor_mod(double a, double b) {
  const double mod = std::fmod(a, b);
  if (mod == 0) return std::copysign(0.0, b);
  return (b < 0) != (mod < 0) ? mod + b : mod;
}

double floor_divide(double a, double b) {
  const double quotient = (a - std::fmod(a, b)) / b;
  const double mod = std::fmod(a, b);
  const double shifted = mod != 0 && (b < 0) != (mod < 0) ? quotient - 1 : quotient;
  if (shifted == 0) return std::copysign(0.0, a / b);
  const double floored = std::floor(shifted);
  return shifted - floored > 0.5 ? floored + 1 : floored;
}

Result<Value> int_power(Int base, Int exponent, bool trusted) {
  Int result = 1;
  if (base == 0 || base == 1) return Value::integer(exponent == 0 ? 1 : base, trusted);
  if (base == -1) return Value::integer(exponent % 2 == 0 ? 1 : -1, trusted);
  for (; exponent > 0; --exponent) {  // |base| >= 2: overflows within 128 rounds
    if (!multiply(result, base, &result)) return overflow();
  }
  return Value::integer(result, trusted);
}

Result<Value> float_power(double a, double b, bool trusted) {
  if (a == 0 && b < 0) {
    return Runtime::type_error("ZeroDivisionError: 0.0 cannot be raised to a negative power");
  }
  if (a < 0 && std::isfinite(b) && std::isfinite(a) && b != std::floor(b)) {
    return Runtime::type_error("a negative number raised to a fraction is a complex number");
  }
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) {
    return Runtime::type_error("OverflowError: numerical result out of range");
  }
  return Value::floating(result, trusted);
}

bool comparable_sequences(const Value& a, const Value& b) {
  if (!a.is_list() || !b.is_list()) return false;
  const ListObject &x = a.list(), &y = b.list();
  return x.shape == y.shape || (x.is_tuple() && y.is_tuple());
}

}  // namespace

bool Runtime::truth(const Value& v) {
  switch (v.kind()) {
    case Kind::undefined:
    case Kind::none:
      return false;
    case Kind::boolean:
    case Kind::integer:
      return v.as_int() != 0;
    case Kind::floating:
      return v.as_double() != 0;
    case Kind::string:
      return !v.view().empty();
    case Kind::list:
      return !v.items().empty();
    case Kind::dict:
      return !v.dict().entries.empty();
    default:
      return true;
  }
}

std::string_view Runtime::type_name(const Value& v) {
  constexpr std::string_view kShapes[] = {"list",      "tuple",       "tuple",     "range",
                                          "dict_keys", "dict_values", "dict_items"};
  constexpr std::string_view kKinds[] = {
      "Undefined", "NoneType",  "bool",     "int",   "float",       "str",      "list",
      "dict",      "generator", "function", "Macro", "LoopContext", "Namespace"};
  if (v.is_list()) return kShapes[static_cast<std::size_t>(v.list().shape)];
  if (v.is_string() && v.string().markup) return "Markup";
  return kKinds[static_cast<std::size_t>(v.kind())];
}

bool Runtime::equal(const Value& a, const Value& b) {
  if (!heap_.charge(1)) return false;
  if (a.is_number() && b.is_number()) {
    if (a.is_int_like() && b.is_int_like()) return a.as_int() == b.as_int();
    return a.as_double() == b.as_double();
  }
  if (a.is_string() && b.is_string()) return a.view() == b.view();
  if (comparable_sequences(a, b)) {
    const auto &x = a.items(), &y = b.items();
    if (x.size() != y.size()) return false;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!equal(x[i], y[i])) return false;
    }
    return true;
  }
  if (a.is_dict() && b.is_dict()) {
    if (a.dict().entries.size() != b.dict().entries.size()) return false;
    for (const auto& [key, value] : a.dict().entries) {
      const auto other = own_item(b, key);
      if (!other || !*other || !equal(value, **other)) return false;
    }
    return true;
  }
  if (a.kind() != b.kind()) return false;
  return a.is_undefined() || a.is_none() || a.object() == b.object();
}

Result<bool> Runtime::less(const Value& a, const Value& b, std::string_view op) {
  if (a.is_undefined() || b.is_undefined()) return undefined_error(a.is_undefined() ? a : b);
  heap_.charge(1);
  if (a.is_number() && b.is_number()) {
    if (a.is_int_like() && b.is_int_like()) return a.as_int() < b.as_int();
    return a.as_double() < b.as_double();
  }
  if (a.is_string() && b.is_string()) return a.view() < b.view();
  if (comparable_sequences(a, b) && a.list().shape <= Shape::group) {
    const auto &x = a.items(), &y = b.items();
    for (std::size_t i = 0; i < x.size() && i < y.size(); ++i) {
      if (!equal(x[i], y[i])) return less(x[i], y[i], op);
    }
    return x.size() < y.size();
  }
  return type_error(cat("'", op, "' not supported between instances of '", type_name(a), "' and '",
                        type_name(b), "'"));
}

Result<bool> Runtime::compare(CompareOp op, const Value& a, const Value& b) {
  switch (op) {
    case CompareOp::eq:
      return equal(a, b);
    case CompareOp::ne:
      return !equal(a, b);
    case CompareOp::lt:
      return less(a, b);
    case CompareOp::in:
      return contains(b, a);
    case CompareOp::not_in: {
      HEARTH_TRY(const bool in, contains(b, a));
      return !in;
    }
    default:
      break;
  }
  // The other three by `less` and `equal` on both sides, for a NaN is not >= anything.
  const bool swapped = op == CompareOp::gt || op == CompareOp::ge;
  const std::string_view name = op == CompareOp::gt ? ">" : op == CompareOp::ge ? ">=" : "<=";
  auto types_as_written = less(a, b, name);
  if (!types_as_written) return types_as_written.error();
  HEARTH_TRY(const bool strictly, swapped ? less(b, a, name) : less(a, b, name));
  return strictly || (op != CompareOp::gt && equal(a, b));
}

Result<bool> Runtime::contains(const Value& container, const Value& item) {
  if (container.is_string()) {
    if (item.is_undefined())
      return type_error("'in <string>' requires string as left operand, not Undefined");
    if (!item.is_string()) {
      return type_error(
          cat("'in <string>' requires string as left operand, not ", type_name(item)));
    }
    heap_.charge_bytes(container.view().size());
    return container.view().find(item.view()) != std::string_view::npos;
  }
  if (container.is_dict()) {
    HEARTH_TRY_VOID(check_key(item));
    HEARTH_TRY(const auto found, own_item(container, item));
    return found.has_value();
  }
  if (container.is(Kind::list) || container.is(Kind::iterator) || container.is_undefined()) {
    HEARTH_TRY(const Ref<IteratorObject> it, iterate(container));
    Value element;
    while (true) {
      HEARTH_TRY(const bool more, it->next(*this, element));
      if (!more || heap_.exhausted()) return false;
      if (equal(element, item)) return true;
    }
  }
  return type_error(cat("argument of type '", type_name(container), "' is not iterable"));
}

Result<Value> Runtime::concatenate(const Value& a, const Value& b) {
  if (a.is_string() && b.is_string()) {
    HEARTH_TRY_VOID(heap_.check_text(a.view().size() + b.view().size()));
    const bool markup = a.string().markup || b.string().markup;
    MarkedText out = markup && !a.string().markup ? escape_html(a.text()) : a.text();
    out.append(markup && !b.string().markup ? escape_html(b.text()) : b.text());
    heap_.charge_bytes(out.size());
    return text(std::move(out), markup);
  }
  if (!comparable_sequences(a, b) || a.list().shape > Shape::group) {
    return unsupported(BinaryOp::add, a, b);
  }
  const auto &x = a.items(), &y = b.items();
  HEARTH_TRY_VOID(heap_.check_room((x.size() + y.size()) * sizeof(Value)));
  heap_.charge(x.size() + y.size());
  std::vector<Value> items = x;
  items.insert(items.end(), y.begin(), y.end());
  return list(std::move(items), a.list().is_tuple() ? Shape::tuple : Shape::list);
}

Result<Value> Runtime::repeat(const Value& sequence, const Value& count) {
  if (!count.is_int_like()) {
    return type_error(cat("can't multiply sequence by non-int of type '", type_name(count), "'"));
  }
  const std::size_t size = sequence.is_string() ? sequence.view().size() : sequence.items().size();
  const std::size_t unit = sequence.is_string() ? 1 : sizeof(Value);
  const Int times = count.as_int() < 0 || size == 0 ? Int{0} : count.as_int();
  constexpr Int kSurelyTooMany = Int{1} << 40;
  const auto n = static_cast<std::size_t>(times < kSurelyTooMany ? times : kSurelyTooMany);
  if (n != 0 && size > SIZE_MAX / 4 / unit / n) return heap_.check_room(SIZE_MAX).error();
  if (sequence.is_string()) {
    HEARTH_TRY_VOID(heap_.check_text(size * n));
    MarkedText out;
    for (std::size_t i = 0; i < n; ++i) out.append(sequence.text());
    heap_.charge_bytes(out.weight());
    return text(std::move(out), sequence.string().markup);
  }
  HEARTH_TRY_VOID(heap_.check_room(size * n * unit));
  heap_.charge(size * n);
  std::vector<Value> items;
  items.reserve(size * n);
  for (std::size_t i = 0; i < n; ++i) {
    items.insert(items.end(), sequence.items().begin(), sequence.items().end());
  }
  return list(std::move(items), sequence.list().is_tuple() ? Shape::tuple : Shape::list);
}

Result<Value> Runtime::int_arithmetic(BinaryOp op, Int a, Int b, bool trusted) {
  if (b == 0 && (op == BinaryOp::floor_div || op == BinaryOp::mod)) {
    return type_error("ZeroDivisionError: integer division or modulo by zero");
  }
  switch (op) {
    case BinaryOp::add:
      if (add_overflows(a, b)) return overflow();
      return Value::integer(a + b, trusted);
    case BinaryOp::sub:
      if (b == kIntMin || add_overflows(a, -b)) return overflow();
      return Value::integer(a - b, trusted);
    case BinaryOp::mul: {
      Int product = 0;
      if (!multiply(a, b, &product)) return overflow();
      return Value::integer(product, trusted);
    }
    case BinaryOp::floor_div:
      if (a == kIntMin && b == -1) return overflow();
      return Value::integer(floor_divide(a, b), trusted);
    case BinaryOp::mod:
      if (b == -1) return Value::integer(0, trusted);
      return Value::integer(a - floor_divide(a, b) * b, trusted);
    case BinaryOp::pow:
      if (b >= 0) return int_power(a, b, trusted);
      break;
    case BinaryOp::div:
      break;
  }
  return float_arithmetic(op, static_cast<double>(a), static_cast<double>(b), trusted);
}

Result<Value> Runtime::float_arithmetic(BinaryOp op, double a, double b, bool trusted) {
  if (b == 0 && op == BinaryOp::div) {
    return type_error("ZeroDivisionError: division by zero");
  }
  if (b == 0 && (op == BinaryOp::floor_div || op == BinaryOp::mod)) {
    return type_error("ZeroDivisionError: float floor division or modulo by zero");
  }
  switch (op) {
    case BinaryOp::add:
      return Value::floating(a + b, trusted);
    case BinaryOp::sub:
      return Value::floating(a - b, trusted);
    case BinaryOp::mul:
      return Value::floating(a * b, trusted);
    case BinaryOp::div:
      return Value::floating(a / b, trusted);
    case BinaryOp::floor_div:
      return Value::floating(floor_divide(a, b), trusted);
    case BinaryOp::mod:
      return Value::floating(floor_mod(a, b), trusted);
    case BinaryOp::pow:
      break;
  }
  return float_power(a, b, trusted);
}

Result<Value> Runtime::binary(BinaryOp op, const Value& a, const Value& b) {
  if (op == BinaryOp::mod && a.is_string()) return format_percent(*this, a, b);
  if (a.is_undefined() || b.is_undefined()) return undefined_error(a.is_undefined() ? a : b);
  if (a.is_number() && b.is_number()) {
    const bool trusted = a.trusted() && b.trusted();
    if (a.is_int_like() && b.is_int_like()) {
      return int_arithmetic(op, a.as_int(), b.as_int(), trusted);
    }
    return float_arithmetic(op, a.as_double(), b.as_double(), trusted);
  }
  if (op == BinaryOp::add) return concatenate(a, b);
  const auto repeatable = [](const Value& v) {
    return v.is_string() || (v.is_list() && v.list().shape <= Shape::group);
  };
  if (op == BinaryOp::mul && repeatable(a)) return repeat(a, b);
  if (op == BinaryOp::mul && repeatable(b)) return repeat(b, a);
  return unsupported(op, a, b);
}

Result<Value> Runtime::negate(const Value& v, bool minus) {
  if (v.is_undefined()) return undefined_error(v);
  if (!v.is_number()) {
    return type_error(
        cat("bad operand type for unary ", minus ? '-' : '+', ": '", type_name(v), "'"));
  }
  if (v.is_float()) {
    return Value::floating(minus ? -v.as_double() : v.as_double(), v.trusted());
  }
  if (minus && v.as_int() == kIntMin) return overflow();
  return Value::integer(minus ? -v.as_int() : v.as_int(), v.trusted());
}

}  // namespace hearth::jinja
