// hearth model remove ALIAS - deletes a model from the cache.
#include "base/str.h"
#include "catalog/catalog.h"
#include "cli/command.h"
#include "cli/output.h"

namespace hearth::cli {

void add_model_remove(CLI::App& parent, Action& action) {
  auto alias = std::make_shared<std::string>();
  CLI::App& command = *parent.add_subcommand("remove", "delete a model from the cache");
  command.add_option("ALIAS", *alias, "as hearth model list shows it")->required()->type_name("");
  command.callback([&action, alias] {
    action = [alias]() -> Result<int> {
      HEARTH_TRY_VOID(catalog::remove_model(*alias));
      print(cat("removed ", one_line(*alias), "\n"));
      return kSuccess;
    };
  });
}

}  // namespace hearth::cli
