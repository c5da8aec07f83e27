// post_completions.cc - POST /v1/completions: a text goes on, without a chat template.
//
// The prompt is the caller's own text, so control tokens in it are recognised ("<|im_start|>"), and
// the vocabulary's beginning-of-text token is put before it where the model wants one.
//
// echo with logprobs scores the prompt itself in one forward pass: n_tokens x n_vocab floats when
// alternatives are asked for, which kMaxEchoFloats bounds.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "api/completions.h"
#include "base/str.h"
#include "server/answers.h"
#include "server/requested_model.h"

namespace hearth::server {

namespace {

constexpr std::int64_t kMaxEchoFloats = std::int64_t{1} << 27;  // 512 MiB

class CompletionFormat final : public ReplyFormat {
 public:
  CompletionFormat(api::ReplyHead head, bool with_usage, std::size_t n_choices)
      : writer_{std::move(head), with_usage}, n_characters_(n_choices) {}

  std::string start(std::int32_t) override { return {}; }
  std::string delta(const Piece& piece) override {
    std::int64_t& offset = n_characters_[static_cast<std::size_t>(piece.index)];
    std::string event = writer_.delta(piece.index, piece.text, offset, piece.logprobs);
    offset += api::count_characters(piece.text);
    return event;
  }
  std::string end(std::int32_t index, std::string_view finish_reason) override {
    return writer_.end(index, finish_reason);
  }
  std::string usage(const api::UsageFields& usage) override {
    return writer_.with_usage ? writer_.usage(usage) : std::string();
  }
  std::string whole(std::vector<Piece> answers, const std::vector<std::string>& finish_reasons,
                    const api::UsageFields& usage) override {
    std::vector<api::CompletionChoice> choices;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      choices.push_back({answers[i].index, std::move(answers[i].text), finish_reasons[i],
                         std::move(answers[i].logprobs)});
    }
    return api::completion_response(writer_.head, choices, usage);
  }

 private:
  api::CompletionStreamWriter writer_;
  std::vector<std::int64_t> n_characters_;  // sent, of each choice
};

struct Prompt {
  std::vector<text::TokenId> ids;
  std::string text;         // what an echo repeats
  std::size_t n_added = 0;  // ids before the text's own
};

Result<Prompt> read_prompt(const engine::LoadedModel& model, const api::TextOrIds& given,
                           Headers& headers) {
  const text::Tokenizer& tokenizer = model.tokenizer();
  Prompt prompt;
  if (const auto* ids = std::get_if<std::vector<std::int32_t>>(&given)) {
    prompt.ids = *ids;
    for (const std::int32_t id : *ids) {
      if (id >= model.n_vocab()) {
        return Error{ErrorKind::invalid,
                     cat("'prompt' holds the token id ", id, "; ", quote(model.id()), " has ",
                         model.n_vocab(), " tokens")};
      }
    }
    prompt.text = tokenizer.decode(*ids, true);
  } else {
    prompt.text = *std::get_if<std::string>(&given);
    HEARTH_TRY(text::Encoding encoding, tokenizer.encode(prompt.text, true, {.add_special = true}));
    report_unspellable(model, encoding.n_unspellable_bytes, headers);
    prompt.ids = std::move(encoding.ids);
    const auto& spec = tokenizer.spec();
    prompt.n_added = spec.add_bos && !prompt.ids.empty() && prompt.ids.front() == spec.bos ? 1 : 0;
  }
  if (prompt.ids.empty()) {
    return Error{ErrorKind::invalid, "'prompt' has no tokens; at least one is needed"};
  }
  return prompt;
}

// The n best of a row of logits and the token that followed, as natural log-probabilities.
engine::TokenEvent score_row(const std::vector<float>& logits, text::TokenId next,
                             std::int32_t n_top) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit - largest));
  const double log_sum = static_cast<double>(largest) + std::log(sum);
  const auto logprob = [&](text::TokenId id) {
    return static_cast<float>(static_cast<double>(logits[static_cast<std::size_t>(id)]) - log_sum);
  };
  std::vector<text::TokenId> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto n = std::min(static_cast<std::ptrdiff_t>(n_top), std::ssize(order));
  std::partial_sort(order.begin(), order.begin() + n, order.end(), [&](auto a, auto b) {
    const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  });
  engine::TokenEvent event{.id = next, .text = {}, .logprob = logprob(next), .top_logprobs = {}};
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const text::TokenId id = order[static_cast<std::size_t>(i)];
    event.top_logprobs.push_back({id, logprob(id)});
  }
  return event;
}

