// hearth config get|set|list|reset - what holds until it is changed (catalog/settings.h).
#include <nlohmann/json.hpp>

#include "base/str.h"
#include "catalog/settings.h"
#include "cli/command.h"
#include "cli/model_card.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

nlohmann::ordered_json json_of(const catalog::SettingValue& value) {
  return std::visit([](const auto& plain) { return nlohmann::ordered_json(plain); }, value);
}

// Foundry Local's name of service.model_ttl, in another unit.
constexpr std::string_view kIdleMinutes = "idle-timeout-minutes";

Result<int> get(const std::string& key, bool json) {
  if (key == kIdleMinutes) {
    HEARTH_TRY(const auto seconds, catalog::get_setting("service.model_ttl"));
    // Rounded up: 0 would mean never.
    const std::int64_t minutes = (*std::get_if<std::int64_t>(&seconds) + 59) / 60;
    print(json ? json_text({{key, minutes}}) : cat(minutes, "\n"));
    return kSuccess;
  }
  HEARTH_TRY(const catalog::Setting* setting, catalog::find_setting(key));
  HEARTH_TRY(const auto value, catalog::get_setting(key));
  print(json ? json_text({{std::string(setting->key), json_of(value)}})
             : catalog::to_text(value) + "\n");
  return kSuccess;
}

Result<int> set(const std::string& key, const std::string& value, bool json) {
  if (key == kIdleMinutes) {
    const auto minutes = parse_int(value);
    if (!minutes || *minutes < 0 || *minutes > 1'000'000) {
      return Error{ErrorKind::invalid,
                   cat(key, ": expected a whole number from 0 to 1000000, not ", quote(value))};
    }
    return set("service.model_ttl", cat(*minutes * 60), json);
  }
  HEARTH_TRY(const catalog::Setting* setting, catalog::find_setting(key));
  HEARTH_TRY_VOID(catalog::set_setting(key, value));
  HEARTH_TRY(const auto now, catalog::get_setting(key));
  print(json ? json_text({{std::string(setting->key), json_of(now)}})
             : cat(setting->key, " = ", one_line(catalog::to_text(now)), "\n"));
  if (setting->key == "compute.onnx.enable_gpu" && now == catalog::SettingValue(true)) {
    note("no GPU is used by this version yet: models run on the CPU\n");
  }
  if (setting->key.starts_with("service.")) {
    note("a running service keeps its settings until: hearth service restart\n");
  }
  return kSuccess;
}

Result<int> list(bool json) {
  auto all = nlohmann::ordered_json::object();
  std::vector<std::vector<std::string>> rows{{"KEY", "VALUE", "", "MEANING"}};
  for (const catalog::Setting& setting : catalog::all_settings()) {
    HEARTH_TRY(const auto value, catalog::get_setting(setting.key));
    HEARTH_TRY(const bool is_set, catalog::is_set(setting.key));
    all[std::string(setting.key)] = json_of(value);
    const std::string text = catalog::to_text(value);
    rows.push_back({std::string(setting.key), text.empty() ? "-" : one_line(text),
                    is_set ? "set" : "", std::string(setting.meaning)});
  }
  print(json ? json_text(all) : table(rows));
  return kSuccess;
}

Result<int> reset(const std::string& key, bool json) {
  auto keys = nlohmann::ordered_json::array();
  for (const catalog::Setting& setting : catalog::all_settings()) {
    if (key.empty() || setting.key == key || setting.also == key) keys.push_back(setting.key);
  }
  HEARTH_TRY_VOID(catalog::reset_setting(key));
  if (json) {
    print(json_text({{"reset", std::move(keys)}}));
    return kSuccess;
  }
  print(key.empty() ? "all settings are back to their defaults\n"
                    : cat(one_line(key), " is back to its default\n"));
  return kSuccess;
}

}  // namespace

void add_config(CLI::App& parent, Action& action) {
  CLI::App& config = *parent.add_subcommand("config", "settings that hold until they are changed");
  auto key = std::make_shared<std::string>();
  auto value = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);

  CLI::App& getting = *config.add_subcommand("get", "print one");
  getting.add_option("KEY", *key, "as hearth config list shows it")->required()->type_name("");
  add_output_format(getting, *json);
  getting.callback([&action, key, json] { action = [key, json] { return get(*key, *json); }; });
  CLI::App& setting = *config.add_subcommand("set", "change one");
  setting.add_option("KEY", *key, "as hearth config list shows it")->required()->type_name("");
  setting.add_option("VALUE", *value, "its new value")->required()->type_name("");
  add_output_format(setting, *json);
  setting.callback([&action, key, value, json] {
    action = [key, value, json] { return set(*key, *value, *json); };
  });
  CLI::App& listing = *config.add_subcommand("list", "print all")->alias("show");
  add_output_format(listing, *json);
  listing.callback([&action, json] { action = [json] { return list(*json); }; });
  CLI::App& resetting = *config.add_subcommand("reset", "back to the default");
  resetting.add_option("KEY", *key, "one of them (default: all)")->type_name("");
  add_output_format(resetting, *json);
  resetting.callback([&action, key, json] { action = [key, json] { return reset(*key, *json); }; });
}

}  // namespace hearth::cli
