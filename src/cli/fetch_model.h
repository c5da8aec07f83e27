// fetch_model.h - a download, shown: what comes from where, how far it is, how fast, how long
// still.
#pragma once

#include <string>

#include "base/result.h"
#include "catalog/download.h"

namespace hearth::cli {

// Errors: those of catalog::download_model.
Result<catalog::CachedModel> fetch_model(const catalog::DownloadRequest& request);

// The model of the cache that the name means, downloaded if the catalogue knows it and it is not
// there; a path stays one. Errors: those of catalog::resolve and download_model.
Result<catalog::CachedModel> resolve_or_fetch(const std::string& name);

}  // namespace hearth::cli
