// hearth model list - the models of the cache and of the catalogue, in Foundry Local's table, which
// people's scripts read.
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "base/ascii.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "catalog/known_models.h"
#include "catalog/model_ids.h"
#include "catalog/model_task.h"
#include "cli/command.h"
#include "cli/loaded_models.h"
#include "cli/model_card.h"
#include "cli/output.h"

namespace hearth::cli {

namespace {

// The one device and provider of this version.
constexpr std::string_view kDevice = "CPU";
constexpr std::string_view kProvider = "CPUExecutionProvider";

struct Listed {
  catalog::KnownModel known;  // of a model that only its user knows: little more than the alias
  std::string id;
  std::uint64_t bytes = 0;  // of the file; of one that is not here, about
  std::optional<catalog::CachedModel> cached;
  bool in_catalogue = true;

  std::string_view task() const {
    if (known.task == "chat") return "chat-completion";
    return known.task.empty() ? std::string_view("-") : known.task;
  }
};

Listed listed(catalog::KnownModel known) {
  std::string id = catalog::model_id(known);
  const auto bytes = static_cast<std::uint64_t>(known.megabytes) * 1'000'000;
  return {.known = std::move(known), .id = std::move(id), .bytes = bytes, .cached = {}};
}

Listed brought(const std::string& alias) {
  Listed model;
  model.known.alias = alias;
  model.id = catalog::brought_model_id(alias);
  model.in_catalogue = false;
  return model;
}

// By alias.
Result<std::vector<Listed>> all_models() {
  std::map<std::string, Listed> by_alias;
  HEARTH_TRY(auto known, catalog::known_models());
  for (catalog::KnownModel& model : known) {
    std::string alias = model.alias;
    by_alias.emplace(std::move(alias), listed(std::move(model)));
  }
  HEARTH_TRY(auto cached, catalog::list_models());
  for (catalog::CachedModel& model : cached) {
    Listed& entry = by_alias.try_emplace(model.alias, brought(model.alias)).first->second;
    if (!entry.in_catalogue) entry.known.task = catalog::task_of_file(model.path);
    entry.bytes = model.bytes;
    entry.cached = std::move(model);
  }
  std::vector<Listed> all;
  for (auto& [alias, model] : by_alias) all.push_back(std::move(model));
  return all;
}

// "alias=phi*", "device=!GPU": the value in any case, `!` for all others, `*` for any text.
struct Filter {
  std::string key;
  std::string value;  // lower case
  bool others = false;
};

Result<Filter> parse_filter(const std::string& text) {
  static constexpr std::array<std::string_view, 4> kKeys = {"alias", "device", "provider", "task"};
  const std::size_t equals = text.find('=');
  Filter filter;
  filter.key = ascii_lower(text.substr(0, equals));
  if (std::find(kKeys.begin(), kKeys.end(), filter.key) == kKeys.end()) {
    const std::string_view near = nearest(filter.key, kKeys.data(), kKeys.size());
    return Error{ErrorKind::invalid,
                 cat("--filter: no key ", quote(filter.key),
                     "; expected alias, device, provider or "
                     "task",
                     near.empty() ? std::string() : cat("; did you mean ", near, "?"))};
  }
  if (equals == std::string::npos || equals + 1 == text.size() || text.substr(equals + 1) == "!") {
    return Error{ErrorKind::invalid,
                 cat("--filter: expected ", filter.key, "=VALUE, not ", quote(text))};
  }
  filter.others = text[equals + 1] == '!';
  filter.value = ascii_lower(text.substr(equals + (filter.others ? 2 : 1)));
  if (filter.key != "alias" && filter.value.find('*') != std::string::npos) {
    return Error{ErrorKind::invalid,
                 cat("--filter: only an alias may have a *, not ", quote(text))};
  }
  return filter;
}

// A * that is too short is lengthened, the last one first: none before it need ever change.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = pattern.npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

bool fits(const Filter& filter, const Listed& model) {
  const auto is = [&](std::string_view value) { return filter.value == ascii_lower(value); };
  const bool found = filter.key == "alias"      ? matches(filter.value, model.known.alias)
                     : filter.key == "device"   ? is(kDevice)
                     : filter.key == "provider" ? is(kProvider)
                                                : is(model.task()) || is(model.known.task);
  return found != filter.others;
}

std::string file_size(std::uint64_t bytes) {
  if (bytes == 0) return "-";
  const bool large = bytes >= 1'000'000'000;
  char text[32];
  const int n =
      std::snprintf(text, sizeof text, "%.2f %s", static_cast<double>(bytes) / (large ? 1e9 : 1e6),
                    large ? "GB" : "MB");
  return std::string(text, static_cast<std::size_t>(n));
}

std::string column(std::string_view text, std::size_t width) {
  return cat(text, std::string(text.size() < width ? width - text.size() : 1, ' '));
}

std::string table_line(std::string_view alias, std::string_view device, std::string_view task,
                       std::string_view size, std::string_view license, std::string_view id) {
  return cat(column(alias, 31), column(device, 11), column(task, 19), column(size, 13),
             column(license, 13), id, "\n");
}

std::string foundry_table(const std::vector<Listed>& models) {
  const std::string rule = std::string(95, '-') + "\n";
  std::string out =
      table_line("Alias", "Device", "Task", "File Size", "License", "Model ID") + rule;
  for (const Listed& model : models) {
    const std::string license = model.known.license.empty() ? "-" : one_line(model.known.license);
    out += table_line(model.known.alias, kDevice, model.task(), file_size(model.bytes), license,
                      model.id);
    out += rule;
  }
  return out;
}

std::string variants_table(const std::vector<Listed>& models) {
  std::vector<std::vector<std::string>> rows{
      {"Alias", "Variant ID", "Type", "Device", "Provider", "Size", "Cached"}};
  for (const Listed& model : models) {
    rows.push_back({model.known.alias, model.id, model.known.task, std::string(kDevice),
                    std::string(kProvider), file_size(model.bytes), model.cached ? "●" : "○"});
  }
  return table(rows);
}

nlohmann::ordered_json to_json(const Listed& model) {
  nlohmann::ordered_json json{{"alias", model.known.alias},
                              {"id", model.id},
                              {"device", kDevice},
                              {"provider", kProvider},
                              {"task", model.task()},
                              {"bytes", model.bytes},
                              {"cached", model.cached.has_value()}};
  if (model.in_catalogue) {
    json.update({{"license", model.known.license},
                 {"publisher", model.known.publisher},
                 {"context", model.known.context},
                 {"tools", model.known.tools},
                 {"hub", model.known.hub}});
  }
  if (model.cached) json.update(card_json(*model.cached));
  return json;
}

struct ListFlags {
  std::vector<std::string> filters;
  std::string device, type;
  bool cached = false, available = false, running = false, variants = false, json = false;
};

Result<std::vector<Filter>> filters_of(const ListFlags& flags) {
  std::vector<std::string> texts = flags.filters;
  if (!flags.device.empty()) texts.push_back("device=" + flags.device);
  if (!flags.type.empty()) texts.push_back("task=" + flags.type);
  std::vector<Filter> filters;
  for (const std::string& text : texts) {
    HEARTH_TRY(filters.emplace_back(), parse_filter(text));
  }
  return filters;
}

Result<int> list(const ListFlags& flags) {
  if (flags.running) return list_loaded_models(flags.json);
  HEARTH_TRY(const auto filters, filters_of(flags));
  HEARTH_TRY(std::vector<Listed> models, all_models());
  std::erase_if(models, [&](const Listed& model) {
    return (flags.cached && !model.cached) || (flags.available && !model.in_catalogue) ||
           !std::all_of(filters.begin(), filters.end(),
                        [&](const Filter& filter) { return fits(filter, model); });
  });
  if (flags.json) {
    auto all = nlohmann::ordered_json::array();
    for (const Listed& model : models) all.push_back(to_json(model));
    print(json_text(all));
    return kSuccess;
  }
  print(flags.variants ? variants_table(models) : foundry_table(models));
  const auto here = std::count_if(models.begin(), models.end(),
                                  [](const Listed& model) { return model.cached.has_value(); });
  note(cat(here, " of ", models.size(), " in the cache (hearth model list --cached); ",
           "hearth model download ALIAS brings one\n"));
  return kSuccess;
}

}  // namespace

void add_model_list(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<ListFlags>();
  ListFlags& f = *flags;
  CLI::App& command =
      *parent.add_subcommand("list", "the models of the cache and of the catalogue")->alias("ls");
  CLI::Option& running = *command.add_flag("--running", f.running,
                                           "those the service has loaded, as hearth service ps");
  add_repeated(command, "--filter", f.filters,
               "KEY=VALUE: those of this alias, device, provider or task; !VALUE: all others; an "
               "alias may have a *; may be repeated");
  command.add_option("--device", f.device, "as --filter device=…")->type_name("DEVICE");
  command.add_option("--type", f.type, "as --filter task=…: chat or embeddings")->type_name("TYPE");
  command.add_flag("--cached", f.cached, "those of the cache alone");
  command.add_flag("--available", f.available, "those of the catalogue alone");
  command.add_flag("--variants", f.variants, "what each runs on, and whether it is in the cache");
  for (const char* of_all :
       {"--filter", "--device", "--type", "--cached", "--available", "--variants"}) {
    running.excludes(command.get_option(of_all));
  }
  add_output_format(command, f.json);
  command.callback([&action, flags] { action = [flags] { return list(*flags); }; });
}

}  // namespace hearth::cli
