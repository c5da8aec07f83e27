#include "catalog/known_models.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/ascii.h"
#include "base/mapped_file.h"
#include "base/str.h"
#include "base/strict_json.h"
#include "catalog/catalog.h"
#include "catalog/hub.h"
#include "formats/presets.h"

namespace hearth::catalog {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxFileBytes = 16 << 20;

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

bool is_among(std::string_view name, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& other) { return same_name(other, name); });
}

// One model's object; the first fault is kept.
class Reader {
 public:
  Reader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  Result<KnownModel> read() {
    if (!object_.is_object()) return Error{ErrorKind::invalid, cat(where_, " is no object")};
    KnownModel m;
    m.alias = text("alias");
    m.names = texts("names");
    m.family = text("family");
    m.architecture = text("architecture");
    m.task = text("task");
    m.publisher = text("publisher");
    m.license = text("license");
    m.parameters = text("parameters");
    m.context = number("context");
    if (object_.contains("stands_in_for")) m.stands_in_for = texts("stands_in_for");
    if (object_.contains("hub")) m.hub = text("hub");
    if (object_.contains("megabytes")) m.megabytes = number("megabytes");
    if (object_.contains("tools")) m.tools = truth("tools");
    refuse_other_keys();
    if (const std::string problem = alias_problem(m.alias); !problem.empty())
      fail("alias", problem);
    if (!m.family.empty() && formats::find_preset(m.family) == nullptr) {
      fail("family", cat("no family is called ", quote(m.family, 100)));
    }
    if (m.task != "chat" && m.task != "embeddings") {
      fail("task", cat("expected chat or embeddings, not ", quote(m.task, 100)));
    }
    if (const auto source = parse_hub_source(m.hub); !m.hub.empty() && (!source || !*source)) {
      fail("hub", cat("expected hf:OWNER/REPOSITORY[:FILE], not ", quote(m.hub, 100)));
    }
    if (!problem_.empty()) return Error{ErrorKind::invalid, problem_};
    return m;
  }

 private:
  static constexpr std::string_view kKeys[] = {
      "alias",   "names",      "stands_in_for", "family", "architecture", "task", "publisher",
      "license", "parameters", "context",       "hub",    "megabytes",    "tools"};

  void fail(std::string_view key, std::string_view what) {
    if (problem_.empty()) problem_ = cat(where_, ": ", key, ": ", what);
  }

  const Json* value(std::string_view key) {
    const auto it = object_.find(key);
    if (it != object_.end()) return &*it;
    fail(key, "missing");
    return nullptr;
  }

  std::string text(std::string_view key) {
    const Json* found = value(key);
    if (found == nullptr) return {};
    if (!found->is_string()) fail(key, "expected a string");
    return found->is_string() ? found->get<std::string>() : std::string();
  }

  std::vector<std::string> texts(std::string_view key) {
    const Json* found = value(key);
    if (found == nullptr) return {};
    const bool good = found->is_array() && std::all_of(found->begin(), found->end(),
                                                       [](const Json& j) { return j.is_string(); });
    if (!good) fail(key, "expected an array of strings");
    return good ? found->get<std::vector<std::string>>() : std::vector<std::string>();
  }

  std::int64_t number(std::string_view key) {
    const Json* found = value(key);
    if (found == nullptr) return 0;
    if (!found->is_number_unsigned() || found->get<std::uint64_t>() > std::uint64_t{1} << 32) {
      fail(key, "expected a whole number of at most 2^32");
      return 0;
    }
    return found->get<std::int64_t>();
  }

  bool truth(std::string_view key) {
    const Json* found = value(key);
    if (found == nullptr) return false;
    if (!found->is_boolean()) fail(key, "expected true or false");
    return found->is_boolean() && found->get<bool>();
  }

  void refuse_other_keys() {
    for (const auto& [key, unused] : object_.items()) {
      if (std::find(std::begin(kKeys), std::end(kKeys), key) == std::end(kKeys)) {
        fail(quote(key, 100), "no such field");
      }
    }
  }

  const Json& object_;
  std::string where_;
  std::string problem_;
};

Result<std::vector<KnownModel>> users_models() {
  const std::string path = hearth_folder() + "/catalog.json";
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown)) return std::vector<KnownModel>();
  HEARTH_TRY(const auto file, MappedFile::open(path));
  if (file->bytes().size() > kMaxFileBytes) {
    return Error{ErrorKind::invalid, cat(quote(path, 300), " has ", file->bytes().size(),
                                         " bytes; expected at most ", kMaxFileBytes)};
  }
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()),
                              file->bytes().size());
  return parse_known_models(text, quote(path, 300));
}

}  // namespace

bool stands_in(const KnownModel& model, std::string_view name) {
  return !same_name(model.alias, name) && !is_among(name, model.names) &&
         is_among(name, model.stands_in_for);
}

Result<std::vector<KnownModel>> parse_known_models(std::string_view text, std::string_view what) {
  HEARTH_TRY(const Json json, parse_strict_json(text, what));
  if (!json.is_object() || !json.contains("models") || !json["models"].is_array()) {
    return Error{ErrorKind::invalid, cat(what, ": expected {\"models\": [...]}")};
  }
  std::vector<KnownModel> out;
  for (const Json& object : json["models"]) {
    HEARTH_TRY(KnownModel model, Reader(object, cat(what, ": model ", out.size() + 1)).read());
    const auto same = [&](const KnownModel& other) { return other.alias == model.alias; };
    if (std::any_of(out.begin(), out.end(), same)) {
      return Error{ErrorKind::invalid, cat(what, ": the alias ", quote(model.alias), " twice")};
    }
    out.push_back(std::move(model));
  }
  return out;
}

Result<std::vector<KnownModel>> known_models() {
  // Once: a service looks here for every name that is not exactly a loaded model's.
  static const auto built_in = parse_known_models(built_in_catalog(), "the built-in catalogue");
  if (!built_in) return built_in.error();
  std::vector<KnownModel> models = *built_in;
  HEARTH_TRY(auto users, users_models());
  for (KnownModel& model : users) {
    std::erase_if(models, [&](const KnownModel& other) { return other.alias == model.alias; });
    models.push_back(std::move(model));
  }
  std::sort(models.begin(), models.end(),
            [](const KnownModel& a, const KnownModel& b) { return a.alias < b.alias; });
  return models;
}

Result<std::optional<KnownModel>> find_known_model(std::string_view name) {
  HEARTH_TRY(auto models, known_models());
  for (const bool by_alias : {true, false}) {
    for (KnownModel& model : models) {
      const bool found = by_alias
                             ? same_name(model.alias, name)
                             : is_among(name, model.names) || is_among(name, model.stands_in_for);
      if (found) return std::optional(std::move(model));
    }
  }
  return std::optional<KnownModel>();
}

}  // namespace hearth::catalog
