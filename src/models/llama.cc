// llama.cc - the Llama decoder (Llama 2 and 3, SmolLM2 and all that share its graph).
//
// One layer, x [n, d_model]; a name in quotes is a tensor under "blk.{i}.":
//
//     h = rms_norm(x, "attn_norm")
//     q, k, v = h · "attn_q", h · "attn_k", h · "attn_v"        no biases
//     q, k = rope(q), rope(k)                                    pairs (2i, 2i + 1), see below
//     x += attend(q, cache + k, cache + v) · "attn_output"       grouped queries
//     h = rms_norm(x, "ffn_norm")
//     x += (silu(h · "ffn_gate") * (h · "ffn_up")) · "ffn_down"
//
// logits = rms_norm(x, "output_norm") · "output"; a file without "output" uses "token_embd" (tied).
//
// Traps: files of this architecture have the rows of attn_q and attn_k permuted so that rope turns
// adjacent pairs. "rope_freqs" (Llama 3) divides the inverse frequencies. Reference logits:
// tests/golden/smollm2, tests/golden/hf/llama, tests/golden/hf/llama_tied.
#include "models/llama.h"

#include <cmath>
#include <vector>

#include "base/str.h"
#include "models/weight_binder.h"

namespace hearth::models {

using kernels::Activation;
using kernels::Matrix;
using kernels::Vector;

namespace {

struct Config {
  std::int64_t n_layers, d_model, d_ffn, n_heads, n_kv_heads, head_dim, n_rotated, n_vocab,
      context_length;
  float rms_eps, rope_base;
};

// Limits keep every product of sizes far below 2^63; no published model is near them.
Config read_config(WeightBinder& file, const formats::Checkpoint& checkpoint) {
  Config c{};
  c.n_layers = file.size("block_count", 4096);
  c.d_model = file.size("embedding_length", 1 << 20);
  c.d_ffn = file.size("feed_forward_length", 1 << 22);
  c.n_heads = file.size("attention.head_count", 4096);
  c.n_kv_heads = file.size_or("attention.head_count_kv", c.n_heads, 4096);
  c.head_dim = file.size_or("attention.key_length", c.d_model / c.n_heads, 512);
  c.n_rotated = file.size_or("rope.dimension_count", c.head_dim, 512);
  c.context_length = file.size("context_length", 1 << 28);
  c.rms_eps = file.number("attention.layer_norm_rms_epsilon");
  c.rope_base = file.number_or("rope.freq_base", 10000);
  const Tensor* embedding = checkpoint.find("token_embd.weight");
  c.n_vocab = embedding == nullptr ? 1 : embedding->shape.dims[0];
  return c;
}

void check_config(const Config& c, WeightBinder& file, const formats::Checkpoint& checkpoint) {
  if (c.head_dim < 2 || c.n_heads % c.n_kv_heads != 0) {
    file.fail(ErrorKind::corrupt,
              cat("attention.head_count is ", c.n_heads, " and head_count_kv ", c.n_kv_heads,
                  ", a head ", c.head_dim, " values; the first must be a multiple of the second"));
  }
  if (c.n_rotated % 2 != 0 || c.n_rotated > c.head_dim) {
    file.fail(ErrorKind::corrupt, cat("rope.dimension_count is ", c.n_rotated,
                                      "; expected an even number up to the head's ", c.head_dim));
  }
  if (!(c.rms_eps > 0) || !(c.rope_base > 0)) {
    file.fail(ErrorKind::corrupt, "layer_norm_rms_epsilon and rope.freq_base must be above 0");
  }
  if (const formats::MetaValue* scaling = checkpoint.find_meta("llama.rope.scaling.type")) {
    const auto* type = std::get_if<std::string>(scaling);
    if (type == nullptr || (*type != "none" && !type->empty())) {
      file.fail(ErrorKind::unsupported, cat("rope.scaling.type ", quote(type ? *type : "?"),
                                            " is not supported in this architecture"));
    }
  }
  if (c.n_vocab > (std::int64_t{1} << 24)) {
    file.fail(ErrorKind::corrupt, cat("token_embd.weight has ", c.n_vocab, " rows"));
  }
  if (file.size_or("attention.value_length", c.head_dim, 512) != c.head_dim) {
    file.fail(ErrorKind::unsupported, "attention.value_length differs from attention.key_length");
  }
  if (file.size_or("expert_count", 1, 1 << 16) > 1) {
    file.fail(ErrorKind::unsupported, "a mixture of experts is not supported in this architecture");
  }
}

class Llama final : public Model {
 public:
  Llama(WeightBinder& file, const formats::Checkpoint& checkpoint, kernels::Ops& ops)
      : c_(read_config(file, checkpoint)) {
    check_config(c_, file, checkpoint);
    if (file.error()) return;
    info_ = {
        .n_vocab = c_.n_vocab,
        .context_length = c_.context_length,
        .kv = {static_cast<std::int32_t>(c_.n_layers), static_cast<std::int32_t>(c_.n_kv_heads),
               static_cast<std::int32_t>(c_.head_dim)}};
    const std::int64_t q_width = c_.n_heads * c_.head_dim, kv_width = c_.n_kv_heads * c_.head_dim;
    for (std::int64_t i = 0; i < c_.n_layers && !file.error(); ++i) {
      const auto name = [i](const char* part) { return cat("blk.", i, ".", part, ".weight"); };
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
    output_ = file.matrix(file.has("output.weight") ? "output.weight" : "token_embd.weight",
                          c_.n_vocab, c_.d_model);
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
    const kernels::Attention attention{.n_heads = static_cast<std::int32_t>(c_.n_heads),
                                       .n_kv_heads = static_cast<std::int32_t>(c_.n_kv_heads),
                                       .head_dim = head_dim,
                                       .scale = 1 / std::sqrt(static_cast<float>(c_.head_dim)),
                                       .window = 0};
    ops.embed(x_, embedding_);
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(layers_.size()); ++i) {
      const Layer& w = layers_[static_cast<std::size_t>(i)];
      ops.rms_norm(h_, x_, w.attn_norm, c_.rms_eps);
      ops.matmul(h_, {{q_, w.wq}, {k_, w.wk}, {v_, w.wv}});
      ops.rope(q_, head_dim, rope_);
      ops.rope(k_, head_dim, rope_);
      ops.store_kv(i, k_, v_);
      ops.attend(attended_, q_, i, attention);
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
    const std::int64_t n_pairs = c_.n_rotated / 2;
    std::vector<float> inverse(static_cast<std::size_t>(n_pairs));
    for (std::size_t j = 0; j < inverse.size(); ++j) {
      const double exponent = 2.0 * static_cast<double>(j) / static_cast<double>(c_.n_rotated);
      inverse[j] = static_cast<float>(1 / std::pow(static_cast<double>(c_.rope_base), exponent));
    }
    if (file.has("rope_freqs.weight")) {
      const std::vector<float> divisors = file.values("rope_freqs.weight", n_pairs);
      for (std::size_t j = 0; j < divisors.size(); ++j) inverse[j] /= divisors[j];
    }
    return ops.rope_table(inverse, 1, kernels::RopePairs::adjacent);
  }

  Config c_;
  ModelInfo info_;
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
  auto model = std::make_unique<Llama>(file, checkpoint, ops);
  if (file.error()) return *file.error();
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace hearth::models
