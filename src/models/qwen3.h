// qwen3.h - see qwen3.cc.
#pragma once

#include <memory>

#include "base/result.h"
#include "formats/checkpoint.h"
#include "kernels/ops.h"
#include "models/model.h"

namespace hearth::models {

Result<std::unique_ptr<Model>> load_qwen3(const formats::Checkpoint& checkpoint, kernels::Ops& ops);

}  // namespace hearth::models
