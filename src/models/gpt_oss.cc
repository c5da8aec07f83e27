// gpt_oss.cc - the gpt-oss decoder: a mixture of experts with attention sinks.
//
// One layer, x [n, d_model]; a name in quotes is a tensor under "blk.{i}.", b its bias:
//
//     h = rms_norm(x, "attn_norm")
//     q, k, v = h · "attn_q" + b, h · "attn_k" + b, h · "attn_v" + b
//     q, k = rope(q), rope(k)                                    pairs (i, i + half), YaRN
//     x += attend(q, cache + k, cache + v) · "attn_output" + b   grouped queries, "attn_sinks": a
//                                                                score a head that is no position;
//                                                                even layers see a window
//     h = rms_norm(x, "post_attention_norm")
//     experts, shares = the expert_used_count largest of h · "ffn_gate_inp" + b, their softmax
//     y[e] = act(h · "ffn_gate_exps"[e] + b, h · "ffn_up_exps"[e] + b) · "ffn_down_exps"[e] + b
//     x += sum over those experts of share[e] * y[e]
//
//     act(g, u) = g' sigmoid(1.702 g') (u' + 1)      g' = min(g, 7), u' = clamp(u, -7, 7)
//
// logits = rms_norm(x, "output_norm") · "output".
//
// YaRN: pair j turns by (1 - r) w + r w / factor of its plain frequency w, where r rises from 0 to
// 1 between the pairs that turn beta_fast and beta_slow times within the original context. The
// published model says truncate: false, so the ends of that ramp are not rounded to whole pairs;
// other readers round them and their logits differ by up to 1.8 on the golden model. Reference
// logits: tests/golden/hf/gpt_oss.
#include "models/gpt_oss.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/str.h"
#include "models/decoder_config.h"
#include "models/weight_binder.h"

namespace hearth::models {

using kernels::Activation;
using kernels::Experts;
using kernels::Matrix;
using kernels::Vector;

namespace {

constexpr float kAlpha = 1.702f, kLimit = 7;  // of act(); no key holds them

class GptOss final : public Model {
 public:
  GptOss(WeightBinder& file, kernels::Ops& ops)
      : c_(read_decoder_config(file)), info_(c_.info()), attention_(c_.attention()) {
    n_experts_ = file.size("expert_count", 4096);
    const std::int64_t n_used = file.size("expert_used_count", n_experts_);
    d_expert_ = file.size_or("expert_feed_forward_length", c_.d_ffn, 1 << 22);
    file.size("attention.sliding_window", 1 << 28);  // half of the layers have one
    window_ = read_window(file, c_);
    if (file.error()) return;
    for (std::int64_t i = 0; i < c_.n_layers && !file.error(); ++i) read_layer(file, i);
    embedding_ = file.table("token_embd.weight", c_.n_vocab, c_.d_model);
    norm_ = file.vector("output_norm.weight", c_.d_model);
    output_ = output_matrix(file, c_);
    rope_ = make_rope(file, ops);

    routing_ = ops.routing(n_experts_, n_used);
    x_ = ops.activation(c_.d_model);
    h_ = ops.activation(c_.d_model);
    q_ = ops.activation(c_.q_width());
    k_ = ops.activation(c_.kv_width());
    v_ = ops.activation(c_.kv_width());
    attended_ = ops.activation(c_.q_width());
    router_ = ops.activation(n_experts_);
    gate_ = ops.expert_activation(routing_, d_expert_);
    up_ = ops.expert_activation(routing_, d_expert_);
    down_ = ops.expert_activation(routing_, c_.d_model);
    logits_ = ops.output_activation(c_.n_vocab);
    file.check_all_used();
  }

  const ModelInfo& info() const override { return info_; }
  Activation logits() const override { return logits_; }

  void forward(const kernels::Batch& batch, kernels::Ops& ops) const override {
    ops.embed(x_, embedding_, 1);
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(layers_.size()); ++i) {
      const Layer& w = layers_[static_cast<std::size_t>(i)];
      kernels::Attention attention = attention_;
      attention.window = i % 2 == 0 ? window_ : 0;
      attention.sinks = w.sinks;
      ops.rms_norm(h_, x_, w.attn_norm, c_.rms_eps);
      ops.matmul(h_, {{q_, w.wq}, {k_, w.wk}, {v_, w.wv}});
      ops.add_bias(q_, w.bq);
      ops.add_bias(k_, w.bk);
      ops.add_bias(v_, w.bv);
      ops.rope(q_, attention.head_dim, rope_);
      ops.rope(k_, attention.head_dim, rope_);
      ops.store_kv(i, k_, v_);
      ops.attend(attended_, q_, i, attention);
      ops.matmul_add(x_, attended_, w.wo);
      ops.add_bias(x_, w.bo);

      ops.rms_norm(h_, x_, w.ffn_norm, c_.rms_eps);
      ops.matmul(h_, {{router_, w.router}});
      ops.add_bias(router_, w.router_bias);
      ops.route(routing_, router_);
      ops.expert_matmul(routing_, h_, {{gate_, w.gate, w.gate_bias}, {up_, w.up, w.up_bias}});
      ops.clamped_swiglu(gate_, up_, kAlpha, kLimit);
      ops.expert_matmul(routing_, gate_, {{down_, w.down, w.down_bias}});
      ops.add_experts(x_, down_, routing_);
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
    Vector bq, bk, bv, bo, sinks, ffn_norm;
    Matrix router;
    Vector router_bias;
    Experts gate, up, down;
    Vector gate_bias, up_bias, down_bias;
  };

