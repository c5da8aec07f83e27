#include "catalog/model_ids.h"

#include <algorithm>

#include "base/str.h"

namespace hearth::catalog {

namespace {

// What the checkpoint runs on, in Foundry Local's words.
constexpr std::string_view kDevice = "-generic-cpu";

// "name:12" -> "name"; anything but a number after the last colon belongs to the name.
std::string_view without_version(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == name.size()) return name;
  const std::string_view version = name.substr(colon + 1);
  const bool number =
      std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; });
  return number ? name.substr(0, colon) : name;
}

std::string_view without_device(std::string_view name) {
  if (name.size() <= kDevice.size()) return name;
  const std::string_view end = name.substr(name.size() - kDevice.size());
  const bool same = std::equal(end.begin(), end.end(), kDevice.begin(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
  return same ? name.substr(0, name.size() - kDevice.size()) : name;
}

}  // namespace

std::string model_name(const KnownModel& model) {
  return cat(model.names.empty() ? model.alias : model.names.front(), kDevice);
}

std::string model_id(const KnownModel& model) { return cat(model_name(model), ":1"); }

std::string brought_model_id(std::string_view alias) { return cat(alias, ":0"); }

Result<std::string> alias_of(std::string_view name) {
  const std::string_view base = without_version(name);
  for (const std::string_view candidate : {name, base, without_device(base)}) {
    HEARTH_TRY(const std::optional<KnownModel> known, find_known_model(candidate));
    if (known) return known->alias;
  }
  return std::string(base);
}

}  // namespace hearth::catalog
