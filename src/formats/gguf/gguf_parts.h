// gguf_parts.h - models that are split into several GGUF files, "NAME-00001-of-00003.gguf". The
// first part has all the metadata, each has some of the tensors. Part of the portable core.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/checkpoint.h"

namespace hearth::formats {

// How many files the model of this one has; 1 for a whole model. Errors: corrupt.
Result<std::int64_t> n_gguf_parts(const Checkpoint& part);

struct GgufPart {
  std::int64_t number, n;  // from 1
};

// "NAME-00002-of-00003.gguf" -> 2 of 3; nullopt for a name that no part has.
std::optional<GgufPart> gguf_part_of_name(std::string_view name);

// The names of all n parts, from the name of any of them. Errors: invalid, when `name` is not that
// of a part of n.
Result<std::vector<std::string>> gguf_part_names(std::string_view name, std::int64_t n);

// The model of its parts, all of them in order. Errors: corrupt, when they do not belong together.
Result<Checkpoint> join_gguf_parts(std::vector<Checkpoint> parts);

}  // namespace hearth::formats
