// qwen2.cc - the Qwen2 and Qwen2.5 decoder: Llama's graph with biases on q, k and v.
//
// One layer, x [n, d_model]; a name in quotes is a tensor under "blk.{i}.":
//
//     h = rms_norm(x, "attn_norm")
//     q, k, v = h · "attn_q" + b, h · "attn_k" + b, h · "attn_v" + b
//     q, k = rope(q), rope(k)                                    pairs (i, i + half)
//     x += attend(q, cache + k, cache + v) · "attn_output"       grouped queries
//     h = rms_norm(x, "ffn_norm")
//     x += (silu(h · "ffn_gate") * (h · "ffn_up")) · "ffn_down"
//
// logits = rms_norm(x, "output_norm") · "output"; a file without "output" uses "token_embd" (tied).
//
// Trap: configurations name a sliding window that is switched off. A file whose window would really
// apply is refused, because it applies to some layers only and no key says which. Reference logits:
// tests/golden/hf/qwen2.
#include "models/qwen2.h"

#include <vector>

#include "base/str.h"
#include "models/decoder_config.h"
#include "models/weight_binder.h"

namespace hearth::models {

using kernels::Activation;
using kernels::Matrix;
using kernels::Vector;

namespace {

class Qwen2 final : public Model {
 public:
  Qwen2(WeightBinder& file, kernels::Ops& ops)
      : c_(read_decoder_config(file)), info_(c_.info()), attention_(c_.attention()) {
    if (const std::int32_t window = read_window(file, c_)) {
      file.fail(ErrorKind::unsupported,
                cat("attention.sliding_window is ", window, ", shorter than the context of ",
                    c_.context_length, "; which layers it is for is not in the file"));
    }
    if (file.error()) return;
    for (std::int64_t i = 0; i < c_.n_layers && !file.error(); ++i) {
      const auto name = [i](const char* part) { return block_name(i, part); };
      layers_.push_back({
          .attn_norm = file.vector(name("attn_norm.weight"), c_.d_model),
          .wq = file.matrix(name("attn_q.weight"), c_.q_width(), c_.d_model),
          .wk = file.matrix(name("attn_k.weight"), c_.kv_width(), c_.d_model),
          .wv = file.matrix(name("attn_v.weight"), c_.kv_width(), c_.d_model),
          .bq = file.vector(name("attn_q.bias"), c_.q_width()),
          .bk = file.vector(name("attn_k.bias"), c_.kv_width()),
          .bv = file.vector(name("attn_v.bias"), c_.kv_width()),
          .wo = file.matrix(name("attn_output.weight"), c_.d_model, c_.q_width()),
          .ffn_norm = file.vector(name("ffn_norm.weight"), c_.d_model),
          .gate = file.matrix(name("ffn_gate.weight"), c_.d_ffn, c_.d_model),
          .up = file.matrix(name("ffn_up.weight"), c_.d_ffn, c_.d_model),
          .down = file.matrix(name("ffn_down.weight"), c_.d_model, c_.d_ffn),
      });
    }
    embedding_ = file.table("token_embd.weight", c_.n_vocab, c_.d_model);
    norm_ = file.vector("output_norm.weight", c_.d_model);
    output_ = output_matrix(file, c_);
    rope_ = ops.rope_table({.inverse_frequencies = read_rope_frequencies(file, c_)});

    x_ = ops.activation(c_.d_model);
    h_ = ops.activation(c_.d_model);
    q_ = ops.activation(c_.q_width());
    k_ = ops.activation(c_.kv_width());
    v_ = ops.activation(c_.kv_width());
    attended_ = ops.activation(c_.q_width());
    gate_ = ops.activation(c_.d_ffn);
    up_ = ops.activation(c_.d_ffn);
    logits_ = ops.output_activation(c_.n_vocab);
    file.check_all_used();
  }

  const ModelInfo& info() const override { return info_; }
  Activation logits() const override { return logits_; }

  void forward(const kernels::Batch& batch, kernels::Ops& ops) const override {
    ops.embed(x_, embedding_, 1);
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(layers_.size()); ++i) {
      const Layer& w = layers_[static_cast<std::size_t>(i)];
      ops.rms_norm(h_, x_, w.attn_norm, c_.rms_eps);
      ops.matmul(h_, {{q_, w.wq}, {k_, w.wk}, {v_, w.wv}});
      ops.add_bias(q_, w.bq);
      ops.add_bias(k_, w.bk);
      ops.add_bias(v_, w.bv);
      ops.rope(q_, attention_.head_dim, rope_);
      ops.rope(k_, attention_.head_dim, rope_);
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
    Matrix wq, wk, wv;
    Vector bq, bk, bv;
    Matrix wo;
    Vector ffn_norm;
    Matrix gate, up, down;
  };

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

Result<std::unique_ptr<Model>> load_qwen2(const formats::Checkpoint& checkpoint,
                                          kernels::Ops& ops) {
  WeightBinder file(checkpoint, ops);
  auto model = std::make_unique<Qwen2>(file, ops);
  if (file.error()) return *file.error();
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace hearth::models
