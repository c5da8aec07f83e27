// hearth cache location|list|cd|remove|clean - the folder of the models, in Foundry Local's words
// and lines.
#include <filesystem>

#include "base/ascii.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "catalog/known_models.h"
#include "catalog/model_ids.h"
#include "catalog/settings.h"
#include "cli/command.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "engine/packed_file.h"

namespace hearth::cli {

namespace {

namespace fs = std::filesystem;

Result<int> location(bool json) {
  const std::string folder = catalog::cache_folder();
  print(json ? json_text({{"path", folder}}) : cat("💾 Cache directory path: ", folder, "\n"));
  return kSuccess;
}

Result<std::string> id_of(const std::string& alias) {
  HEARTH_TRY(const auto known, catalog::find_known_model(alias));
  return known ? catalog::model_id(*known) : catalog::brought_model_id(alias);
}

Result<int> list(bool json) {
  HEARTH_TRY(const auto models, catalog::list_models());
  auto all = nlohmann::ordered_json::array();
  std::string rows;
  for (const auto& model : models) {
    HEARTH_TRY(const std::string id, id_of(model.alias));
    auto card = card_json(model);
    card["id"] = id;
    all.push_back(std::move(card));
    const std::size_t width = std::max<std::size_t>(50, model.alias.size() + 1);
    rows += cat("💾 ", model.alias, std::string(width - model.alias.size(), ' '), id, "\n");
  }
  if (json) {
    print(json_text(all));
  } else if (rows.empty()) {
    print("No models are cached on this device\n");
  } else {
    print(cat("Models cached on device:\n   Alias", std::string(45, ' '), "Model ID\n", rows));
  }
  return kSuccess;
}

// Models that are there stay there: the folder is looked at, nothing is moved.
Result<int> change_folder(const std::string& path, bool json) {
  std::error_code failed;
  const fs::path folder = fs::absolute(path, failed).lexically_normal();
  fs::create_directories(folder, failed);
  if (failed) {
    return Error{ErrorKind::io,
                 cat("cannot use ", quote(path, 300), " as the cache: ", failed.message())};
  }
  HEARTH_TRY_VOID(catalog::set_setting("cache.directory", folder.string()));
  return location(json);
}

Result<std::vector<std::string>> aliases_of(const std::string& name) {
  std::vector<std::string> aliases;
  if (name == "*") {
    HEARTH_TRY(const auto models, catalog::list_models());
    for (const auto& model : models) aliases.push_back(model.alias);
  } else {
    HEARTH_TRY(const std::string alias, catalog::alias_of(name));
    aliases.push_back(ascii_lower(alias));
  }
  return aliases;
}

Result<int> remove(const std::string& name, bool json) {
  HEARTH_TRY(const auto aliases, aliases_of(name));
  for (const std::string& alias : aliases) {
    HEARTH_TRY_VOID(catalog::remove_model(alias));
    if (!json) print(cat("removed ", one_line(alias), "\n"));
  }
  engine::remove_orphaned_packed_files(catalog::packed_folder());
  if (json) print(json_text({{"removed", aliases}}));
  return kSuccess;
}

// What interrupted imports and downloads left, and what loading a model makes again.
Result<int> clean(bool json) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  std::vector<fs::path> leftovers;
  for (fs::directory_iterator at(catalog::cache_folder(), failed);
       !failed && at != fs::directory_iterator(); at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(".part-") || name.starts_with(".download-") ||
        at->path() == catalog::packed_folder()) {
      leftovers.push_back(at->path());
    }
  }
  for (const fs::path& path : leftovers) {
    std::error_code unknown;
    for (fs::recursive_directory_iterator file(path, unknown);
         !unknown && file != fs::recursive_directory_iterator(); file.increment(unknown)) {
      if (file->is_regular_file(unknown)) bytes += file->file_size(unknown);
    }
    fs::remove_all(path, unknown);
    if (unknown) {
      return Error{ErrorKind::io,
                   cat("cannot remove ", quote(path.string(), 300), ": ", unknown.message())};
    }
  }
  print(json ? json_text({{"removed_bytes", bytes}})
             : cat("removed ", human_bytes(bytes),
                   " of unfinished imports and downloads, and of packed weights\n"));
  return kSuccess;
}

}  // namespace

void add_model_remove(CLI::App& parent, Action& action) {
  auto name = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  CLI::App& command =
      *parent.add_subcommand("remove", "delete a model from the cache")->alias("rm");
  command.add_option("MODEL", *name, "alias or id, as hearth cache list shows it; \"*\": all")
      ->required()
      ->type_name("");
  add_output_format(command, *json);
  command.callback(
      [&action, name, json] { action = [name, json] { return remove(*name, *json); }; });
}

void add_cache(CLI::App& parent, Action& action) {
  CLI::App& cache = *parent.add_subcommand("cache", "where models are kept");
  auto json = std::make_shared<bool>(false);
  auto folder = std::make_shared<std::string>();
  CLI::App& locating = *cache.add_subcommand("location", "print the folder");
  add_output_format(locating, *json);
  locating.callback([&action, json] { action = [json] { return location(*json); }; });
  CLI::App& listing = *cache.add_subcommand("list", "the models in it")->alias("ls");
  add_output_format(listing, *json);
  listing.callback([&action, json] { action = [json] { return list(*json); }; });
  CLI::App& moving = *cache.add_subcommand("cd", "use another folder from now on");
  moving.add_option("FOLDER", *folder, "made if it is not there")->required()->type_name("");
  add_output_format(moving, *json);
  moving.callback([&action, folder, json] {
    action = [folder, json] { return change_folder(*folder, *json); };
  });
  add_model_remove(cache, action);
  CLI::App& cleaning = *cache.add_subcommand(
      "clean", "delete packed weights, and what interrupted imports and downloads left");
  add_output_format(cleaning, *json);
  cleaning.callback([&action, json] { action = [json] { return clean(*json); }; });
}

}  // namespace hearth::cli
