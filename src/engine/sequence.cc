#include "engine/sequence.h"

#include <algorithm>

#include "engine/text_model.h"

namespace hearth::engine {

static std::vector<TokenId> reserved(std::span<const TokenId> ids, std::int64_t n_more) {
  std::vector<TokenId> tokens;
  tokens.reserve(ids.size() + static_cast<std::size_t>(n_more));
  tokens.assign(ids.begin(), ids.end());
  return tokens;
}

Sequence::Sequence(std::shared_ptr<const TextModel> owner, Request what, std::int64_t bound,
                   std::unique_ptr<text::AnswerParser> parser, std::unique_ptr<Drafter> drafter,
                   std::shared_ptr<Answer> channel)
    : model(std::move(owner)),
      request(std::move(what)),
      n_prompt(static_cast<std::int64_t>(request.prompt.size())),
      max_tokens(bound),
      answer(std::move(channel)),
      tokens(reserved(request.prompt, bound)),
      draft(std::move(drafter)),
      sampler(request.sampling, answer->seed(), model->n_sampled(), request.prompt),
      shown(std::move(parser), request.stop, request.logprobs, request.reading.one_call),
      top(static_cast<std::size_t>(request.top_logprobs)),
      submitted(Clock::now()) {
  blocks.reserve(static_cast<std::size_t>((n_prompt + bound) / kernels::kPage + 1));
  sampler.reserve(bound);
  shown.reserve(std::max<std::size_t>(model->tokenizer().longest_token_bytes(), 16));
}

Sequence::Sequence(std::shared_ptr<const TextModel> owner, std::span<const TokenId> ids, bool last,
                   OnLogits receiver, std::shared_ptr<Answer> channel)
    : Sequence(std::move(owner), Request{.prompt = {ids.begin(), ids.end()}}, 0, nullptr, nullptr,
               std::move(channel)) {
  on_logits = std::move(receiver);
  last_only = last;
}

}  // namespace hearth::engine
