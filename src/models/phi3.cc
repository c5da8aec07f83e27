// phi3.cc - the Phi-3 and Phi-4-mini decoder.
//
// One layer, x [n, d_model]; a name in quotes is a tensor under "blk.{i}.":
//
//     h = rms_norm(x, "attn_norm")
//     q, k, v = h · "attn_qkv"                                   rows of q, then k, then v; or
//     three
//                                                                tensors as in other files
//     q, k = rope(q), rope(k)                                    pairs (i, i + half) of the first
//                                                                rope.dimension_count values
//     x += attend(q, cache + k, cache + v) · "attn_output"       grouped queries
//     h = rms_norm(x, "ffn_norm")
//     gate, up = h · "ffn_up"                                    rows of gate, then up
//     x += (silu(gate) * up) · "ffn_down"
//
// logits = rms_norm(x, "output_norm") · "output"; a file without "output" uses "token_embd" (tied).
//
// LongRoPE: pair j turns by position / (factor[j] base^(2j / n_rotated)), with the factors "short"
// in sequences planned to hold up to rope.scaling.original_context_length tokens and "long" in
// longer ones: the choice is made once a sequence, because keys of one kind cannot be mixed with
// keys of the other. Both multiply cos and sin by m = sqrt(1 + ln(context / original) /
// ln(original)), which the file may give as rope.scaling.attn_factor. Only the rotated values take
// m, so it is no factor of the score. Reference logits: tests/golden/hf/phi3.
#include "models/phi3.h"

#include <cmath>
#include <vector>

#include "base/str.h"
#include "models/decoder_config.h"
#include "models/weight_binder.h"

namespace hearth::models {

using kernels::Activation;
using kernels::Matrix;
using kernels::Vector;

namespace {

class Phi3 final : public Model {
 public:
  Phi3(WeightBinder& file, kernels::Ops& ops)
      : c_(read_decoder_config(file)), info_(c_.info()), attention_(c_.attention()) {
    attention_.window = read_window(file, c_);
    if (file.error()) return;
    for (std::int64_t i = 0; i < c_.n_layers && !file.error(); ++i) {
      const auto name = [i](const char* part) { return block_name(i, part); };
      Layer w;
      w.attn_norm = file.vector(name("attn_norm.weight"), c_.d_model);
      if (file.has(name("attn_qkv.weight"))) {
        const auto qkv = file.matrices(name("attn_qkv.weight"),
                                       {c_.q_width(), c_.kv_width(), c_.kv_width()}, c_.d_model);
        w.wq = qkv[0], w.wk = qkv[1], w.wv = qkv[2];
      } else {
        w.wq = file.matrix(name("attn_q.weight"), c_.q_width(), c_.d_model);
        w.wk = file.matrix(name("attn_k.weight"), c_.kv_width(), c_.d_model);
        w.wv = file.matrix(name("attn_v.weight"), c_.kv_width(), c_.d_model);
      }
      w.wo = file.matrix(name("attn_output.weight"), c_.d_model, c_.q_width());
      w.ffn_norm = file.vector(name("ffn_norm.weight"), c_.d_model);
      const auto gate_up = file.matrices(name("ffn_up.weight"), {c_.d_ffn, c_.d_ffn}, c_.d_model);
      w.gate = gate_up[0], w.up = gate_up[1];
      w.down = file.matrix(name("ffn_down.weight"), c_.d_model, c_.d_ffn);
      layers_.push_back(w);
    }
    embedding_ = file.table("token_embd.weight", c_.n_vocab, c_.d_model);
    norm_ = file.vector("output_norm.weight", c_.d_model);
    output_ = output_matrix(file, c_);
    rope_ = make_rope(file, ops);

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
    Matrix wq, wk, wv, wo;
    Vector ffn_norm;
    Matrix gate, up, down;
  };

  kernels::Rope make_rope(WeightBinder& file, kernels::Ops& ops) {
    const bool scaled =
        file.has("rope_factors_short.weight") || file.has("rope_factors_long.weight");
    if (!scaled) return ops.rope_table({.inverse_frequencies = read_rope_frequencies(file, c_)});
    const std::string type = file.text_or("rope.scaling.type", "longrope");
    if (type != "longrope" && type != "su" && type != "none") {
      file.fail(ErrorKind::unsupported, cat("rope.scaling.type is ", quote(type),
                                            " beside rope_factors; expected longrope"));
    }
    const std::int64_t original = file.size("rope.scaling.original_context_length", 1 << 28);
    info_.long_from = original;
    const std::vector<float> near = frequencies(file, "rope_factors_short.weight");
    const std::vector<float> far = frequencies(file, "rope_factors_long.weight");
    return ops.rope_table({.inverse_frequencies = near,
                           .attention_factor = attention_factor(file, original),
                           .long_inverse_frequencies = far,
                           .long_from = original});
  }

  std::vector<float> frequencies(WeightBinder& file, const char* name) const {
    const std::vector<float> factors = file.values(name, c_.n_rotated / 2);
    const auto base = rope_frequencies(c_.rope_base, c_.n_rotated);
    std::vector<float> inverse(base.size());
    for (std::size_t j = 0; j < factors.size(); ++j) {
      if (!(factors[j] > 0) || !std::isfinite(factors[j])) {
        file.fail(ErrorKind::corrupt, cat("tensor ", name, " holds ", factors[j], " at ", j,
                                          "; expected numbers above 0"));
      }
      inverse[j] = static_cast<float>(base[j] / static_cast<double>(factors[j]));
    }
    return inverse;
  }

  float attention_factor(WeightBinder& file, std::int64_t original) const {
    const auto longest = static_cast<double>(c_.context_length);
    const auto trained = static_cast<double>(original);
    const double computed = longest > trained && original > 1
                                ? std::sqrt(1 + std::log(longest / trained) / std::log(trained))
                                : 1;
    const float m = file.number_or("rope.scaling.attn_factor", static_cast<float>(computed));
    if (!(m > 0)) {
      file.fail(ErrorKind::corrupt, cat("rope.scaling.attn_factor is ", m, "; expected above 0"));
    }
    return m;
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

Result<std::unique_ptr<Model>> load_phi3(const formats::Checkpoint& checkpoint, kernels::Ops& ops) {
  WeightBinder file(checkpoint, ops);
  auto model = std::make_unique<Phi3>(file, ops);
  if (file.error()) return *file.error();
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace hearth::models
