#include "engine/stepper.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/seconds.h"
#include "base/str.h"

namespace hearth::engine {

using kernels::kPage;

namespace {

Error unusable_logits(const TextModel& model) {
  return {ErrorKind::corrupt,
          cat("[engine] model ", quote(model.id()),
              " computed no usable logits (not a number); its file is damaged or its weights "
              "overflow")};
}

}  // namespace

Stepper::Stepper(const EngineOptions& options) : options_(options) {
  const auto max_batch = static_cast<std::size_t>(options.max_batch);
  const std::size_t n_rows = max_batch + static_cast<std::size_t>(options.prefill_chunk);
  row_tokens_.reserve(n_rows);
  row_positions_.reserve(n_rows);
  output_rows_.reserve(max_batch + kScoredRows);
  sequence_rows_.reserve(n_rows);
  shares_.reserve(n_rows);
}

void Stepper::step(const TextModel& model, StepCounters& counters) {
  TextModel::Compute& c = model.compute();
  drop_cancelled(c);
  admit(model, counters);
  choose_rows(c);
  if (!shares_.empty()) {
    const Clock::time_point start = Clock::now();
    const kernels::Batch batch{row_tokens_, row_positions_, sequence_rows_, output_rows_};
    c.ops->begin(batch);
    model.model().forward(batch, *c.ops);
    for (Share& share : shares_) settle(model, share, counters);
    const auto n_rows = static_cast<std::int64_t>(row_tokens_.size());
    if (n_rows == n_decoding_ + n_guesses_) {
      c.times.add(n_decoding_, n_guesses_, seconds(start, Clock::now()));
    }
  }
  remove_finished(c);
}

void Stepper::drop_cancelled(TextModel::Compute& c) {
  const auto gone = [](const std::unique_ptr<Sequence>& s) { return s->answer->cancelled(); };
  for (const auto& s : c.running) {
    if (gone(s)) finish(c, *s, FinishReason::cancelled);
  }
  for (const auto& s : c.waiting) {
    if (gone(s)) finish(c, *s, FinishReason::cancelled);
  }
  std::erase_if(c.waiting, gone);
  remove_finished(c);
}

void Stepper::admit(const TextModel& model, StepCounters& counters) {
  TextModel::Compute& c = model.compute();
  while (!c.waiting.empty() && static_cast<std::int32_t>(c.running.size()) < options_.max_batch) {
    Sequence& s = *c.waiting.front();
    // The last token's logits are wanted, so at least its row is computed.
    const bool reuse = !s.scores();
    // What keys depend on besides the tokens: the factors that LongRoPE chooses for this length.
    const std::int64_t long_from = model.model().info().long_from;
    const std::uint64_t salt = long_from > 0 && s.planned_length() > long_from ? 1 : 0;
    s.chain = c.index->root(salt);
    if (reuse) c.index->match(salt, std::span(s.tokens).first(s.tokens.size() - 1), s.blocks);
    // Room for the whole prompt and a token more, so that nobody is admitted to be preempted at
    // once.
    const auto n_needed = static_cast<std::int64_t>(s.tokens.size()) / kPage + 1;
    std::int64_t n_free = c.blocks->n_available();
    for (const BlockId b : s.blocks) n_free -= c.blocks->references(b) == 0 ? 1 : 0;
    if (n_needed - static_cast<std::int64_t>(s.blocks.size()) > n_free && !c.running.empty()) {
      s.blocks.clear();
      return;
    }
    for (const BlockId b : s.blocks) c.blocks->retain(b);
    s.n_computed = static_cast<std::int64_t>(s.blocks.size()) * kPage;
    s.n_indexed = 0;
    index_full_blocks(c, s);
    if (!s.admitted_before) {
      s.started = Clock::now();
      s.usage.cached_tokens = s.n_computed;
      counters.cached_tokens += static_cast<std::uint64_t>(s.n_computed);
      counters.prompt_tokens += static_cast<std::uint64_t>(s.n_prompt);
    }
    s.admitted_before = true;
    c.running.push_back(std::move(c.waiting.front()));
    c.waiting.pop_front();
  }
}

// Decoding sequences come first: a long prompt beside them slows them down, but never stops them.
void Stepper::choose_rows(TextModel::Compute& c) {
  for (const auto& s : c.running) {
    s->n_chosen = 0;
    s->draft.forget();
  }
  // Preemption takes from the back, so an index stays valid while it is below the size.
  for (std::size_t i = 0; i < c.running.size(); ++i) {
    if (c.running[i]->n_pending() == 1) choose(c, *c.running[i], 1);
  }
  std::int64_t prompt_rows = options_.prefill_chunk, scored_rows = kScoredRows;
  for (std::size_t i = 0; i < c.running.size() && prompt_rows > 0; ++i) {
    Sequence& s = *c.running[i];
    if (s.n_pending() <= 1) continue;
    const bool every_row = s.scores() && !s.last_only;
    const std::int64_t n =
        std::min({prompt_rows, s.n_pending(), every_row ? scored_rows : prompt_rows});
    if (n == 0 || !choose(c, s, n)) continue;
    prompt_rows -= n;
    if (every_row) scored_rows -= n;
  }
  n_decoding_ = n_guesses_ = 0;
  for (const auto& s : c.running) n_decoding_ += s->n_chosen == 1 && s->n_pending() == 1 ? 1 : 0;
  if (prompt_rows == options_.prefill_chunk) choose_guesses(c);
  collect_rows(c);
}

// Gives a sequence the blocks for its next n rows; false when it had to give way instead.
bool Stepper::choose(TextModel::Compute& c, Sequence& s, std::int64_t n) {
  while (static_cast<std::int64_t>(s.blocks.size()) * kPage < s.n_computed + n) {
    if (const auto block = c.blocks->allocate()) {
      s.blocks.push_back(*block);
      continue;
    }
    const bool gives_way = c.running.back().get() == &s;
    preempt_youngest(c);
    if (gives_way) return false;
  }
  s.n_chosen = n;
  return true;
}

// Guessed tokens behind those of the sequences that decode; the oldest's first.
void Stepper::choose_guesses(TextModel::Compute& c) {
  if (options_.speculation == Speculation::off || n_decoding_ >= kSpeculatedRows) return;
  const bool always = options_.speculation == Speculation::always;
  const std::optional<double> row_share = c.times.row_share(n_decoding_);
  std::int64_t room = std::min<std::int64_t>(kSpeculatedRows - n_decoding_, options_.prefill_chunk);
  double expected = static_cast<double>(n_decoding_), cost = 1;
  for (const auto& running : c.running) {
    Sequence& s = *running;
    if (s.n_chosen == 0 || s.scores()) continue;
    s.draft.propose(s.tokens, std::min(room, s.max_tokens - s.n_generated() - 1));
    std::int64_t n = 0;
    if (always) {
      n = static_cast<std::int64_t>(s.draft.tokens.size());
    } else if (row_share) {
      n = worth_checking(s.draft, *row_share, expected, cost);
    }
    check_guesses(c, s, n);
    room -= s.draft.n_checked;
  }
}

// Gives a sequence rows for n guesses, fewer where their blocks would have to be taken from others.
void Stepper::check_guesses(TextModel::Compute& c, Sequence& s, std::int64_t n) {
  const auto n_rows = [&s] {
    return static_cast<std::int64_t>(s.blocks.size()) * kPage - s.n_computed;
  };
  while (n_rows() < 1 + n) {
    const auto block = c.blocks->allocate();
    if (!block) break;
    s.blocks.push_back(*block);
  }
  s.draft.n_checked = std::min(n, n_rows() - 1);
  s.n_chosen += s.draft.n_checked;
  n_guesses_ += s.draft.n_checked;
}

void Stepper::collect_rows(TextModel::Compute& c) {
  row_tokens_.clear();
  row_positions_.clear();
  output_rows_.clear();
  sequence_rows_.clear();
  shares_.clear();
  for (const auto& running : c.running) {
    Sequence& s = *running;
    if (s.n_chosen == 0) continue;
    const auto first_row = static_cast<std::int32_t>(row_tokens_.size());
    const auto first_output = static_cast<std::int32_t>(output_rows_.size());
    for (std::int64_t position = s.n_computed; position < s.n_computed + s.n_chosen; ++position) {
      if (s.wants_logits(position))
        output_rows_.push_back(static_cast<std::int32_t>(row_tokens_.size()));
      row_tokens_.push_back(s.token_at(position));
      row_positions_.push_back(static_cast<std::int32_t>(position));
    }
    const auto n_rows = static_cast<std::int32_t>(s.n_chosen);
    sequence_rows_.push_back({first_row, n_rows, static_cast<std::int32_t>(s.n_computed),
                              s.blocks.data(), s.planned_length()});
    shares_.push_back(
        {&s, n_rows, first_output, static_cast<std::int32_t>(output_rows_.size()) - first_output});
  }
}

// Back to the front of the queue, without its blocks and with its tokens.
void Stepper::preempt_youngest(TextModel::Compute& c) {
  CHECK(c.running.size() > 1, "a request that does not fit alone is refused at submit");
  Sequence& s = *c.running.back();
  release_blocks(c, s);
  s.n_computed = 0;
  c.waiting.push_front(std::move(c.running.back()));
  c.running.pop_back();
}

// Last to first, so that the end of a cached chain is evicted before the beginning it needs.
void Stepper::release_blocks(TextModel::Compute& c, Sequence& s) {
  while (!s.blocks.empty()) {
    c.blocks->release(s.blocks.back());
    s.blocks.pop_back();
  }
}

void Stepper::index_full_blocks(TextModel::Compute& c, Sequence& s) {
  while ((s.n_indexed + 1) * kPage <= s.n_computed) {
    const auto block = static_cast<std::size_t>(s.n_indexed);
    const auto tokens = std::span(s.tokens).subspan(block * kPage, kPage);
    c.index->insert(s.chain, tokens, s.blocks[block]);
    ++s.n_indexed;
  }
}

void Stepper::settle(const TextModel& model, Share& share, StepCounters& counters) {
  TextModel::Compute& c = model.compute();
  Sequence& s = *share.sequence;
  const std::int64_t first_position = s.n_computed;
  // A guess counts when it has become a token.
  s.n_computed += share.n_rows - s.draft.n_checked;
  index_full_blocks(c, s);
  if (share.n_outputs == 0) return;
  const Rows<float> logits = c.ops->rows(model.model().logits());
  if (!s.scores()) return draw_all(model, share, logits, counters);
  const auto n_vocab = static_cast<std::size_t>(model.n_vocab());
  const std::int64_t first_wanted = first_position + share.n_rows - share.n_outputs;
  for (std::int32_t i = 0; i < share.n_outputs; ++i) {
    s.on_logits(first_wanted + i, {logits.row(share.first_output + i), n_vocab});
  }
  if (s.n_pending() == 0) finish(c, s, FinishReason::stop);
}

// The token behind the last, and as long as it is the guessed one, the token behind the guess.
void Stepper::draw_all(const TextModel& model, const Share& share, Rows<float> logits,
                       StepCounters& counters) {
  Sequence& s = *share.sequence;
  s.usage.checked_guesses += s.draft.n_checked;
  std::int32_t i = 0;
  draw(model, s, logits.row(share.first_output), counters);
  while (!s.finished && s.draft.confirms(i, s.tokens.back())) {
    ++s.n_computed;
    ++s.usage.right_guesses;
    index_full_blocks(model.compute(), s);
    ++i;
    draw(model, s, logits.row(share.first_output + i), counters);
  }
}

// One token, within the grammar if there is one.
Result<SampledToken> Stepper::sample(const TextModel& model, Sequence& s,
                                     std::span<const float> logits) {
  TextModel::Compute& c = model.compute();
  SampleOptions options{.logprob = s.request.logprobs, .top = s.top, .allowed = {}};
  const bool is_greedy = s.request.sampling.temperature == 0;
  if (!s.request.grammar || is_greedy) {
    // The likeliest token of all, if it is allowed, is the likeliest of those that are; asking
    // about one token costs a hundredth of a mask.
    const SampledToken token = s.sampler.sample(logits, c.scratch, options);
    if (!token.ok()) return unusable_logits(model);
    if (!s.request.grammar || s.matcher->allows(token.id)) return token;
  }
  const auto allowed = s.matcher->allowed();
  if (!allowed) {
    return Error{ErrorKind::unsupported,
                 "the form that was asked for is too ambiguous to be held to; simplify it"};
  }
  options.allowed = *allowed;
  const SampledToken token = s.sampler.sample(logits, c.scratch, options);
  const bool allows_none = std::ranges::all_of(*allowed, [](std::uint64_t w) { return w == 0; });
  if (!token.ok() && !allows_none) return unusable_logits(model);
  if (!token.ok()) {
    return Error{ErrorKind::unsupported,
                 "the model's vocabulary cannot write what the form that was asked for wants next"};
  }
  return token;
}

void Stepper::draw(const TextModel& model, Sequence& s, const float* logits,
                   StepCounters& counters) {
  TextModel::Compute& c = model.compute();
  const std::span<const float> row(logits, static_cast<std::size_t>(model.n_sampled()));
  if (s.request.grammar && !s.matcher) {
    s.matcher = std::make_unique<text::GrammarMatcher>(
        c.grammars.find(s.request.grammar, model.grammar_vocabulary()));
  }
  const Result<SampledToken> sampled = sample(model, s, row);
  const Clock::time_point now = Clock::now();
  if (s.n_generated() == 0) s.first_token = now;
  s.last_token = now;
  if (!sampled) return finish(c, s, FinishReason::error, sampled.error());
  const SampledToken token = *sampled;
  if (s.matcher) s.matcher->accept(token.id);
  ++counters.generated_tokens;
  s.sampler.accept(token.id);
  s.tokens.push_back(token.id);

  const bool ends = !s.request.ignore_eos && model.tokenizer().is_end_of_generation(token.id);
  const bool full = s.n_generated() >= s.max_tokens;
  s.shown.clear();
  if (!ends) s.shown.push(token.id);
  if (ends || full) s.shown.finish(ends ? std::optional(token.id) : std::nullopt);
  const bool stopped = s.shown.stopped();
  const Answer::Piece piece{s.shown.text(), s.shown.reasoning(), s.shown.spans(), s.shown.calls()};
  if (!ends) {
    const auto n_top = static_cast<std::size_t>(token.n_top);
    s.answer->push(token.id, token.logprob, std::span<const TokenLogprob>(s.top).first(n_top),
                   piece);
  } else if (!s.shown.empty()) {
    s.answer->push(-1, 0, {}, piece);
  }
  if (ends || stopped) return finish(c, s, FinishReason::stop);
  if (full) finish(c, s, FinishReason::length);
}

void Stepper::finish(TextModel::Compute& c, Sequence& s, FinishReason reason,
                     std::optional<Error> error) {
  release_blocks(c, s);
  s.usage.prompt_tokens = s.n_prompt;
  s.usage.completion_tokens = s.n_generated();
  s.usage.reasoning_tokens = s.shown.n_reasoning_tokens();
  const Clock::time_point now = Clock::now();
  const bool was_admitted = s.admitted_before;
  s.usage.queue_s = seconds(s.submitted, was_admitted ? s.started : now);
  if (was_admitted) {
    const Clock::time_point first = s.n_generated() > 0 ? s.first_token : now;
    s.usage.prompt_s = seconds(s.started, first);
    s.usage.decode_s = s.n_generated() > 0 ? seconds(s.first_token, s.last_token) : 0;
  }
  s.answer->finish(reason, s.usage, std::move(error));
  s.finished = true;
}

void Stepper::remove_finished(TextModel::Compute& c) {
  std::erase_if(c.running, [](const std::unique_ptr<Sequence>& s) { return s->finished; });
}

}  // namespace hearth::engine
