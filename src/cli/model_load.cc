// hearth model load, hearth model unload - which models the background service holds in memory.
#include "base/str.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/service_client.h"

namespace hearth::cli {

namespace {

constexpr std::chrono::minutes kLoadPatience{30};  // a large file from a slow disk

Result<ServiceProcess> needed_service() {
  const auto service = running_service();
  if (service) return *service;
  return Error{ErrorKind::not_found, "the service is not running; hearth service start begins it"};
}

Result<int> load(const std::string& model, std::optional<std::int64_t> ttl) {
  HEARTH_TRY(const ServiceProcess service, needed_service());
  note("🕖 Loading model...\n");
  HEARTH_TRY_VOID(ask_service(
      service,
      cat("/openai/load/", percent_encode(model), ttl ? cat("?ttl=", *ttl) : std::string()),
      kLoadPatience));
  print(cat("🟢 Model ", one_line(model), " loaded successfully\n"));
  return kSuccess;
}

Result<int> unload(const std::string& model) {
  HEARTH_TRY(const ServiceProcess service, needed_service());
  HEARTH_TRY_VOID(ask_service(service, cat("/openai/unload/", percent_encode(model)),
                              std::chrono::seconds(60)));
  print(cat("Model ", one_line(model), " was unloaded\n"));
  return kSuccess;
}

}  // namespace

void add_model_load(CLI::App& parent, Action& action) {
  auto model = std::make_shared<std::string>();
  auto ttl = std::make_shared<std::optional<std::int64_t>>();
  CLI::App& command = *parent.add_subcommand("load", "have the service load a model of the cache");
  add_model(command, *model, "alias or id");
  add_integer(command, "--ttl", *ttl, 0, std::int64_t{1} << 30,
              "unload it when unused for so many seconds; 0: never");
  command.callback([&action, model, ttl] { action = [model, ttl] { return load(*model, *ttl); }; });
}

void add_model_unload(CLI::App& parent, Action& action) {
  auto model = std::make_shared<std::string>();
  CLI::App& command = *parent.add_subcommand("unload", "have the service unload a model");
  add_model(command, *model, "alias or id");
  command.callback([&action, model] { action = [model] { return unload(*model); }; });
}

}  // namespace hearth::cli
