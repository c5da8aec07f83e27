// hearth service start|stop|restart|status|ps - the service in the background. The lines are those
// of Foundry Local, which its SDKs and people's scripts read: the URL in `status` ends its line,
// and a stopped service's has none.
#include <deque>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/str.h"
#include "catalog/catalog.h"
#include "catalog/model_ids.h"
#include "catalog/settings.h"
#include "cli/command.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "cli/service_client.h"

namespace hearth::cli {

namespace {

struct StartFlags {
  std::string host;
  std::optional<std::int64_t> port, model_ttl;
  std::vector<std::string> models;
};

std::vector<std::string> serve_arguments(const StartFlags& flags) {
  std::vector<std::string> words;
  const auto add = [&](const std::string& name, const std::string& value) {
    words.push_back(name);
    words.push_back(value);
  };
  if (!flags.host.empty()) add("--host", flags.host);
  if (flags.port) add("--port", cat(*flags.port));
  if (flags.model_ttl) add("--model-ttl", cat(*flags.model_ttl));
  for (const std::string& model : flags.models) add("--model", model);
  return words;
}

Result<int> start(const StartFlags& flags) {
  HEARTH_TRY(const ServiceStart begun, start_service(serve_arguments(flags)));
  if (begun.was_running) {
    print(cat("🟢 Service is already running on ", begun.service.url, "/.\n"));
  } else {
    print(cat("🟢 Service is Started on ", begun.service.url, "/, PID ", begun.service.pid, "!\n"));
  }
  return kSuccess;
}

Result<int> stop() {
  HEARTH_TRY_VOID(stop_service());
  print("🔴 Service is stopped.\n");
  return kSuccess;
}

Result<int> restart(const StartFlags& flags) {
  print("Restarting service...\n");
  HEARTH_TRY_VOID(stop());
  return start(flags);
}

Result<int> status(bool json) {
  const auto service = running_service();
  if (json) {
    nlohmann::ordered_json state = {{"running", service.has_value()}};
    if (service) state.update({{"url", service->url}, {"pid", service->pid}});
    print(json_text(state));
  } else if (service) {
    print(cat("🟢 Model management service is running on ", service->url, "/openai/status\n",
              "Valid EPs: CPUExecutionProvider\n"));
  } else {
    print(
        "🔴 Model management service is not running!\n"
        "To start the service, run the following command: hearth service start\n");
  }
  return service ? kSuccess : kFailure;
}

Result<int> list_loaded(bool json) {
  const auto service = running_service();
  if (!service) {
    return Error{ErrorKind::not_found,
                 "the service is not running; hearth service start begins it"};
  }
  HEARTH_TRY(const std::string body,
             ask_service(*service, "/openai/loadedmodels", std::chrono::seconds(10)));
  const auto ids = nlohmann::ordered_json::parse(body, nullptr, false);
  if (!ids.is_array()) return Error{ErrorKind::io, "the service's answer is not a list of models"};
  std::string rows;
  auto all = nlohmann::ordered_json::array();
  for (const auto& entry : ids) {
    const std::string id = entry.get<std::string>();
    HEARTH_TRY(const std::string alias, catalog::alias_of(id));
    all.push_back({{"alias", alias}, {"id", id}});
    rows +=
        cat("🟢  ", alias, std::string(alias.size() < 31 ? 31 - alias.size() : 1, ' '), id, "\n");
  }
  if (json) {
    print(json_text(all));
  } else if (rows.empty()) {
    print("No models are currently loaded in the service\n");
  } else {
    print(cat("Models running in service:\n    Alias                          Model ID\n", rows));
  }
  return kSuccess;
}

Result<int> logs(std::int64_t n_lines) {
  std::ifstream file(service_log_path());
  if (!file) {
    return Error{ErrorKind::not_found,
                 cat("no log yet: ", service_log_path(), " is written by hearth service start")};
  }
  std::deque<std::string> last;
  for (std::string line; std::getline(file, line);) {
    last.push_back(std::move(line));
    if (static_cast<std::int64_t>(last.size()) > n_lines) last.pop_front();
  }
  for (const std::string& line : last) print(cat(printable(line), "\n"));
  return kSuccess;
}

struct SetFlags {
  std::optional<std::int64_t> port, model_ttl;
  std::string host, cache, log_level;
  bool show = false;
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

Result<int> change_settings(const SetFlags& flags) {
  std::vector<std::pair<std::string_view, std::string>> changes;
  if (flags.port) changes.emplace_back("service.port", cat(*flags.port));
  if (flags.model_ttl) changes.emplace_back("service.model_ttl", cat(*flags.model_ttl));
  if (!flags.host.empty()) changes.emplace_back("service.host", flags.host);
  if (!flags.cache.empty()) changes.emplace_back("cache.directory", flags.cache);
  if (!flags.log_level.empty()) changes.emplace_back("service.log_level", flags.log_level);
  for (const auto& [key, value] : changes) HEARTH_TRY_VOID(catalog::set_setting(key, value));
  print(changes.empty() ? "No settings changed\n" : "Saving new settings\n");
  if (!changes.empty() && running_service()) HEARTH_TRY_VOID(restart({}));
  return flags.show ? show_settings() : kSuccess;
}

void add_set(CLI::App& service, Action& action) {
  auto flags = std::make_shared<SetFlags>();
  CLI::App& command =
      *service.add_subcommand("set", "settings of the service; a running one is restarted");
  add_integer(command, "--port", flags->port, 0, 65535, "the port it listens on");
  add_integer(command, "--model-ttl", flags->model_ttl, 0, std::int64_t{1} << 30,
              "unload models unused for so many seconds; 0: never");
  command.add_option("--host", flags->host, "the address it listens on")->type_name("HOST");
  command.add_option("--cachedir", flags->cache, "the folder of the models")->type_name("FOLDER");
  command.add_option("--default-log-level", flags->log_level, "error, warn, info or debug")
      ->type_name("LEVEL");
  command.add_flag("--show", flags->show, "print them all as JSON");
  command.callback([&action, flags] { action = [flags] { return change_settings(*flags); }; });
}

void add_start_flags(CLI::App& command, StartFlags& flags) {
  command.add_option("--host", flags.host, "address to listen on (default 127.0.0.1)")
      ->type_name("HOST");
  add_integer(command, "--port", flags.port, 0, 65535, "default 5273; 0: any free one");
  add_integer(command, "--model-ttl", flags.model_ttl, 0, std::int64_t{1} << 30,
              "unload models unused for so many seconds (default 0: never)");
  add_repeated(command, "--model", flags.models, "load this model at the start; may be repeated");
}

}  // namespace

void add_service(CLI::App& parent, Action& action) {
  CLI::App& service =
      *parent.add_subcommand("service", "the HTTP service in the background")->alias("server");
  auto flags = std::make_shared<StartFlags>();
  auto json = std::make_shared<bool>(false);

  CLI::App& starting = *service.add_subcommand("start", "begin it, unless it runs already");
  add_start_flags(starting, *flags);
  starting.callback([&action, flags] { action = [flags] { return start(*flags); }; });
  CLI::App& restarting = *service.add_subcommand("restart", "end it and begin it again");
  add_start_flags(restarting, *flags);
  restarting.callback([&action, flags] { action = [flags] { return restart(*flags); }; });
  service.add_subcommand("stop", "end it")->callback([&action] { action = stop; });
  CLI::App& asking = *service.add_subcommand(
      "status", "whether it runs, and where; exit status 1 when it does not");
  add_output_format(asking, *json);
  asking.callback([&action, json] { action = [json] { return status(*json); }; });
  CLI::App& loaded = *service.add_subcommand("ps", "the models it has loaded")->alias("list");
  add_output_format(loaded, *json);
  loaded.callback([&action, json] { action = [json] { return list_loaded(*json); }; });
  add_set(service, action);
  add_service_key(service, action);
  auto n_lines = std::make_shared<std::optional<std::int64_t>>();
  CLI::App& reading = *service.add_subcommand("logs", "the last lines of its log")->alias("diag");
  add_integer(reading, "--lines", *n_lines, 1, 1'000'000, "so many (default 50)");
  reading.callback(
      [&action, n_lines] { action = [n_lines] { return logs(n_lines->value_or(50)); }; });
}

}  // namespace hearth::cli
