// model_card.h - how a cached model is shown.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "catalog/catalog.h"

namespace hearth::cli {

// {"alias", "path", "bytes", "sha256", "source", "imported_at"}; a file outside the cache has no
// sha256 and no imported_at.
nlohmann::ordered_json card_json(const catalog::CachedModel& model);

// For people, the same shorter: "alias  size  path", one line.
std::string card_line(const catalog::CachedModel& model);

// Indented, with a newline at the end; text that is no UTF-8 (a path may be) has U+FFFD where it is
// not.
std::string json_text(const nlohmann::ordered_json& json);

std::string utc_time(std::int64_t seconds);  // "2026-02-03 04:05 UTC"

}  // namespace hearth::cli
