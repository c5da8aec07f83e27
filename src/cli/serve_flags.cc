#include "cli/serve_flags.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/str.h"
#include "catalog/catalog.h"
#include "catalog/settings.h"
#include "cli/command.h"

namespace hearth::cli {

namespace {

using Json = nlohmann::ordered_json;

// The numbers, by their names on the command line and in the record.
using Number = std::optional<std::int64_t> ServeFlags::*;
constexpr std::pair<const char*, Number> kNumbers[] = {{"port", &ServeFlags::port},
                                                       {"context", &ServeFlags::context},
                                                       {"threads", &ServeFlags::threads},
                                                       {"model-ttl", &ServeFlags::model_ttl}};

// Those that may be repeated, likewise.
using Texts = std::vector<std::string> ServeFlags::*;
constexpr std::pair<const char*, Texts> kTexts[] = {{"model", &ServeFlags::models},
                                                    {"allow-host", &ServeFlags::allowed_hosts}};

}  // namespace

void add_serve_flags(CLI::App& command, ServeFlags& f) {
  command.add_option("--host", f.host, "address to listen on (default 127.0.0.1)")
      ->type_name("HOST");
  add_repeated(command, "--allow-host", f.allowed_hosts,
               "a further name that requests may ask by in their Host header, such as "
               "host.docker.internal; may be repeated")
      ->type_name("NAME");
  add_integer(command, "--port", f.port, 0, 65535, "default 5273; 0: any free one");
  add_repeated(command, "--model", f.models,
               "load this model at the start; may be repeated; the first answers requests that "
               "name none. Others of the cache load when asked for");
  command
      .add_option("--api-key", f.api_key,
                  "every request must carry it (better: the environment variable HEARTH_API_KEY, "
                  "which other users of the machine cannot see)")
      ->envname("HEARTH_API_KEY")
      ->type_name("KEY");
  command.add_flag("--allow-unauthenticated", f.allow_unauthenticated,
                   "listen beyond this machine without an API key");
  add_integer(command, "--context", f.context, 1, std::int64_t{1} << 30,
              "longest prompt and answer of the models that --model names");
  add_integer(command, "--threads", f.threads, 1, 1024, "default: the physical cores");
  add_switch(command, "--speculation", f.speculation,
             "guess tokens of answers that repeat what stands before them and check several in one "
             "step, when it pays; the answers are the same (default on)");
  add_integer(command, "--model-ttl", f.model_ttl, 0, std::int64_t{1} << 30,
              "unload models unused for so many seconds (default 0: never)");
  command
      .add_option_function<std::string>(
          "--idle-timeout",
          [&f](const std::string& text) {
            const auto minutes = parse_int(text);
            if (!minutes || *minutes < 0 || *minutes > 1'000'000) {
              throw CLI::ValidationError(
                  "--idle-timeout",
                  cat("expected a whole number from 0 to 1000000, not ", quote(text)));
            }
            f.model_ttl = *minutes * 60;
          },
          "--model-ttl in minutes")
      ->type_name("N");
}

std::vector<std::string> serve_arguments(const ServeFlags& flags) {
  std::vector<std::string> words;
  const auto add = [&](std::string name, std::string value) {
    words.push_back(std::move(name));
    words.push_back(std::move(value));
  };
  if (!flags.host.empty()) add("--host", flags.host);
  for (const auto& [name, number] : kNumbers) {
    if (flags.*number) add(cat("--", name), cat(*(flags.*number)));
  }
  if (flags.speculation) add("--speculation", *flags.speculation ? "on" : "off");
  for (const auto& [name, texts] : kTexts) {
    for (const std::string& text : flags.*texts) add(cat("--", name), text);
  }
  if (flags.allow_unauthenticated) words.emplace_back("--allow-unauthenticated");
  return words;
}

Json flags_json(const ServeFlags& flags) {
  Json json = Json::object();
  if (!flags.host.empty()) json["host"] = flags.host;
  for (const auto& [name, number] : kNumbers) {
    if (flags.*number) json[name] = *(flags.*number);
  }
  if (flags.speculation) json["speculation"] = *flags.speculation;
  for (const auto& [name, texts] : kTexts) {
    if (!(flags.*texts).empty()) json[name] = flags.*texts;
  }
  if (flags.allow_unauthenticated) json["allow-unauthenticated"] = true;
  return json;
}

ServeFlags flags_of(const Json& json) {
  ServeFlags flags;
  if (!json.is_object()) return flags;
  if (json.contains("host") && json["host"].is_string())
    flags.host = json["host"].get<std::string>();
  for (const auto& [name, number] : kNumbers) {
    if (json.contains(name) && json[name].is_number_integer()) {
      flags.*number = json[name].get<std::int64_t>();
    }
  }
  if (json.contains("speculation") && json["speculation"].is_boolean()) {
    flags.speculation = json["speculation"].get<bool>();
  }
  for (const auto& [name, texts] : kTexts) {
    if (!json.contains(name) || !json[name].is_array()) continue;
    for (const Json& text : json[name]) {
      if (text.is_string()) (flags.*texts).push_back(text.get<std::string>());
    }
  }
  flags.allow_unauthenticated = json.value("allow-unauthenticated", Json(false)) == Json(true);
  return flags;
}

ServeFlags merged(ServeFlags later, const ServeFlags& earlier) {
  if (later.host.empty()) later.host = earlier.host;
  for (const auto& [name, number] : kNumbers) {
    if (!(later.*number)) later.*number = earlier.*number;
  }
  if (!later.speculation) later.speculation = earlier.speculation;
  for (const auto& [name, texts] : kTexts) {
    if ((later.*texts).empty()) later.*texts = earlier.*texts;
  }
  later.allow_unauthenticated = later.allow_unauthenticated || earlier.allow_unauthenticated;
  return later;
}

Result<std::vector<std::string>> allowed_hosts(const ServeFlags& flags) {
  if (!flags.allowed_hosts.empty()) return flags.allowed_hosts;
  return catalog::get_list_setting("service.allowed_hosts");
}

Result<std::vector<catalog::CachedModel>> resolve_models(const ServeFlags& flags,
                                                         const std::string& cache) {
  if (flags.context && flags.models.empty()) {
    return Error{ErrorKind::invalid,
                 "--context is for the models that --model names, and there is none"};
  }
  std::vector<catalog::CachedModel> models;
  for (const std::string& name : flags.models) {
    HEARTH_TRY(catalog::CachedModel model, catalog::resolve_in(cache, name));
    const auto same = std::find_if(models.begin(), models.end(),
                                   [&](const auto& other) { return other.alias == model.alias; });
    if (same == models.end()) {
      models.push_back(std::move(model));
    } else if (same->path != model.path) {
      return Error{ErrorKind::invalid,
                   cat("--model: ", quote(same->path, 300), " and ", quote(model.path, 300),
                       " would both answer to ", quote(model.alias),
                       "; rename one, or import it with --alias")};
    }
  }
  return models;
}

void make_model_paths_absolute(ServeFlags& flags) {
  for (std::string& name : flags.models) {
    const auto model = catalog::resolve(name);
    if (model && model->files.empty()) name = model->path;  // named by a path
  }
}

}  // namespace hearth::cli
