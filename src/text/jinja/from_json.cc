// from_json.cc - see from_json.h.
#include "text/jinja/from_json.h"

#include <nlohmann/json.hpp>

#include "base/str.h"
#include "base/utf8.h"

namespace hearth::jinja {

namespace {

using Json = nlohmann::ordered_json;

Value text_value(Runtime& runtime, const std::string& text) {
  return runtime.text(MarkedText(is_valid_utf8(text) ? text : to_valid_utf8(text), false));
}

Result<Value> convert(Runtime& runtime, const Json& json, int depth) {
  if (depth > kMaxNesting) {
    return Error{ErrorKind::invalid,
                 cat("JSON that a chat template gets is nested more than ", kMaxNesting, " deep")};
  }
  if (runtime.heap().exhausted()) return runtime.heap().exhausted_error();
  switch (json.type()) {
    case Json::value_t::null:
      return Value::none(false);
    case Json::value_t::boolean:
      return Value::boolean(*json.get_ptr<const Json::boolean_t*>(), false);
    case Json::value_t::number_integer:
      return Value::integer(*json.get_ptr<const Json::number_integer_t*>(), false);
    case Json::value_t::number_unsigned:
      return Value::integer(static_cast<Int>(*json.get_ptr<const Json::number_unsigned_t*>()),
                            false);
    case Json::value_t::number_float:
      return Value::floating(*json.get_ptr<const Json::number_float_t*>(), false);
    case Json::value_t::string:
      return text_value(runtime, *json.get_ptr<const Json::string_t*>());
    case Json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const Json& item : json) {
        HEARTH_TRY(Value v, convert(runtime, item, depth + 1));
        items.push_back(std::move(v));
      }
      return runtime.list(std::move(items));
    }
    case Json::value_t::object: {
      std::vector<DictObject::Entry> entries;
      entries.reserve(json.size());
      for (const auto& [key, item] : *json.get_ptr<const Json::object_t*>()) {
        HEARTH_TRY(Value v, convert(runtime, item, depth + 1));
        entries.emplace_back(text_value(runtime, key), std::move(v));
      }
      return runtime.dict(std::move(entries));
    }
    default:
      return Error{ErrorKind::invalid, "a chat template takes JSON values, not binary data"};
  }
}

}  // namespace

Result<Value> value_from_json(Runtime& runtime, const nlohmann::ordered_json& json) {
  return convert(runtime, json, 1);
}

}  // namespace hearth::jinja
