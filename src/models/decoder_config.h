// decoder_config.h - the hyper-parameters that every decoder has, read and checked in one place,
// and the frequencies of its rotary embedding. Keys are written without the architecture's prefix.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/ops.h"
#include "models/model.h"
#include "models/weight_binder.h"

namespace hearth::models {

struct DecoderConfig {
  std::int64_t n_layers, d_model, d_ffn, n_heads, n_kv_heads, head_dim, n_rotated, n_vocab,
      context_length;
  float rms_eps, rope_base;

  std::int64_t q_width() const { return n_heads * head_dim; }
  std::int64_t kv_width() const { return n_kv_heads * head_dim; }
  ModelInfo info() const;
  // Every earlier position, scores over the root of the head's width.
  kernels::Attention attention() const;
};

// A fault is left in file.error(), naming the key; the sizes are harmless then.
DecoderConfig read_decoder_config(WeightBinder& file);

// attention.sliding_window: how many positions a token sees, itself included. 0: all of them, as
// when the key is absent or no shorter than the context.
std::int32_t read_window(WeightBinder& file, const DecoderConfig& c);

// base^(-2j / n_rotated) for each pair j, and those of rope.scaling.type "linear" divided by its
// factor. Other scalings are refused: an architecture that has one reads it itself.
std::vector<double> rope_frequencies(float base, std::int64_t n_rotated);
std::vector<float> read_rope_frequencies(WeightBinder& file, const DecoderConfig& c);

// "blk.3.attn_q.weight"
std::string block_name(std::int64_t layer, std::string_view part);

// The matrix of the logits: "output", or the embedding where the file has none (tied).
kernels::Matrix output_matrix(WeightBinder& file, const DecoderConfig& c);

}  // namespace hearth::models
