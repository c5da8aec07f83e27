// engine.cc - the Engine: loaded models, the queue of submitted sequences, and the thread that
// steps them.
#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/str.h"
#include "engine/answer.h"
#include "engine/embedding_job.h"
#include "engine/memory.h"
#include "engine/stepper.h"
#include "engine/text_model.h"

namespace hearth::engine {

namespace {

class AnswerReader final : public Generation {
 public:
  explicit AnswerReader(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
  ~AnswerReader() override {
    answer_->on_ready({});
    answer_->cancel();
  }
  std::optional<TokenEvent> next() override { return answer_->read(true); }
  std::optional<TokenEvent> try_next() override { return answer_->read(false); }
  bool done() const override { return answer_->done(); }
  void on_ready(std::function<void()> callback) override { answer_->on_ready(std::move(callback)); }
  void cancel() override { answer_->cancel(); }
  FinishReason finish_reason() const override { return answer_->finish_reason(); }
  Usage usage() const override { return answer_->usage(); }
  const std::optional<Error>& error() const override { return answer_->error(); }
  std::uint64_t seed() const override { return answer_->seed(); }

 private:
  std::shared_ptr<Answer> answer_;
};

class EmbeddingReader final : public Embedding {
 public:
  explicit EmbeddingReader(std::shared_ptr<EmbeddingJob> job) : job_(std::move(job)) {}
  ~EmbeddingReader() override {
    job_->answer->on_ready({});
    job_->answer->cancel();
  }
  bool done() const override { return job_->answer->done(); }
  Result<Embeddings> take() override {
    job_->answer->read(true);
    if (job_->answer->finish_reason() != FinishReason::stop) {
      return job_->answer->error().value_or(
          Error{ErrorKind::cancelled, "the request for embeddings was cancelled"});
    }
    return Embeddings{job_->model->model().info().d_model, std::move(job_->vectors)};
  }
  void on_ready(std::function<void()> callback) override {
    job_->answer->on_ready(std::move(callback));
  }
  void cancel() override { job_->answer->cancel(); }
  Usage usage() const override { return job_->answer->usage(); }

 private:
  std::shared_ptr<EmbeddingJob> job_;
};

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

// The answer's text is bounded by its tokens' longest spelling; beyond this it grows as it is
// written.
constexpr std::size_t kMostReservedText = std::size_t{8} << 20;

// Weights that lie in a file's pages move to huge ones (kernels/cpu/cpu_ops.h): this much at a time
// while nothing is asked for, which a request waits for at most; and this much beside each step, a
// tenth of a step's time, so that an answer of any length ends up at full speed.
constexpr std::int64_t kSettleIdle = std::int64_t{16} << 20;
constexpr std::int64_t kSettleStep = std::int64_t{4} << 20;
// What others may need meanwhile.
constexpr std::uint64_t kMemoryLeft = std::uint64_t{1} << 30;

class EngineImpl final : public Engine {
 public:
  explicit EngineImpl(const EngineOptions& options)
      : options_(options),
        pool_(thread_count(options)),
        budget_bytes_(options.memory_budget_bytes > 0 ? options.memory_budget_bytes
                                                      : available_memory() / 100 * 95),
        stepper_(options),
        encoder_stepper_(options),
        thread_([this] { run(); }) {}

  ~EngineImpl() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      closed_ = true;
    }
    wake_.notify_all();
    settled_.notify_all();
    thread_.join();
  }

