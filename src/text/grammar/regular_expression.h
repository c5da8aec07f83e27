// regular_expression.h - a JSON schema's `pattern` as a grammar of strings. Part of the portable
// core.
//
// ECMA-262 as JSON schema recommends it: characters, classes, groups, alternatives, repetitions, ^
// and $ at the ends of the whole or of an outer alternative. A pattern without them matches
// anywhere in the string. Refused by name: what looks around, refers back, or asks for the end of a
// word, and \p.
#pragma once

#include <string_view>

#include "base/result.h"
#include "text/grammar/json_grammar.h"

namespace hearth::text {

// The content of a JSON string (without its quotes) that the pattern matches. Errors: invalid (it
// is no pattern; what is wrong and where), unsupported.
Result<GrammarBuilder::Expr> matching_pattern(GrammarBuilder& builder, JsonGrammar& json,
                                              std::string_view pattern);

}  // namespace hearth::text
