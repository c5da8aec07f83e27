// gbnf.h - grammars in GBNF, the notation of llama.cpp. Part of the portable core.
//
//   root ::= ("yes" | "no") "."     # a comment
//   word ::= [a-z]+ | "\u00e9"{2,4} | .
//
// A rule reaches to the next `name ::=`. The answer is the rule `root`. Control tokens
// (`<think>`, `<[1000]>`) are refused.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "text/grammar/grammar_builder.h"

namespace hearth::text {

// Adds the rules of `source` and returns its root. Errors: invalid (with the line and what is
// wrong), unsupported.
Result<GrammarBuilder::Rule> add_gbnf(GrammarBuilder& builder, std::string_view source);

// The grammar of these rules alone.
Result<std::shared_ptr<const Grammar>> compile_gbnf(std::string_view source);

}  // namespace hearth::text
