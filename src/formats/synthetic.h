// synthetic.h - checkpoints of published architectures at their true size with random weights, so
// that speed and memory can be measured without a download. Part of the portable core.
//
// The numbers are tame: every matrix has variance 1 / inputs, so activations keep their size from
// the first layer to the last, logits are of about unit size, and no token is favoured. The same
// name gives the same bytes everywhere. Rows are made when they are read: nothing is held.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/checkpoint.h"

namespace hearth::formats {

// "gpt-oss-20b", "phi-4-mini", …
std::vector<std::string_view> synthetic_models();

// With a tokenizer whose first tokens are the 256 bytes, so that any text can be fed in; what comes
// out is noise. Errors: not_found, naming the models there are.
Result<Checkpoint> make_synthetic(std::string_view name);

}  // namespace hearth::formats
