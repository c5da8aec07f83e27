// bert.h - see bert.cc.
#pragma once

#include <memory>

#include "base/result.h"
#include "formats/checkpoint.h"
#include "kernels/ops.h"
#include "models/model.h"

namespace hearth::models {

Result<std::unique_ptr<Model>> load_bert(const formats::Checkpoint& checkpoint, kernels::Ops& ops);

}  // namespace hearth::models
