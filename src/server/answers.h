// answers.h - from a request's choices to running generations, and from their tokens to a reply.
// Shared by the two completion routes, which differ in an ReplyFormat.
//
//   choices (n x prompts) -> Generation each -> pieces -> ReplyFormat -> one body, or events
//
// Log-probabilities follow the text: a token's text may come later than the token (half a
// character, the beginning of what may become a stop text) or never (a stop text), so its entry
// waits until the text has passed the token's first byte, and is dropped if it never does: so are
// tokens of reasoning and of tags. So the tokens listed always spell the text that was sent, also
// chunk by chunk.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/generation_fields.h"
#include "engine/engine.h"
#include "server/http.h"
#include "server/metrics.h"

namespace hearth::server {

using ModelPtr = std::shared_ptr<const engine::LoadedModel>;

// A part of one answer: text, what the model thought before it, calls to tools after it.
struct Piece {
  std::int32_t index = 0;  // of the choice
  std::string text;
  std::string reasoning = {};
  std::optional<std::vector<api::TokenLogprob>> logprobs;  // absent: not asked for
  std::vector<engine::ToolCallPart> calls = {};            // of a whole answer: a part a call
};

// How a route writes; one for each request.
class ReplyFormat {
 public:
  virtual ~ReplyFormat() = default;
  virtual std::string start(std::int32_t index) = 0;  // "": nothing
  virtual std::string delta(const Piece& piece) = 0;
  // finish_reason: "stop", "length", "tool_calls".
  virtual std::string end(std::int32_t index, std::string_view finish_reason) = 0;
  // After all ends.
  virtual std::string usage(const api::UsageFields& usage) = 0;  // "": not asked for
  // The last event of an answer that went wrong.
  virtual std::string fault(const api::ApiError& error) { return api::sse_error(error); }
  virtual std::string whole(std::vector<Piece> answers,
                            const std::vector<std::string>& finish_reasons,
                            const api::UsageFields& usage) = 0;
};

// One answer to come: an optional beginning that is known (an echoed prompt), then what is
// generated.
struct Choice {
  std::optional<Piece> echo;
  std::unique_ptr<engine::Generation> generation;  // nullptr: no token was asked for
};

struct AnswerJob {
  ModelPtr model;
  std::unique_ptr<ReplyFormat> format;
  std::vector<Choice> choices;
  std::int32_t choices_per_prompt = 1;      // usage counts each prompt once
  std::vector<std::int64_t> prompt_tokens;  // of each prompt
  bool logprobs = false;
  Headers headers;
  Metrics* metrics = nullptr;  // told of each answer
};

Reply stream_answers(AnswerJob job);
Reply whole_answers(AnswerJob job);

// What the engine is asked for; choice i of a seeded request uses seed + i, so that n answers
// differ and each can be had again.
engine::Request to_engine_request(const api::GenerationFields& fields,
                                  std::vector<text::TokenId> prompt, std::int32_t choice);

// The token's entry, with the alternatives of an event.
api::TokenLogprob to_logprob(const text::Tokenizer& tokenizer, const engine::TokenEvent& event);

// Some vocabularies cannot spell every byte (text/tokenizer.h). A prompt that lost some is answered
// all the same, and says so: a header with their number, and a line in the log.
void report_unspellable(const engine::LoadedModel& model, std::size_t n_bytes, Headers& headers);

// Tells two models (or two builds of one) apart in "system_fingerprint".
std::string fingerprint(const engine::LoadedModel& model);
api::ReplyHead reply_head(std::string_view id_prefix, const engine::LoadedModel& model);

}  // namespace hearth::server
