#include "formats/hugging_face/config_reader.h"

#include <cmath>
#include <utility>

#include "base/str.h"
#include "base/strict_json.h"

namespace hearth::formats {

namespace {

using Json = ConfigReader::Json;

std::string describe(const Json& value) {
  if (const auto* text = value.get_ptr<const std::string*>()) return quote(*text);
  if (value.is_structured()) return value.type_name();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<std::int64_t> as_integer(const Json& value) {
  if (const auto* n = value.get_ptr<const Json::number_unsigned_t*>()) {
    return *n <= INT64_MAX ? std::optional(static_cast<std::int64_t>(*n)) : std::nullopt;
  }
  if (const auto* n = value.get_ptr<const Json::number_integer_t*>()) return *n;
  return std::nullopt;
}

std::optional<double> as_number(const Json& value) {
  if (const auto* n = value.get_ptr<const Json::number_float_t*>()) return *n;
  if (const auto n = as_integer(value)) return static_cast<double>(*n);
  return std::nullopt;
}

}  // namespace

Result<Json> parse_settings(std::string_view text, std::string_view file) {
  if (text.empty()) return Json::object();
  auto parsed = parse_strict_json(text, file);
  if (!parsed) return Error{ErrorKind::corrupt, parsed.error().message};
  if (!parsed->is_object()) {
    return Error{ErrorKind::corrupt, cat(file, " is not a JSON object")};
  }
  return *std::move(parsed);
}

const Json* ConfigReader::find(std::string_view key) const {
  if (!object_->is_object()) return nullptr;
  const auto it = object_->find(key);
  return it == object_->end() || it->is_null() ? nullptr : &*it;
}

void ConfigReader::fail(ErrorKind kind, std::string_view message) {
  if (!error_) error_ = Error{kind, cat(where_, ": ", message)};
}

void ConfigReader::take_error(const ConfigReader& other) {
  if (!error_) error_ = other.error_;
}

void ConfigReader::wrong(std::string_view key, std::string_view expected, const Json& value) {
  fail(ErrorKind::corrupt, cat(key, " is ", describe(value), ", expected ", expected));
}

void ConfigReader::missing(std::string_view key) {
  fail(ErrorKind::corrupt, cat("the key ", quote(key), " is missing"));
}

std::int64_t ConfigReader::integer(std::string_view key) {
  if (!has(key)) missing(key);
  return integer_or(key, 1);
}

std::int64_t ConfigReader::integer_or(std::string_view key, std::int64_t fallback) {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (const auto n = as_integer(*value)) return *n;
  wrong(key, "an integer", *value);
  return fallback;
}

double ConfigReader::number(std::string_view key) {
  if (!has(key)) missing(key);
  return number_or(key, 1);
}

double ConfigReader::number_or(std::string_view key, double fallback) {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (const auto n = as_number(*value)) return *n;
  wrong(key, "a number", *value);
  return fallback;
}

bool ConfigReader::flag_or(std::string_view key, bool fallback) {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (const auto* flag = value->get_ptr<const bool*>()) return *flag;
  wrong(key, "true or false", *value);
  return fallback;
}

std::string ConfigReader::text_or(std::string_view key, std::string_view fallback) {
  const Json* value = find(key);
  if (value == nullptr) return std::string(fallback);
  if (const auto* text = value->get_ptr<const std::string*>()) return *text;
  wrong(key, "a text", *value);
  return std::string(fallback);
}

std::vector<double> ConfigReader::numbers(std::string_view key) {
  std::vector<double> out;
  const Json* value = find(key);
  if (value == nullptr) {
    missing(key);
    return out;
  }
  if (!value->is_array()) wrong(key, "a list of numbers", *value);
  for (const Json& item : *value) {
    const auto n = as_number(item);
    if (!n) {
      wrong(key, "a list of numbers", item);
      return {};
    }
    out.push_back(*n);
  }
  return out;
}

std::vector<std::string> ConfigReader::texts(std::string_view key) {
  std::vector<std::string> out;
  const Json* value = find(key);
  if (value == nullptr) return out;
  if (!value->is_array()) wrong(key, "a list of texts", *value);
  for (const Json& item : *value) {
    const auto* text = item.get_ptr<const std::string*>();
    if (text == nullptr) {
      wrong(key, "a list of texts", item);
      return {};
    }
    out.push_back(*text);
  }
  return out;
}

std::vector<std::int64_t> ConfigReader::integers(std::string_view key) {
  std::vector<std::int64_t> out;
  const Json* value = find(key);
  if (value == nullptr) return out;
  const auto add = [&](const Json& item) {
    const auto n = as_integer(item);
    if (!n) wrong(key, "an integer or a list of integers", item);
    out.push_back(n.value_or(0));
  };
  if (value->is_array()) {
    for (const Json& item : *value) add(item);
  } else {
    add(*value);
  }
  return out;
}

ConfigReader ConfigReader::object(std::string_view key) {
  static const Json kEmpty = Json::object();
  const Json* value = find(key);
  if (value != nullptr && !value->is_object()) wrong(key, "an object", *value);
  return {value != nullptr && value->is_object() ? *value : kEmpty, cat(where_, ", ", key)};
}

void ConfigReader::expect_text(std::string_view key, std::string_view expected,
                               std::string_view why) {
  const std::string value = text_or(key, expected);
  if (value == expected) return;
  fail(ErrorKind::unsupported,
       cat(key, " is ", quote(value), "; ", why, " with ", quote(expected), " only"));
}

}  // namespace hearth::formats
