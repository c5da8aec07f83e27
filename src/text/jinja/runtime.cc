// runtime.cc - making, printing, iterating and indexing values, see runtime.h.
#include "text/jinja/runtime.h"

#include <algorithm>

#include "base/str.h"
#include "base/utf8.h"
#include "text/jinja/builtin.h"
#include "text/jinja/unicode.h"

namespace hearth::jinja {

namespace {

// Writes str() and repr() of values. A namespace may hold itself, hence the depth.
class Printer {
 public:
  explicit Printer(Runtime& runtime) : runtime_(runtime) {}
  MarkedText take() { return std::move(out_); }

  Result<void> str(const Value& v) {
    if (v.is_undefined()) return {};
    if (!v.is_string()) return repr(v);
    out_.append(v.text());
    return {};
  }

  Result<void> repr(const Value& v) {
    if (!runtime_.heap().charge(1)) return runtime_.heap().exhausted_error();
    HEARTH_TRY_VOID(runtime_.heap().check_text(out_.size()));
    switch (v.kind()) {
      case Kind::string:
        if (v.string().markup) out_.append("Markup(", true);
        append_repr(out_, v.text());
        if (v.string().markup) out_.append(")", true);
        return {};
      case Kind::list:
        return sequence(v.list());
      case Kind::dict:
        return mapping(v.dict().entries);
      case Kind::name_space:
        return name_space(*static_cast<const NamespaceObject*>(v.object()));
      default:
        scalar(v);
        return {};
    }
  }

 private:
  HEARTH_JINJA_NOINLINE void scalar(const Value& v) {
    switch (v.kind()) {
      case Kind::undefined:
        return out_.append("Undefined", true);
      case Kind::none:
        return out_.append("None", v.trusted());
      case Kind::boolean:
        return out_.append(v.as_int() != 0 ? "True" : "False", v.trusted());
      case Kind::integer:
        return out_.append(int_text(v.as_int()), v.trusted());
      case Kind::floating:
        return out_.append(float_repr(v.as_double()), v.trusted());
      case Kind::function: {
        const auto* const function = static_cast<const FunctionObject*>(v.object());
        return out_.append(cat("<function ", function->builtin->name, ">"), true);
      }
      default:
        return out_.append(cat("<", Runtime::type_name(v), " object>"), true);
    }
  }

  HEARTH_JINJA_NOINLINE Result<void> sequence(const ListObject& list) {
    constexpr std::string_view kOpen[] = {
        "[", "(", "(", "", "dict_keys([", "dict_values([", "dict_items(["};
    constexpr std::string_view kClose[] = {"]", ")", ")", "", "])", "])", "])"};
    if (list.shape == Shape::range) {
      const std::string step = list.range_step == 1 ? "" : cat(", ", int_text(list.range_step));
      out_.append(
          cat("range(", int_text(list.range_start), ", ", int_text(list.range_stop), step, ")"),
          true);
      return {};
    }
    out_.append(kOpen[static_cast<std::size_t>(list.shape)], true);
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      if (i != 0) out_.append(", ", true);
      HEARTH_TRY_VOID(repr(list.items[i]));
    }
    if (list.is_tuple() && list.items.size() == 1) out_.append(",", true);
    out_.append(kClose[static_cast<std::size_t>(list.shape)], true);
    return {};
  }

  HEARTH_JINJA_NOINLINE Result<void> mapping(const std::vector<DictObject::Entry>& entries) {
    out_.append("{", true);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i != 0) out_.append(", ", true);
      HEARTH_TRY_VOID(repr(entries[i].first));
      out_.append(": ", true);
      HEARTH_TRY_VOID(repr(entries[i].second));
    }
    out_.append("}", true);
    return {};
  }

  HEARTH_JINJA_NOINLINE Result<void> name_space(const NamespaceObject& ns) {
    constexpr int kDeepest = 8;
    if (++depth_ > kDeepest) {
      return Error{ErrorKind::invalid, "a namespace that contains itself cannot be printed"};
    }
    out_.append("<Namespace {", true);
    for (std::size_t i = 0; i < ns.attributes.size(); ++i) {
      out_.append(cat(i == 0 ? "'" : ", '", ns.attributes[i].first, "': "), true);
      HEARTH_TRY_VOID(repr(ns.attributes[i].second));
    }
    out_.append("}>", true);
    --depth_;
    return {};
  }

  Runtime& runtime_;
  MarkedText out_;
  int depth_ = 0;
};