  Result<std::shared_ptr<const LoadedModel>> load(const std::string& id, const std::string& path,
                                                  const LoadOptions& options) override {
    const std::lock_guard one_at_a_time(load_mutex_);
    if (auto loaded = find(id)) return loaded;
    LoadSettings settings{.options = options,
                          .free_bytes = 0,
                          .max_batch = options_.max_batch,
                          .prefill_chunk = options_.prefill_chunk,
                          .packed_folder = options_.packed_folder,
                          .packed_least_bytes = options_.packed_least_bytes};
    while (true) {
      settings.free_bytes = budget_bytes_ - std::min(budget_bytes_, bytes_in_use());
      Result<std::shared_ptr<TextModel>> model = TextModel::load(id, path, settings, pool_);
      if (model) {
        const std::lock_guard lock(mutex_);
        models_.push_back({*model, Clock::now()});
        if ((*model)->compute().unsettled) wake_.notify_all();
        return std::shared_ptr<const LoadedModel>(*model);
      }
      if (model.error().kind != ErrorKind::too_large || !unload_least_recent())
        return model.error();
    }
  }

  std::shared_ptr<const LoadedModel> find(std::string_view id) const override {
    const std::lock_guard lock(mutex_);
    for (const Entry& e : models_) {
      if (e.model->id() == id) {
        e.last_used = Clock::now();
        return e.model;
      }
    }
    return nullptr;
  }

  std::vector<std::shared_ptr<const LoadedModel>> loaded() const override {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const LoadedModel>> all;
    for (const Entry& e : models_) all.push_back(e.model);
    return all;
  }

  void wait_settled(const LoadedModel& model) override {
    std::unique_lock lock(mutex_);
    settled_.wait(lock, [&] {
      return stopping_ || std::none_of(models_.begin(), models_.end(), [&](const Entry& e) {
               return e.model.get() == &model && e.model->compute().unsettled;
             });
    });
  }

  Result<void> unload(std::string_view id) override {
    const std::lock_guard lock(mutex_);
    const auto at = find_entry(id);
    if (at == models_.end()) return not_loaded(id);
    models_.erase(at);
    settled_.notify_all();
    return {};
  }

  void set_time_to_live(std::chrono::seconds ttl) override {
    {
      const std::lock_guard lock(mutex_);
      time_to_live_ = ttl;
    }
    wake_.notify_all();
  }

  Result<void> set_time_to_live(std::string_view id, std::chrono::seconds ttl) override {
    {
      const std::lock_guard lock(mutex_);
      const auto at = find_entry(id);
      if (at == models_.end()) return not_loaded(id);
      at->time_to_live = ttl;
      at->last_used = Clock::now();
    }
    wake_.notify_all();
    return {};
  }

  Result<std::unique_ptr<Generation>> submit(std::shared_ptr<const LoadedModel> model,
                                             Request request) override {
    auto text_model = std::static_pointer_cast<const TextModel>(std::move(model));
    HEARTH_TRY_VOID(check_generates(*text_model));
    HEARTH_TRY_VOID(validate(request, text_model->n_vocab()));
    HEARTH_TRY(const std::int64_t max_tokens,
               bounded_length(*text_model, request.prompt.size(), request.max_tokens));
    const std::size_t text_bytes =
        std::min(kMostReservedText, static_cast<std::size_t>(max_tokens + 1) *
                                        text_model->tokenizer().longest_token_bytes());
    HEARTH_TRY(auto parser,
               text::make_answer_parser(text_model->tokenizer(),
                                        {request.reading.reasoning, request.reading.tools},
                                        request.reading.thinking_is_open));
    auto answer = std::make_shared<Answer>(Answer::Bounds{.max_tokens = max_tokens,
                                                          .text_bytes = text_bytes,
                                                          .n_top = request.top_logprobs,
                                                          .with_spans = request.logprobs},
                                           request.sampling.seed.value_or(random_seed()));
    auto drafter = make_drafter(static_cast<std::int64_t>(request.prompt.size()) + max_tokens);
    // On the caller's thread: the engine's has answers to give.
    if (request.grammar) text_model->grammar_vocabulary();
    HEARTH_TRY_VOID(enqueue(
        incoming_, std::make_unique<Sequence>(text_model, std::move(request), max_tokens,
                                              std::move(parser), std::move(drafter), answer)));
    return std::unique_ptr<Generation>(std::make_unique<AnswerReader>(answer));
  }

