// tests.cc - what may stand after `is`, and names the filters select and reject.
#include <algorithm>

#include "base/str.h"
#include "base/utf8.h"
#include "text/jinja/builtin.h"
#include "text/jinja/unicode.h"

namespace hearth::jinja {

namespace {

template <bool (*Test)(const Value&)>
Result<Value> simple(Runtime&, const Value& self, const Slots&) {
  return Value::boolean(Test(self));
}

template <CompareOp Op>
Result<Value> comparison(Runtime& runtime, const Value& self, const Slots& slots) {
  HEARTH_TRY(const bool answer, runtime.compare(Op, self, slots[0]));
  return Value::boolean(answer);
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is_none(); }
bool is_boolean(const Value& v) { return v.is(Kind::boolean); }
bool is_true(const Value& v) { return v.is(Kind::boolean) && v.as_int() != 0; }
bool is_false(const Value& v) { return v.is(Kind::boolean) && v.as_int() == 0; }
bool is_integer(const Value& v) { return v.is(Kind::integer); }
bool is_float(const Value& v) { return v.is_float(); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.is_string(); }
bool is_mapping(const Value& v) { return v.is_dict(); }
bool is_escaped(const Value& v) { return v.is_string() && v.string().markup; }
bool is_callable(const Value& v) {
  return v.is(Kind::function) || v.is(Kind::macro) || v.is(Kind::loop) || v.is_undefined();
}
bool is_iterable(const Value& v) {
  return v.is_string() || v.is_list() || v.is_dict() || v.is(Kind::iterator) || v.is(Kind::loop) ||
         v.is_undefined();
}
bool is_sequence(const Value& v) {
  return v.is_string() || v.is_dict() || v.is_undefined() ||
         (v.is_list() && v.list().shape <= Shape::range);
}

// Python's islower and isupper: some cased character, and none of the other case.
bool all_cased(const Value& v, bool (*wanted)(char32_t)) {
  bool any = false;
  std::string_view rest = v.view();
  while (!rest.empty()) {
    const Utf8Char c = decode_utf8(rest);
    rest.remove_prefix(c.size);
    if (!is_class(c.code, CharClass::cased)) continue;
    if (!wanted(c.code)) return false;
    any = true;
  }
  return any;
}

template <bool (*Wanted)(char32_t)>
Result<Value> cased(Runtime& runtime, const Value& self, const Slots&) {
  HEARTH_TRY(const Value text, runtime.soft_text(self));
  return Value::boolean(all_cased(text, Wanted));
}

Result<Value> remainder_is(Runtime& runtime, const Value& self, const Value& divisor, int wanted) {
  HEARTH_TRY(const Value rest, runtime.binary(BinaryOp::mod, self, divisor));
  return Value::boolean(runtime.equal(rest, Value::integer(wanted)));
}
Result<Value> is_even(Runtime& runtime, const Value& self, const Slots&) {
  return remainder_is(runtime, self, Value::integer(2), 0);
}
Result<Value> is_odd(Runtime& runtime, const Value& self, const Slots&) {
  return remainder_is(runtime, self, Value::integer(2), 1);
}
Result<Value> is_divisible(Runtime& runtime, const Value& self, const Slots& slots) {
  return remainder_is(runtime, self, slots[0], 0);
}

Result<Value> is_same(Runtime&, const Value& self, const Value& other) {
  if (self.kind() != other.kind()) return Value::boolean(false);
  const bool same = self.object() != nullptr || other.object() != nullptr
                        ? self.object() == other.object()
                        : self.as_int() == other.as_int();
  return Value::boolean(same);
}
Result<Value> same_as(Runtime& runtime, const Value& self, const Slots& slots) {
  return is_same(runtime, self, slots[0]);
}

template <const Builtin* (*Find)(std::string_view)>
Result<Value> is_known(Runtime& runtime, const Value& self, const Slots&) {
  HEARTH_TRY(const MarkedText name, runtime.to_text(self));
  return Value::boolean(Find(name.view()) != nullptr);
}

constexpr Builtin kTests[] = {
    {"defined", "", 0, simple<is_defined>},
    {"undefined", "", 0, simple<is_undefined>},
    {"none", "", 0, simple<is_none>},
    {"boolean", "", 0, simple<is_boolean>},
    {"true", "", 0, simple<is_true>},
    {"false", "", 0, simple<is_false>},
    {"integer", "", 0, simple<is_integer>},
    {"float", "", 0, simple<is_float>},
    {"number", "", 0, simple<is_number>},
    {"string", "", 0, simple<is_string>},
    {"mapping", "", 0, simple<is_mapping>},
    {"iterable", "", 0, simple<is_iterable>},
    {"sequence", "", 0, simple<is_sequence>},
    {"callable", "", 0, simple<is_callable>},
    {"escaped", "", 0, simple<is_escaped>},
    {"lower", "", 0, cased<is_lower_char>},
    {"upper", "", 0, cased<is_upper_char>},
    {"even", "", 0, is_even},
    {"odd", "", 0, is_odd},
    {"divisibleby", "num", 1, is_divisible},
    {"sameas", "other", 1, same_as},
    {"filter", "", 0, is_known<find_filter>},
    {"test", "", 0, is_known<find_test>},
    {"in", "seq", 1, comparison<CompareOp::in>},
    {"==", "other", 1, comparison<CompareOp::eq>},
    {"eq", "other", 1, comparison<CompareOp::eq>},
    {"equalto", "other", 1, comparison<CompareOp::eq>},
    {"!=", "other", 1, comparison<CompareOp::ne>},
    {"ne", "other", 1, comparison<CompareOp::ne>},
    {"<", "other", 1, comparison<CompareOp::lt>},
    {"lt", "other", 1, comparison<CompareOp::lt>},
    {"lessthan", "other", 1, comparison<CompareOp::lt>},
    {"<=", "other", 1, comparison<CompareOp::le>},
    {"le", "other", 1, comparison<CompareOp::le>},
    {">", "other", 1, comparison<CompareOp::gt>},
    {"gt", "other", 1, comparison<CompareOp::gt>},
    {"greaterthan", "other", 1, comparison<CompareOp::gt>},
    {">=", "other", 1, comparison<CompareOp::ge>},
    {"ge", "other", 1, comparison<CompareOp::ge>},
};

}  // namespace

const Builtin* find_test(std::string_view name) {
  for (const Builtin& builtin : kTests) {
    if (builtin.name == name) return &builtin;
  }
  return nullptr;
}

}  // namespace hearth::jinja
