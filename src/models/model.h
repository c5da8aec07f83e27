// model.h - an architecture's arithmetic: what the engine needs to know of a model, and its forward
// pass.
//
// A model is built once from a Checkpoint against a backend's Ops, which then holds its weights; it
// is immutable and its forward() is called by one thread. Part of the portable core.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "kernels/ops.h"

namespace hearth::models {

// A decoder continues a text, an encoder computes embeddings of whole texts.
enum class ModelKind : std::uint8_t { decoder, encoder };

struct ModelInfo {
  std::int64_t n_vocab = 0;
  std::int64_t context_length = 0;  // what the model was trained for, tokens
  kernels::KvGeometry kv;
  // Keys of sequences planned to be longer than this differ from those of shorter ones (LongRoPE);
  // 0: all are alike.
  std::int64_t long_from = 0;
  ModelKind kind = ModelKind::decoder;
  // Encoders: the width of their embeddings, and what the file says makes one of a text's rows.
  std::int64_t d_model = 0;
  std::optional<kernels::Pooling> pooling = {};
  bool normalize = true;  // embeddings are brought to unit length
  // Encoders: longest text its makers give it, tokens; at most context_length.
  std::int64_t usual_length = 0;
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelInfo& info() const = 0;

  // Computes the batch (ops.begin(batch) was called). A decoder writes its keys and values, and
  // leaves the logits of batch.output_rows in logits(): [n_output_rows, n_vocab]. An encoder, whose
  // sequences are in the batch whole, leaves what each one's pooling gives in embeddings():
  // [n_pooled_rows, d_model], sequence after sequence.
  virtual void forward(const kernels::Batch& batch, kernels::Ops& ops) const = 0;
  virtual kernels::Activation logits() const { return {}; }
  virtual kernels::Activation embeddings() const { return {}; }
};

}  // namespace hearth::models
