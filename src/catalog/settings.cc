#include "catalog/settings.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <vector>

#include "base/ascii.h"
#include "base/host.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "catalog/json_file.h"

namespace hearth::catalog {

namespace {

using Json = nlohmann::ordered_json;
using Type = Setting::Type;

constexpr std::int64_t kManySeconds = std::int64_t{1} << 30;

constexpr std::array<Setting, 11> kSettings = {{
    {"cache.directory", Type::text, 0, 0, "", "cache-directory",
     "the folder of the models; empty: the usual one"},
    {"compute.keep_packed", Type::boolean, 0, 0, "true", "",
     "whether weights as the kernels read them are kept on disk, so that a model loads at once"},
    {"compute.onnx.enable_gpu", Type::boolean, 0, 0, "false", "",
     "whether ONNX models may use a GPU, where this version finds one"},
    {"compute.speculation", Type::boolean, 0, 0, "true", "",
     "whether the service guesses tokens and checks several in one step, when it pays"},
    {"compute.threads", Type::integer, 0, 1024, "0", "",
     "threads that compute; 0: the physical cores"},
    {"service.allowed_hosts", Type::text, 0, 0, "", "",
     "names the service may be asked by beside this machine's, separated by commas"},
    {"service.allowed_origins", Type::text, 0, 0, "", "",
     "pages that may ask beside those of this machine: origins, separated by commas"},
    {"service.host", Type::text, 0, 0, "127.0.0.1", "", "the address the service listens on"},
    {"service.log_level", Type::text, 0, 0, "info", "log-level",
     "error, warn, info or debug: what the service writes to its log"},
    {"service.model_ttl", Type::integer, 0, kManySeconds, "0", "",
     "unload models unused for so many seconds; 0: never"},
    {"service.port", Type::integer, 0, 65535, "5273", "port",
     "the port the service listens on; 0: any free one"},
}};

std::vector<std::string> parts_of(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream rest(list);
  for (std::string part; std::getline(rest, part, ',');) {
    const std::size_t begin = part.find_first_not_of(' ');
    if (begin == std::string::npos) continue;
    parts.push_back(part.substr(begin, part.find_last_not_of(' ') + 1 - begin));
  }
  return parts;
}

bool is_folder(std::string_view text) { return text.empty() || text.front() == '/'; }
bool is_log_level(std::string_view text) {
  return text == "error" || text == "warn" || text == "info" || text == "debug";
}
// An IPv6 address may name its interface: "fe80::1%eth0".
bool is_own_address(std::string_view text) {
  return ascii_lower(text) == "localhost" || is_ip_address(text.substr(0, text.find('%')));
}

// What a text setting, or each part of a list, must be.
struct TextRule {
  std::string_view key;
  bool is_list;
  bool (*holds)(std::string_view);
  std::string_view expected;
};

constexpr std::array<TextRule, 5> kTextRules = {{
    {"cache.directory", false, is_folder, "an absolute path"},
    {"service.allowed_hosts", true, is_host_name,
     "names such as host.docker.internal, without scheme and port"},
    {"service.allowed_origins", true, is_origin,
     "origins such as https://example.org, without a path"},
    {"service.host", false, is_own_address, "an IP address or localhost"},
    {"service.log_level", false, is_log_level, "error, warn, info or debug"},
}};

Result<SettingValue> parse_value(const Setting& setting, std::string_view text) {
  const auto wrong = [&](std::string_view expected, std::string_view what) {
    return Error{ErrorKind::invalid,
                 cat(setting.key, ": expected ", expected, ", not ", quote(what))};
  };
  if (setting.type == Type::boolean) {
    for (const std::string_view yes : {"true", "on", "yes", "1"}) {
      if (text == yes) return SettingValue(true);
    }
    for (const std::string_view no : {"false", "off", "no", "0"}) {
      if (text == no) return SettingValue(false);
    }
    return wrong("true or false", text);
  }
  if (setting.type == Type::integer) {
    const auto value = parse_int(text);
    if (!value || *value < setting.least || *value > setting.most) {
      return wrong(cat("a whole number from ", setting.least, " to ", setting.most), text);
    }
    return SettingValue(*value);
  }
  for (const TextRule& rule : kTextRules) {
    if (rule.key != setting.key) continue;
    for (const std::string& part :
         rule.is_list ? parts_of(std::string(text)) : std::vector<std::string>{std::string(text)}) {
      if (!rule.holds(part)) return wrong(rule.expected, part);
    }
  }
  return SettingValue(std::string(text));
}

Result<SettingValue> from_json(const Setting& setting, const Json& json) {
  if (json.is_boolean() && setting.type == Type::boolean) return SettingValue(json.get<bool>());
  if (json.is_number_integer() && setting.type == Type::integer) {
    return parse_value(setting, cat(json.get<std::int64_t>()));
  }
  if (json.is_string() && setting.type == Type::text) {
    return parse_value(setting, json.get_ref<const std::string&>());
  }
  return Error{
      ErrorKind::invalid,
      cat(setting.key, " is ", quote(json.dump(-1, ' ', true, Json::error_handler_t::replace)),
          ", which is of another type than it should be")};
}

Error no_object() {
  return {ErrorKind::invalid,
          cat(quote(settings_path(), 300), " is no JSON object; mend or remove it")};
}

// {} when there is none.
Result<Json> read_file() {
  HEARTH_TRY(std::optional<Json> json, read_json_file(settings_path()));
  if (!json) return Json(Json::object());
  if (!json->is_object()) return no_object();
  return *std::move(json);
}

Result<void> change_file(const std::function<void(Json&)>& change) {
  const JsonFile file{.path = settings_path(), .lock = ".config.lock"};
  return change_json_file(file, Json::object(), [&](Json& json) -> Result<void> {
    if (!json.is_object()) return no_object();
    change(json);
    return {};
  });
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

std::span<const Setting> all_settings() { return kSettings; }

Result<const Setting*> find_setting(std::string_view key) {
  std::vector<std::string_view> names;
  for (const Setting& setting : kSettings) {
    if (setting.key == key || (!setting.also.empty() && setting.also == key)) return &setting;
    names.push_back(setting.key);
  }
  const std::string_view near = nearest(key, names.data(), names.size());
  return Error{ErrorKind::not_found,
               cat("no setting ", quote(key),
                   near.empty() ? std::string() : cat("; did you mean ", near, "?"),
                   " (hearth config list shows all)")};
}

std::string config_folder() {
  if (const std::string home = environment("HEARTH_HOME"); !home.empty()) return home;
  if (const std::string config = environment("XDG_CONFIG_HOME"); config.starts_with('/')) {
    return config + "/hearth";
  }
  return user_home() + "/.config/hearth";
}

std::string settings_path() { return config_folder() + "/config.json"; }

std::string to_text(const SettingValue& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return cat(*number);
  return *std::get_if<std::string>(&value);
}

Result<SettingValue> get_setting(std::string_view key) {
  HEARTH_TRY(const Setting* setting, find_setting(key));
  HEARTH_TRY(const Json json, read_file());
  const auto at = json.find(setting->key);
  if (at == json.end()) return parse_value(*setting, setting->otherwise);
  auto value = from_json(*setting, *at);
  if (value) return value;
  return Error{ErrorKind::invalid,
               cat(settings_path(), ": ", value.error().message,
                   "; mend it with: hearth config set ", setting->key, " VALUE")};
}

Result<std::vector<std::string>> get_list_setting(std::string_view key) {
  HEARTH_TRY(const SettingValue value, get_setting(key));
  return parts_of(to_text(value));
}

Result<void> set_setting(std::string_view key, std::string_view text) {
  const SettingChange change{key, std::string(text)};
  return set_settings({&change, 1});
}

Result<void> set_settings(std::span<const SettingChange> changes) {
  std::vector<std::pair<std::string, Json>> values;
  for (const auto& [key, text] : changes) {
    HEARTH_TRY(const Setting* setting, find_setting(key));
    HEARTH_TRY(const SettingValue value, parse_value(*setting, text));
    values.emplace_back(setting->key,
                        std::visit([](const auto& plain) { return Json(plain); }, value));
  }
  return change_file([&](Json& json) {
    for (const auto& [key, value] : values) json[key] = value;
  });
}

Result<void> reset_setting(std::string_view key) {
  if (key.empty()) return change_file([](Json& json) { json = Json::object(); });
  HEARTH_TRY(const Setting* setting, find_setting(key));
  return change_file([&](Json& json) { json.erase(std::string(setting->key)); });
}

Result<bool> is_set(std::string_view key) {
  HEARTH_TRY(const Setting* setting, find_setting(key));
  HEARTH_TRY(const Json json, read_file());
  return json.contains(setting->key);
}

}  // namespace hearth::catalog
