#include "server/answers.h"

#include <ctime>

#include "base/log.h"
#include "base/str.h"

namespace hearth::server {

namespace {

// The reading end of one generation.
class ChoiceReader {
 public:
  ChoiceReader(const text::Tokenizer& tokenizer, std::int32_t index, bool logprobs, Choice choice)
      : tokenizer_(tokenizer), index_(index), logprobs_(logprobs), choice_(std::move(choice)) {}

  engine::Generation* generation() const { return choice_.generation.get(); }

  // The next piece that has any text; nullopt: nothing yet, or the end.
  std::optional<Piece> next() {
    if (choice_.echo) {
      Piece echo = *std::move(choice_.echo);
      choice_.echo.reset();
      return echo;
    }
    while (std::optional<engine::TokenEvent> event = try_next()) {
      if (logprobs_ && event->id >= 0) hold(*event);  // -1: only text that was held back
      for (const engine::SourceSpan& span : event->spans) place(span);
      n_text_bytes_ += event->text.size();
      called_ = called_ || !event->calls.empty();
      if (event->text.empty() && event->reasoning.empty() && event->calls.empty()) continue;
      Piece piece{.index = index_,
                  .text = std::move(event->text),
                  .reasoning = std::move(event->reasoning),
                  .logprobs = {},
                  .calls = std::move(event->calls)};
      if (logprobs_) piece.logprobs = release();
      return piece;
    }
    return std::nullopt;
  }

  bool ended() const { return !choice_.echo && (generation() == nullptr || generation()->done()); }

  // After the end.
  std::optional<api::ApiError> fault() const {
    if (generation() == nullptr) return std::nullopt;
    if (generation()->error()) return api::to_api_error(*generation()->error());
    const engine::FinishReason reason = generation()->finish_reason();
    if (reason == engine::FinishReason::stop || reason == engine::FinishReason::length) {
      return std::nullopt;
    }
    return api::to_api_error(
        {ErrorKind::busy, "the answer was cut short because the engine is shutting down"});
  }

  std::string_view finish_reason() const {
    if (generation() == nullptr) return "length";
    if (generation()->finish_reason() != engine::FinishReason::stop) return "length";
    return called_ ? "tool_calls" : "stop";
  }

  bool announced = false;  // its end was written

 private:
  struct Held {
    std::size_t first_byte;  // in what the tokens decode to; once placed: in the answer's text
    api::TokenLogprob entry;
  };

  std::optional<engine::TokenEvent> try_next() {
    return generation() == nullptr ? std::nullopt : generation()->try_next();
  }

  void hold(const engine::TokenEvent& event) {
    held_.push_back({n_token_bytes_, to_logprob(tokenizer_, event)});
    n_token_bytes_ += held_.back().entry.token.bytes.size();
  }

  // Tokens that begin in the span belong to the answer's text, or to none that is shown. A control
  // token spells nothing and begins no text.
  void place(const engine::SourceSpan& span) {
    const std::size_t begin = n_source_bytes_;
    n_source_bytes_ += span.n_source_bytes;
    while (!held_.empty() && held_.front().first_byte < n_source_bytes_) {
      Held held = std::move(held_.front());
      held_.pop_front();
      if (span.n_text_bytes == 0 || held.entry.token.bytes.empty()) continue;
      held.first_byte = n_placed_bytes_ + held.first_byte - begin;
      placed_.push_back(std::move(held));
    }
    n_placed_bytes_ += span.n_text_bytes;
  }

  std::vector<api::TokenLogprob> release() {
    std::vector<api::TokenLogprob> out;
    while (!placed_.empty() && placed_.front().first_byte < n_text_bytes_) {
      out.push_back(std::move(placed_.front().entry));
      placed_.pop_front();
    }
    return out;
  }

  const text::Tokenizer& tokenizer_;
  std::int32_t index_;
  bool logprobs_;
  Choice choice_;
  bool called_ = false;  // a tool
  std::deque<Held> held_, placed_;
  std::size_t n_token_bytes_ = 0, n_source_bytes_ = 0, n_placed_bytes_ = 0, n_text_bytes_ = 0;
};

// All answers of one request.
class Answers {
 public:
  explicit Answers(AnswerJob job) : job_(std::move(job)) {
    for (std::size_t i = 0; i < job_.choices.size(); ++i) {
      readers_.emplace_back(job_.model->tokenizer(), static_cast<std::int32_t>(i), job_.logprobs,
                            std::move(job_.choices[i]));
    }
  }

