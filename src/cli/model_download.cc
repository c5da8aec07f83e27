// hearth model download MODEL - brings a model into the cache; hearth model verify - whether the
// models there are still what was brought.
#include <chrono>

#include "base/str.h"
#include "catalog/download.h"
#include "catalog/known_models.h"
#include "catalog/model_ids.h"
#include "cli/command.h"
#include "cli/fetch_model.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "cli/progress_line.h"

namespace hearth::cli {

namespace {

Result<int> download(const catalog::DownloadRequest& request, bool json) {
  HEARTH_TRY(const catalog::CachedModel model, fetch_model(request));
  print(json ? json_text(card_json(model)) : card_line(model));
  return kSuccess;
}

std::string_view well(const catalog::CachedModel& model) {
  return model.sha256.empty() ? "can be opened; it was put there by hand, without a hash to compare"
                              : "as it was brought";
}

Result<int> verify(const std::string& name, bool json) {
  std::vector<catalog::CachedModel> models;
  if (name.empty()) {
    HEARTH_TRY(models, catalog::list_models());
  } else {
    HEARTH_TRY(const std::string alias, catalog::alias_of(name));
    HEARTH_TRY(models.emplace_back(), catalog::find_cached(alias));
  }
  int status = kSuccess;
  auto all = nlohmann::ordered_json::array();
  for (const catalog::CachedModel& model : models) {
    const auto whole = [&] {
      ProgressLine progress(cat("verifying ", model.alias));
      return catalog::verify_model(
          model, [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); });
    }();
    if (!whole) status = kFailure;
    const std::string said = whole ? std::string(well(model)) : one_line(whole.error().message);
    all.push_back({{"alias", model.alias}, {"whole", bool(whole)}, {"said", said}});
    if (!json) print(cat(model.alias, "  ", said, "\n"));
  }
  if (json) print(json_text(all));
  return status;
}

}  // namespace

void add_model_download(CLI::App& parent, Action& action) {
  auto request = std::make_shared<catalog::DownloadRequest>();
  request->may_be_url = true;
  CLI::App& command = *parent.add_subcommand("download", "bring a model into the cache");
  command.footer(
      "MODEL is a name of the catalogue (hearth model list --available), hf:OWNER/REPOSITORY with "
      "@REVISION and :FILE if\nwanted (FILE may be a part of the name, such as Q4_K_M), or a URL. "
      "HF_ENDPOINT and HF_TOKEN are honoured, and the\nproxy variables. A download that was cut "
      "goes "
      "on where it was.");
  command.add_option("MODEL", request->name, "name, hf:… or URL")->required()->type_name("");
  command
      .add_option("--alias", request->alias,
                  "the name to use it by (default: the catalogue's, or the file's name)")
      ->type_name("NAME");
  auto json = std::make_shared<bool>(false);
  add_output_format(command, *json);
  command.callback(
      [&action, request, json] { action = [request, json] { return download(*request, *json); }; });
}

void add_model_verify(CLI::App& parent, Action& action) {
  auto name = std::make_shared<std::string>();
  CLI::App& command = *parent.add_subcommand(
      "verify", "read the models of the cache again and compare their hashes");
  command.add_option("MODEL", *name, "one of them (default: all)")->type_name("");
  auto json = std::make_shared<bool>(false);
  add_output_format(command, *json);
  command.callback(
      [&action, name, json] { action = [name, json] { return verify(*name, *json); }; });
}

}  // namespace hearth::cli
