// hearth service set - settings of the service, and the running one begun again with them.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/str.h"
#include "catalog/catalog.h"
#include "catalog/settings.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/service_lines.h"

namespace hearth::cli {

namespace {

struct SetFlags {
  std::optional<std::int64_t> port, model_ttl, gpu;
  std::string host, cache, log_level;
  std::vector<std::string> allowed_hosts;
  bool show = false, json = false;
};

Result<int> show_settings() {
  HEARTH_TRY(const auto host, catalog::get_setting("service.host"));
  HEARTH_TRY(const auto port, catalog::get_setting("service.port"));
  HEARTH_TRY(const auto ttl, catalog::get_setting("service.model_ttl"));
  HEARTH_TRY(const auto level, catalog::get_setting("service.log_level"));
  const nlohmann::ordered_json json = {
      {"defaultLogLevel", catalog::to_text(level)},
      {"serviceSettings",
       {{"host", catalog::to_text(host)},
        {"port", *std::get_if<std::int64_t>(&port)},
        {"cacheDirectoryPath", catalog::cache_folder()},
        {"schema", "http"},
        {"defaultSecondsForModelTTL", *std::get_if<std::int64_t>(&ttl)}}}};
  print(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  return kSuccess;
}

void tell(std::string_view line, const SetFlags& flags) {
  if (!flags.json) print(line);
}

Result<int> shown(const SetFlags& flags) {
  return flags.show || flags.json ? show_settings() : kSuccess;
}

ServeFlags of_environment() {
  ServeFlags flags;
  if (const char* key = std::getenv("HEARTH_API_KEY")) flags.api_key = key;
  return flags;
}

// What the service was started with, but for what is set now: a flag would win over the setting.
ServeFlags kept_flags(const ServiceProcess& service, const SetFlags& changed) {
  ServeFlags flags = merged(of_environment(), service.flags);
  if (changed.port) flags.port.reset();
  if (changed.model_ttl) flags.model_ttl.reset();
  if (!changed.host.empty()) flags.host.clear();
  if (!changed.allowed_hosts.empty()) flags.allowed_hosts.clear();
  return flags;
}

Result<int> change_settings(const SetFlags& flags) {
  if (flags.gpu && *flags.gpu != -1) {
    return Error{ErrorKind::unsupported, cat("--gpu ", *flags.gpu,
                                             ": there is no such device; this version computes on "
                                             "the CPU, device -1")};
  }
  std::vector<catalog::SettingChange> changes;
  if (flags.port) changes.push_back({"service.port", cat(*flags.port)});
  if (flags.model_ttl) changes.push_back({"service.model_ttl", cat(*flags.model_ttl)});
  if (!flags.host.empty()) changes.push_back({"service.host", flags.host});
  if (!flags.allowed_hosts.empty()) {
    std::string names;
    for (const std::string& name : flags.allowed_hosts)
      names += cat(names.empty() ? "" : ",", name);
    changes.push_back({"service.allowed_hosts", std::move(names)});
  }
  if (!flags.cache.empty()) changes.push_back({"cache.directory", flags.cache});
  if (!flags.log_level.empty()) changes.push_back({"service.log_level", flags.log_level});
  if (changes.empty()) {
    tell("No settings changed\n", flags);
    return shown(flags);
  }
  const auto service = running_service();
  ServeFlags kept;
  if (service) {
    kept = kept_flags(*service, flags);
    ServeFlags successor = kept;
    if (!flags.host.empty()) successor.host = flags.host;
    if (!flags.allowed_hosts.empty()) successor.allowed_hosts = flags.allowed_hosts;
    HEARTH_TRY_VOID(check_restart(*service, successor,
                                  flags.cache.empty() ? catalog::cache_folder() : flags.cache));
  }
  HEARTH_TRY_VOID(catalog::set_settings(changes));
  tell("Saving new settings\n", flags);
  if (service) {
    tell(kRestarting, flags);
    HEARTH_TRY_VOID(stop_service());
    HEARTH_TRY(const ServiceStart begun, start_service(std::move(kept)));
    tell(cat(kStopped, line_of(begun)), flags);
  }
  return shown(flags);
}

}  // namespace

void add_service_set(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<SetFlags>();
  CLI::App& command =
      *parent.add_subcommand("set", "settings of the service; a running one is restarted");
  command.footer(kTakenBack);
  add_integer(command, "--port", flags->port, 0, 65535, "the port it listens on");
  add_integer(command, "--model-ttl", flags->model_ttl, 0, std::int64_t{1} << 30,
              "unload models unused for so many seconds; 0: never");
  command.add_option("--host", flags->host, "the address it listens on")->type_name("HOST");
  add_repeated(command, "--allow-host", flags->allowed_hosts,
               "a further name that requests may ask by; may be repeated, and replaces those of "
               "before")
      ->type_name("NAME");
  command.add_option("--cachedir", flags->cache, "the folder of the models")->type_name("FOLDER");
  command.add_option("--default-log-level", flags->log_level, "error, warn, info or debug")
      ->type_name("LEVEL");
  add_integer(command, "--gpu", flags->gpu, -1, 1023, "the device that computes: -1, the CPU");
  command.add_flag("--show", flags->show, "print them all as JSON");
  add_output_format(command, flags->json);
  command.callback([&action, flags] { action = [flags] { return change_settings(*flags); }; });
}

}  // namespace hearth::cli
