// hearth service start|stop|restart|status - the service in the background; its other commands are
// in service_*.cc. The lines are those of Foundry Local, which its SDKs and people's scripts read:
// the URL in `status` ends its line, and a stopped service's has none.
#include "base/str.h"
#include "cli/command.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "cli/service_lines.h"
#include "cli/service_process.h"

namespace hearth::cli {

namespace {

nlohmann::ordered_json state_json(const std::optional<ServiceProcess>& service) {
  nlohmann::ordered_json state = {{"running", service.has_value()}};
  if (service) state.update({{"url", service->url}, {"pid", service->pid}});
  return state;
}

Result<int> start(const ServeFlags& flags, bool json) {
  HEARTH_TRY(const ServiceStart begun, start_service(flags));
  print(json ? json_text(state_json(begun.service)) : line_of(begun));
  return kSuccess;
}

Result<int> stop(bool json) {
  HEARTH_TRY_VOID(stop_service());
  print(json ? json_text(state_json(std::nullopt)) : std::string(kStopped));
  return kSuccess;
}

Result<int> restart(const ServeFlags& flags, bool json) {
  HEARTH_TRY(const ServiceStart begun, restart_service(flags));
  print(json ? json_text(state_json(begun.service)) : cat(kRestarting, kStopped, line_of(begun)));
  return kSuccess;
}

Result<int> status(bool json) {
  const auto service = running_service();
  if (json) {
    print(json_text(state_json(service)));
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

}  // namespace

void add_service(CLI::App& parent, Action& action) {
  CLI::App& service =
      *parent.add_subcommand("service", "the HTTP service in the background")->alias("server");
  auto flags = std::make_shared<ServeFlags>();
  auto json = std::make_shared<bool>(false);

  CLI::App& starting = *service.add_subcommand("start", "begin it, unless it runs already");
  add_serve_flags(starting, *flags);
  add_output_format(starting, *json);
  starting.callback(
      [&action, flags, json] { action = [flags, json] { return start(*flags, *json); }; });
  CLI::App& restarting = *service.add_subcommand(
      "restart", "end it and begin it again, with what it was started with");
  restarting.footer(kTakenBack);
  add_serve_flags(restarting, *flags);
  add_output_format(restarting, *json);
  restarting.callback(
      [&action, flags, json] { action = [flags, json] { return restart(*flags, *json); }; });
  CLI::App& stopping = *service.add_subcommand("stop", "end it");
  add_output_format(stopping, *json);
  stopping.callback([&action, json] { action = [json] { return stop(*json); }; });
  CLI::App& asking = *service.add_subcommand(
      "status", "whether it runs, and where; exit status 1 when it does not");
  add_output_format(asking, *json);
  asking.callback([&action, json] { action = [json] { return status(*json); }; });
  add_service_ps(service, action);
  add_service_logs(service, action);
  add_service_set(service, action);
  add_service_key(service, action);
}

}  // namespace hearth::cli
