// ops.h - the operators a model's forward pass is written in. A backend supplies them; the CPU's
// are in cpu/cpu_ops.h. Part of the portable core.
//
// A model talks in handles. At load it declares its weights and activations; in forward() it calls
// the operators, each of which works on the rows of the current batch. Shapes are [n_rows, cols],
// weights [out, in]; every operator checks its shapes (a mismatch is a bug in the model: CHECK).
//
// The same bytes: an output row depends only on its own sequence's rows, never on which other rows
// are in the batch, how a prompt was cut into batches, or how many threads there are.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

#include "base/result.h"
#include "kernels/batch.h"
#include "tensor/tensor.h"

namespace hearth::kernels {

struct Activation {  // [rows of the batch, cols] float32
  std::int32_t id = -1;
  std::int64_t cols = 0;
};
struct Matrix {  // a weight [out, in], in whatever layout the backend chose
  std::int32_t id = -1;
  std::int64_t out = 0, in = 0;
};
struct Experts {  // a weight [n, out, in]: a matrix for each expert of a mixture; out in sixteens
  std::int32_t id = -1;
  std::int64_t n = 0, out = 0, in = 0;
};
struct Vector {  // float32 [n]
  std::int32_t id = -1;
  std::int64_t n = 0;
};
struct Table {  // rows looked up by token id, [n, cols]
  std::int32_t id = -1;
  std::int64_t n = 0, cols = 0;
};

// Which values of a head are rotated together: (2i, 2i + 1), or (i, i + half).
enum class RopePairs : std::uint8_t { adjacent, halves };

struct Rope {
  std::int32_t id = -1;
};

struct RopeTable {
  std::span<const float> inverse_frequencies;  // one a pair, scaling included
  float attention_factor = 1;                  // multiplies cos and sin
  RopePairs pairs = RopePairs::halves;
  // LongRoPE: what stands for inverse_frequencies in sequences planned to be longer than long_from.
  std::span<const float> long_inverse_frequencies = {};
  std::int64_t long_from = 0;
};

struct Attention {
  std::int32_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
  float scale = 0;          // of the scores, usually 1 / sqrt(head_dim)
  std::int32_t window = 0;  // a token sees this many positions, itself included; 0: all
  Vector sinks = {};        // [n_heads], when the model has them: a score of no position
  // False: a token also sees what comes after it. Its sequence must be in the batch whole.
  bool causal = true;
};

struct KvGeometry {
  std::int32_t n_layers = 0, n_kv_heads = 0, head_dim = 0;
  bool f32 = false;  // kept as float32; otherwise as the backend likes
};

enum class Lookup : std::uint8_t { position, type };  // what of a row of the batch is looked up

struct Product {  // out = in · matrixᵀ
  Activation out;
  Matrix matrix;
};

// Which n_used of n_experts compute each row of a batch.
struct Routing {
  std::int32_t id = -1;
  std::int64_t n_experts = 0, n_used = 0;
};

struct ExpertProduct {  // as Product, by the row's expert, and its row of bias added
  Activation out;
  Experts experts;
  Vector bias;  // [n, out]
};

class Ops {
 public:
  virtual ~Ops() = default;

  // ---- load ----
  // The tensor's bytes must stay valid; matrices and vectors are copied (packed), tables are not,
  // so a table's rows must lie in memory as they are (no RowSource).
  virtual Matrix matrix(const Tensor& tensor) = 0;
  virtual Vector vector(std::span<const float> values) = 0;
  virtual Table table(const Tensor& tensor) = 0;
  virtual Rope rope_table(const RopeTable& table) = 0;
  virtual Activation activation(std::int64_t cols) = 0;
  virtual Experts experts(const Tensor& tensor) = 0;
  virtual Routing routing(std::int64_t n_experts, std::int64_t n_used) = 0;
  // A row for each (row of the batch, expert it uses), the experts of a row one after another.
  virtual Activation expert_activation(const Routing& routing, std::int64_t cols) = 0;
  // For results that only output rows have (logits): sized for the most output rows of a batch.
  virtual Activation output_activation(std::int64_t cols) = 0;

  // ---- forward, between begin() and the last operator ----
  virtual void embed(Activation out, Table table, float scale) = 0;  // scale * table[tokens[t]]
  virtual void rms_norm(Activation out, Activation in, Vector gain, float eps) = 0;
  virtual void layer_norm(Activation out, Activation in, Vector gain, Vector bias, float eps) = 0;
  // Each row of `in` is taken as in.cols / gain.n rows (the heads), each normalised by itself.
  virtual void rms_norm_heads(Activation inout, Vector gain, float eps) = 0;
  // Products of one input: it is quantised once for all of them.
  virtual void matmul(Activation in, std::initializer_list<Product> products) = 0;
  virtual void matmul_add(Activation inout, Activation in, Matrix matrix) = 0;  // inout += in · mᵀ
  virtual void rope(Activation inout, std::int32_t head_dim, Rope table) = 0;
  virtual void store_kv(std::int32_t layer, Activation k, Activation v) = 0;
  virtual void attend(Activation out, Activation q, std::int32_t layer, const Attention& how) = 0;
  virtual void add(Activation inout, Activation in) = 0;
  virtual void add_bias(Activation inout, Vector bias) = 0;  // to every row
  // inout += list[its position or type]; the list is [n, inout.cols].
  virtual void add_embedding(Activation inout, Vector list, Lookup by) = 0;
  virtual void gelu(Activation inout) = 0;                    // exact form, by erf
  virtual void silu_mul(Activation gate, Activation up) = 0;  // gate = silu(gate) * up
  virtual void gelu_mul(Activation gate, Activation up) = 0;  // gate = gelu(gate) * up, tanh form
  virtual void clamped_swiglu(Activation gate, Activation up, float alpha, float limit) = 0;

  // Of a mixture of experts: each row goes to those with its largest logits (route.h), …
  virtual void route(const Routing& routing, Activation logits) = 0;
  // … they compute (`in` has a row a token, or a row a token and expert), …
  virtual void expert_matmul(const Routing& routing, Activation in,
                             std::initializer_list<ExpertProduct> products) = 0;
  // … and inout += their rows, each times its share.
  virtual void add_experts(Activation inout, Activation in, const Routing& routing) = 0;

  // From here on the batch consists of its output rows only; x keeps those rows.
  virtual void keep_output_rows(Activation x) = 0;
  // From here on the batch consists of what each sequence's pooling makes of its rows, sequence
  // after sequence; x keeps those.
  virtual void pool(Activation x) = 0;
};

}  // namespace hearth::kernels
