// hearth service logs - the last lines of the log that the background service writes.
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/str.h"
#include "cli/command.h"
#include "cli/last_lines.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "cli/service_process.h"

namespace hearth::cli {

namespace {

Result<int> logs(std::int64_t n_lines, bool json) {
  const auto text =
      last_lines(service_log_path(), n_lines, std::numeric_limits<std::uint64_t>::max());
  if (!text) {
    return Error{ErrorKind::not_found,
                 cat("no log yet: ", service_log_path(), " is written by hearth service start")};
  }
  std::istringstream lines(*text);
  auto all = nlohmann::ordered_json::array();
  for (std::string line; std::getline(lines, line);) {
    if (json) {
      all.push_back(printable(line));
    } else {
      print(cat(printable(line), "\n"));
    }
  }
  if (json) print(json_text(all));
  return kSuccess;
}

}  // namespace

void add_service_logs(CLI::App& parent, Action& action) {
  auto n_lines = std::make_shared<std::optional<std::int64_t>>();
  CLI::App& command = *parent.add_subcommand("logs", "the last lines of its log")->alias("diag");
  add_integer(command, "--lines", *n_lines, 1, 1'000'000, "so many (default 50)");
  auto json = std::make_shared<bool>(false);
  add_output_format(command, *json);
  command.callback([&action, n_lines, json] {
    action = [n_lines, json] { return logs(n_lines->value_or(50), *json); };
  });
}

}  // namespace hearth::cli
