// describe_json.h - a Checkpoint as JSON, for scripts. Not part of the portable core.
//
//   {"path", "format", "architecture", "name", "file_bytes", "parameters",
//    "tokenizer": {"tokens", "merges"} | null, "tokenizer_problem", "chat_template",
//    "metadata": {key: value}, "tensors": [{"name", "type", "shape", "bytes"}],
//    "types": {type: {"tensors", "bytes"}}}
//
// Arrays are whole. Texts that are not UTF-8 have U+FFFD where they are not; a float that JSON
// cannot write (NaN, infinity) becomes null when it is dumped.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "formats/checkpoint.h"

namespace hearth::formats {

nlohmann::ordered_json describe_json(const Checkpoint& checkpoint);

}  // namespace hearth::formats
