// bert.cc - the BERT encoder (all-MiniLM, bge, e5): a text's embedding instead of a next token.
//
// x = layer_norm("token_embd"[token] + "token_types"[type] + "position_embd"[position],
// "token_embd_norm"). One layer, x [n, d_model]; a name in quotes is a tensor under "blk.{i}.", and
// every product adds the bias of its name:
//
//     q, k, v = x · "attn_q", x · "attn_k", x · "attn_v"
//     x = layer_norm(x + attend(q, k, v) · "attn_output", "attn_output_norm")
//     x = layer_norm(x + gelu(x · "ffn_up") · "ffn_down", "layer_output_norm")
//
// Every token sees its whole text. What is left of a text's rows is what pooling makes of them
// (kernels/pool.h). The file's own way is pooling_type; normalize_embeddings false leaves the
// embeddings' lengths as they are, and max_sequence_length is where the makers cut a text. GGUF
// knows only the first of these keys; a folder has what they say in its own files.
//
// Traps: the norm comes after the sum, not before the product. gelu is the exact one (llama.cpp
// takes a table of the tanh form: 4e-4 off). Keys and values are needed within a layer only, so all
// layers share the pages of one. Reference results: tests/golden/hf/bert, tests/golden/minilm.
#include "models/bert.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/str.h"
#include "models/decoder_config.h"
#include "models/weight_binder.h"

namespace hearth::models {

using kernels::Activation;
using kernels::Lookup;
using kernels::Matrix;
using kernels::Pooling;
using kernels::Vector;

namespace {

// Limits keep every product of sizes far below 2^63; no published model is near them.
struct BertConfig {
  explicit BertConfig(WeightBinder& file)
      : n_layers(file.size("block_count", 4096)),
        d_model(file.size("embedding_length", 1 << 20)),
        d_ffn(file.size("feed_forward_length", 1 << 22)),
        n_heads(file.size("attention.head_count", 4096)),
        context_length(file.size("context_length", 1 << 20)),
        usual_length(
            std::min(context_length, file.size_or("max_sequence_length", context_length, 1 << 30))),
        n_vocab(n_rows(file, "token_embd.weight", 1 << 24)),
        n_types(n_rows(file, "token_types.weight", 256)),
        n_positions(n_rows(file, "position_embd.weight", 1 << 20)),
        eps(file.number("attention.layer_norm_epsilon")) {
    if (d_model % n_heads != 0 ||
        file.size_or("attention.head_count_kv", n_heads, 4096) != n_heads) {
      file.fail(ErrorKind::corrupt, cat("attention.head_count is ", n_heads,
                                        "; expected whole heads in embedding_length ", d_model,
                                        ", each with its own keys and values"));
    }
    if (context_length > n_positions) {
      file.fail(ErrorKind::corrupt, cat("context_length is ", context_length,
                                        "; position_embd.weight has ", n_positions, " rows"));
    }
    if (!(eps > 0)) {
      file.fail(ErrorKind::corrupt,
                cat("attention.layer_norm_epsilon is ", eps, "; expected above 0"));
    }
    if (file.flag_or("attention.causal", false)) {
      file.fail(ErrorKind::unsupported,
                "attention.causal is true; in this architecture every token sees its whole text");
    }
  }

  ModelInfo info(WeightBinder& file) const {
    return {.n_vocab = n_vocab,
            .context_length = context_length,
            .kv = {.n_layers = 1,
                   .n_kv_heads = static_cast<std::int32_t>(n_heads),
                   .head_dim = static_cast<std::int32_t>(d_model / n_heads),
                   .f32 = true},
            .kind = ModelKind::encoder,
            .d_model = d_model,
            .pooling = read_pooling(file),
            .normalize = file.flag_or("normalize_embeddings", true),
            .usual_length = usual_length};
  }

  std::int64_t n_layers, d_model, d_ffn, n_heads, context_length, usual_length, n_vocab, n_types,
      n_positions;
  float eps;

 private:
  static std::int64_t n_rows(WeightBinder& file, const char* name, std::int64_t limit) {
    const Tensor* tensor = file.checkpoint().find(name);
    if (tensor == nullptr) return 1;  // asking for it says that it is missing
    const std::int64_t n = tensor->shape.dims[0];
    if (n <= limit) return n;
    file.fail(ErrorKind::corrupt, cat(name, " has ", n, " rows; expected at most ", limit));
    return 1;
  }

