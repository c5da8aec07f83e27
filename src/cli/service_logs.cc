// hearth service logs - the last lines of the log that the background service writes.
#include <limits>
#include <sstream>

#include "base/str.h"
#include "cli/command.h"
#include "cli/last_lines.h"
#include "cli/output.h"
#include "cli/service_process.h"

namespace hearth::cli {

namespace {

Result<int> logs(std::int64_t n_lines) {
  const auto text =
      last_lines(service_log_path(), n_lines, std::numeric_limits<std::uint64_t>::max());
  if (!text) {
    return Error{ErrorKind::not_found,
                 cat("no log yet: ", service_log_path(), " is written by hearth service start")};
  }
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    print(cat(printable(line), "\n"));
  }
  return kSuccess;
}

}  // namespace

void add_service_logs(CLI::App& parent, Action& action) {
  auto n_lines = std::make_shared<std::optional<std::int64_t>>();
  CLI::App& command = *parent.add_subcommand("logs", "the last lines of its log")->alias("diag");
  add_integer(command, "--lines", *n_lines, 1, 1'000'000, "so many (default 50)");
  command.callback(
      [&action, n_lines] { action = [n_lines] { return logs(n_lines->value_or(50)); }; });
}

}  // namespace hearth::cli
