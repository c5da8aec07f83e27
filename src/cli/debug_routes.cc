// hearth debug routes - docs/routes.md, from the table that answers the requests; tools/check_docs
// compares.
#include "base/str.h"
#include "cli/command.h"
#include "cli/output.h"
#include "server/routes.h"

namespace hearth::cli {

namespace {

Result<int> write_page() {
  std::string page =
      "# Routes of the service\n\nWritten by `hearth debug routes` from the table that answers. "
      "What requests and answers hold: [http.md](http.md).\n\n"
      "| route | what it answers | key |\n| --- | --- | --- |\n";
  for (const server::Route& route : server::routes()) {
    page += cat("| `", route.method, " ", route.path, "` | ", route.what, " | ",
                route.open ? "never asked for" : "if the service has one", " |\n");
  }
  print(page);
  return kSuccess;
}

}  // namespace

void add_debug_routes(CLI::App& parent, Action& action) {
  parent.add_subcommand("routes", "the service's routes as the page docs/routes.md")
      ->callback([&action] { action = write_page; });
}

}  // namespace hearth::cli
