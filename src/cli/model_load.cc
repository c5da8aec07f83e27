// hearth model load, hearth model unload - which models the background service holds in memory.
#include "base/str.h"
#include "cli/command.h"
#include "cli/device.h"
#include "cli/model_card.h"
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

struct LoadFlags {
  std::string model, device;
  std::optional<std::int64_t> ttl;
  bool all = false, json = false;
};

Result<int> load(const LoadFlags& flags) {
  HEARTH_TRY_VOID(check_device(flags.device));
  HEARTH_TRY(const ServiceProcess service, needed_service());
  note("🕖 Loading model...\n");
  HEARTH_TRY_VOID(ask_service(service,
                              cat("/openai/load/", percent_encode(flags.model),
                                  flags.ttl ? cat("?ttl=", *flags.ttl) : std::string()),
                              kLoadPatience));
  print(flags.json ? json_text({{"loaded", flags.model}})
                   : cat("🟢 Model ", one_line(flags.model), " loaded successfully\n"));
  return kSuccess;
}

Result<int> unload(const LoadFlags& flags) {
  if (flags.all != flags.model.empty()) {
    return Error{ErrorKind::invalid, "expected a MODEL, or --all without one"};
  }
  HEARTH_TRY(const ServiceProcess service, needed_service());
  const std::string target = flags.all ? std::string("/openai/unloadall")
                                       : cat("/openai/unload/", percent_encode(flags.model));
  HEARTH_TRY_VOID(ask_service(service, target, std::chrono::seconds(60)));
  const std::string what = flags.all ? std::string("*") : flags.model;
  if (flags.json) {
    print(json_text({{"unloaded", what}}));
  } else if (flags.all) {
    print("All models were unloaded\n");
  } else {
    print(cat("Model ", one_line(what), " was unloaded\n"));
  }
  return kSuccess;
}

}  // namespace

void add_model_load(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<LoadFlags>();
  CLI::App& command = *parent.add_subcommand("load", "have the service load a model of the cache");
  add_model(command, flags->model, "alias or id");
  add_integer(command, "--ttl", flags->ttl, 0, std::int64_t{1} << 30,
              "unload it when unused for so many seconds; 0: never");
  add_device(command, flags->device);
  add_output_format(command, flags->json);
  command.callback([&action, flags] { action = [flags] { return load(*flags); }; });
}

void add_model_unload(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<LoadFlags>();
  CLI::App& command = *parent.add_subcommand("unload", "have the service unload a model");
  command.add_option("MODEL", flags->model, "alias or id")->type_name("");
  command.add_flag("--all", flags->all, "all of them");
  add_output_format(command, flags->json);
  command.callback([&action, flags] { action = [flags] { return unload(*flags); }; });
}

}  // namespace hearth::cli
