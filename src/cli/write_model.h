// write_model.h - a Checkpoint written as a GGUF file, for the commands that make models.
#pragma once

#include <string>

#include "base/result.h"
#include "formats/checkpoint.h"

namespace hearth::cli {

// Writes `to`, which appears only when it is whole, with progress on standard error. Returns its
// size. Errors: those of formats/convert.h; conflict when the file exists, too_large when the disk
// has no room, io.
Result<std::uint64_t> write_model(const formats::Checkpoint& from, const std::string& quant,
                                  const std::string& to);

}  // namespace hearth::cli
