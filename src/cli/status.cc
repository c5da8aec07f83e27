// hearth status, hearth system info, hearth device info - this machine and what Hearth does on it.
#include "cli/status.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/str.h"
#include "base/thread_pool.h"
#include "catalog/catalog.h"
#include "catalog/settings.h"
#include "cli/command.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "cli/proc_value.h"
#include "cli/service_client.h"
#include "engine/memory.h"
#include "kernels/cpu/isa.h"

namespace hearth::cli {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Display adapters that the kernel knows, by vendor and device number.
std::vector<std::string> gpus() {
  std::vector<std::string> out;
  std::error_code failed;
  for (fs::directory_iterator at("/sys/class/drm", failed);
       !failed && at != fs::directory_iterator(); at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with("card") || name.find('-') != std::string::npos) continue;
    std::string vendor, device;
    std::ifstream(at->path() / "device/vendor") >> vendor;
    std::ifstream(at->path() / "device/device") >> device;
    if (!vendor.empty()) out.push_back(cat(name, " (", vendor, ":", device, ")"));
  }
  return out;
}

// What `hearth status -o json` tells of the machine; sizes in bytes.
Json system_json() {
  utsname name{};
  ::uname(&name);
  struct sysinfo memory{};
  ::sysinfo(&memory);
  const std::string cache = catalog::cache_folder();
  fs::path disk = cache;
  std::error_code failed;
  while (!fs::exists(disk, failed) && disk.has_parent_path()) disk = disk.parent_path();
  const fs::space_info space = fs::space(disk, failed);
  const auto kernels = kernels::kernels_of_this_process();
  return {{"os", cat(name.sysname, " ", name.release)},
          {"machine", name.machine},
          {"cpu", proc_value("/proc/cpuinfo", "model name")},
          {"cores", physical_cores()},
          {"isa", kernels ? std::string((*kernels)->isa) : "none"},
          {"gpus", gpus()},
          {"active_device", "CPU"},
          {"memory_bytes", std::uint64_t{memory.totalram} * memory.mem_unit},
          {"memory_available_bytes", engine::available_memory()},
          {"cache", cache},
          {"disk_available_bytes", failed ? 0 : std::uint64_t{space.available}}};
}

Result<Json> service_json() {
  const auto service = running_service();
  Json out = {{"running", service.has_value()}, {"version", HEARTH_VERSION}};
  if (!service) return out;
  out["url"] = service->url;
  out["pid"] = service->pid;
  const auto body = ask_service(*service, "/openai/loadedmodels", std::chrono::seconds(5));
  if (!body) {
    out["fault"] = body.error().message;
    return out;
  }
  out["loaded"] = Json::parse(*body, nullptr, false);
  return out;
}

std::string yes_list(const Json& list) {
  std::string out;
  for (const auto& entry : list) out += cat(out.empty() ? "" : ", ", entry.get<std::string>());
  return out.empty() ? "none" : cat(list.size(), ": ", out);
}

Result<int> show(bool json) {
  HEARTH_TRY(const Json all, status_json());
  HEARTH_TRY(const auto gpu_wanted, catalog::get_setting("compute.onnx.enable_gpu"));
  if (json) {
    print(json_text(all));
    return kSuccess;
  }
  const Json &system = all["system"], &service = all["service"];
  const auto bytes = [&](const char* key) { return human_bytes(system[key].get<std::uint64_t>()); };
  const bool running = service["running"];
  std::vector<std::vector<std::string>> rows{
      {"System", ""},
      {"  OS", cat(system["os"].get<std::string>(), " ", system["machine"].get<std::string>())},
      {"  CPU", cat(one_line(system["cpu"].get<std::string>()), ", ", system["cores"].get<int>(),
                    " cores, ", system["isa"].get<std::string>(), " kernels")},
      {"  GPU", yes_list(system["gpus"])},
      {"  Active device", gpu_wanted == catalog::SettingValue(true)
                              ? "CPU (a GPU is wanted, but this version uses none yet)"
                              : "CPU"},
      {"  Memory", cat(bytes("memory_bytes"), ", ", bytes("memory_available_bytes"), " available")},
      {"  Disk", cat(bytes("disk_available_bytes"), " available for ",
                     one_line(system["cache"].get<std::string>()))},
      {"Service", ""},
      {"  State", running ? "running" : "not running (hearth service start)"},
      {"  Version", HEARTH_VERSION}};
  if (running) {
    rows.push_back({"  URL", service["url"].get<std::string>()});
    rows.push_back({"  PID", cat(service["pid"].get<int>())});
  }
  rows.push_back({"Models", ""});
  if (running) {
    rows.push_back({"  Loaded", service.contains("loaded")
                                    ? yes_list(service["loaded"])
                                    : one_line(service["fault"].get<std::string>())});
  }
  rows.push_back({"  Cached", yes_list(all["cached"])});
  print(table(rows));
  return kSuccess;
}

void add(CLI::App& command, Action& action) {
  auto json = std::make_shared<bool>(false);
  add_output_format(command, *json);
  command.callback([&action, json] { action = [json] { return show(*json); }; });
}

}  // namespace

Result<Json> status_json() {
  HEARTH_TRY(const Json service, service_json());
  HEARTH_TRY(const auto models, catalog::list_models());
  Json cached = Json::array();
  for (const auto& model : models) cached.push_back(model.alias);
  return Json{{"system", system_json()}, {"service", service}, {"cached", cached}};
}

void add_status(CLI::App& parent, Action& action) {
  add(*parent.add_subcommand("status", "this machine, the service, the models"), action);
  CLI::App& system = *parent.add_subcommand("system", "this machine");
  add(*system.add_subcommand("info", "as hearth status"), action);
  CLI::App& device = *parent.add_subcommand("device", "what computes");
  add(*device.add_subcommand("info", "as hearth status"), action);
}

}  // namespace hearth::cli