  static std::optional<Pooling> read_pooling(WeightBinder& file) {
    switch (file.count_or("pooling_type", 0, 4)) {
      case 1:
        return Pooling::mean;
      case 2:
        return Pooling::first;
      case 3:
        return Pooling::last;
      case 4:
        file.fail(ErrorKind::unsupported,
                  "pooling_type is 4 (rank): a reranker scores pairs of texts, which Hearth does "
                  "not do");
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }
};

class Bert final : public Model {
 public:
  Bert(WeightBinder& file, kernels::Ops& ops)
      : c_(file),
        info_(c_.info(file)),
        attention_{.n_heads = info_.kv.n_kv_heads,
                   .n_kv_heads = info_.kv.n_kv_heads,
                   .head_dim = info_.kv.head_dim,
                   .scale = 1 / std::sqrt(static_cast<float>(info_.kv.head_dim)),
                   .causal = false} {
    if (file.error()) return;
    embedding_ = file.table("token_embd.weight", c_.n_vocab, c_.d_model);
    types_ = file.vectors("token_types.weight", c_.n_types, c_.d_model);
    positions_ = file.vectors("position_embd.weight", c_.n_positions, c_.d_model);
    norm_ = read_norm(file, "token_embd_norm");
    for (std::int64_t i = 0; i < c_.n_layers && !file.error(); ++i) {
      const auto name = [i](const char* part) { return block_name(i, part); };
      layers_.push_back({
          .q = read_linear(file, name("attn_q"), c_.d_model, c_.d_model),
          .k = read_linear(file, name("attn_k"), c_.d_model, c_.d_model),
          .v = read_linear(file, name("attn_v"), c_.d_model, c_.d_model),
          .out = read_linear(file, name("attn_output"), c_.d_model, c_.d_model),
          .attn_norm = read_norm(file, name("attn_output_norm")),
          .up = read_linear(file, name("ffn_up"), c_.d_ffn, c_.d_model),
          .down = read_linear(file, name("ffn_down"), c_.d_model, c_.d_ffn),
          .ffn_norm = read_norm(file, name("layer_output_norm")),
      });
    }
    x_ = ops.activation(c_.d_model);
    q_ = ops.activation(c_.d_model);
    k_ = ops.activation(c_.d_model);
    v_ = ops.activation(c_.d_model);
    attended_ = ops.activation(c_.d_model);
    up_ = ops.activation(c_.d_ffn);
    file.check_all_used();
  }

  const ModelInfo& info() const override { return info_; }
  Activation embeddings() const override { return x_; }

  void forward(const kernels::Batch&, kernels::Ops& ops) const override {
    ops.embed(x_, embedding_, 1);
    ops.add_embedding(x_, types_, Lookup::type);
    ops.add_embedding(x_, positions_, Lookup::position);
    normalize(ops, norm_);
    for (const Layer& w : layers_) {
      ops.matmul(x_, {{q_, w.q.matrix}, {k_, w.k.matrix}, {v_, w.v.matrix}});
      ops.add_bias(q_, w.q.bias);
      ops.add_bias(k_, w.k.bias);
      ops.add_bias(v_, w.v.bias);
      ops.store_kv(0, k_, v_);
      ops.attend(attended_, q_, 0, attention_);
      ops.matmul_add(x_, attended_, w.out.matrix);
      ops.add_bias(x_, w.out.bias);
      normalize(ops, w.attn_norm);
      ops.matmul(x_, {{up_, w.up.matrix}});
      ops.add_bias(up_, w.up.bias);
      ops.gelu(up_);
      ops.matmul_add(x_, up_, w.down.matrix);
      ops.add_bias(x_, w.down.bias);
      normalize(ops, w.ffn_norm);
    }
    ops.pool(x_);
  }

 private:
  struct Linear {
    Matrix matrix;
    Vector bias;
  };
  struct Norm {
    Vector gain, bias;
  };
  struct Layer {
    Linear q, k, v, out;
    Norm attn_norm;
    Linear up, down;
    Norm ffn_norm;
  };

  static Linear read_linear(WeightBinder& file, const std::string& name, std::int64_t out,
                            std::int64_t in) {
    return {.matrix = file.matrix(name + ".weight", out, in),
            .bias = file.vector(name + ".bias", out)};
  }
  Norm read_norm(WeightBinder& file, const std::string& name) const {
    return {.gain = file.vector(name + ".weight", c_.d_model),
            .bias = file.vector(name + ".bias", c_.d_model)};
  }
  void normalize(kernels::Ops& ops, const Norm& norm) const {
    ops.layer_norm(x_, x_, norm.gain, norm.bias, c_.eps);
  }

  BertConfig c_;
  ModelInfo info_;
  kernels::Attention attention_;
  kernels::Table embedding_;
  Vector types_, positions_;
  Norm norm_;
  std::vector<Layer> layers_;
  Activation x_, q_, k_, v_, attended_, up_;
};

}  // namespace

Result<std::unique_ptr<Model>> load_bert(const formats::Checkpoint& checkpoint, kernels::Ops& ops) {
  WeightBinder file(checkpoint, ops);
  auto model = std::make_unique<Bert>(file, ops);
  if (file.error()) return *file.error();
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace hearth::models