  Result<std::vector<std::vector<float>>> logits(std::shared_ptr<const LoadedModel> model,
                                                 std::span<const TokenId> ids, bool last_only,
                                                 std::int64_t planned_length) override {
    if (planned_length != 0 && planned_length < static_cast<std::int64_t>(ids.size())) {
      return Error{ErrorKind::invalid,
                   cat("a planned length of ", planned_length, " for ", ids.size(),
                       " tokens; it must be at least their number")};
    }
    if (planned_length > model->context()) return overflow(planned_length, 0, model->context());
    std::vector<std::vector<float>> rows;
    HEARTH_TRY_VOID(score_positions(std::move(model), ids, last_only,
                                    [&rows](std::int64_t, std::span<const float> row) {
                                      rows.emplace_back(row.begin(), row.end());
                                    }));
    return rows;
  }

  Result<std::vector<double>> score(std::shared_ptr<const LoadedModel> model,
                                    std::span<const TokenId> ids) override {
    std::vector<double> nll;
    HEARTH_TRY_VOID(score_positions(
        std::move(model), ids, false, [&](std::int64_t position, std::span<const float> row) {
          const auto next = static_cast<std::size_t>(position) + 1;
          if (next >= ids.size()) return;
          const float largest = *std::max_element(row.begin(), row.end());
          double sum = 0;
          for (const float x : row) sum += std::exp(double{x} - double{largest});
          nll.push_back(std::log(sum) + double{largest} -
                        double{row[static_cast<std::size_t>(ids[next])]});
        }));
    return nll;
  }

  Result<std::unique_ptr<Embedding>> embed(std::shared_ptr<const LoadedModel> model,
                                           EmbeddingRequest request) override {
    auto text_model = std::static_pointer_cast<const TextModel>(std::move(model));
    HEARTH_TRY_VOID(check_embeds(*text_model));
    HEARTH_TRY_VOID(validate(request, text_model->n_vocab()));
    HEARTH_TRY_VOID(check_lengths(request, text_model->context()));
    const models::ModelInfo& info = text_model->model().info();
    const auto pooling = request.pooling ? request.pooling : info.pooling;
    if (!pooling) {
      return Error{ErrorKind::unsupported,
                   cat("the file of model ", quote(text_model->id()),
                       " does not say how its token vectors become one; ask for a pooling: mean, "
                       "first or last")};
    }
    auto job = std::make_shared<EmbeddingJob>();
    job->model = text_model;
    job->pooling = *pooling;
    job->normalize =
        request.normalize.value_or(info.normalize && *pooling != kernels::Pooling::none);
    job->request = std::move(request);
    HEARTH_TRY_VOID(enqueue(incoming_jobs_, job));
    return std::unique_ptr<Embedding>(std::make_unique<EmbeddingReader>(std::move(job)));
  }

  EngineStats stats() const override {
    const std::lock_guard lock(mutex_);
    EngineStats s = stats_;
    s.queued += static_cast<std::int64_t>(n_incoming());
    return s;
  }

  std::vector<ModelStats> model_stats() const override {
    const std::lock_guard lock(mutex_);
    return model_stats_;
  }

  int n_threads() const override { return pool_.n_threads(); }

  void shut_down(std::chrono::milliseconds grace) override {
    std::unique_lock lock(mutex_);
    closed_ = true;
    idle_.wait_for(lock, grace, [this] { return n_unfinished_ == 0; });
    stopping_ = true;
    lock.unlock();
    wake_.notify_all();
    settled_.notify_all();
  }

 private:
  struct Entry {
    std::shared_ptr<const TextModel> model;
    mutable Clock::time_point last_used;
    std::optional<std::chrono::seconds> time_to_live = {};  // absent: that of all models
  };

  // Holds mutex_.
  std::vector<Entry>::iterator find_entry(std::string_view id) {
    return std::find_if(models_.begin(), models_.end(),
                        [id](const Entry& e) { return e.model->id() == id; });
  }

