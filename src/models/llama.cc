// llama.cc - the Llama decoder (Llama 2 and 3, Mistral, SmolLM2 and all that share its graph).
//
// One layer, x [n, d_model]; a name in quotes is a tensor under "blk.{i}.":
//
//     h = rms_norm(x, "attn_norm")
//     q, k, v = h · "attn_q", h · "attn_k", h · "attn_v"        no biases
//     q, k = rope(q), rope(k)                                    pairs (2i, 2i + 1), see below
//     x += attend(q, cache + k, cache + v) · "attn_output"       grouped queries, and a window if
//                                                                the file has one (Mistral)
//     h = rms_norm(x, "ffn_norm")
//     x += (silu(h · "ffn_gate") * (h · "ffn_up")) · "ffn_down"
//
// logits = rms_norm(x, "output_norm") · "output"; a file without "output" uses "token_embd" (tied).
//
// Traps: files of this architecture have the rows of attn_q and attn_k permuted so that rope turns
// adjacent pairs. "rope_freqs" (Llama 3) divides the inverse frequencies. Reference logits:
// tests/golden/smollm2, tests/golden/hf/llama, tests/golden/hf/llama_tied, tests/golden/hf/mistral.
#include "models/llama.h"

#include <vector>

#include "base/str.h"
#include "models/decoder_config.h"
#include "models/weight_binder.h"

namespace hearth::models {

using kernels::Activation;
using kernels::Matrix;
using kernels::Vector;

namespace {

class Llama final : public Model {
 public:
  Llama(WeightBinder& file, kernels::Ops& ops) : c_(read_decoder_config(file)), info_(c_.info()) {
    attention_ = c_.attention();
    attention_.window = read_window(file, c_);
    if (file.size_or("expert_count", 1, 1 << 16) > 1) {
      file.fail(ErrorKind::unsupported,
                "a mixture of experts is not supported in this architecture");
    }
    if (file.error()) return;
    const std::int64_t q_width = c_.q_width(), kv_width = c_.kv_width();
    for (std::int64_t i = 0; i < c_.n_layers && !file.error(); ++i) {
      const auto name = [i](const char* part) { return block_name(i, cat(part, ".weight")); };
      layers_.push_back({
          .attn_norm = file.vector(name("attn_norm"), c_.d_model),
          .wq = file.matrix(name("attn_q"), q_width, c_.d_model),
          .wk = file.matrix(name("attn_k"), kv_width, c_.d_model),
          .wv = file.matrix(name("attn_v"), kv_width, c_.d_model),
          .wo = file.matrix(name("attn_output"), c_.d_model, q_width),
          .ffn_norm = file.vector(name("ffn_norm"), c_.d_model),
          .gate = file.matrix(name("ffn_gate"), c_.d_ffn, c_.d_model),
          .up = file.matrix(name("ffn_up"), c_.d_ffn, c_.d_model),
          .down = file.matrix(name("ffn_down"), c_.d_model, c_.d_ffn),
      });
    }
    embedding_ = file.table("token_embd.weight", c_.n_vocab, c_.d_model);
    norm_ = file.vector("output_norm.weight", c_.d_model);
    output_ = output_matrix(file, c_);
    rope_ = make_rope(file, ops);

    x_ = ops.activation(c_.d_model);
    h_ = ops.activation(c_.d_model);
    q_ = ops.activation(q_width);
    k_ = ops.activation(kv_width);
    v_ = ops.activation(kv_width);
    attended_ = ops.activation(q_width);
    gate_ = ops.activation(c_.d_ffn);
    up_ = ops.activation(c_.d_ffn);
    logits_ = ops.output_activation(c_.n_vocab);
    file.check_all_used();
  }

  const ModelInfo& info() const override { return info_; }
  Activation logits() const override { return logits_; }

  void forward(const kernels::Batch& batch, kernels::Ops& ops) const override {
    const auto head_dim = static_cast<std::int32_t>(c_.head_dim);
    ops.embed(x_, embedding_, 1);
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(layers_.size()); ++i) {
      const Layer& w = layers_[static_cast<std::size_t>(i)];
      ops.rms_norm(h_, x_, w.attn_norm, c_.rms_eps);
      ops.matmul(h_, {{q_, w.wq}, {k_, w.wk}, {v_, w.wv}});
      ops.rope(q_, head_dim, rope_);
      ops.rope(k_, head_dim, rope_);
      ops.store_kv(i, k_, v_);
      ops.attend(attended_, q_, i, attention_);
      ops.matmul_add(x_, attended_, w.wo);
      ops.rms_norm(h_, x_, w.ffn_norm, c_.rms_eps);
      ops.matmul(h_, {{gate_, w.gate}, {up_, w.up}});
      ops.silu_mul(gate_, up_);
      ops.matmul_add(x_, gate_, w.down);
    }
    if (batch.output_rows.empty()) return;
    ops.keep_output_rows(x_);
    ops.rms_norm(h_, x_, norm_, c_.rms_eps);
    ops.matmul(h_, {{logits_, output_}});
  }

 private:
  struct Layer {
    Vector attn_norm;
    Matrix wq, wk, wv, wo;
    Vector ffn_norm;
    Matrix gate, up, down;
  };

  kernels::Rope make_rope(WeightBinder& file, kernels::Ops& ops) const {
    std::vector<float> inverse = read_rope_frequencies(file, c_);
    if (file.has("rope_freqs.weight")) {
      const std::vector<float> divisors = file.values("rope_freqs.weight", c_.n_rotated / 2);
      for (std::size_t j = 0; j < divisors.size(); ++j) inverse[j] /= divisors[j];
    }
    return ops.rope_table({.inverse_frequencies = inverse, .pairs = kernels::RopePairs::adjacent});
  }

  DecoderConfig c_;
  ModelInfo info_;
  kernels::Attention attention_;
  std::vector<Layer> layers_;
  kernels::Table embedding_;
  Vector norm_;
  Matrix output_;
  kernels::Rope rope_;
  Activation x_, h_, q_, k_, v_, attended_, gate_, up_, logits_;
};

}  // namespace

Result<std::unique_ptr<Model>> load_llama(const formats::Checkpoint& checkpoint,
                                          kernels::Ops& ops) {
  WeightBinder file(checkpoint, ops);
  auto model = std::make_unique<Llama>(file, ops);
  if (file.error()) return *file.error();
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace hearth::models
