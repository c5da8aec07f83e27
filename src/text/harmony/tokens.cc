#include "text/harmony/tokens.h"

#include "base/str.h"

namespace hearth::harmony {

Result<text::TokenId> find_token(const text::Tokenizer& tokenizer, std::string_view name) {
  if (const auto id = tokenizer.find(name)) return *id;
  return Error{ErrorKind::unsupported, cat("the vocabulary has no token ", name,
                                           "; the harmony format needs that of gpt-oss")};
}

Result<Tokens> find_tokens(const text::Tokenizer& tokenizer) {
  Tokens out;
  HEARTH_TRY(out.start, find_token(tokenizer, kStart));
  HEARTH_TRY(out.message, find_token(tokenizer, kMessage));
  HEARTH_TRY(out.end, find_token(tokenizer, kEnd));
  HEARTH_TRY(out.done, find_token(tokenizer, kReturn));
  HEARTH_TRY(out.call, find_token(tokenizer, kCall));
  HEARTH_TRY(out.channel, find_token(tokenizer, kChannel));
  HEARTH_TRY(out.constrain, find_token(tokenizer, kConstrain));
  return out;
}

}  // namespace hearth::harmony
