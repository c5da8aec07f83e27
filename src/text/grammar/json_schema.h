// json_schema.h - a JSON schema as a grammar of the JSON texts that it describes. Part of the
// portable core.
//
// Every text of the grammar is valid against the schema. The reverse does not hold where JSON
// leaves a choice that would only mislead a model:
//   - members come in the order of `properties`; those that are not required may lack
//   - an object with `properties` but without `additionalProperties` has no others
//   - no string is written with an escape where the schema spells it (names, enum, const)
// A keyword that cannot be held to is refused by its name and place, never ignored; titles,
// descriptions, defaults and examples describe nothing and are.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"
#include "text/grammar/json_grammar.h"

namespace hearth::text {

// What `schema` describes, for a larger grammar. name: of the schema, in messages ("the schema of
// the tool f"). Errors: invalid (it is no schema, or describes nothing), unsupported (with the
// keyword and a JSON pointer to where it stands).
Result<GrammarBuilder::Expr> matching_schema(GrammarBuilder& builder, JsonGrammar& json,
                                             const nlohmann::ordered_json& schema,
                                             std::string_view name);

// The grammar of this schema alone.
Result<std::shared_ptr<const Grammar>> compile_json_schema(const nlohmann::ordered_json& schema,
                                                           std::string_view name = "the schema");

}  // namespace hearth::text
