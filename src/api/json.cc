#include "api/json.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <utility>

#include "base/str.h"

namespace hearth::api {

namespace {

// Builds the value bottom up. Members wait in a frame until their object ends and move into it
// once: ordered_json appends by copying the whole object when it grows, and searches linearly for
// each key, so that building through it costs time quadratic in what a stranger chooses.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view what, Json& out) : what_(what), out_(out) {}
  std::optional<ApiError> take_error() { return std::move(error_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return fail(cat(what_, " holds binary data")); }

  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool key(string_t& name) override {
    Frame& frame = frames_.back();
    if (!frame.seen.insert(name).second) {
      return fail(cat(what_, " has the key ", quote(name), " twice in one object; send it once"));
    }
    frame.keys.push_back(std::move(name));
    return true;
  }
  bool end_object() override {
    Frame frame = close();
    Json::object_t members;
    members.reserve(frame.keys.size());
    using Members = std::vector<Json::object_t::value_type>;
    for (std::size_t i = 0; i < frame.keys.size(); ++i) {
      static_cast<Members&>(members).emplace_back(std::move(frame.keys[i]),
                                                  std::move(frame.values[i]));
    }
    return add(std::move(members));
  }
  bool end_array() override {
    Frame frame = close();
    return add(Json::array_t(std::move(frame.values)));
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error …; last read:
    // …". What was read last is the client's text, of any length: left out.
    std::string_view reason = e.what();
    if (const auto at = reason.find("at line "); at != std::string_view::npos) {
      reason.remove_prefix(at);
    } else if (const auto bracket = reason.find("] "); bracket != std::string_view::npos) {
      reason.remove_prefix(bracket + 2);
    }
    reason = reason.substr(0, std::min(reason.find("; last read"), reason.size()));
    if (reason.size() > 160) reason = reason.substr(0, 160);
    return fail(cat(what_, " is not valid JSON: ", reason));
  }

 private:
  struct Frame {
    std::vector<std::string> keys;  // of an object
    std::unordered_set<std::string> seen;
    std::vector<Json> values;
  };

  bool fail(std::string message) {
    if (!error_) error_ = ApiError{.message = std::move(message), .param = {}, .code = {}};
    return false;
  }
  bool open() {
    if (frames_.size() >= kMaxJsonDepth) {
      return fail(cat(what_, " is nested deeper than ", kMaxJsonDepth, " levels"));
    }
    frames_.emplace_back();
    return true;
  }
  Frame close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    return frame;
  }
  bool add(Json value) {
    if (++n_values_ > kMaxJsonValues) {
      return fail(cat(what_, " holds more than ", kMaxJsonValues, " JSON values"));
    }
    if (frames_.empty()) {
      out_ = std::move(value);
    } else {
      frames_.back().values.push_back(std::move(value));
    }
    return true;
  }

  std::string_view what_;
  Json& out_;
  std::vector<Frame> frames_;
  std::size_t n_values_ = 0;
  std::optional<ApiError> error_;
};

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
  Builder builder(what, out);
  if (Json::sax_parse(text.begin(), text.end(), &builder)) return std::nullopt;
  return builder.take_error();
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
