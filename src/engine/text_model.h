// text_model.h - a loaded model: what users see of it (LoadedModel) and what the engine computes
// with.
//
// The computing parts (ops, pool, index, queues) are touched by the engine's thread only; the const
// interface is immutable and open to all.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/engine.h"
#include "engine/grammar_cache.h"
#include "engine/sequence.h"
#include "formats/checkpoint.h"
#include "kernels/cpu/cpu_ops.h"
#include "models/model.h"
#include "text/chat_template.h"

namespace hearth::engine {

// What loading has to know of the machine and of what else is loaded.
struct LoadSettings {
  LoadOptions options;
  std::uint64_t free_bytes = 0;  // for this model
  std::int32_t max_batch = 0;
  std::int32_t prefill_chunk = 0;
  std::string packed_folder = {};  // as EngineOptions'
  std::uint64_t packed_least_bytes = 0;
};

// Rows of a step whose logits a scoring job may take, beside one row for each sequence that
// decodes. Bounds the logits' memory: 128 kB a row at a 32 k vocabulary, 800 kB at 200 k.
inline constexpr std::int32_t kScoredRows = 32;

struct EmbeddingJob;

struct PlannedModel {
  MemoryPlan memory;
  std::int64_t image_bytes = 0;  // of the packed weights in one piece (kernels/weight_image.h)
  std::int64_t context = 0;
  std::int64_t kv_tokens = 0;
  std::int64_t n_vocab = 0;
  models::ModelKind kind = models::ModelKind::decoder;
};

class TextModel final : public LoadedModel {
 public:
  static Result<std::shared_ptr<TextModel>> load(const std::string& id, const std::string& path,
                                                 const LoadSettings& settings, ThreadPool& pool);

  const std::string& id() const override { return id_; }
  const formats::Checkpoint& checkpoint() const override { return *checkpoint_; }
  const text::Tokenizer& tokenizer() const override { return *tokenizer_; }
  models::ModelKind kind() const override { return model_->info().kind; }
  std::int64_t context() const override { return context_; }
  std::int64_t n_vocab() const override { return model_->info().n_vocab; }
  const MemoryPlan& memory() const override { return plan_; }
  const text::AnswerFormat& answer_format() const override { return format_; }
  Result<std::vector<text::TextSpan>> render_chat(const nlohmann::ordered_json& messages,
                                                  const nlohmann::ordered_json& tools,
                                                  const nlohmann::ordered_json& variables,
                                                  bool add_generation_prompt) const override;
  // Made by the first call: tens of milliseconds for a large vocabulary.
  const std::shared_ptr<const text::GrammarVocabulary>& grammar_vocabulary() const;
  std::int64_t n_blocks() const { return n_blocks_; }
  std::int64_t max_rows() const { return max_rows_; }  // of a step
  // Tokens that may be drawn: rows of the output matrix beyond the vocabulary are padding.
  std::int64_t n_sampled() const { return static_cast<std::int64_t>(tokenizer_->n_vocab()); }

  // ---- the engine's thread ----
  struct Compute {
    std::unique_ptr<kernels::CpuOps> ops;
    std::unique_ptr<PrefixIndex> index;
    std::unique_ptr<BlockPool> blocks;
    SamplerScratch scratch;
    GrammarCache grammars;
    StepTimes times;
    std::deque<std::unique_ptr<Sequence>> waiting;   // first come, first served
    std::vector<std::unique_ptr<Sequence>> running;  // oldest first
    // Encoders: requests, and the pages that each step deals out anew.
    std::vector<std::shared_ptr<EmbeddingJob>> jobs;
    std::vector<BlockId> pages;
    bool unsettled = false;  // weights lie in a file's pages; guarded by the engine's mutex
    bool idle() const { return waiting.empty() && running.empty() && jobs.empty(); }
  };
  Compute& compute() const { return *compute_; }
  // Moves some weights to huge pages; true: there are more.
  bool settle(std::int64_t n_bytes) const { return compute_->ops->settle(n_bytes); }
  std::uint64_t unsettled_bytes() const { return compute_->ops->unsettled_bytes(); }
  const models::Model& model() const { return *model_; }

 private:
  TextModel() = default;
  Result<void> read_conventions();
  Result<void> load_weights(const LoadSettings& settings, const PlannedModel& planned,
                            ThreadPool& pool);

  std::string id_;
  std::shared_ptr<const formats::Checkpoint> checkpoint_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  std::shared_ptr<const text::ChatTemplate> template_;  // null: the file has none
  std::string template_problem_;                        // why, when it has one that does not parse
  text::AnswerFormat format_;
  std::unique_ptr<models::Model> model_;
  std::int64_t context_ = 0;
  std::int64_t n_blocks_ = 0;
  std::int64_t max_rows_ = 0;
  MemoryPlan plan_;
  mutable std::once_flag vocabulary_once_;
  mutable std::shared_ptr<const text::GrammarVocabulary> grammar_vocabulary_;
  std::unique_ptr<Compute> compute_;
};

// The plan of a file, without loading its weights; `options` as for loading. For `hearth model
// inspect` and `info`: free_bytes of 0 means: do not refuse.
Result<PlannedModel> plan_model(const formats::Checkpoint& checkpoint,
                                const LoadSettings& settings);

}  // namespace hearth::engine
