// fake_engine_for_tests.h - an engine without a model: the same answer to every prompt, a byte a
// token, at a speed the test chooses. A model whose id is "thinker" thinks before it, "caller"
// calls a tool twice after it, and "embedder" is an encoder, whose vector is made of the first
// three tokens and a 1. It keeps the promises of engine.h that the server relies on (validate,
// context, stop texts, whole characters, cancel before the next step, on_ready) and counts what it
// did.
//
// A prompt that contains "FAIL" ends in an error after three tokens; one that contains "BUSY" is
// refused. A path that contains "corrupt" does not load.
//
// Threads: one steps all answers, a token each, as the real scheduler does.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/str.h"
#include "engine/answer_text.h"
#include "engine/engine.h"

namespace hearth::server {

inline constexpr std::string_view kFakeAnswer = "Hello, wörld! 👋 One two three.";
inline constexpr std::string_view kFakeThinker = "thinker";
inline constexpr std::string_view kFakeThinking = "<think>\nHm, one ö.\n</think>\n\n";
inline constexpr std::string_view kFakeCaller = "caller";
inline constexpr std::string_view kFakeCalls =
    R"(<tool_call>{"name": "get_time", "arguments": {"zone": "UTC"}}</tool_call>)"
    R"(<tool_call>{"name": "get_day", "arguments": {}}</tool_call>)";
inline constexpr std::string_view kFakeEmbedder = "embedder";
inline constexpr text::TokenId kFakeStart = 256, kFakeEnd = 257;

// Token i < 256 is byte i; then the two control tokens of ChatML.
class FakeTokenizer final : public text::Tokenizer {
 public:
  FakeTokenizer() : Tokenizer(make_spec()) { longest_token_bytes_ = 12; }

  using Tokenizer::encode;
  Result<text::Encoding> encode(std::span<const text::TextSpan> spans,
                                const text::EncodeOptions&) const override {
    text::Encoding out;
    for (const text::TextSpan& span : spans) {
      std::string_view rest = span.text;
      while (!rest.empty()) {
        std::size_t size = 1;
        text::TokenId id = static_cast<unsigned char>(rest.front());
        for (const text::TokenId control : {kFakeStart, kFakeEnd}) {
          const std::string& name = spec_.tokens[static_cast<std::size_t>(control)];
          if (!span.trusted || !rest.starts_with(name)) continue;
          id = control;
          size = name.size();
        }
        out.ids.push_back(id);
        rest.remove_prefix(size);
      }
    }
    return out;
  }

  std::string_view token_bytes(text::TokenId id, bool keep_control) const override {
    if (id < 0 || id > kFakeEnd || (id >= kFakeStart && !keep_control)) return {};
    return spec_.tokens[static_cast<std::size_t>(id)];
  }

  std::optional<text::TokenId> find(std::string_view token_text) const override {
    const auto at = std::find(spec_.tokens.begin(), spec_.tokens.end(), token_text);
    if (at == spec_.tokens.end()) return std::nullopt;
    return static_cast<text::TokenId>(at - spec_.tokens.begin());
  }

 private:
  static text::TokenizerSpec make_spec() {
    text::TokenizerSpec spec;
    for (int byte = 0; byte < 256; ++byte) spec.tokens.emplace_back(1, static_cast<char>(byte));
    spec.tokens.insert(spec.tokens.end(), {"<|im_start|>", "<|im_end|>"});
    spec.kinds.assign(spec.tokens.size(), text::TokenKind::normal);
    spec.kinds[256] = spec.kinds[257] = text::TokenKind::control;
    spec.end_of_generation = {kFakeEnd};
    return spec;
  }
};

class FakeModel final : public engine::LoadedModel {
 public:
  FakeModel(std::string id, std::int64_t context) : id_(std::move(id)), context_(context) {
    checkpoint_.architecture = "fake";
    checkpoint_.chat_template = "{{ messages }}";
    if (id_ != kFakeThinker) return;
    checkpoint_.chat_template = "{{ messages }}{{ reasoning_effort }}";
    format_.reasoning = text::ReasoningFormat::think;
  }
  const std::string& id() const override { return id_; }
  const formats::Checkpoint& checkpoint() const override { return checkpoint_; }
  const text::Tokenizer& tokenizer() const override { return tokenizer_; }
  models::ModelKind kind() const override {
    return id_ == kFakeEmbedder ? models::ModelKind::encoder : models::ModelKind::decoder;
  }
  std::int64_t context() const override { return context_; }
  std::int64_t n_vocab() const override { return kFakeEnd + 1; }
  const engine::MemoryPlan& memory() const override { return memory_; }
  const text::AnswerFormat& answer_format() const override { return format_; }