  static Error not_loaded(std::string_view id) {
    return {ErrorKind::not_found, cat("model ", quote(id), " is not loaded")};
  }

  static Error overflow(std::int64_t n_prompt, std::int64_t max_tokens, std::int64_t context) {
    return {ErrorKind::context_overflow,
            cat("This model's maximum context length is ", context, " tokens. The prompt has ",
                n_prompt, " tokens",
                max_tokens > 0 ? cat(" and ", max_tokens, " more were asked for as answer") : "",
                ". Shorten the prompt or the answer.")};
  }

  static Result<std::int64_t> bounded_length(const TextModel& model, std::size_t n,
                                             std::int32_t max_tokens) {
    const auto n_prompt = static_cast<std::int64_t>(n);
    const std::int64_t room = model.context() - n_prompt;
    if (room < 1 || max_tokens > room) {
      return overflow(n_prompt, std::max(max_tokens, 1), model.context());
    }
    return max_tokens < 0 ? room : std::int64_t{max_tokens};
  }

  static Result<void> check_lengths(const EmbeddingRequest& request, std::int64_t context) {
    for (std::size_t i = 0; i < request.texts.size(); ++i) {
      const auto n = static_cast<std::int64_t>(request.texts[i].size());
      if (n <= context) continue;
      return Error{ErrorKind::context_overflow,
                   cat("This model's maximum context length is ", context, " tokens. Text ", i,
                       " has ", n, " tokens. Shorten or divide it.")};
    }
    return {};
  }

  std::unique_ptr<Drafter> make_drafter(std::int64_t most_tokens) const {
    if (options_.speculation == Speculation::off) return nullptr;
    if (options_.make_drafter) return options_.make_drafter(most_tokens);
    return std::make_unique<NgramDrafter>(most_tokens);
  }

  std::size_t n_incoming() const { return incoming_.size() + incoming_jobs_.size(); }

