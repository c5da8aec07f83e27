// stepper.h - one step of one model: which rows are computed together, and what becomes of their
// logits.
//
//   admit        waiting sequences join while there is room, reusing the cached prefix of their
//                prompt
//   choose rows  one row of each sequence that decodes, then prompt rows up to the chunk's size;
//                without prompt rows, guessed tokens behind those that decode (speculation.h)
//   forward      the model computes them
//   settle       full blocks enter the prefix index, tokens are drawn as long as the guesses were
//                right, ended sequences leave
//
// When blocks run out, the youngest running sequence gives its blocks back and waits again: its
// tokens are kept and recomputed later, so its answer is the same. The oldest never does, and any
// request fits alone (submit() checked that), so every sequence comes to its end.
//
// Belongs to the engine's thread. A step allocates nothing once its sequences are admitted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/engine.h"
#include "engine/sequence.h"
#include "engine/text_model.h"
#include "kernels/batch.h"

namespace hearth::engine {

struct StepCounters {
  std::uint64_t prompt_tokens = 0, generated_tokens = 0, cached_tokens = 0;
};

class Stepper {
 public:
  explicit Stepper(const EngineOptions& options);

  // Computes one step if there is anything to do. `model` has work: not idle().
  void step(const TextModel& model, StepCounters& counters);

 private:
  // Rows of a sequence in this step.
  struct Share {
    Sequence* sequence;
    std::int32_t n_rows;
    std::int32_t first_output, n_outputs;  // in the batch's output rows
  };

  void drop_cancelled(TextModel::Compute& c);
  void admit(const TextModel& model, StepCounters& counters);
  void choose_rows(TextModel::Compute& c);
  bool choose(TextModel::Compute& c, Sequence& s, std::int64_t n);
  void choose_guesses(TextModel::Compute& c);
  void check_guesses(TextModel::Compute& c, Sequence& s, std::int64_t n);
  void collect_rows(TextModel::Compute& c);
  void preempt_youngest(TextModel::Compute& c);
  void release_blocks(TextModel::Compute& c, Sequence& s);
  void settle(const TextModel& model, Share& share, StepCounters& counters);
  void index_full_blocks(TextModel::Compute& c, Sequence& s);
  Result<SampledToken> sample(const TextModel& model, Sequence& sequence,
                              std::span<const float> logits);
  void draw_all(const TextModel& model, const Share& share, Rows<float> logits,
                StepCounters& counters);
  void draw(const TextModel& model, Sequence& s, const float* logits, StepCounters& counters);
  void finish(TextModel::Compute& c, Sequence& s, FinishReason reason,
              std::optional<Error> error = {});
  void remove_finished(TextModel::Compute& c);

  const EngineOptions options_;
  std::vector<TokenId> row_tokens_;
  std::vector<std::int32_t> row_positions_, output_rows_;
  std::vector<kernels::SequenceRows> sequence_rows_;
  std::vector<Share> shares_;
  std::int64_t n_decoding_ = 0, n_guesses_ = 0;  // rows of this step
};

}  // namespace hearth::engine