class ListIterator : public IteratorObject {
 public:
  ListIterator(Heap* heap, Value list) : IteratorObject(heap), list_(std::move(list)) {
    set_nesting(list_.nesting() + 1);
  }
  Result<bool> next(Runtime&, Value& out) override {
    if (index_ >= list_.items().size()) return false;
    out = list_.items()[index_++];
    return true;
  }

 private:
  Value list_;
  std::size_t index_ = 0;
};

class TextIterator : public IteratorObject {
 public:
  TextIterator(Heap* heap, Value text) : IteratorObject(heap), text_(std::move(text)) {}
  Result<bool> next(Runtime& runtime, Value& out) override {
    const std::string_view rest = text_.view().substr(at_);
    if (rest.empty()) return false;
    const std::size_t size = decode_utf8(rest).size;
    out = runtime.text(text_.text().substr(at_, size));
    at_ += size;
    return true;
  }

 private:
  Value text_;
  std::size_t at_ = 0;
};

class KeyIterator : public IteratorObject {
 public:
  KeyIterator(Heap* heap, Value dict) : IteratorObject(heap), dict_(std::move(dict)) {
    set_nesting(dict_.nesting() + 1);
  }
  Result<bool> next(Runtime&, Value& out) override {
    if (index_ >= dict_.dict().entries.size()) return false;
    out = dict_.dict().entries[index_++].first;
    return true;
  }

 private:
  Value dict_;
  std::size_t index_ = 0;
};

Error nested_too_deeply() {
  return {ErrorKind::invalid,
          cat("a list or dict of the template is nested more than ", kMaxNesting, " deep")};
}

bool is_builtin_type(const Value& v) { return v.kind() <= Kind::function; }

// 'list object', as the messages about missing attributes name it.
std::string describe(const Value& v) {
  if (v.is_none()) return "None";
  return cat(is_builtin_type(v) ? "" : "jinja2.", Runtime::type_name(v), " object");
}

std::string python_quote(std::string_view text) {
  MarkedText out;
  append_repr(out, MarkedText(std::string(text), true));
  return out.str();
}

