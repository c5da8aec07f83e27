// tokens.h - the control tokens of the harmony format in a vocabulary.
#pragma once

#include <string_view>

#include "base/result.h"
#include "text/tokenizer.h"

namespace hearth::harmony {

inline constexpr std::string_view kStart = "<|start|>", kMessage = "<|message|>", kEnd = "<|end|>",
                                  kReturn = "<|return|>", kCall = "<|call|>",
                                  kChannel = "<|channel|>", kConstrain = "<|constrain|>";

struct Tokens {
  text::TokenId start = 0, message = 0, end = 0, done = 0, call = 0, channel = 0, constrain = 0;
};

// Errors: unsupported, naming the token that the vocabulary lacks.
Result<text::TokenId> find_token(const text::Tokenizer& tokenizer, std::string_view name);
Result<Tokens> find_tokens(const text::Tokenizer& tokenizer);

}  // namespace hearth::harmony
