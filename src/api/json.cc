#include "api/json.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/str.h"
#include "base/strict_json.h"

namespace hearth::api {

namespace {

std::string describe(const Range& range) {
  if (!range.min_excluded && !range.max_excluded) {
    return cat("between ", range.min, " and ", range.max);
  }
  return cat(range.min_excluded ? "greater than " : "at least ", range.min, " and ",
             range.max_excluded ? "less than " : "at most ", range.max);
}

bool contains(const Range& range, double v) {
  if (!(range.min_excluded ? v > range.min : v >= range.min)) return false;
  return range.max_excluded ? v < range.max : v <= range.max;
}

// JSON does not tell 3 from 3.0.
std::optional<std::int64_t> as_integer(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto v = value.get<std::uint64_t>();
    if (v > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    return static_cast<std::int64_t>(v);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double v = value.get<double>();
  constexpr double kExact =
      9007199254740992.0;  // 2^53: beyond, a double no longer names one integer
  if (!(std::abs(v) <= kExact) || std::trunc(v) != v) return std::nullopt;
  return static_cast<std::int64_t>(v);
}

}  // namespace

std::optional<ApiError> parse_json(std::string_view text, Json& out, std::string_view what) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return ApiError{
        .message = cat(what, " is empty; a JSON object was expected"), .param = {}, .code = {}};
  }
  auto parsed = parse_strict_json(text, what);
  if (!parsed) return ApiError{.message = parsed.error().message, .param = {}, .code = {}};
  out = *std::move(parsed);
  return std::nullopt;
}

std::optional<ApiError> parse_body(std::string_view text, Json& out) {
  if (auto fault = parse_json(text, out)) return fault;
  if (out.is_object()) return std::nullopt;
  return ApiError{.message = cat("the request body must be a JSON object, got ", describe(out)),
                  .param = {},
                  .code = {}};
}

std::string describe(const Json& value) {
  if (value.is_array()) return value.empty() ? "an empty array" : "an array";
  if (value.is_object()) return "an object";
  if (value.is_string()) return quote(value.get_ref<const std::string&>(), 40);
  return dump(value);
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json* Fields::find(std::string_view name) {
  known_.push_back(name);
  if (error_) return nullptr;
  const auto it = object_.find(name);
  if (it == object_.end() || it->is_null()) return nullptr;
  return &*it;
}

bool Fields::number(std::string_view name, Range range, double& out) {
  const Json* value = find(name);
  if (value == nullptr) return false;
  if (!value->is_number() || !contains(range, value->get<double>())) {
    expected(name, cat("a number ", describe(range)), *value);
    return false;
  }
  out = value->get<double>();
  return true;
}

bool Fields::integer(std::string_view name, std::int64_t min, std::int64_t max, std::int64_t& out) {
  const Json* value = find(name);
  if (value == nullptr) return false;
  const std::optional<std::int64_t> v = as_integer(*value);
  if (!v || *v < min || *v > max) {
    expected(name, cat("an integer between ", min, " and ", max), *value);
    return false;
  }
  out = *v;
  return true;
}

bool Fields::integer(std::string_view name, std::int32_t min, std::int32_t max, std::int32_t& out) {
  std::int64_t wide = 0;
  if (!integer(name, std::int64_t{min}, std::int64_t{max}, wide)) return false;
  out = static_cast<std::int32_t>(wide);
  return true;
}

bool Fields::boolean(std::string_view name, bool& out) {
  const Json* value = find(name);
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    expected(name, "true or false", *value);
    return false;
  }
  out = value->get<bool>();
  return true;
}

bool Fields::text(std::string_view name, std::string& out) {
  const Json* value = find(name);
  if (value == nullptr) return false;
  if (!value->is_string()) {
    expected(name, "a string", *value);
    return false;
  }
  out = value->get_ref<const std::string&>();
  return true;
}

const Json* Fields::array(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr || value->is_array()) return value;
  expected(name, "an array", *value);
  return nullptr;
}

const Json* Fields::object(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr || value->is_object()) return value;
  expected(name, "an object", *value);
  return nullptr;
}

void Fields::refuse(std::string_view name, std::string_view why) {
  if (find(name) != nullptr) fail(name, cat("'", full_name(name), "' ", why));
}

void Fields::expected(std::string_view name, std::string_view expectation, const Json& got) {
  fail(name, cat("'", full_name(name), "' must be ", expectation, ", got ", describe(got)));
}

void Fields::fail(std::string_view name, std::string message) {
  fail(ApiError{.message = std::move(message), .param = full_name(name), .code = {}});
}

void Fields::fail(ApiError error) {
  if (!error_) error_ = std::move(error);
}

std::optional<ApiError> Fields::finish() {
  if (error_) return error_;
  for (const auto& [name, value] : object_.items()) {
    if (value.is_null() || std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const std::string_view meant = nearest(name, known_.data(), known_.size());
    ApiError unknown{.message = cat("unknown field '", path_,
                                    quote(name).substr(1, quote(name).size() - 2), "'"),
                     .param = path_ + name.substr(0, 100),
                     .code = "unknown_parameter"};
    if (!meant.empty()) unknown.message += cat("; did you mean '", path_, meant, "'?");
    return unknown;
  }
  return std::nullopt;
}

}  // namespace hearth::api
