// builtin.cc - binding of call arguments, global functions, see builtin.h.
#include "text/jinja/builtin.h"

#include <algorithm>

#include "base/str.h"
#include "text/jinja/unicode.h"

namespace hearth::jinja {

namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

Error wrong_arguments(const Builtin& builtin, std::string_view what) {
  return Runtime::type_error(cat(builtin.name, "() ", what));
}

Result<void> bind_named(const Builtin& builtin, const std::vector<std::string_view>& names,
                        bool takes_more, Arguments& arguments, Slots& slots) {
  for (auto& [name, value] : arguments.named) {
    const auto it = std::find(names.begin(), names.end(), name);
    if (it == names.end()) {
      if (!takes_more) {
        return wrong_arguments(builtin, cat("got an unexpected keyword argument '", name, "'"));
      }
      slots.named_rest.emplace_back(name, std::move(value));
      continue;
    }
    const auto i = static_cast<std::size_t>(it - names.begin());
    if (slots.given[i]) {
      return wrong_arguments(builtin, cat("got multiple values for argument '", name, "'"));
    }
    slots.values[i] = std::move(value);
    slots.given[i] = true;
  }
  return {};
}

Result<Value> global_range(Runtime& runtime, const Value&, const Slots& slots) {
  Int bounds[3] = {0, 0, 1};
  for (std::size_t i = 0; i < 3 && slots.has(i); ++i) {
    HEARTH_TRY(bounds[i], int_argument(slots[i]));
  }
  if (!slots.has(1)) std::swap(bounds[0], bounds[1]);
  const auto [start, stop, step] = bounds;
  if (step == 0) return Runtime::type_error("ValueError: range() arg 3 must not be zero");
  constexpr Int kFar = Int{1} << 100;
  for (const Int bound : bounds) {
    if (bound > kFar || bound < -kFar) return Runtime::type_error("range() argument is too large");
  }
  const Int distance = step > 0 ? stop - start : start - stop;
  const Int stride = step > 0 ? step : -step;
  const Int count = distance <= 0 ? Int{0} : (distance + stride - 1) / stride;
  if (count > kMaxRange) {
    return Runtime::type_error(
        cat("range() of ", int_text(count), " elements; the limit is ", kMaxRange));
  }
  HEARTH_TRY_VOID(runtime.heap().check_room(static_cast<std::size_t>(count) * sizeof(Value)));
  std::vector<Value> items;
  items.reserve(static_cast<std::size_t>(count));
  for (Int i = 0; i < count; ++i) items.push_back(Value::integer(start + i * step));
  runtime.heap().charge(static_cast<std::uint64_t>(count) / 4);
  auto* const object = new ListObject(&runtime.heap(), std::move(items), Shape::range);
  object->range_start = start;
  object->range_stop = stop;
  object->range_step = step;
  return Value(object);
}

Result<Value> global_namespace(Runtime& runtime, const Value&, const Slots& slots) {
  HEARTH_TRY(const Value attributes, make_dict(runtime, slots));
  auto* const ns = new NamespaceObject(&runtime.heap());
  const Value out(ns);
  runtime.heap().keep(ns);
  for (const auto& [key, value] : attributes.dict().entries) {
    if (!key.is_string()) return Runtime::type_error("a namespace's names must be strings");
    if (key.view().starts_with('_')) return namespace_name_error(key.view());
    ns->set(key.view(), value);
  }
  return out;
}

Result<Value> global_raise_exception(Runtime& runtime, const Value&, const Slots& slots) {
  HEARTH_TRY(const MarkedText message, runtime.to_text(slots[0]));
  runtime.set_raised();
  return Error{ErrorKind::invalid, message.str()};
}

Result<Value> global_strftime_now(Runtime& runtime, const Value&, const Slots& slots) {
  HEARTH_TRY(const MarkedText format, text_argument(slots[0]));
  HEARTH_TRY_VOID(runtime.heap().check_text(format.size() * 32));
  return runtime.text(MarkedText(format_time(format.view(), runtime.now()), format.all_trusted()));
}

Result<Value> call_joiner(Runtime& runtime, const Value& self, const Slots& slots);
constexpr Builtin kJoinerCall = {"joiner", "", 0, call_joiner};

// A joiner's owner is a namespace {sep, used}: the first call gives nothing, the others the
// separator.
Result<Value> call_joiner(Runtime& runtime, const Value& self, const Slots&) {
  auto* const state = static_cast<NamespaceObject*>(self.object());
  const bool used = Runtime::truth(*state->find("used"));
  state->set("used", Value::boolean(true));
  return used ? *state->find("sep") : runtime.text("");
}

Value new_state(Runtime& runtime) {
  auto* const state = new NamespaceObject(&runtime.heap());
  const Value out(state);
  runtime.heap().keep(state);
  return out;
}

Result<Value> global_joiner(Runtime& runtime, const Value&, const Slots& slots) {
  const Value state = new_state(runtime);
  auto* const attributes = static_cast<NamespaceObject*>(state.object());
  attributes->set("sep", slots.has(0) ? slots[0] : runtime.text(", "));
  attributes->set("used", Value::boolean(false));
  return runtime.function(kJoinerCall, state);
}

// A cycler is a namespace {items, position, current, next, reset}.
Result<Value> cycler_go(Runtime& runtime, NamespaceObject* state, Int position) {
  const std::vector<Value>& items = state->find("items")->items();
  const Value before = items[static_cast<std::size_t>(position)];
  const Int next = (position + 1) % static_cast<Int>(items.size());
  runtime.heap().charge(1);
  state->set("position", Value::integer(next));
  state->set("current", items[static_cast<std::size_t>(next)]);
  return before;
}

Result<Value> call_cycler_next(Runtime& runtime, const Value& self, const Slots&) {
  auto* const state = static_cast<NamespaceObject*>(self.object());
  return cycler_go(runtime, state, state->find("position")->as_int());
}
Result<Value> call_cycler_reset(Runtime&, const Value& self, const Slots&) {
  auto* const state = static_cast<NamespaceObject*>(self.object());
  state->set("position", Value::integer(0));
  state->set("current", state->find("items")->items()[0]);
  return Value::none();
}
constexpr Builtin kCyclerNext = {"next", "", 0, call_cycler_next};
constexpr Builtin kCyclerReset = {"reset", "", 0, call_cycler_reset};

Result<Value> global_cycler(Runtime& runtime, const Value&, const Slots& slots) {
  if (slots.rest.empty()) return Runtime::type_error("at least one item has to be provided");
  const Value state = new_state(runtime);
  auto* const attributes = static_cast<NamespaceObject*>(state.object());
  HEARTH_TRY(const Value items, runtime.list(slots.rest, Shape::tuple));
  attributes->set("items", items);
  attributes->set("next", runtime.function(kCyclerNext, state));
  attributes->set("reset", runtime.function(kCyclerReset, state));
  HEARTH_TRY_VOID(call_cycler_reset(runtime, state, slots));
  return state;
}

Result<Value> global_dict(Runtime& runtime, const Value&, const Slots& slots) {
  return make_dict(runtime, slots);
}

constexpr Builtin kGlobals[] = {
    {"range", "start stop step", 1, global_range},
    {"dict", "* **", 0, global_dict},
    {"namespace", "* **", 0, global_namespace},
    {"raise_exception", "message", 1, global_raise_exception},
    {"strftime_now", "format", 1, global_strftime_now},
    {"joiner", "sep", 0, global_joiner},
    {"cycler", "*", 0, global_cycler},
};

}  // namespace