  Result<std::vector<text::TextSpan>> render_chat(const nlohmann::ordered_json& messages,
                                                  const nlohmann::ordered_json&,
                                                  const nlohmann::ordered_json& variables,
                                                  bool add_generation_prompt) const override {
    if (variables.contains("forbid")) {
      return Error{ErrorKind::invalid, "the template says: forbidden"};
    }
    std::vector<text::TextSpan> spans;
    for (const auto& message : messages) {
      spans.push_back({cat("<|im_start|>", message["role"].get<std::string>(), "\n"), true});
      if (message["content"].is_string()) spans.push_back({message["content"], false});
      spans.push_back({"<|im_end|>\n", true});
    }
    if (add_generation_prompt) spans.push_back({"<|im_start|>assistant\n", true});
    return spans;
  }

 private:
  std::string id_;
  std::int64_t context_;
  formats::Checkpoint checkpoint_;
  FakeTokenizer tokenizer_;
  text::AnswerFormat format_;
  engine::MemoryPlan memory_;
};

// What the stepping thread and a reader share.
struct FakeAnswer {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<engine::TokenEvent> events;  // all of them, from the start
  engine::FinishReason end = engine::FinishReason::stop;
  std::optional<Error> error;  // of the end
  engine::Usage usage;
  std::size_t n_written = 0, n_read = 0;
  bool ended = false, cancelled = false;
  engine::FinishReason reason = engine::FinishReason::none;
  std::function<void()> callback;
};

class FakeGeneration final : public engine::Generation {
 public:
  FakeGeneration(std::shared_ptr<FakeAnswer> answer, std::uint64_t seed)
      : answer_(std::move(answer)), seed_(seed) {}
  ~FakeGeneration() override {
    on_ready({});
    cancel();
  }
  std::optional<engine::TokenEvent> next() override {
    std::unique_lock lock(answer_->mutex);
    answer_->changed.wait(lock,
                          [&] { return answer_->ended || answer_->n_read < answer_->n_written; });
    return take();
  }
  std::optional<engine::TokenEvent> try_next() override {
    const std::lock_guard lock(answer_->mutex);
    return take();
  }
  bool done() const override {
    const std::lock_guard lock(answer_->mutex);
    return answer_->ended && answer_->n_read == answer_->n_written;
  }
  void on_ready(std::function<void()> callback) override {
    const std::lock_guard lock(answer_->mutex);
    answer_->callback = std::move(callback);
    const bool something = answer_->ended || answer_->n_read < answer_->n_written;
    if (answer_->callback && something) answer_->callback();
  }
  void cancel() override {
    const std::lock_guard lock(answer_->mutex);
    answer_->cancelled = true;
  }
  engine::FinishReason finish_reason() const override {
    const std::lock_guard lock(answer_->mutex);
    return answer_->reason;
  }
  engine::Usage usage() const override {
    const std::lock_guard lock(answer_->mutex);
    return answer_->usage;
  }
  const std::optional<Error>& error() const override { return answer_->error; }
  std::uint64_t seed() const override { return seed_; }

 private:
  std::optional<engine::TokenEvent> take() {
    if (answer_->n_read == answer_->n_written) return std::nullopt;
    return answer_->events[answer_->n_read++];
  }
  std::shared_ptr<FakeAnswer> answer_;
  std::uint64_t seed_;
};

class FakeEmbedding final : public engine::Embedding {
 public:
  explicit FakeEmbedding(const engine::EmbeddingRequest& request) {
    for (const auto& ids : request.texts) {
      std::vector<float>& vector = vectors_.vectors.emplace_back(4, 1.0F);
      for (std::size_t i = 0; i < 3; ++i) {
        vector[i] = i < ids.size() ? static_cast<float>(ids[i]) : 0.0F;
      }
      n_tokens_ += std::ssize(ids);
    }
    vectors_.d_model = 4;
  }
  bool done() const override { return true; }
  Result<engine::Embeddings> take() override { return std::move(vectors_); }
  void on_ready(std::function<void()> callback) override {
    if (callback) callback();
  }
  void cancel() override {}
  engine::Usage usage() const override { return {.prompt_tokens = n_tokens_}; }

 private:
  engine::Embeddings vectors_;
  std::int64_t n_tokens_ = 0;
};

class FakeEngine final : public engine::Engine {
 public:
  FakeEngine() : thread_([this] { work(); }) {}
  ~FakeEngine() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    thread_.join();
  }

