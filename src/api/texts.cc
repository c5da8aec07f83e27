#include "api/texts.h"

#include <cmath>

#include "base/str.h"

namespace hearth::api {

namespace {

constexpr std::string_view kExpected =
    "a string, an array of strings, an array of token ids, or an array of arrays of token ids";

// 3.0 is an integer in JSON Schema, too. A double holds every id exactly.
bool is_token_id(const Json& value) {
  if (!value.is_number()) return false;
  const double id = value.get<double>();
  return id >= 0 && id <= INT32_MAX && id == std::floor(id);
}

bool read_ids(const Json& list, Fields& fields, std::string_view name,
              std::vector<TextOrIds>& out) {
  std::vector<std::int32_t> ids;
  ids.reserve(list.size());
  for (const Json& id : list) {
    if (!is_token_id(id)) {
      fields.expected(name, kExpected, id);
      return false;
    }
    ids.push_back(id.get<std::int32_t>());
  }
  out.emplace_back(std::move(ids));
  return true;
}

}  // namespace

void read_texts(Fields& fields, std::string_view name, std::vector<TextOrIds>& out) {
  const Json* value = fields.find(name);
  if (value == nullptr) return fields.fail(name, cat("'", name, "' is required: ", kExpected));
  if (value->is_string()) {
    out.emplace_back(value->get<std::string>());
    return;
  }
  if (!value->is_array() || value->empty()) return fields.expected(name, kExpected, *value);
  if (value->front().is_number()) {
    read_ids(*value, fields, name, out);
    return;
  }
  for (const Json& item : *value) {
    if (item.is_string() && value->front().is_string()) {
      out.emplace_back(item.get<std::string>());
    } else if (item.is_array() && value->front().is_array()) {
      if (!read_ids(item, fields, name, out)) return;
    } else {
      return fields.expected(name, kExpected, item);
    }
  }
}

}  // namespace hearth::api
