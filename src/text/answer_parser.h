// answer_parser.h - a model's tokens to the events of its answer, in the format it was trained on.
//
//   HEARTH_TRY(auto parser, make_answer_parser(tokenizer, format, opens_thinking(prompt)));
//   for (id : tokens) parser->push(id, events);
//   parser->finish(events);
//
// Only what may still become a tag, a header or a whole tool call is held back. No text is lost,
// whatever the model writes, and a control token never comes out as text. Without any format a
// token allocates nothing, when `events` has room.
#pragma once

#include <memory>
#include <optional>

#include "base/result.h"
#include "text/answer_events.h"
#include "text/answer_format.h"
#include "text/tokenizer.h"

namespace hearth::text {

class AnswerParser {
 public:
  virtual ~AnswerParser() = default;
  // Appends what became certain with the token.
  virtual void push(TokenId id, AnswerEvents& out) = 0;
  // The end, and the end-of-generation token when one was drawn (it is not pushed).
  virtual void finish(AnswerEvents& out, std::optional<TokenId> ended_by = std::nullopt) = 0;
};

// The tokenizer must outlive the parser. thinking_is_open: the prompt ends inside <think>. Errors:
// invalid (harmony's reasoning with another format's tools, or the reverse), unsupported (harmony
// with a vocabulary that lacks its tokens).
Result<std::unique_ptr<AnswerParser>> make_answer_parser(const Tokenizer& tokenizer,
                                                         const AnswerFormat& format,
                                                         bool thinking_is_open);

}  // namespace hearth::text