  // Knobs and counters of the tests.
  std::atomic<std::int64_t> context{1024};
  std::atomic<int> step_us{0};                 // pause between two tokens
  std::atomic<std::size_t> held_at{SIZE_MAX};  // no answer goes beyond so many tokens
  std::atomic<int> n_cancelled{0}, n_loads{0}, n_submitted{0};
  std::atomic<int> load_ms{0};
  std::atomic<std::int64_t> last_ttl_s{-1};  // given to one model
  std::atomic<std::uint64_t> n_tokens{0};
  std::mutex last_mutex;
  engine::Request last_request;  // under last_mutex

  Result<std::shared_ptr<const engine::LoadedModel>> load(
      const std::string& id, const std::string& path, const engine::LoadOptions& = {}) override {
    if (auto model = find(id)) return model;
    std::this_thread::sleep_for(std::chrono::milliseconds(load_ms));
    ++n_loads;
    if (path.find("corrupt") != std::string::npos) {
      return Error{ErrorKind::corrupt, cat(path, ": tensor 3 lies outside the file")};
    }
    const std::lock_guard lock(mutex_);
    models_.push_back(std::make_shared<FakeModel>(id, context.load()));
    return models_.back();
  }
  std::shared_ptr<const engine::LoadedModel> find(std::string_view id) const override {
    const std::lock_guard lock(mutex_);
    for (const auto& model : models_) {
      if (model->id() == id) return model;
    }
    return nullptr;
  }
  std::vector<std::shared_ptr<const engine::LoadedModel>> loaded() const override {
    const std::lock_guard lock(mutex_);
    return models_;
  }
  void wait_settled(const engine::LoadedModel&) override {}
  Result<void> unload(std::string_view id) override {
    const std::lock_guard lock(mutex_);
    const auto n = std::erase_if(models_, [&](const auto& model) { return model->id() == id; });
    if (n == 0) return Error{ErrorKind::not_found, "not loaded"};
    return {};
  }
  void set_time_to_live(std::chrono::seconds) override {}
  Result<void> set_time_to_live(std::string_view id, std::chrono::seconds ttl) override {
    if (find(id) == nullptr) return Error{ErrorKind::not_found, "not loaded"};
    last_ttl_s = ttl.count();
    return {};
  }
  Result<std::unique_ptr<engine::Embedding>> embed(std::shared_ptr<const engine::LoadedModel> model,
                                                   engine::EmbeddingRequest request) override {
    HEARTH_TRY_VOID(engine::check_embeds(*model));
    HEARTH_TRY_VOID(engine::validate(request, model->n_vocab()));
    return std::unique_ptr<engine::Embedding>(std::make_unique<FakeEmbedding>(request));
  }

  Result<std::unique_ptr<engine::Generation>> submit(
      std::shared_ptr<const engine::LoadedModel> model, engine::Request request) override {
    HEARTH_TRY_VOID(engine::check_generates(*model));
    HEARTH_TRY_VOID(engine::validate(request, model->n_vocab()));
    const std::string prompt = model->tokenizer().decode(request.prompt, true);
    if (prompt.find("BUSY") != std::string::npos) {
      return Error{ErrorKind::busy, "512 requests are waiting already; try again later"};
    }
    const auto n_prompt = static_cast<std::int64_t>(request.prompt.size());
    const std::int64_t room = model->context() - n_prompt;
    if (room < std::max(1, request.max_tokens)) {
      return Error{ErrorKind::context_overflow,
                   cat("the prompt has ", n_prompt, " tokens and the answer may have ",
                       request.max_tokens, "; the context holds ", model->context())};
    }
    if (request.max_tokens == -1) request.max_tokens = static_cast<std::int32_t>(room);
    auto answer = plan(*model, request, prompt.find("FAIL") != std::string::npos);
    answer->usage.prompt_tokens = n_prompt;
    {
      const std::lock_guard lock(last_mutex);
      last_request = request;
    }
    ++n_submitted;
    const std::lock_guard lock(mutex_);
    answers_.push_back(answer);
    return std::unique_ptr<engine::Generation>(
        std::make_unique<FakeGeneration>(answer, request.sampling.seed.value_or(1)));
  }

