// model.h - an architecture's arithmetic: what the engine needs to know of a model, and its forward
// pass.
//
// A model is built once from a Checkpoint against a backend's Ops, which then holds its weights; it
// is immutable and its forward() is called by one thread. Part of the portable core.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/ops.h"

namespace hearth::models {

struct ModelInfo {
  std::int64_t n_vocab = 0;
  std::int64_t context_length = 0;  // what the model was trained for, tokens
  kernels::KvGeometry kv;
  // Keys of sequences planned to be longer than this differ from those of shorter ones (LongRoPE);
  // 0: all are alike.
  std::int64_t long_from = 0;
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelInfo& info() const = 0;

  // Computes the batch (ops.begin(batch) was called), writes its keys and values, and leaves the
  // logits of batch.output_rows in logits(): [n_output_rows, n_vocab].
  virtual void forward(const kernels::Batch& batch, kernels::Ops& ops) const = 0;
  virtual kernels::Activation logits() const = 0;
};

}  // namespace hearth::models
