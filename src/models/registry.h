// registry.h - which architectures Hearth computes. registry.cc holds the only list.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/checkpoint.h"
#include "kernels/ops.h"
#include "models/model.h"

namespace hearth::models {

// Builds the model that checkpoint.architecture names; its weights go into ops. Errors:
// unsupported, with the list of architectures; corrupt, naming the first missing key or misshapen
// tensor.
Result<std::unique_ptr<Model>> build(const formats::Checkpoint& checkpoint, kernels::Ops& ops);

std::vector<std::string_view> architectures();

}  // namespace hearth::models
