// entry.h - a model's folder in the cache, and its card, hearth.json:
//   {"alias", "file": what is opened, "bytes", "sha256", "source", "imported_at",
//    "files": [{"name", "bytes", "sha256"}, …]}
// A model of one file has no "files"; "file" is "." for a folder that is opened as a whole. A card
// is read with suspicion: it is checked against what lies beside it, and names nothing elsewhere.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/catalog.h"

namespace hearth::catalog {

inline constexpr std::string_view kCard = "hearth.json";

std::string entry_folder(std::string_view alias);
bool has_card(const std::string& folder);

// Errors: not_found (no card), corrupt, with what to do.
Result<CachedModel> read_entry(const std::string& folder, const std::string& alias);

// The card of a model whose files are in `folder`.
std::string card_text(const CachedModel& model, const std::string& folder);

// Logs what is wrong in the cache, once by a process: a service looks there at every request.
void warn_once(const std::string& text);

Error damaged(std::string_view alias, std::string_view why);

// Fills in bytes and sha256 of the whole from the files, which are in `folder`.
void sum_up(CachedModel& model, const std::string& folder);

}  // namespace hearth::catalog