  void read_layer(WeightBinder& file, std::int64_t i) {
    const auto name = [i](const char* part) { return block_name(i, part); };
    layers_.push_back({
        .attn_norm = file.vector(name("attn_norm.weight"), c_.d_model),
        .wq = file.matrix(name("attn_q.weight"), c_.q_width(), c_.d_model),
        .wk = file.matrix(name("attn_k.weight"), c_.kv_width(), c_.d_model),
        .wv = file.matrix(name("attn_v.weight"), c_.kv_width(), c_.d_model),
        .wo = file.matrix(name("attn_output.weight"), c_.d_model, c_.q_width()),
        .bq = file.vector(name("attn_q.bias"), c_.q_width()),
        .bk = file.vector(name("attn_k.bias"), c_.kv_width()),
        .bv = file.vector(name("attn_v.bias"), c_.kv_width()),
        .bo = file.vector(name("attn_output.bias"), c_.d_model),
        .sinks = file.vector(name("attn_sinks.weight"), c_.n_heads),
        .ffn_norm = file.vector(name("post_attention_norm.weight"), c_.d_model),
        .router = file.matrix(name("ffn_gate_inp.weight"), n_experts_, c_.d_model),
        .router_bias = file.vector(name("ffn_gate_inp.bias"), n_experts_),
        .gate = file.experts(name("ffn_gate_exps.weight"), n_experts_, d_expert_, c_.d_model),
        .up = file.experts(name("ffn_up_exps.weight"), n_experts_, d_expert_, c_.d_model),
        .down = file.experts(name("ffn_down_exps.weight"), n_experts_, c_.d_model, d_expert_),
        .gate_bias = file.vectors(name("ffn_gate_exps.bias"), n_experts_, d_expert_),
        .up_bias = file.vectors(name("ffn_up_exps.bias"), n_experts_, d_expert_),
        .down_bias = file.vectors(name("ffn_down_exps.bias"), n_experts_, c_.d_model),
    });
  }

  kernels::Rope make_rope(WeightBinder& file, kernels::Ops& ops) const {
    if (file.text_or("rope.scaling.type", "none") != "yarn") {
      return ops.rope_table({.inverse_frequencies = read_rope_frequencies(file, c_)});
    }
    const auto positive = [&file](const char* key, float value) {
      if (!(value > 0)) {
        file.fail(ErrorKind::corrupt, cat(key, " is ", value, "; expected above 0"));
      }
      return static_cast<double>(value);
    };
    const double factor = positive("rope.scaling.factor", file.number("rope.scaling.factor"));
    const double fast =
        positive("rope.scaling.yarn_beta_fast", file.number_or("rope.scaling.yarn_beta_fast", 32));
    const double slow =
        positive("rope.scaling.yarn_beta_slow", file.number_or("rope.scaling.yarn_beta_slow", 1));
    const auto original =
        static_cast<double>(file.size("rope.scaling.original_context_length", 1 << 28));
    // The pair, as a real number, that turns `turns` times within the original context.
    const auto n = static_cast<double>(c_.n_rotated);
    const auto pair_of = [&](double turns) {
      return n / 2 * std::log(original / (turns * 2 * std::numbers::pi)) /
             std::log(static_cast<double>(c_.rope_base));
    };
    const double low = std::max(pair_of(fast), 0.0);
    const double high = std::max(std::min(pair_of(slow), n - 1), low + 0.001);
    std::vector<float> inverse;
    for (const double w : rope_frequencies(c_.rope_base, c_.n_rotated)) {
      const double j = static_cast<double>(inverse.size());
      const double ramp = std::clamp((j - low) / (high - low), 0.0, 1.0);
      inverse.push_back(static_cast<float>((1 - ramp) * w + ramp * w / factor));
    }
    const double m = factor > 1 ? 0.1 * std::log(factor) + 1 : 1;
    return ops.rope_table(
        {.inverse_frequencies = inverse, .attention_factor = static_cast<float>(m)});
  }

  DecoderConfig c_;
  ModelInfo info_;
  kernels::Attention attention_;
  std::int64_t n_experts_ = 0, d_expert_ = 0;
  std::int32_t window_ = 0;
  std::vector<Layer> layers_;
  kernels::Table embedding_;
  Vector norm_;
  Matrix output_;
  kernels::Rope rope_;
  kernels::Routing routing_;
  Activation x_, h_, q_, k_, v_, attended_, router_, gate_, up_, down_, logits_;
};

}  // namespace

Result<std::unique_ptr<Model>> load_gpt_oss(const formats::Checkpoint& checkpoint,
                                            kernels::Ops& ops) {
  WeightBinder file(checkpoint, ops);
  auto model = std::make_unique<GptOss>(file, ops);
  if (file.error()) return *file.error();
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace hearth::models
