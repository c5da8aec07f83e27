// config_reader.h - takes values out of a JSON object of a Hugging Face folder (config.json),
// checking each. Part of the portable core.
//
// A reader asks for everything in a row and looks for error() once: the first fault is kept (a key
// that is missing or of the wrong type), what is asked after it returns harmless values. A key that
// is null counts as absent, as it does for transformers.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::formats {

// A file of settings: a JSON object. Absent (empty), it reads as one without keys. Errors: corrupt,
// naming the file.
Result<nlohmann::ordered_json> parse_settings(std::string_view text, std::string_view file);

class ConfigReader {
 public:
  using Json = nlohmann::ordered_json;

  // `where` names the object in messages ("config.json"); what is no object has no keys.
  ConfigReader(const Json& object, std::string where)
      : object_(&object), where_(std::move(where)) {}

  bool has(std::string_view key) const { return find(key) != nullptr; }
  const Json* find(std::string_view key) const;  // nullptr: absent or null

  std::int64_t integer(std::string_view key);
  std::int64_t integer_or(std::string_view key, std::int64_t fallback);
  double number(std::string_view key);
  double number_or(std::string_view key, double fallback);
  bool flag_or(std::string_view key, bool fallback);
  std::string text_or(std::string_view key, std::string_view fallback);
  std::vector<double> numbers(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  // One number or a list of them (eos_token_id); none when absent.
  std::vector<std::int64_t> integers(std::string_view key);
  // The object under a key; an empty one when absent.
  ConfigReader object(std::string_view key);

  // A key whose only acceptable values are `expected` and absence.
  void expect_text(std::string_view key, std::string_view expected, std::string_view why);
  void fail(ErrorKind kind, std::string_view message);
  // The first fault of this reader or of `other`, kept here.
  void take_error(const ConfigReader& other);
  const std::optional<Error>& error() const { return error_; }
  const std::string& where() const { return where_; }

 private:
  void wrong(std::string_view key, std::string_view expected, const Json& value);
  void missing(std::string_view key);

  const Json* object_;
  std::string where_;
  std::optional<Error> error_;
};

}  // namespace hearth::formats
