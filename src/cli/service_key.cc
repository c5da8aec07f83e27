// hearth service key add|list|remove - the keys that clients of the service present
// (catalog/api_keys.h).
#include "base/str.h"
#include "catalog/api_keys.h"
#include "cli/command.h"
#include "cli/model_card.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

void tell_restart() {
  note("a running service keeps the keys it was started with until: hearth service restart\n");
}

Result<int> add(const std::string& name) {
  HEARTH_TRY(const std::string key, catalog::add_api_key(name));
  print(key + "\n");
  note("this is the only time it is shown: only its hash is kept\n");
  tell_restart();
  return kSuccess;
}

Result<int> list(bool json) {
  HEARTH_TRY(const auto keys, catalog::list_api_keys());
  auto all = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> rows{{"NAME", "MADE"}};
  for (const catalog::ApiKey& key : keys) {
    all.push_back({{"name", key.name}, {"created_at", key.created_at}});
    rows.push_back({one_line(key.name), utc_time(key.created_at)});
  }
  if (!json && keys.empty()) {
    note("no keys: the service asks for none, unless HEARTH_API_KEY is set\n");
    return kSuccess;
  }
  print(json ? json_text(all) : table(rows));
  return kSuccess;
}

Result<int> remove(const std::string& name) {
  HEARTH_TRY_VOID(catalog::remove_api_key(name));
  print(cat("removed the key ", one_line(name), "\n"));
  tell_restart();
  return kSuccess;
}

}  // namespace

void add_service_key(CLI::App& parent, Action& action) {
  CLI::App& keys = *parent.add_subcommand("key", "keys that clients must present");
  auto name = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  CLI::App& adding = *keys.add_subcommand("add", "make one and print it; only its hash is kept");
  adding.add_option("NAME", *name, "to tell it from others")->required()->type_name("");
  adding.callback([&action, name] { action = [name] { return add(*name); }; });
  CLI::App& listing = *keys.add_subcommand("list", "their names")->alias("ls");
  add_output_format(listing, *json);
  listing.callback([&action, json] { action = [json] { return list(*json); }; });
  CLI::App& removing = *keys.add_subcommand("remove", "it is good no longer")->alias("rm");
  removing.add_option("NAME", *name, "as hearth service key list shows it")
      ->required()
      ->type_name("");
  removing.callback([&action, name] { action = [name] { return remove(*name); }; });
}

}  // namespace hearth::cli
