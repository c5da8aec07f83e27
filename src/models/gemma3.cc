// gemma3.cc - the Gemma 3 decoder (text).
//
// x = "token_embd"[token] * sqrt(d_model). One layer, x [n, d_model]; a name in quotes is a tensor
// under "blk.{i}.":
//
//     h = rms_norm(x, "attn_norm")
//     q, k, v = h · "attn_q", h · "attn_k", h · "attn_v"        no biases
//     q, k = rms_norm(q, "attn_q_norm"), rms_norm(k, "attn_k_norm")     each head by itself
//     q, k = rope(q), rope(k)                                    pairs (i, i + half)
//     x += rms_norm(attend(q, cache + k, cache + v) · "attn_output", "post_attention_norm")
//     h = rms_norm(x, "ffn_norm")
//     x += rms_norm((gelu(h · "ffn_gate") * (h · "ffn_up")) · "ffn_down", "post_ffw_norm")
//
// logits = rms_norm(x, "output_norm") · "output"; a file without "output" uses "token_embd" (tied).
//
// Of attention.sliding_window_pattern layers (6 when the file does not say) the last sees every
// position and turns by rope.freq_base with the file's scaling; the others see a window and turn by
// rope.freq_base_swa, never scaled.
//
// Traps: norm weights stand in the file as 1 + w. Scores are scaled by 1 / sqrt(head_dim); where
// the model wants another scale the converter folded it into "attn_q_norm", but for the 27B, which
// is known by its 62 layers and scales by 1 / sqrt(d_model / n_heads). Reference logits:
// tests/golden/hf/gemma3.
#include "models/gemma3.h"

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

constexpr std::int64_t kLayersOf27B = 62;

class Gemma3 final : public Model {
 public:
  Gemma3(WeightBinder& file, kernels::Ops& ops) : c_(read_decoder_config(file)), info_(c_.info()) {
    read_attention(file);
    if (file.error()) return;
    for (std::int64_t i = 0; i < c_.n_layers && !file.error(); ++i) {
      const auto name = [i](const char* part) { return block_name(i, cat(part, ".weight")); };
      layers_.push_back({
          .attn_norm = file.vector(name("attn_norm"), c_.d_model),
          .wq = file.matrix(name("attn_q"), c_.q_width(), c_.d_model),
          .wk = file.matrix(name("attn_k"), c_.kv_width(), c_.d_model),
          .wv = file.matrix(name("attn_v"), c_.kv_width(), c_.d_model),
          .q_norm = file.vector(name("attn_q_norm"), c_.head_dim),
          .k_norm = file.vector(name("attn_k_norm"), c_.head_dim),
          .wo = file.matrix(name("attn_output"), c_.d_model, c_.q_width()),
          .post_attn_norm = file.vector(name("post_attention_norm"), c_.d_model),
          .ffn_norm = file.vector(name("ffn_norm"), c_.d_model),
          .gate = file.matrix(name("ffn_gate"), c_.d_ffn, c_.d_model),
          .up = file.matrix(name("ffn_up"), c_.d_ffn, c_.d_model),
          .down = file.matrix(name("ffn_down"), c_.d_model, c_.d_ffn),
          .post_ffn_norm = file.vector(name("post_ffw_norm"), c_.d_model),
      });
    }
    embedding_ = file.table("token_embd.weight", c_.n_vocab, c_.d_model);
    norm_ = file.vector("output_norm.weight", c_.d_model);
    output_ = output_matrix(file, c_);
    make_ropes(file, ops);

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
    ops.embed(x_, embedding_, std::sqrt(static_cast<float>(c_.d_model)));
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(layers_.size()); ++i) {
      const Layer& w = layers_[static_cast<std::size_t>(i)];
      const bool full = (i + 1) % pattern_ == 0;
      const kernels::Rope rope = full ? rope_ : window_rope_;
      ops.rms_norm(h_, x_, w.attn_norm, c_.rms_eps);
      ops.matmul(h_, {{q_, w.wq}, {k_, w.wk}, {v_, w.wv}});
      ops.rms_norm_heads(q_, w.q_norm, c_.rms_eps);
      ops.rms_norm_heads(k_, w.k_norm, c_.rms_eps);
      ops.rope(q_, attention_.head_dim, rope);
      ops.rope(k_, attention_.head_dim, rope);
      ops.store_kv(i, k_, v_);
      ops.attend(attended_, q_, i, full ? attention_ : window_attention_);
      ops.matmul(attended_, {{h_, w.wo}});
      ops.rms_norm(h_, h_, w.post_attn_norm, c_.rms_eps);
      ops.add(x_, h_);
      ops.rms_norm(h_, x_, w.ffn_norm, c_.rms_eps);
      ops.matmul(h_, {{gate_, w.gate}, {up_, w.up}});
      ops.gelu_mul(gate_, up_);
      ops.matmul(gate_, {{h_, w.down}});
      ops.rms_norm(h_, h_, w.post_ffn_norm, c_.rms_eps);
      ops.add(x_, h_);
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
    Vector q_norm, k_norm;
    Matrix wo;
    Vector post_attn_norm, ffn_norm;
    Matrix gate, up, down;
    Vector post_ffn_norm;
  };

  void read_attention(WeightBinder& file) {
    pattern_ = static_cast<std::int32_t>(file.size_or("attention.sliding_window_pattern", 6, 4096));
    file.size("attention.sliding_window", 1 << 28);  // a file without it is not a whole Gemma 3
    attention_ = c_.attention();
    if (c_.n_layers == kLayersOf27B) {
      attention_.scale = 1 / std::sqrt(static_cast<float>(c_.d_model / c_.n_heads));
    }
    window_attention_ = attention_;
    window_attention_.window = read_window(file, c_);
    for (const char* cap : {"attn_logit_softcapping", "final_logit_softcapping"}) {
      const float value = file.number_or(cap, 0);
      if (value != 0) {
        file.fail(ErrorKind::unsupported,
                  cat(cap, " is ", value, "; this architecture is computed without"));
      }
    }
  }

  void make_ropes(WeightBinder& file, kernels::Ops& ops) {
    const float base = file.number_or("rope.freq_base_swa", 10000);
    if (!(base > 0)) {
      file.fail(ErrorKind::corrupt, cat("rope.freq_base_swa is ", base, "; expected above 0"));
    }

    rope_ = ops.rope_table({.inverse_frequencies = read_rope_frequencies(file, c_)});
    std::vector<float> near;
    for (const double w : rope_frequencies(base, c_.n_rotated)) {
      near.push_back(static_cast<float>(w));
    }
    window_rope_ = ops.rope_table({.inverse_frequencies = near});
  }

  DecoderConfig c_;
  ModelInfo info_;
  std::int32_t pattern_ = 1;
  kernels::Attention attention_, window_attention_;
  std::vector<Layer> layers_;
  kernels::Table embedding_;
  Vector norm_;
  Matrix output_;
  kernels::Rope rope_, window_rope_;
  Activation x_, h_, q_, k_, v_, attended_, gate_, up_, logits_;
};

}  // namespace

Result<std::unique_ptr<Model>> load_gemma3(const formats::Checkpoint& checkpoint,
                                           kernels::Ops& ops) {
  WeightBinder file(checkpoint, ops);
  auto model = std::make_unique<Gemma3>(file, ops);
  if (file.error()) return *file.error();
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace hearth::models
