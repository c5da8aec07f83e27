// hearth service key add|list|remove - the keys that clients of the service present
// (catalog/api_keys.h).
#include <algorithm>
#include <cstdlib>

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

Result<int> add(const std::string& name, bool json) {
  HEARTH_TRY(const std::string key, catalog::add_api_key(name));
  print(json ? json_text({{"name", name}, {"key", key}}) : key + "\n");
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

// A stored key may be the service's own, too, which it has from its environment.
void tell_what_still_opens(const std::vector<catalog::ApiKey>& before, const std::string& name) {
  const char* environment = std::getenv("HEARTH_API_KEY");
  const std::string_view own = environment == nullptr ? "" : environment;
  const bool is_own = std::any_of(before.begin(), before.end(), [&](const catalog::ApiKey& key) {
    return key.name == name && !own.empty() && catalog::is_key(key, own);
  });
  if (is_own) note("it stays valid as the service's own key while HEARTH_API_KEY is set to it\n");
  if (before.size() == 1 && own.empty()) {
    note("that was the last one: the service will ask for none, unless HEARTH_API_KEY is set\n");
  }
}

Result<int> remove(const std::string& name, bool json) {
  HEARTH_TRY(const auto before, catalog::list_api_keys());
  HEARTH_TRY_VOID(catalog::remove_api_key(name));
  print(json ? json_text({{"removed", name}}) : cat("removed the key ", one_line(name), "\n"));
  tell_what_still_opens(before, name);
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
  add_output_format(adding, *json);
  adding.callback([&action, name, json] { action = [name, json] { return add(*name, *json); }; });
  CLI::App& listing = *keys.add_subcommand("list", "their names")->alias("ls");
  add_output_format(listing, *json);
  listing.callback([&action, json] { action = [json] { return list(*json); }; });
  CLI::App& removing = *keys.add_subcommand("remove", "it is good no longer")->alias("rm");
  removing.add_option("NAME", *name, "as hearth service key list shows it")
      ->required()
      ->type_name("");
  add_output_format(removing, *json);
  removing.callback(
      [&action, name, json] { action = [name, json] { return remove(*name, *json); }; });
}

}  // namespace hearth::cli
