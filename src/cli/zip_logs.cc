// hearth zip-logs [PLACE] - logs and diagnostics in one zip file, for whoever is asked for help.
//
// Nothing secret is in it: the service logs neither prompts nor keys, of the models there are name,
// size and hash alone, and every text goes through redacted().
#include <array>
#include <ctime>
#include <filesystem>
#include <span>

#include "base/ascii.h"
#include "base/descriptor.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "catalog/settings.h"
#include "cli/command.h"
#include "cli/last_lines.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "cli/redacted.h"
#include "cli/service_process.h"
#include "cli/status.h"
#include "cli/zip.h"

namespace hearth::cli {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMostLogBytes = 8 << 20;
constexpr std::int64_t kMostLogLines = 1 << 20;

std::string now_text(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  std::array<char, 64> text{};
  ::gmtime_r(&now, &parts);
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

// A file is meant by a name that ends in .zip, else a folder.
std::string zip_path(const std::string& place) {
  if (ascii_lower(place).ends_with(".zip")) return place;
  return (fs::path(place) / now_text("hearth-logs-%Y%m%d-%H%M%S.zip")).string();
}

Result<Json> settings_json() {
  Json all = Json::object();
  for (const catalog::Setting& setting : catalog::all_settings()) {
    HEARTH_TRY(const auto value, catalog::get_setting(setting.key));
    all[std::string(setting.key)] = catalog::to_text(value);
  }
  return all;
}

// A fault of one part is what the reader wants to see, and no reason to leave the others out.
Json or_fault(const Result<Json>& part) {
  return part ? *part : Json{{"fault", part.error().message}};
}

Result<Json> models_json() {
  HEARTH_TRY(const auto models, catalog::list_models());
  Json all = Json::array();
  for (const catalog::CachedModel& model : models) {
    all.push_back({{"alias", model.alias},
                   {"bytes", model.bytes},
                   {"sha256", model.sha256},
                   {"imported_at", model.imported_at}});
  }
  return all;
}

std::vector<ZipEntry> entries() {
  std::vector<ZipEntry> out;
  out.push_back({"about.json", json_text({{"program", "hearth " HEARTH_VERSION},
                                          {"written_at", now_text("%Y-%m-%d %H:%M:%S UTC")}})});
  out.push_back({"status.json", json_text(or_fault(status_json()))});
  out.push_back({"settings.json", json_text(or_fault(settings_json()))});
  out.push_back({"models.json", json_text(or_fault(models_json()))});
  const std::string log = service_log_path();
  std::error_code unknown;
  if (fs::is_regular_file(log, unknown)) {
    out.push_back({"logs/service.log", last_lines(log, kMostLogLines, kMostLogBytes).value_or("")});
  }
  return out;
}

Result<int> zip_logs(const std::string& place, bool json) {
  const std::vector<std::string> secrets = secrets_of_environment();
  std::vector<ZipEntry> all = entries();
  Json names = Json::array();
  for (ZipEntry& entry : all) {
    entry.content = redacted(entry.content, secrets);
    names.push_back(entry.name);
  }
  HEARTH_TRY(const std::string bytes, zip(all));
  const std::string path = zip_path(place);
  HEARTH_TRY(NewFile file, NewFile::create(path));
  HEARTH_TRY_VOID(file.write(std::as_bytes(std::span(bytes))));
  HEARTH_TRY_VOID(file.commit());
  print(json ? json_text({{"path", path}, {"files", names}}) : path + "\n");
  return kSuccess;
}

}  // namespace

void add_zip_logs(CLI::App& parent, Action& action) {
  auto place = std::make_shared<std::string>(".");
  auto json = std::make_shared<bool>(false);
  CLI::App& command =
      *parent.add_subcommand("zip-logs", "logs and diagnostics in one zip file")->alias("report");
  command.footer(
      "In it: the service's log, this machine, the settings, the models' names. No prompts, "
      "answers, keys or tokens.");
  command.add_option("PLACE", *place, "a folder, or a file that ends in .zip (default: here)")
      ->type_name("");
  add_output_format(command, *json);
  command.callback(
      [&action, place, json] { action = [place, json] { return zip_logs(*place, *json); }; });
}

}  // namespace hearth::cli