  // Hands a request (what has a model) to the engine's thread.
  template <class Work>
  Result<void> enqueue(std::vector<Work>& incoming, Work work) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return Error{ErrorKind::busy, "the engine is shutting down"};
      if (n_incoming() + static_cast<std::size_t>(stats_.queued) >= options_.max_queue) {
        return Error{ErrorKind::busy, cat("the queue is full: ", options_.max_queue,
                                          " requests wait already. Try again shortly.")};
      }
      for (Entry& e : models_) {
        if (e.model == work->model) e.last_used = Clock::now();
      }
      incoming.push_back(std::move(work));
      ++n_unfinished_;
    }
    wake_.notify_all();
    return {};
  }

  Result<void> score_positions(std::shared_ptr<const LoadedModel> model,
                               std::span<const TokenId> ids, bool last_only,
                               Sequence::OnLogits on_logits) {
    auto text_model = std::static_pointer_cast<const TextModel>(std::move(model));
    HEARTH_TRY_VOID(check_generates(*text_model));
    HEARTH_TRY_VOID(validate(Request{.prompt = {ids.begin(), ids.end()}}, text_model->n_vocab()));
    if (static_cast<std::int64_t>(ids.size()) > text_model->context()) {
      return overflow(static_cast<std::int64_t>(ids.size()), 0, text_model->context());
    }
    auto answer = std::make_shared<Answer>(Answer::Bounds{}, 0);
    HEARTH_TRY_VOID(enqueue(incoming_, std::make_unique<Sequence>(text_model, ids, last_only,
                                                                  std::move(on_logits), answer)));
    answer->read(true);
    if (answer->finish_reason() == FinishReason::stop) return {};
    return answer->error().value_or(Error{ErrorKind::cancelled, "the engine was shut down"});
  }

  std::uint64_t bytes_in_use() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t sum = 0;
    for (const Entry& e : models_) sum += e.model->memory().total();
    return sum;
  }

  // Whether nobody beside the engine and the scheduler's list holds or uses it. Holds mutex_.
  bool is_idle(const Entry& e) const {
    return e.model.use_count() <= (e.model == settling_ ? 2 : 1);
  }

  bool unload_least_recent() {
    const std::lock_guard lock(mutex_);
    auto oldest = models_.end();
    for (auto e = models_.begin(); e != models_.end(); ++e) {
      if (is_idle(*e) && (oldest == models_.end() || e->last_used < oldest->last_used)) oldest = e;
    }
    if (oldest == models_.end()) return false;
    log_info(cat("unloading ", oldest->model->id(), " to make room"));
    models_.erase(oldest);
    return true;
  }

  // ---- the engine's thread ----

  void run() {
    while (true) {
      if (!wait_for_work()) return;
      StepCounters counters;
      for (const auto& model : active_) {
        step(*model, counters);
        if (model->compute().unsettled) settle(*model, kSettleStep);
      }
      account(counters);
      retire_idle();
    }
  }

  void step(const TextModel& model, StepCounters& counters) {
    if (model.kind() == models::ModelKind::encoder) {
      encoder_stepper_.step(model, counters);
    } else {
      stepper_.step(model, counters);
    }
  }

  // Moves some weights of a loaded model. False: all have moved. Holds mutex_, but while it moves.
  bool settle_idle(std::unique_lock<std::mutex>& lock) {
    const auto at = std::find_if(models_.begin(), models_.end(),
                                 [](const Entry& e) { return e.model->compute().unsettled; });
    if (at == models_.end()) return false;
    settling_ = at->model;
    lock.unlock();
    settle(*settling_, kSettleIdle);
    lock.lock();
    std::shared_ptr<const TextModel> done = std::move(settling_);
    if (done.use_count() == 1) {  // it was unloaded: giving back gigabytes takes a while
      lock.unlock();
      done.reset();
      lock.lock();
    }
    return true;
  }

  // Where memory is short, the rest stays in the file's pages, which the kernel may drop.
  void settle(const TextModel& model, std::int64_t n_bytes) {
    const bool room = available_memory() > model.unsettled_bytes() + kMemoryLeft;
    const bool more = room && model.settle(n_bytes);
    const std::lock_guard lock(mutex_);
    model.compute().unsettled = more;
    if (!more) settled_.notify_all();
  }

  void activate(const std::shared_ptr<const TextModel>& model) {
    const bool listed = std::find(active_.begin(), active_.end(), model) != active_.end();
    if (!listed) active_.push_back(model);
  }

  // Takes over what was submitted; sleeps when there is nothing to compute. False: the end.
  bool wait_for_work() {
    std::unique_lock lock(mutex_);
    while (n_incoming() == 0 && active_.empty() && !stopping_) {
      if (settle_idle(lock)) continue;
      const auto until = unload_expired();
      if (until) {
        wake_.wait_until(lock, *until);
      } else {
        wake_.wait(lock);
      }
    }
    for (std::unique_ptr<Sequence>& s : incoming_) {
      activate(s->model);
      s->model->compute().waiting.push_back(std::move(s));
    }
    for (std::shared_ptr<EmbeddingJob>& job : incoming_jobs_) {
      activate(job->model);
      job->model->compute().jobs.push_back(std::move(job));
    }
    incoming_.clear();
    incoming_jobs_.clear();
    if (!stopping_) return true;
    lock.unlock();
    cancel_all();
    return false;
  }

  void cancel_all() {
    for (const auto& model : active_) {
      for (const auto& s : model->compute().running) s->answer->cancel();
      for (const auto& s : model->compute().waiting) s->answer->cancel();
      for (const auto& job : model->compute().jobs) job->answer->cancel();
      StepCounters counters;
      step(*model, counters);
    }
    active_.clear();
    account({});
  }

  // A model without work leaves the list; its time to live counts from here.
  void retire_idle() {
    const std::lock_guard lock(mutex_);
    std::erase_if(active_, [this](const auto& m) {
      if (!m->compute().idle()) return false;
      for (Entry& e : models_) {
        if (e.model == m) e.last_used = Clock::now();
      }
      return true;
    });
  }

  // Drops models past their time; the time at which the next one is due. Holds mutex_.
  std::optional<Clock::time_point> unload_expired() {
    std::optional<Clock::time_point> next;
    const Clock::time_point now = Clock::now();
    std::erase_if(models_, [&](const Entry& e) {
      const std::chrono::seconds ttl = e.time_to_live.value_or(time_to_live_);
      if (ttl <= std::chrono::seconds::zero()) return false;
      const Clock::time_point due = e.last_used + ttl;
      if (due <= now && is_idle(e)) {
        log_info(cat("unloading ", e.model->id(), ", unused for ", ttl.count(), " s"));
        return true;
      }
      const Clock::time_point look_again = std::max(due, now + std::chrono::seconds(1));
      next = next ? std::min(*next, look_again) : look_again;
      return false;
    });
    return next;
  }

  void account(const StepCounters& counters) {
    const std::lock_guard lock(mutex_);
    stats_.prompt_tokens += counters.prompt_tokens;
    stats_.generated_tokens += counters.generated_tokens;
    stats_.cached_tokens += counters.cached_tokens;
    stats_.running = stats_.queued = stats_.kv_blocks_used = stats_.kv_blocks_total = 0;
    model_stats_.resize(active_.size());
    auto one = model_stats_.begin();
    for (const auto& model : active_) {
      const TextModel::Compute& c = model->compute();
      one->id = model->id();
      one->running = static_cast<std::int64_t>(c.running.size());
      one->queued = static_cast<std::int64_t>(c.waiting.size());
      for (const auto& job : c.jobs) ++(job->n_chosen > 0 ? one->running : one->queued);
      one->kv_blocks_used = c.blocks->n_used();
      one->kv_blocks_total = c.blocks->n_total();
      stats_.running += one->running;
      stats_.queued += one->queued;
      stats_.kv_blocks_used += one->kv_blocks_used;
      stats_.kv_blocks_total += one->kv_blocks_total;
      ++one;
    }
    n_unfinished_ = static_cast<std::size_t>(stats_.running + stats_.queued) + n_incoming();
    if (n_unfinished_ == 0) idle_.notify_all();
  }

  const EngineOptions options_;
  ThreadPool pool_;
  const std::uint64_t budget_bytes_;
  std::mutex load_mutex_;  // one load at a time: each plans with what the others left

  mutable std::mutex mutex_;
  std::condition_variable wake_, idle_, settled_;
  std::shared_ptr<const TextModel> settling_;  // by the engine's thread, right now
  std::vector<Entry> models_;
  std::vector<std::unique_ptr<Sequence>> incoming_;
  std::vector<std::shared_ptr<EmbeddingJob>> incoming_jobs_;
  std::chrono::seconds time_to_live_{0};
  EngineStats stats_;
  std::vector<ModelStats> model_stats_;
  std::size_t n_unfinished_ = 0;
  bool closed_ = false;    // no new requests
  bool stopping_ = false;  // the thread ends

  std::vector<std::shared_ptr<const TextModel>> active_;  // with work; the engine's thread only
  Stepper stepper_;
  EncoderStepper encoder_stepper_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace

int thread_count(const EngineOptions& options) {
  if (options.n_threads > 0) return options.n_threads;
  if (const char* value = std::getenv("HEARTH_THREADS")) {
    const auto n = parse_int(value);
    if (n && *n >= 1 && *n <= 1024) return static_cast<int>(*n);
    log_warn(cat("HEARTH_THREADS is ", quote(value), "; expected 1 to 1024; it is ignored"));
  }
  return physical_cores();
}

std::unique_ptr<Engine> Engine::create(const EngineOptions& options) {
  return std::make_unique<EngineImpl>(options);
}

}  // namespace hearth::engine
