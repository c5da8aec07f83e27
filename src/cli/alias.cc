// hearth alias install foundry - the name that Foundry Local's SDKs and scripts look for on the
// PATH.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/str.h"
#include "catalog/catalog.h"
#include "cli/command.h"
#include "cli/model_card.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

namespace fs = std::filesystem;

bool is_on_path(const fs::path& folder) {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    if (fs::path(rest.substr(0, end)).lexically_normal() == folder.lexically_normal()) return true;
    rest.erase(0, end + 1);
  }
  return false;
}

Result<int> install(const std::string& name, const std::string& given_folder, bool json) {
  if (name != "foundry") {
    return Error{ErrorKind::invalid,
                 cat("expected foundry, the only alias there is, not ", quote(name))};
  }
  std::error_code failed;
  const fs::path self = fs::read_symlink("/proc/self/exe", failed);
  if (failed)
    return Error{ErrorKind::io, cat("cannot tell where this program is: ", failed.message())};
  const fs::path folder =
      given_folder.empty() ? fs::path(catalog::user_home()) / ".local/bin" : fs::path(given_folder);
  fs::create_directories(folder, failed);
  const fs::path link = folder / name;
  const bool ours =
      fs::is_symlink(link, failed) && fs::read_symlink(link, failed).filename() == self.filename();
  if (fs::exists(fs::symlink_status(link, failed)) && !ours) {
    return Error{
        ErrorKind::conflict,
        cat(quote(link.string(), 300), " is there already and not Hearth's; move it away first")};
  }
  fs::remove(link, failed);
  fs::create_symlink(self, link, failed);
  if (failed) {
    return Error{ErrorKind::io,
                 cat("cannot make ", quote(link.string(), 300), ": ", failed.message())};
  }
  print(json ? json_text({{"link", link.string()}, {"program", self.string()}})
             : cat(link.string(), " is ", self.string(), "\n"));
  if (!is_on_path(folder)) {
    note(cat(folder.string(),
             " is not on the PATH; add it, or name another folder with --folder\n"));
  }
  return kSuccess;
}

}  // namespace

void add_alias(CLI::App& parent, Action& action) {
  CLI::App& alias = *parent.add_subcommand("alias", "other names of this program");
  auto name = std::make_shared<std::string>();
  auto folder = std::make_shared<std::string>();
  CLI::App& command =
      *alias.add_subcommand("install", "make a link that Foundry Local's SDKs find");
  command.add_option("NAME", *name, "foundry")->required()->type_name("");
  command.add_option("--folder", *folder, "where (default: ~/.local/bin)")->type_name("FOLDER");
  auto json = std::make_shared<bool>(false);
  add_output_format(command, *json);
  command.callback([&action, name, folder, json] {
    action = [name, folder, json] { return install(*name, *folder, *json); };
  });
}

}  // namespace hearth::cli
