// sequence.h - one request while the engine works on it. Belongs to the engine's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/answer.h"
#include "engine/answer_text.h"
#include "engine/block_pool.h"
#include "engine/prefix_index.h"
#include "engine/request.h"
#include "engine/sampler.h"
#include "engine/speculation.h"
#include "text/grammar/token_grammar.h"

namespace hearth::engine {

class TextModel;

using Clock = std::chrono::steady_clock;

struct Sequence {
  // A generation. drafter: of its guesses; null: none.
  Sequence(std::shared_ptr<const TextModel> model, Request request, std::int64_t max_tokens,
           std::unique_ptr<text::AnswerParser> parser, std::unique_ptr<Drafter> drafter,
           std::shared_ptr<Answer> answer);
  // A scoring job: every position's logits (or the last one's) go to `on_logits`, nothing is
  // sampled.
  using OnLogits = std::function<void(std::int64_t position, std::span<const float> logits)>;
  Sequence(std::shared_ptr<const TextModel> model, std::span<const TokenId> ids, bool last_only,
           OnLogits on_logits, std::shared_ptr<Answer> answer);

  // Rows that are still to be computed before the next token can be drawn.
  std::int64_t n_pending() const { return static_cast<std::int64_t>(tokens.size()) - n_computed; }
  std::int64_t n_generated() const { return static_cast<std::int64_t>(tokens.size()) - n_prompt; }
  // The most positions it may come to have; known from the start.
  std::int64_t planned_length() const { return n_prompt + max_tokens; }
  bool scores() const { return static_cast<bool>(on_logits); }
  // Whether the row at `position` needs its logits: the last one's, and those of guesses.
  bool wants_logits(std::int64_t position) const {
    const bool last = position + 1 >= static_cast<std::int64_t>(tokens.size());
    return last || (scores() && !last_only);
  }
  // What stands at `position`: a token, or behind them a guess.
  TokenId token_at(std::int64_t position) const {
    const auto at = static_cast<std::size_t>(position);
    return at < tokens.size() ? tokens[at] : draft.tokens[at - tokens.size()];
  }

  std::shared_ptr<const TextModel> model;
  Request request;
  std::int64_t n_prompt = 0;
  std::int64_t max_tokens = 0;
  std::shared_ptr<Answer> answer;
  OnLogits on_logits;
  bool last_only = false;

  std::vector<TokenId> tokens;  // prompt and answer; reserved to its bound
  std::int64_t n_computed = 0;  // tokens whose keys and values are in the cache
  std::int64_t n_chosen = 0;    // rows of it in the current step, guesses included
  Draft draft;
  std::vector<BlockId> blocks;   // reserved to its bound
  PrefixIndex::Chain chain;      // behind the last block that is in the index
  std::int64_t n_indexed = 0;    // blocks
  bool admitted_before = false;  // it runs, or was preempted and comes back
  bool finished = false;         // its answer is closed; it leaves at the end of the step

  Sampler sampler;
  std::unique_ptr<text::GrammarMatcher> matcher;  // from the first token on, with request.grammar
  AnswerText shown;                               // a scoring job's has no parser
  std::vector<TokenLogprob> top;

  Usage usage;
  Clock::time_point submitted, started, first_token, last_token;
};

}  // namespace hearth::engine