  // By now all has ended, or the client is gone.
  ~Answers() {
    for (const ChoiceReader& reader : readers_) {
      if (job_.metrics == nullptr || reader.generation() == nullptr) continue;
      const engine::Generation& generation = *reader.generation();
      job_.metrics->add_answer(job_.model->id(), generation.finish_reason(), generation.usage());
    }
  }
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  ReplyFormat& format() { return *job_.format; }
  std::vector<ChoiceReader>& readers() { return readers_; }
  const AnswerJob& job() const { return job_; }

  void on_ready(const std::function<void()>& wake) {
    for (ChoiceReader& reader : readers_) {
      if (reader.generation() != nullptr) reader.generation()->on_ready(wake);
    }
    wake();  // an echo is there already
  }

  void interrupt() {
    interrupted_ = true;
    for (ChoiceReader& reader : readers_) {
      if (reader.generation() != nullptr) reader.generation()->cancel();
    }
  }

  bool ended() const {
    for (const ChoiceReader& reader : readers_) {
      if (!reader.ended()) return false;
    }
    return true;
  }

  // The first fault of an answer that has ended.
  std::optional<api::ApiError> fault() const {
    if (interrupted_) {
      return api::to_api_error(
          {ErrorKind::busy, "the answer was cut short because the service is stopping"});
    }
    for (const ChoiceReader& reader : readers_) {
      if (!reader.ended()) continue;
      if (auto fault = reader.fault()) return fault;
    }
    return std::nullopt;
  }

  api::UsageFields usage() const {
    api::UsageFields usage;
    for (const std::int64_t n : job_.prompt_tokens) usage.prompt_tokens += n;
    for (std::size_t i = 0; i < readers_.size(); ++i) {
      if (readers_[i].generation() == nullptr) continue;
      const engine::Usage one = readers_[i].generation()->usage();
      usage.completion_tokens += one.completion_tokens;
      usage.reasoning_tokens += one.reasoning_tokens;
      // The other answers to the same prompt find it in the cache because of the first one.
      const bool first = i % static_cast<std::size_t>(job_.choices_per_prompt) == 0;
      if (first) usage.cached_tokens += one.cached_tokens;
    }
    return usage;
  }

 private:
  AnswerJob job_;  // its choices live in readers_, which refer to its model's tokenizer
  std::vector<ChoiceReader> readers_;
  bool interrupted_ = false;
};

class AnswerStream final : public EventStream {
 public:
  explicit AnswerStream(AnswerJob job) : answers_(std::move(job)) {
    headers = answers_.job().headers;
  }

  void on_ready(std::function<void()> wake) override { answers_.on_ready(wake); }
  void interrupt() override { answers_.interrupt(); }

  State poll(std::string& out, std::size_t max_bytes) override {
    if (!started_) start(out);
    for (ChoiceReader& reader : answers_.readers()) read(reader, out, max_bytes);
    if (auto fault = answers_.fault()) {
      out += answers_.format().fault(*fault);
      return State::done;
    }
    if (out.size() >= max_bytes) return State::more;
    if (!answers_.ended()) return State::waiting;
    out += answers_.format().usage(answers_.usage());
    out += api::kSseDone;
    return State::done;
  }

 private:
  void start(std::string& out) {
    started_ = true;
    for (std::size_t i = 0; i < answers_.readers().size(); ++i) {
      out += answers_.format().start(static_cast<std::int32_t>(i));
    }
  }

  void read(ChoiceReader& reader, std::string& out, std::size_t max_bytes) {
    const auto index = static_cast<std::int32_t>(&reader - answers_.readers().data());
    while (out.size() < max_bytes) {
      const std::optional<Piece> piece = reader.next();
      if (!piece) break;
      out += answers_.format().delta(*piece);
    }
    if (reader.announced || !reader.ended() || reader.fault()) return;
    reader.announced = true;
    out += answers_.format().end(index, reader.finish_reason());
  }

  Answers answers_;
  bool started_ = false;
};

class WholeAnswers final : public LateResponse {
 public:
  explicit WholeAnswers(AnswerJob job) : answers_(std::move(job)) {
    for (std::size_t i = 0; i < answers_.readers().size(); ++i) {
      Piece& piece = pieces_.emplace_back();
      piece.index = static_cast<std::int32_t>(i);
      if (answers_.job().logprobs) piece.logprobs.emplace();
    }
  }

  void on_ready(std::function<void()> wake) override { answers_.on_ready(wake); }
  void interrupt() override { answers_.interrupt(); }

