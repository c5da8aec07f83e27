// found_models.h - models that a user put into the cache's folder by hand, without a card: a GGUF
// file, the parts of a split one, a Hugging Face folder, each at the top or a few folders below.
//
// Its alias is the file's name, that of its folder where the file is called model.gguf or is a
// folder's whole model. What looks like a model and cannot be one is skipped with a logged warning
// that says why.
#pragma once

#include <string>
#include <vector>

#include "catalog/catalog.h"

namespace hearth::catalog {

// An alias of `taken` is no model's: two would answer to it. Sorted by alias.
std::vector<CachedModel> found_models(const std::string& cache,
                                      const std::vector<std::string>& taken);

// Deletes its files, and the folders below the cache that are empty then. Errors: io.
Result<void> remove_found(const std::string& cache, const CachedModel& model);

}  // namespace hearth::catalog