const Builtin* find_global(std::string_view name) {
  for (const Builtin& builtin : kGlobals) {
    if (builtin.name == name) return &builtin;
  }
  return nullptr;
}

Error namespace_name_error(std::string_view name) {
  return Runtime::type_error(
      cat("Chat templates cannot store underscore-prefixed attributes on a "
          "namespace, but got '",
          name, "'. Please rename the attribute."));
}

Result<Slots> bind(const Builtin& builtin, Arguments arguments) {
  std::vector<std::string_view> names = words_of(builtin.parameters);
  const auto take = [&names](std::string_view word) {
    const bool has = !names.empty() && names.back() == word;
    if (has) names.pop_back();
    return has;
  };
  const bool takes_named = take("**"), takes_more = take("*");
  Slots slots;
  slots.values.resize(names.size());
  slots.given.resize(names.size());
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    if (i < names.size()) {
      slots.values[i] = std::move(arguments.positional[i]);
      slots.given[i] = true;
    } else if (takes_more) {
      slots.rest.push_back(std::move(arguments.positional[i]));
    } else {
      return wrong_arguments(builtin, cat("takes at most ", names.size(), " arguments, got ",
                                          arguments.positional.size()));
    }
  }
  HEARTH_TRY_VOID(bind_named(builtin, names, takes_named, arguments, slots));
  for (std::size_t i = 0; i < builtin.required; ++i) {
    if (!slots.given[i]) {
      return wrong_arguments(builtin, cat("missing 1 required argument: '", names[i], "'"));
    }
  }
  return slots;
}

Result<Value> call_builtin(Runtime& runtime, const Builtin& builtin, const Value& self,
                           Arguments arguments) {
  runtime.heap().charge(1 + arguments.positional.size() / 8);
  HEARTH_TRY(const Slots slots, bind(builtin, std::move(arguments)));
  return builtin.call(runtime, self, slots);
}

Result<Int> int_argument(const Value& v) {
  if (v.is_int_like()) return v.as_int();
  if (v.is_undefined()) return Runtime::undefined_error(v);
  return Runtime::type_error(
      cat("'", Runtime::type_name(v), "' object cannot be interpreted as an integer"));
}

Result<MarkedText> text_argument(const Value& v) {
  if (v.is_string()) return v.text();
  if (v.is_undefined()) return Runtime::undefined_error(v);
  return Runtime::type_error(cat("expected a str, got ", Runtime::type_name(v)));
}

Result<Value> make_dict(Runtime& runtime, const Slots& slots) {
  std::vector<DictObject::Entry> entries;
  if (slots.rest.size() > 1) {
    return Runtime::type_error(cat("dict expected at most 1 argument, got ", slots.rest.size()));
  }
  if (!slots.rest.empty() && slots.rest[0].is_dict()) {
    entries = slots.rest[0].dict().entries;
  } else if (!slots.rest.empty()) {
    HEARTH_TRY(const std::vector<Value> pairs, runtime.to_vector(slots.rest[0]));
    for (const Value& pair : pairs) {
      HEARTH_TRY(std::vector<Value> two, runtime.to_vector(pair));
      if (two.size() != 2) {
        return Runtime::type_error(
            cat("dictionary update sequence element has length ", two.size(), "; 2 is required"));
      }
      entries.emplace_back(std::move(two[0]), std::move(two[1]));
    }
  }
  for (const auto& [name, value] : slots.named_rest) {
    entries.emplace_back(runtime.text(name), value);
  }
  return runtime.dict(std::move(entries));
}

}  // namespace hearth::jinja
