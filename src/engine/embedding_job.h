// embedding_job.h - a request for embeddings while the engine works on it, and the steps of an
// encoder.
//
//   choose   texts that were asked for longest first, each whole, while rows are left
//   forward  the model computes and pools them
//   settle   each text's vector goes to its job; a job whose texts are all done ends
//
// A job with texts left goes behind the others after a step, so that a long list does not keep a
// short one waiting. Which texts share a step changes no bit of their vectors. Belongs to the
// engine's thread, but for what a job's answer guards.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/answer.h"
#include "engine/engine.h"
#include "engine/request.h"
#include "engine/stepper.h"
#include "engine/text_model.h"
#include "kernels/batch.h"

namespace hearth::engine {

struct EmbeddingJob {
  std::shared_ptr<const TextModel> model;
  EmbeddingRequest request;
  kernels::Pooling pooling = kernels::Pooling::none;
  bool normalize = false;

  // The engine's thread writes these; a reader may take `vectors` once the answer is finished.
  std::vector<std::vector<float>> vectors;  // of the texts done so far, in order
  std::shared_ptr<Answer> answer = std::make_shared<Answer>(Answer::Bounds{}, 0);
  std::size_t n_chosen = 0;  // texts in this step or an earlier one
  bool finished = false;
  Usage usage;
  Clock::time_point submitted = Clock::now(), started = {};
};

class EncoderStepper {
 public:
  explicit EncoderStepper(const EngineOptions& options);

  // Computes one step if there is anything to do. `model` is an encoder.
  void step(const TextModel& model, StepCounters& counters);

 private:
  struct Share {  // a text of this step
    EmbeddingJob* job;
    std::int64_t n_rows;
  };

  void drop_cancelled(TextModel::Compute& c);
  void choose(const TextModel& model, StepCounters& counters);
  bool fits(const TextModel& model, const EmbeddingJob& job) const;
  void add_text(const TextModel& model, EmbeddingJob& job);
  void settle(const TextModel& model);
  void finish(EmbeddingJob& job, FinishReason reason, std::optional<Error> error = {});

  const EngineOptions options_;
  std::vector<TokenId> row_tokens_;
  std::vector<std::int32_t> row_positions_;
  std::vector<kernels::SequenceRows> sequence_rows_;
  std::vector<Share> shares_;
  std::int64_t n_pages_ = 0;  // of the step's texts
};

}  // namespace hearth::engine
