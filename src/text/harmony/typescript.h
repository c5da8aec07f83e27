// typescript.h - a JSON schema as the TypeScript-like type that gpt-oss was trained to read.
//
// The exact bytes matter more than their beauty: a property's own object description is printed
// twice, only the first line of a description becomes a comment, examples that are no strings leave
// a bare heading, anyOf and $ref are `any`. Facts: openai-harmony 0.0.8 (tests/golden/README.md).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"

namespace hearth::harmony {

// Deeper schemas are refused: the rendering recurses.
inline constexpr int kMaxSchemaDepth = 64;

// The type, without a newline at its end. Anything that is no schema is `any`. Errors: invalid,
// when the JSON is nested deeper than kMaxSchemaDepth.
Result<std::string> typescript_type(const nlohmann::ordered_json& schema);

}  // namespace hearth::harmony