// Attributes that every Python object has, and that the sandbox hides.
bool is_python_internal(std::string_view name) {
  constexpr std::string_view kNames[] = {"__class__",    "__doc__",          "__init__",
                                         "__new__",      "__dir__",          "__eq__",
                                         "__repr__",     "__str__",          "__hash__",
                                         "__reduce__",   "__getattribute__", "__setattr__",
                                         "__ne__",       "__format__",       "__sizeof__",
                                         "__delattr__",  "__subclasshook__", "__init_subclass__",
                                         "__reduce_ex__"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

Result<std::optional<Int>> slice_bound(const Value& v) {
  if (v.is_none()) return std::optional<Int>();
  if (v.is_int_like()) return std::optional<Int>(v.as_int());
  return Runtime::type_error("slice indices must be integers or None or have an __index__ method");
}

struct SliceRange {
  Int start, step;
  std::size_t count;
};

// The indices that start:stop:step takes from n elements.
SliceRange resolve_slice(std::optional<Int> start, std::optional<Int> stop, Int step, Int n) {
  const Int lowest = step < 0 ? -1 : 0, highest = step < 0 ? n - 1 : n;
  const auto adjust = [&](Int i) {
    if (i < 0) i = i < -n ? Int{-1} - n : i + n;
    return std::clamp(i, lowest, highest);
  };
  const Int first = start ? adjust(*start) : (step < 0 ? highest : lowest);
  const Int last = stop ? adjust(*stop) : (step < 0 ? lowest : highest);
  const Int distance = step < 0 ? first - last : last - first;
  const Int stride = step < 0 ? -std::max(step, -(n + 1)) : std::min(step, n + 1);
  if (distance <= 0) return {0, 1, 0};
  return {first, step < 0 ? -stride : stride,
          static_cast<std::size_t>((distance + stride - 1) / stride)};
}

}  // namespace

std::string_view Runtime::intern(std::string_view name) { return *names_.emplace(name).first; }

Value Runtime::text(MarkedText text, bool markup) {
  return Value(new StringObject(&heap_, std::move(text), markup));
}

Value Runtime::text(std::string_view trusted_text) {
  return text(MarkedText(std::string(trusted_text), true));
}

Result<Value> Runtime::list(std::vector<Value> items, Shape shape) {
  heap_.charge(1 + items.size() / 16);
  Value v(new ListObject(&heap_, std::move(items), shape));
  if (v.nesting() > kMaxNesting) return nested_too_deeply();
  return v;
}

Result<void> Runtime::check_key(const Value& v) {
  if (v.is_dict() || (v.is_list() && !v.list().is_tuple() && v.list().shape != Shape::range)) {
    return type_error(cat("unhashable type: '", type_name(v), "'"));
  }
  if (v.is_list() && v.list().is_tuple()) {
    for (const Value& item : v.items()) HEARTH_TRY_VOID(check_key(item));
  }
  return {};
}

Result<Value> Runtime::dict(std::vector<DictObject::Entry> entries) {
  heap_.charge(1 + entries.size());
  std::vector<DictObject::Entry> unique;
  std::unordered_map<std::string_view, std::size_t> seen;
  for (auto& [key, value] : entries) {
    HEARTH_TRY_VOID(check_key(key));
    std::size_t at = unique.size();
    if (key.is_string()) {
      at = seen.emplace(key.view(), at).first->second;
    } else {
      for (std::size_t i = 0; i < unique.size() && !heap_.exhausted(); ++i) {
        if (equal(unique[i].first, key)) at = i;
      }
    }
    if (at == unique.size()) {
      unique.emplace_back(key, std::move(value));
    } else {
      unique[at].second = std::move(value);
    }
  }
  Value v(new DictObject(&heap_, std::move(unique)));
  if (v.nesting() > kMaxNesting) return nested_too_deeply();
  return v;
}

Value Runtime::undefined(std::string why) {
  return Value(new UndefinedObject(&heap_, std::move(why)));
}

Value Runtime::generator(std::vector<Value> items) {
  return Value(
      new ListIterator(&heap_, Value(new ListObject(&heap_, std::move(items), Shape::list))));
}

Value Runtime::function(const Builtin& builtin, Value self) {
  return Value(new FunctionObject(&heap_, builtin, std::move(self)));
}

Error Runtime::undefined_error(const Value& v) {
  const auto* const object = static_cast<const UndefinedObject*>(v.object());
  return type_error(object == nullptr ? "a value is undefined" : object->message);
}

Result<MarkedText> Runtime::to_text(const Value& v) {
  if (v.is_string()) return v.text();
  Printer printer(*this);
  HEARTH_TRY_VOID(printer.str(v));
  MarkedText out = printer.take();
  HEARTH_TRY_VOID(heap_.check_text(out.size()));
  return out;
}

Result<MarkedText> Runtime::to_repr(const Value& v) {
  Printer printer(*this);
  HEARTH_TRY_VOID(printer.repr(v));
  MarkedText out = printer.take();
  HEARTH_TRY_VOID(heap_.check_text(out.size()));
  return out;
}

Result<Value> Runtime::soft_text(const Value& v) {
  if (v.is_string()) return v;
  HEARTH_TRY(MarkedText out, to_text(v));
  return text(std::move(out));
}

Result<std::size_t> Runtime::length(const Value& v) {
  switch (v.kind()) {
    case Kind::undefined:
      return std::size_t{0};
    case Kind::string:
      heap_.charge_bytes(v.view().size());
      return count_chars(v.view());
    case Kind::list:
      return v.items().size();
    case Kind::dict:
      return v.dict().entries.size();
    default:
      return type_error(cat("object of type '", type_name(v), "' has no len()"));
  }
}

Result<Ref<IteratorObject>> Runtime::iterate(const Value& v) {
  switch (v.kind()) {
    case Kind::undefined: {
      HEARTH_TRY(Value nothing, list({}));
      return Ref<IteratorObject>(new ListIterator(&heap_, std::move(nothing)));
    }
    case Kind::string:
      return Ref<IteratorObject>(new TextIterator(&heap_, v));
    case Kind::list:
      return Ref<IteratorObject>(new ListIterator(&heap_, v));
    case Kind::dict:
      return Ref<IteratorObject>(new KeyIterator(&heap_, v));
    case Kind::iterator:
      return Ref<IteratorObject>(static_cast<IteratorObject*>(v.object()));
    default:
      return type_error(cat("'", type_name(v), "' object is not iterable"));
  }
}

Result<std::vector<Value>> Runtime::to_vector(const Value& v) {
  if (v.is_list()) {
    HEARTH_TRY_VOID(heap_.check_room(v.items().size() * sizeof(Value)));
    heap_.charge(1 + v.items().size() / 16);
    return v.items();
  }
  HEARTH_TRY(const Ref<IteratorObject> it, iterate(v));
  std::vector<Value> items;
  Value item;
  while (true) {
    HEARTH_TRY(const bool more, it->next(*this, item));
    if (!more) return items;
    items.push_back(std::move(item));
    if (!heap_.charge(1)) return heap_.exhausted_error();
    HEARTH_TRY_VOID(heap_.check_room(items.size() * sizeof(Value)));
  }
}

Result<std::optional<Value>> Runtime::own_attribute(const Value& v, std::string_view name) {
  if (is_forbidden_method(v, name) || is_python_internal(name)) {
    return std::optional(undefined(cat("access to attribute ", python_quote(name), " of '",
                                       type_name(v), "' object is unsafe.")));
  }
  if (const Builtin* method = find_method(v, name)) return std::optional(function(*method, v));
  if (v.is_list() && v.list().shape == Shape::group && (name == "grouper" || name == "list")) {
    return std::optional(v.items()[name == "list" ? 1 : 0]);
  }
  if (v.object() == nullptr) return std::optional<Value>();
  return v.object()->own_attribute(*this, name);
}

Value Runtime::no_such_item(const Value& v, const Value& key) {
  if (key.is_string()) {
    return undefined(
        cat(python_quote(describe(v)), " has no attribute ", python_quote(key.view())));
  }
  const auto shown = to_repr(key);
  return undefined(cat(describe(v), " has no element ", shown ? shown.value().str() : "?"));
}

// What Python's v[key] gives, for a sequence or a dict; nothing when it would raise.
Result<std::optional<Value>> Runtime::own_item(const Value& v, const Value& key) {
  std::optional<Value> nothing;
  if (v.is_dict()) {
    if (key.is_string()) {
      const Value* const found = v.dict().find(key.view());
      return found == nullptr ? nothing : std::optional(*found);
    }
    for (const auto& [name, value] : v.dict().entries) {
      if (heap_.exhausted()) break;
      if (equal(name, key)) return std::optional(value);
    }
    return nothing;
  }
  if (!key.is_int_like() || !(v.is_string() || v.is_list())) return nothing;
  if (v.is_list() && v.list().shape > Shape::range) return nothing;
  HEARTH_TRY(const std::size_t n, length(v));
  const Int index = key.as_int() < 0 ? key.as_int() + static_cast<Int>(n) : key.as_int();
  if (index < 0 || index >= static_cast<Int>(n)) return nothing;
  const auto i = static_cast<std::size_t>(index);
  if (v.is_list()) return std::optional(v.items()[i]);
  const std::size_t at = char_offset(v.view(), i);
  const std::size_t size = decode_utf8(v.view().substr(at)).size;
  return std::optional(text(v.text().substr(at, size), v.string().markup));
}

Result<Value> Runtime::attribute(const Value& v, std::string_view name) {
  if (v.is_undefined()) return undefined_error(v);
  HEARTH_TRY(const std::optional<Value> own, own_attribute(v, name));
  if (own) return *own;
  if (v.is_dict()) {
    if (const Value* const found = v.dict().find(name)) return *found;
  }
  return undefined(cat(python_quote(describe(v)), " has no attribute ", python_quote(name)));
}

Result<Value> Runtime::item(const Value& v, const Value& key) {
  if (v.is_undefined()) return undefined_error(v);
  HEARTH_TRY(const std::optional<Value> found, own_item(v, key));
  if (found) return *found;
  if (key.is_string()) {
    HEARTH_TRY(const std::optional<Value> own, own_attribute(v, key.view()));
    if (own) return *own;
  }
  return no_such_item(v, key);
}

Result<Value> Runtime::slice(const Value& v, const Value& start, const Value& stop,
                             const Value& step) {
  if (v.is_undefined()) return undefined_error(v);
  if (v.is_dict()) return type_error("unhashable type: 'slice'");
  if (!v.is_string() && (!v.is_list() || v.list().shape > Shape::range)) {
    return type_error(cat("'", type_name(v), "' object is not subscriptable"));
  }
  HEARTH_TRY(const std::optional<Int> from, slice_bound(start));
  HEARTH_TRY(const std::optional<Int> to, slice_bound(stop));
  HEARTH_TRY(const std::optional<Int> by, slice_bound(step));
  if (by == Int{0}) return type_error("ValueError: slice step cannot be zero");
  HEARTH_TRY(const std::size_t n, length(v));
  const SliceRange range = resolve_slice(from, to, by.value_or(1), static_cast<Int>(n));
  const auto index = [&](std::size_t i) {
    return static_cast<std::size_t>(range.start + static_cast<Int>(i) * range.step);
  };
  heap_.charge(1 + range.count / 16);
  if (v.is_list()) {
    std::vector<Value> items;
    for (std::size_t i = 0; i < range.count; ++i) items.push_back(v.items()[index(i)]);
    return list(std::move(items), v.list().is_tuple() ? Shape::tuple : Shape::list);
  }
  MarkedText out;
  if (range.step == 1) {
    const std::size_t first = char_offset(v.view(), index(0));
    out = v.text().substr(first, char_offset(v.view().substr(first), range.count));
  } else {
    std::vector<std::size_t> offsets;
    for (std::size_t at = 0; at < v.view().size();) {
      offsets.push_back(at);
      at += decode_utf8(v.view().substr(at)).size;
    }
    offsets.push_back(v.view().size());
    for (std::size_t i = 0; i < range.count; ++i) {
      out.append(v.text(), offsets[index(i)], offsets[index(i) + 1] - offsets[index(i)]);
    }
  }
  return text(std::move(out), v.string().markup);
}

MarkedText escape_html(const MarkedText& text) {
  MarkedText out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text.view()[i];
    const std::string_view escape = c == '&'    ? "&amp;"
                                    : c == '<'  ? "&lt;"
                                    : c == '>'  ? "&gt;"
                                    : c == '\'' ? "&#39;"
                                    : c == '"'  ? "&#34;"
                                                : "";
    out.append(escape.empty() ? std::string_view(&c, 1) : escape, text.trusted_at(i));
  }
  return out;
}

namespace {
// One character inside the quotes of repr().
std::string repr_char(std::string_view bytes, char32_t code, char quote) {
  constexpr char kHex[] = "0123456789abcdef";
  if (code == static_cast<unsigned char>(quote) || code == '\\') return cat('\\', bytes);
  if (code == '\n') return "\\n";
  if (code == '\r') return "\\r";
  if (code == '\t') return "\\t";
  if (is_class(code, CharClass::printable)) return std::string(bytes);
  std::string out = code < 0x100 ? "\\x" : code < 0x10000 ? "\\u" : "\\U";
  for (int shift = code < 0x100 ? 4 : code < 0x10000 ? 12 : 28; shift >= 0; shift -= 4) {
    out += kHex[(code >> shift) & 15];
  }
  return out;
}
}  // namespace

void append_repr(MarkedText& out, const MarkedText& text) {
  const bool has_single = text.view().find('\'') != std::string_view::npos;
  const bool has_double = text.view().find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  out.append(quote, true);
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = decode_utf8(text.view().substr(at));
    out.append(repr_char(text.view().substr(at, c.size), c.code, quote), text.trusted_at(at));
    at += c.size;
  }
  out.append(quote, true);
}

}  // namespace hearth::jinja
