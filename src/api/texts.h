// texts.h - one text or many, as strings or as token ids: `prompt` of completions, `input` of
// embeddings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/json.h"

namespace hearth::api {

using TextOrIds = std::variant<std::string, std::vector<std::int32_t>>;

// A required field: a string, an array of strings, an array of token ids, or an array of arrays of
// token ids. An empty array is a fault; an empty string or list of ids is the caller's to judge.
void read_texts(Fields& fields, std::string_view name, std::vector<TextOrIds>& out);

}  // namespace hearth::api
