// hearth service logs - the last lines of the log that the background service writes.
#include <deque>
#include <fstream>

#include "base/str.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/service_process.h"

namespace hearth::cli {

namespace {

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

}  // namespace

void add_service_logs(CLI::App& parent, Action& action) {
  auto n_lines = std::make_shared<std::optional<std::int64_t>>();
  CLI::App& command = *parent.add_subcommand("logs", "the last lines of its log")->alias("diag");
  add_integer(command, "--lines", *n_lines, 1, 1'000'000, "so many (default 50)");
  command.callback(
      [&action, n_lines] { action = [n_lines] { return logs(n_lines->value_or(50)); }; });
}

}  // namespace hearth::cli
