// engine.h - owns time and memory: loaded models, running sequences, their keys and values.
//
// Threads: any thread may call Engine and Generation. One scheduler thread inside owns all
// sequences and does all computing (with a pool of the machine's physical cores); it starts with
// the Engine and ends with it.
//
//   auto model = engine.load("smollm2-135m", path);            // or find() what is loaded
//   auto prompt = (*model)->chat_prompt(messages, tools, …);
//   auto answer = engine.submit(*model, request);
//   while (auto event = (*answer)->next()) print(event->text);
//
// A model of the kind encoder answers embed() only, a decoder everything but embed().
//
// The same request gives the same bytes alone or among others, whatever the thread count, the
// chunking of its prompt or the prefix found in the cache.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/drafter.h"
#include "engine/request.h"
#include "formats/checkpoint.h"
#include "models/model.h"
#include "text/answer_format.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace hearth::engine {

struct LoadOptions {
  // Longest sequence, tokens; 0: the model's own, less when memory is short.
  std::int64_t context = 0;
  std::int64_t kv_tokens = 0;  // tokens held by all sequences together; 0: chosen from free memory
  bool exact = false;          // dequantised weights and float32 activations: slow, for reference
  // The caller has token ids and wants logits: a file without a tokenizer, or with one Hearth
  // cannot use, is loaded too; its tokens then stand for no text.
  bool ids_only = false;
};

// What a model needs before its first token; load() refuses (too_large) with these numbers when
// they exceed what is free.
struct MemoryPlan {
  std::uint64_t weight_bytes = 0;
  std::uint64_t kv_bytes = 0;  // for kv_tokens
  std::uint64_t kv_bytes_per_token = 0;
  std::uint64_t scratch_bytes = 0;
  std::uint64_t total() const { return weight_bytes + kv_bytes + scratch_bytes; }
};

// A loaded model. Immutable for its users; kept alive by whoever holds it.
class LoadedModel {
 public:
  virtual ~LoadedModel() = default;
  virtual const std::string& id() const = 0;
  virtual const formats::Checkpoint& checkpoint() const = 0;
  virtual const text::Tokenizer& tokenizer() const = 0;
  virtual models::ModelKind kind() const = 0;
  virtual std::int64_t context() const = 0;  // longest prompt + answer; of an encoder: text
  virtual std::int64_t n_vocab() const = 0;
  virtual const MemoryPlan& memory() const = 0;

  // How it marks its thinking and its tool calls.
  virtual const text::AnswerFormat& answer_format() const = 0;
  // Whether its chat template mentions a variable or a member of a message.
  bool template_reads(std::string_view name) const {
    return checkpoint().chat_template.find(name) != std::string::npos;
  }

  // Messages to prompt tokens by the model's own template. The reasoning of an earlier answer is
  // its message's reasoning_content: what becomes of it is the template's decision. Errors: invalid
  // (template), unsupported (the file has no template and none was given).
  virtual Result<std::vector<text::TextSpan>> render_chat(const nlohmann::ordered_json& messages,
                                                          const nlohmann::ordered_json& tools,
                                                          const nlohmann::ordered_json& variables,
                                                          bool add_generation_prompt) const = 0;
  // A text's tokens for embed(), with those that the vocabulary puts around a text ([CLS] … [SEP]).
  // A control token in the text stays text; what the vocabulary cannot spell is its unknown token.
  Result<std::vector<TokenId>> text_ids(std::string_view text) const;
};

// One running answer. The consumer's end of it: not thread-safe between consumers, safe against the
// engine. Destroying it cancels.
class Generation {
 public:
  virtual ~Generation() = default;

  // The next token, waiting for it; nullopt at the end. After the end finish_reason() and usage()
  // are final and error() tells why when the reason is FinishReason::error.
  virtual std::optional<TokenEvent> next() = 0;
  // As next(), but never waits: nullopt also when nothing is there yet (then done() is false).
  virtual std::optional<TokenEvent> try_next() = 0;
  virtual bool done() const = 0;  // everything was read
  // Called, on the engine's thread, whenever something new can be read or the end is reached; must
  // be short and must not call back into the Generation. Set before reading starts; called at once
  // if something is there already.
  virtual void on_ready(std::function<void()> callback) = 0;
  virtual void cancel() = 0;  // takes effect before the next step

  virtual FinishReason finish_reason() const = 0;
  virtual Usage usage() const = 0;
  virtual const std::optional<Error>& error() const = 0;
  virtual std::uint64_t seed() const = 0;  // the one used
};

// One running request for embeddings. As Generation: not thread-safe between consumers, safe
// against the engine; destroying it cancels.
class Embedding {
 public:
  virtual ~Embedding() = default;
  virtual bool done() const = 0;
  // Waits for the end and gives the vectors away: call it once. Errors: corrupt (the model computes
  // no numbers), cancelled.
  virtual Result<Embeddings> take() = 0;
  virtual void on_ready(std::function<void()> callback) = 0;  // as Generation's, at the end
  virtual void cancel() = 0;                                  // takes effect before the next step
  virtual Usage usage() const = 0;                            // final once done()
};

// Guesses are checked (speculation.h) when it pays; never; or as many as there is room for, which
// is for tests. An answer is the same bytes with each.
enum class Speculation : std::uint8_t { off, paying, always };

