// request.h - the one typed request that the CLI, the HTTP routes, benchmarks and evaluations
// submit, and the events they read back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/batch.h"
#include "text/answer_format.h"
#include "text/grammar/grammar.h"
#include "text/tokenizer.h"

namespace hearth::engine {

using text::TokenId;

// Applied in this order: logit_bias, repetition / frequency / presence penalties, then (unless
// temperature is 0: the largest logit, lowest id on a tie) temperature, top_k, typical_p, top_p,
// min_p, one draw. Ranges are checked by validate(); an out-of-range value is refused, never
// clamped.
struct SamplingParams {
  double temperature = 1.0;         // [0, 2]
  std::int32_t top_k = 0;           // >= 0; 0: off
  double top_p = 1.0;               // (0, 1]; 1: off
  double min_p = 0.0;               // [0, 1); keeps tokens with p >= min_p * largest p; 0: off
  double typical_p = 1.0;           // (0, 1]; 1: off
  double repetition_penalty = 1.0;  // (0, 2]; logit > 0 divided, else multiplied; prompt and answer
  double presence_penalty = 0.0;    // [-2, 2]; answer only
  double frequency_penalty = 0.0;   // [-2, 2]; answer only
  std::vector<std::pair<TokenId, float>> logit_bias = {};  // added to the logit, [-100, 100]
  std::optional<std::uint64_t> seed = {};                  // absent: the engine draws one
};

// How an answer is told from what the model wrote for itself.
struct AnswerReading {
  text::ReasoningFormat reasoning = text::ReasoningFormat::none;  // none: all of it is the answer
  bool thinking_is_open = false;  // the prompt ends inside <think> (text::opens_thinking)
  // none: no tools were offered, and what looks like a call is text.
  text::ToolDialect tools = text::ToolDialect::none;
  bool one_call = false;  // the answer ends with its first call
};

struct Request {
  std::vector<TokenId> prompt{};  // at least one token
  AnswerReading reading{};
  // What the answer may be, thinking and tags included (text/grammar/answer_grammar.h): only tokens
  // that it allows are drawn. Absent: anything. Not with ignore_eos.
  std::shared_ptr<const text::Grammar> grammar{};
  SamplingParams sampling{};
  std::int32_t max_tokens = -1;  // of the answer; -1: as many as the context holds
  std::vector<std::string>
      stop{};  // at most 4 (API) non-empty texts; ends the answer, never emitted; not in reasoning
  bool logprobs = false;          // log-probability of each token, from the raw logits
  std::int32_t top_logprobs = 0;  // 0 … 20 alternatives; needs logprobs
  bool ignore_eos = false;        // benchmarks: end-of-generation tokens do not end it
};

enum class FinishReason : std::uint8_t { none, stop, length, cancelled, error };

struct TokenLogprob {
  TokenId id;
  float logprob;
};

// What became of the next n_source_bytes of the text that the tokens decode to: n_text_bytes of the
// answer (a stop text still counted), or none of it: reasoning, tags.
struct SourceSpan {
  std::size_t n_source_bytes = 0, n_text_bytes = 0;
};

// A part of a call to a tool. Joined, the arguments are what the model wrote: a JSON object, except
// in harmony, where nothing holds the model to it.
struct ToolCallPart {
  std::int32_t call = 0;       // from 0
  std::string name = {};       // of the tool, in the part that begins the call
  std::string arguments = {};  // a piece of them
  bool begins() const { return !name.empty(); }
};

// One generated token. `text` is what became certain with it; the pieces of all events joined are
// the answer, without reasoning, calls and tags. An end-of-generation token makes no event and a
// stop text is in none. When text that was held back (it might have become a stop text or a tag) is
// released at the end, the last event has no token: id -1.
struct TokenEvent {
  TokenId id;
  std::string text;
  float logprob = 0;                       // when logprobs
  std::vector<TokenLogprob> top_logprobs;  // best first
  std::string reasoning = {};              // the same for what the model thought; before `text`
  std::vector<SourceSpan> spans = {};      // when logprobs: which tokens the answer's text is from
  std::vector<ToolCallPart> calls = {};    // usually none
};

struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;      // of the prompt, whose keys and values were reused
  std::int64_t completion_tokens = 0;  // generated, the end-of-generation token included
  std::int64_t reasoning_tokens = 0;   // of them: up to the last that gave reasoning, tags included
  std::int64_t checked_guesses = 0;    // tokens that speculation guessed and a step computed
  std::int64_t right_guesses = 0;      // of them, those that the answer then had
  double queue_s = 0;                  // submit to first work
  double prompt_s = 0;                 // first work to first token
  double decode_s = 0;                 // first token to last
};

// Texts that become vectors. LoadedModel::text_ids gives a text's tokens.
struct EmbeddingRequest {
  std::vector<std::vector<TokenId>> texts{};  // at least one text of at least one token
  std::optional<kernels::Pooling> pooling{};  // absent: as the model's file says
  // To unit length; absent: as the model's file says, and rows of Pooling::none as they are.
  std::optional<bool> normalize{};
};

struct Embeddings {
  std::int64_t d_model = 0;
  // A vector [d_model] a text; with Pooling::none [n_tokens, d_model], a row a token.
  std::vector<std::vector<float>> vectors;
};

}  // namespace hearth::engine