  std::optional<Response> poll() override {
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      while (std::optional<Piece> piece = answers_.readers()[i].next()) append(pieces_[i], *piece);
    }
    if (auto fault = answers_.fault()) return error_response(*fault);
    if (!answers_.ended()) return std::nullopt;
    std::vector<std::string> finish_reasons;
    for (const ChoiceReader& reader : answers_.readers()) {
      finish_reasons.emplace_back(reader.finish_reason());
    }
    Response response = json_response(
        answers_.format().whole(std::move(pieces_), finish_reasons, answers_.usage()));
    const Headers& more = answers_.job().headers;
    response.headers.insert(response.headers.end(), more.begin(), more.end());
    return response;
  }

 private:
  static void append(Piece& whole, Piece& piece) {
    whole.text += piece.text;
    whole.reasoning += piece.reasoning;
    for (engine::ToolCallPart& part : piece.calls) {
      if (part.begins()) {
        whole.calls.push_back(std::move(part));
      } else {
        whole.calls.back().arguments += part.arguments;
      }
    }
    if (!whole.logprobs || !piece.logprobs) return;
    for (api::TokenLogprob& entry : *piece.logprobs) whole.logprobs->push_back(std::move(entry));
  }

  Answers answers_;
  std::vector<Piece> pieces_;
};

void hash(std::uint64_t& state, std::string_view bytes) {  // FNV-1a
  for (const char c : bytes) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
}

}  // namespace

Reply stream_answers(AnswerJob job) {
  return std::unique_ptr<EventStream>(std::make_unique<AnswerStream>(std::move(job)));
}

Reply whole_answers(AnswerJob job) {
  return std::unique_ptr<LateResponse>(std::make_unique<WholeAnswers>(std::move(job)));
}

engine::Request to_engine_request(const api::GenerationFields& fields,
                                  std::vector<text::TokenId> prompt, std::int32_t choice) {
  engine::Request request;
  request.prompt = std::move(prompt);
  engine::SamplingParams& sampling = request.sampling;
  sampling.temperature = fields.temperature;
  sampling.top_k = fields.top_k;
  sampling.top_p = fields.top_p;
  if (fields.top_p == 0) {  // the smallest set of tokens that holds no probability is the best one
    sampling.top_k = 1;
    sampling.top_p = 1;
  }
  sampling.min_p = fields.min_p;
  sampling.typical_p = fields.typical_p;
  sampling.repetition_penalty = fields.repetition_penalty;
  sampling.presence_penalty = fields.presence_penalty;
  sampling.frequency_penalty = fields.frequency_penalty;
  for (const auto& [token, bias] : fields.logit_bias) {
    sampling.logit_bias.emplace_back(token, static_cast<float>(bias));
  }
  if (fields.seed) {
    sampling.seed = static_cast<std::uint64_t>(*fields.seed) + static_cast<std::uint64_t>(choice);
  }
  request.max_tokens = fields.max_tokens;
  request.stop = fields.stop;
  request.ignore_eos = fields.ignore_eos;
  return request;
}

api::TokenLogprob to_logprob(const text::Tokenizer& tokenizer, const engine::TokenEvent& event) {
  api::TokenLogprob out;
  out.token = {std::string(tokenizer.token_bytes(event.id, false)), event.logprob};
  for (const engine::TokenLogprob& other : event.top_logprobs) {
    // An alternative may be a control token, such as the end: it is shown by name.
    const std::string_view bytes = tokenizer.token_bytes(other.id, other.id != event.id);
    out.top.push_back({std::string(bytes), other.logprob});
  }
  return out;
}

void report_unspellable(const engine::LoadedModel& model, std::size_t n_bytes, Headers& headers) {
  if (n_bytes == 0) return;
  headers.emplace_back("x-hearth-unspellable-bytes", cat(n_bytes));
  log_warn(cat("the vocabulary of ", quote(model.id()), " cannot spell ", n_bytes,
               " bytes of a prompt: they are replaced by its unknown token, or left out"));
}

std::string fingerprint(const engine::LoadedModel& model) {
  std::uint64_t state = 0xcbf29ce484222325ULL;
  hash(state, model.id());
  hash(state, model.checkpoint().architecture);
  hash(state, cat(model.checkpoint().file_bytes, " ", model.n_vocab(), " ", model.context()));
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "fp_";
  for (int shift = 60; shift >= 20; shift -= 4) out.push_back(kHex[(state >> shift) & 15]);
  return out;
}

api::ReplyHead reply_head(std::string_view id_prefix, const engine::LoadedModel& model) {
  return {cat(id_prefix, random_hex(24)), static_cast<std::int64_t>(std::time(nullptr)), model.id(),
          fingerprint(model)};
}

}  // namespace hearth::server
