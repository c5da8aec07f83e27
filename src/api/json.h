// json.h - reading JSON that a stranger sent, and saying exactly what is wrong with it.
//
//   Json body;
//   if (auto fault = parse_json(bytes, body)) return fault;
//   Fields fields(body);
//   fields.number("temperature", {0, 2}, request.temperature);
//   fields.refuse("tools", "is not supported yet by this version");
//   return fields.finish();            // the first fault, an unknown field included
//
// An absent field and an explicit null are the same: the member keeps its default. The first fault
// wins; after it every getter does nothing. A field nobody asked for by name is a fault too, so
// that nothing a client sends is silently without effect.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/error.h"

namespace hearth::api {

using Json = nlohmann::ordered_json;

// Whole text to value, as base/strict_json.h says. `what` names the text in the message.
std::optional<ApiError> parse_json(std::string_view text, Json& out,
                                   std::string_view what = "the request body");

// The same for a request's body, which must be an object.
std::optional<ApiError> parse_body(std::string_view text, Json& out);

// A value for an error message, short: "hot" in quotes, 3, null, an array, an object.
std::string describe(const Json& value);

// One line of JSON; text that is not valid UTF-8 is repaired with U+FFFD.
std::string dump(const Json& value);

struct Range {
  double min, max;
  bool min_excluded = false, max_excluded = false;
};

// Reads the members of one object.
class Fields {
 public:
  // object must be an object and outlive this. path: what precedes a member's name in messages and
  // `param`: "" at the top, "messages[2]." inside.
  explicit Fields(const Json& object, std::string path = {})
      : object_(object), path_(std::move(path)) {}

  // The member, or nullptr when it is absent, null, or a fault was found before.
  const Json* find(std::string_view name);

  // Each returns whether the member was there and good; only then is `out` written.
  bool number(std::string_view name, Range range, double& out);
  bool integer(std::string_view name, std::int64_t min, std::int64_t max, std::int64_t& out);
  bool integer(std::string_view name, std::int32_t min, std::int32_t max, std::int32_t& out);
  bool boolean(std::string_view name, bool& out);
  bool text(std::string_view name, std::string& out);
  const Json* array(std::string_view name);
  const Json* object(std::string_view name);

  // A known member whose only acceptable value is null: "'name' why".
  void refuse(std::string_view name, std::string_view why);
  // Records "'name' must be EXPECTED, got VALUE".
  void expected(std::string_view name, std::string_view expectation, const Json& got);
  // Records a fault; message is the whole sentence.
  void fail(std::string_view name, std::string message);
  void fail(ApiError error);

  std::string full_name(std::string_view name) const { return path_ + std::string(name); }
  bool failed() const { return error_.has_value(); }
  // The first fault; a member that nobody asked for, when there is none yet.
  std::optional<ApiError> finish();

 private:
  const Json& object_;
  std::string path_;
  std::vector<std::string_view> known_;  // literals of the callers
  std::optional<ApiError> error_;
};

}  // namespace hearth::api