  // Token t + 1 is likely after token t, all others are equally unlikely.
  Result<std::vector<std::vector<float>>> logits(std::shared_ptr<const engine::LoadedModel> model,
                                                 std::span<const text::TokenId> ids, bool,
                                                 std::int64_t) override {
    std::vector<std::vector<float>> rows;
    for (const text::TokenId id : ids) {
      auto& row = rows.emplace_back(static_cast<std::size_t>(model->n_vocab()), 0.0F);
      row[static_cast<std::size_t>(id + 1) % row.size()] = 8.0F;
    }
    return rows;
  }
  Result<std::vector<double>> score(std::shared_ptr<const engine::LoadedModel>,
                                    std::span<const text::TokenId> ids) override {
    return std::vector<double>(ids.size() - 1, 0.5);
  }

  std::vector<engine::ModelStats> model_stats() const override { return {}; }
  engine::EngineStats stats() const override {
    const std::lock_guard lock(mutex_);
    return {.running = static_cast<std::int64_t>(answers_.size())};
  }
  int n_threads() const override { return 1; }
  void shut_down(std::chrono::milliseconds) override {}

 private:
  // All events of the answer to come, so that the stepping thread only has to hand them out.
  static std::shared_ptr<FakeAnswer> plan(const engine::LoadedModel& model,
                                          const engine::Request& request, bool fails) {
    auto answer = std::make_shared<FakeAnswer>();
    std::string text = cat(model.id() == kFakeThinker ? kFakeThinking : "", kFakeAnswer,
                           model.id() == kFakeCaller ? kFakeCalls : "");
    const auto limit = static_cast<std::size_t>(request.max_tokens);
    while (request.ignore_eos && text.size() < limit) text += kFakeAnswer;
    engine::AnswerText shown(
        *text::make_answer_parser(model.tokenizer(),
                                  {request.reading.reasoning, request.reading.tools},
                                  request.reading.thinking_is_open),
        request.stop, request.logprobs, request.reading.one_call);
    const auto add = [&](text::TokenId id) {
      engine::TokenEvent& event = answer->events.emplace_back(make_event(id, request));
      event.text = shown.text();
      event.reasoning = shown.reasoning();
      event.spans.assign(shown.spans().begin(), shown.spans().end());
      event.calls.assign(shown.calls().begin(), shown.calls().end());
    };
    for (std::size_t i = 0; i < std::min(text.size(), limit) && !shown.stopped(); ++i) {
      const text::TokenId id = static_cast<unsigned char>(text[i]);
      shown.clear();
      shown.push(id);
      if (i + 1 == limit) shown.finish({});
      add(id);
    }
    if (!shown.stopped() && answer->events.size() == limit) {
      answer->end = engine::FinishReason::length;
    } else if (!shown.stopped()) {
      shown.clear();
      shown.finish(kFakeEnd);
      add(kFakeEnd);
    }
    answer->usage.reasoning_tokens = shown.n_reasoning_tokens();
    if (fails) {
      answer->events.resize(3);
      answer->end = engine::FinishReason::error;
      answer->error = Error{ErrorKind::io, "the model's file went away"};
    }
    return answer;
  }

  static engine::TokenEvent make_event(text::TokenId id, const engine::Request& request) {
    engine::TokenEvent event;
    event.id = id;
    if (!request.logprobs) return event;
    event.logprob = -0.5F;
    for (std::int32_t k = 0; k < request.top_logprobs; ++k) {
      event.top_logprobs.push_back({(id + k) % (kFakeEnd + 1), -0.5F - static_cast<float>(k)});
    }
    return event;
  }

  void work() {
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        if (stop_) return;
        std::erase_if(answers_, [this](const auto& answer) { return step(*answer); });
      }
      const int pause = step_us;
      std::this_thread::sleep_for(std::chrono::microseconds(pause > 0 ? pause : 50));
    }
  }

  // Whether the answer is over.
  bool step(FakeAnswer& answer) {
    const std::lock_guard lock(answer.mutex);
    if (answer.cancelled) {
      ++n_cancelled;
      finish(answer, engine::FinishReason::cancelled);
    } else if (answer.n_written == answer.events.size()) {
      finish(answer, answer.end);
    } else if (answer.n_written >= held_at) {
      return false;
    } else {
      ++answer.n_written;
      ++answer.usage.completion_tokens;
      ++n_tokens;
      if (answer.n_written == answer.events.size()) finish(answer, answer.end);
    }
    answer.changed.notify_all();
    if (answer.callback) answer.callback();
    return answer.ended;
  }

  static void finish(FakeAnswer& answer, engine::FinishReason reason) {
    answer.reason = reason;
    answer.ended = true;
  }

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const engine::LoadedModel>> models_;
  std::vector<std::shared_ptr<FakeAnswer>> answers_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace hearth::server
