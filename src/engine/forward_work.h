// forward_work.h - what a forward pass must read and compute, whoever carries it out: the measure
// for tokens a second against the machine's bandwidth and peak (kernels/cpu/probe.h).
#pragma once

#include <cstdint>

#include "base/result.h"
#include "formats/checkpoint.h"

namespace hearth::engine {

struct ForwardWork {
  // Of the matrices that are multiplied with, as the file stores them; of a mixture those of the
  // experts that its rows can reach at most.
  double weight_bytes = 0;
  // Positions whose keys and values are read, averaged over the layers (a window reads fewer).
  double kv_positions = 0;
  double operations = 0;  // two a multiply-add: matrices, and attention to what a row may see
};

// One sequence's rows at positions first_position … first_position + n_rows - 1, logits of the last
// only. It is counted by the model's own forward pass. Errors: those of loading the model.
Result<ForwardWork> forward_work(const formats::Checkpoint& checkpoint, std::int32_t n_rows,
                                 std::int32_t first_position);

}  // namespace hearth::engine
