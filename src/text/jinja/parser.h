// parser.h - template source to a Template.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "text/jinja/ast.h"

namespace hearth::jinja {

// Expressions and statements inside one another. A level of parentheses or of an
// index takes up to two kilobytes of stack in an optimised build.
inline constexpr int kMaxSourceDepth = 56;

// Errors: invalid, with line and column.
Result<std::shared_ptr<const Template>> parse_template(std::string_view source);

}  // namespace hearth::jinja
