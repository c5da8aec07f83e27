// settings.h - what a user has set for good: `hearth config`.
//
// A JSON object of dotted keys in $HEARTH_HOME/config.json, else
// $XDG_CONFIG_HOME/hearth/config.json, else ~/.config/hearth/config.json. Each key has a type and a
// default; a flag of a command wins over a setting. A file that cannot be read is an error wherever
// settings are wanted: nothing runs with other settings than its user believes.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace hearth::catalog {

struct Setting {
  enum class Type : std::uint8_t { boolean, integer, text };
  std::string_view key;
  Type type;
  std::int64_t least = 0, most = 0;  // of an integer
  std::string_view otherwise;        // the default, as a person writes it
  std::string_view also;             // another name for it, Foundry Local's; "": none
  std::string_view meaning;
};

std::span<const Setting> all_settings();
// By key or other name. Errors: not_found, with the nearest.
Result<const Setting*> find_setting(std::string_view key);

std::string settings_path();
std::string config_folder();

using SettingValue = std::variant<bool, std::int64_t, std::string>;
std::string to_text(const SettingValue& value);

// What is set, else the default. Errors: not_found (no such key), invalid (the file).
Result<SettingValue> get_setting(std::string_view key);
// The parts of a text setting that commas separate, without the blanks around them. Errors: as
// above.
Result<std::vector<std::string>> get_list_setting(std::string_view key);
// Errors: invalid, when the text is no value of the key's type; io.
Result<void> set_setting(std::string_view key, std::string_view text);
struct SettingChange {
  std::string_view key;
  std::string text;
};
// All of them, or none when one is wrong. Errors: as set_setting().
Result<void> set_settings(std::span<const SettingChange> changes);
// Back to the default; "": all of them.
Result<void> reset_setting(std::string_view key);
// Whether the key is in the file.
Result<bool> is_set(std::string_view key);

}  // namespace hearth::catalog
