// strict_json.h - JSON that a stranger wrote, to a value, within bounds. Part of the portable core.
//
// Refuses: what is not JSON (line and column), invalid UTF-8, deeper nesting or more values than
// the limits, a key twice in one object. Takes time and memory linear in the text.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.h"

namespace hearth {

struct JsonLimits {
  std::size_t max_depth = 64;
  // A parsed value takes 16 bytes and more where its text may take two ("1,"): without this bound a
  // text could become many times its size.
  std::size_t max_values = 1'000'000;
};

// `what` names the text in the message ("the request body"). Errors: invalid.
Result<nlohmann::ordered_json> parse_strict_json(std::string_view text, std::string_view what,
                                                 const JsonLimits& limits = {});

}  // namespace hearth
