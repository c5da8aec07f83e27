// gpt_oss.h - see gpt_oss.cc.
#pragma once

#include <memory>

#include "base/result.h"
#include "formats/checkpoint.h"
#include "kernels/ops.h"
#include "models/model.h"

namespace hearth::models {

Result<std::unique_ptr<Model>> load_gpt_oss(const formats::Checkpoint& checkpoint,
                                            kernels::Ops& ops);

}  // namespace hearth::models