// Events for ids[1 …].
Result<std::vector<engine::TokenEvent>> score_prompt(Service& service, const ModelPtr& model,
                                                     const std::vector<text::TokenId>& ids,
                                                     std::int32_t n_top) {
  std::vector<engine::TokenEvent> events;
  if (ids.size() < 2) return events;
  if (n_top == 0) {
    HEARTH_TRY(const std::vector<double> losses, service.engine.score(model, ids));
    for (std::size_t i = 1; i < ids.size(); ++i) {
      events.push_back({ids[i], {}, static_cast<float>(-losses[i - 1]), {}});
    }
    return events;
  }
  if (std::ssize(ids) * model->n_vocab() > kMaxEchoFloats) {
    return Error{ErrorKind::context_overflow,
                 cat("'echo' with 'logprobs' above 0 is limited to ",
                     kMaxEchoFloats / model->n_vocab(), " prompt tokens for ", quote(model->id()),
                     ", got ", ids.size(), "; ask for logprobs 0 or shorten the prompt")};
  }
  HEARTH_TRY(const std::vector<std::vector<float>> rows,
             service.engine.logits(model, ids, false, 0));
  for (std::size_t i = 1; i < ids.size(); ++i) {
    events.push_back(score_row(rows[i - 1], ids[i], n_top));
  }
  return events;
}

Result<Piece> echo_piece(Service& service, const ModelPtr& model, const Prompt& prompt,
                         std::optional<std::int32_t> n_top) {
  Piece piece{.index = 0, .text = prompt.text, .logprobs = {}};
  if (!n_top) return piece;
  HEARTH_TRY(const auto events, score_prompt(service, model, prompt.ids, *n_top));
  const text::Tokenizer& tokenizer = model->tokenizer();
  piece.logprobs.emplace();
  for (std::size_t i = prompt.n_added; i < prompt.ids.size(); ++i) {
    api::TokenLogprob entry;
    if (i > 0) entry = to_logprob(tokenizer, events[i - 1]);
    entry.scored = i > 0;
    entry.token.bytes = std::string(tokenizer.token_bytes(prompt.ids[i], true));
    piece.logprobs->push_back(std::move(entry));
  }
  return piece;
}

Result<void> add_choices(Service& service, const api::CompletionRequest& request,
                         const Prompt& prompt, AnswerJob& job) {
  std::optional<Piece> echo;
  if (request.echo) {
    HEARTH_TRY(echo, echo_piece(service, job.model, prompt, request.logprobs));
  }
  for (std::int32_t i = 0; i < request.generation.n; ++i) {
    Choice choice;
    choice.echo = echo;
    if (choice.echo) choice.echo->index = static_cast<std::int32_t>(job.choices.size());
    if (request.generation.max_tokens != 0) {
      engine::Request one = to_engine_request(request.generation, prompt.ids, i);
      one.logprobs = request.logprobs.has_value();
      one.top_logprobs = request.logprobs.value_or(0);
      HEARTH_TRY(choice.generation, service.engine.submit(job.model, std::move(one)));
    }
    job.choices.push_back(std::move(choice));
  }
  job.prompt_tokens.push_back(std::ssize(prompt.ids));
  return {};
}

}  // namespace

Reply post_completions(Service& service, const Request& http) {
  api::CompletionRequest request;
  if (auto fault = api::parse_completion_request(http.body, request)) return error_response(*fault);
  if (auto refusal = check_time_to_live(http, request.generation)) return *std::move(refusal);
  auto found = requested_model(service, request.generation.model);
  if (Reply* reply = std::get_if<Reply>(&found)) return std::move(*reply);

  AnswerJob job;
  job.model = *std::get_if<ModelPtr>(&found);
  job.metrics = &service.metrics;
  job.choices_per_prompt = request.generation.n;
  job.logprobs = request.logprobs.has_value();
  for (const api::TextOrIds& given : request.prompts) {
    const auto prompt = read_prompt(*job.model, given, job.headers);
    if (!prompt) return error_response(api::to_api_error(prompt.error(), "prompt"));
    if (auto added = add_choices(service, request, *prompt, job); !added) {
      const bool about_prompt = added.error().kind == ErrorKind::context_overflow;
      return error_response(api::to_api_error(added.error(), about_prompt ? "prompt" : ""));
    }
  }
  set_time_to_live(service, *job.model, request.generation);
  job.format = std::make_unique<CompletionFormat>(
      reply_head("cmpl-", *job.model), request.generation.include_usage, job.choices.size());
  return request.generation.stream ? stream_answers(std::move(job)) : whole_answers(std::move(job));
}

}  // namespace hearth::server