struct EngineOptions {
  int n_threads = 0;                      // 0: HEARTH_THREADS, else the machine's physical cores
  std::uint64_t memory_budget_bytes = 0;  // for all models together; 0: what the machine has free
  std::size_t max_queue = 512;       // requests waiting for a place; one more is refused (busy)
  std::int32_t max_batch = 32;       // sequences that decode in one step
  std::int32_t prefill_chunk = 256;  // prompt tokens computed in one step, all sequences together
  Speculation speculation = Speculation::paying;
  // Where packed weights are kept for the next load (packed_file.h), of models with at least so
  // many bytes of them; empty: nowhere.
  std::string packed_folder = {};
  std::uint64_t packed_least_bytes = std::uint64_t{256} << 20;
  // The guesses of a sequence of at most so many tokens; called by whoever submits it. Absent:
  // NgramDrafter.
  std::function<std::unique_ptr<Drafter>(std::int64_t most_tokens)> make_drafter = {};
};

// The threads that an engine made with these options computes on.
int thread_count(const EngineOptions& options);

struct ModelStats {
  std::string id;
  std::int64_t running = 0, queued = 0;
  std::int64_t kv_blocks_used = 0, kv_blocks_total = 0;
};

struct EngineStats {
  std::int64_t running = 0, queued = 0;
  std::int64_t kv_blocks_used = 0, kv_blocks_total = 0;
  std::uint64_t prompt_tokens = 0, generated_tokens = 0, cached_tokens = 0;
};

class Engine {
 public:
  static std::unique_ptr<Engine> create(const EngineOptions& options = {});
  virtual ~Engine() = default;  // cancels what runs

  // Loads under `id`, or returns the one loaded under it. When memory is short, idle models are
  // unloaded first, least recently used first. Errors: those of the file, too_large with the plan,
  // unsupported architecture.
  virtual Result<std::shared_ptr<const LoadedModel>> load(const std::string& id,
                                                          const std::string& path,
                                                          const LoadOptions& options = {}) = 0;
  virtual std::shared_ptr<const LoadedModel> find(std::string_view id) const = 0;  // or nullptr
  virtual std::vector<std::shared_ptr<const LoadedModel>> loaded() const = 0;
  // Returns when the weights of a loaded model lie where they are read fastest; they get there by
  // themselves while nothing is asked for. For benchmarks: it computes the same meanwhile.
  virtual void wait_settled(const LoadedModel& model) = 0;
  // Unloads when idle, or once its running answers end. Errors: not_found.
  virtual Result<void> unload(std::string_view id) = 0;
  // Models unused for this long are unloaded; zero: never (the default).
  virtual void set_time_to_live(std::chrono::seconds ttl) = 0;
  // The same for one model, instead of what holds for all. Errors: not_found.
  virtual Result<void> set_time_to_live(std::string_view id, std::chrono::seconds ttl) = 0;

  // Errors: invalid (a parameter out of range, an empty prompt, a token outside the vocabulary),
  // context_overflow with the numbers, busy (queue full, shutting down).
  virtual Result<std::unique_ptr<Generation>> submit(std::shared_ptr<const LoadedModel> model,
                                                     Request request) = 0;

  // The logits of every position (or only the last), computed in one go beside whatever runs:
  // [n_tokens or 1, n_vocab]. For debug and evaluation. planned_length: what the request's maximum
  // length is taken to be (0: the number of ids). Errors: as submit.
  virtual Result<std::vector<std::vector<float>>> logits(std::shared_ptr<const LoadedModel> model,
                                                         std::span<const TokenId> ids,
                                                         bool last_only,
                                                         std::int64_t planned_length) = 0;
  // Negative log-likelihoods (nats) of ids[1 …] given what precedes each: n - 1 values, one window.
  virtual Result<std::vector<double>> score(std::shared_ptr<const LoadedModel> model,
                                            std::span<const TokenId> ids) = 0;

  // Vectors of texts. A text's vector is the same bytes alone or among others. Errors: unsupported
  // (a decoder; a file that says no pooling, and none was asked for), invalid (no text, an empty
  // one, a token outside the vocabulary), context_overflow with the numbers (a text is never
  // shortened), busy.
  virtual Result<std::unique_ptr<Embedding>> embed(std::shared_ptr<const LoadedModel> model,
                                                   EmbeddingRequest request) = 0;

  virtual EngineStats stats() const = 0;
  // Of the models that have something to do.
  virtual std::vector<ModelStats> model_stats() const = 0;
  virtual int n_threads() const = 0;
  // No new requests (busy); returns when what runs has ended or the time is up, then cancels the
  // rest.
  virtual void shut_down(std::chrono::milliseconds grace) = 0;
};

// Whether a request can be computed by a model with n_vocab tokens; the same checks submit() makes.
Result<void> validate(const Request& request, std::int64_t n_vocab);
Result<void> validate(const EmbeddingRequest& request, std::int64_t n_vocab);

// Whether the model is of the kind that submit(), logits() and score() take, or that embed() takes;
// the same checks they make. Errors: unsupported.
Result<void> check_generates(const LoadedModel& model);
Result<void> check_embeds(const LoadedModel& model);

}  // namespace hearth::engine
