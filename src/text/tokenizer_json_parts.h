// tokenizer_json_parts.h - the parts of a tokenizer.json, for tokenizer_json.cc alone.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/str.h"
#include "text/tokenizer.h"

namespace hearth::text::tokenizer_json {

using Json = nlohmann::json;

inline Error corrupt(std::string_view what) {
  return {ErrorKind::corrupt, cat("tokenizer.json: ", what)};
}
inline Error unsupported(std::string_view what) {
  return {ErrorKind::unsupported, cat("tokenizer.json: ", what)};
}

// A member, or null where there is none (also when object is not one).
const Json& member(const Json& object, const char* name);

// Empty for what is no text.
std::string_view text_of(const Json& value);
inline std::string_view type_of(const Json& part) { return text_of(member(part, "type")); }

// An optional flag; absent and null are false, or what `fallback` says.
Result<bool> flag(const Json& object, const char* name, std::string_view where,
                  bool fallback = false);

// value: the id of a `what` called `text`.
Result<TokenId> token_id(const Json& value, std::string_view what, std::string_view text);

// The parts of a "Sequence" and of those inside it, or the part itself; none for null.
std::vector<const Json*> parts_of(const Json& value, const char* list_name);

// Each reads its part of the file into spec, whose model, kinds and tokens are filled.
Result<void> read_normalizer(const Json& normalizer, TokenizerSpec& spec);
Result<void> read_pretokenizer(const Json& pretokenizer, TokenizerSpec& spec);
Result<void> read_post_processor(const Json& processor, TokenizerSpec& spec);
Result<void> read_decoder(const Json& decoder, TokenizerSpec& spec);

}  // namespace hearth::text::tokenizer_json
