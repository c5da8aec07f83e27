// from_json.h - JSON to values: the border between nlohmann's types and the template's.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "text/jinja/runtime.h"

namespace hearth::jinja {

// All strings and numbers of it become untrusted. Errors: invalid, when it is nested deeper than
// kMaxNesting or needs more memory than the limits allow. Invalid UTF-8 becomes U+FFFD.
Result<Value> value_from_json(Runtime& runtime, const nlohmann::ordered_json& json);

}  // namespace hearth::jinja
