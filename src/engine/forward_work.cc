// forward_work.cc - a backend that counts instead of computing.
#include "engine/forward_work.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "models/registry.h"

namespace hearth::engine {

namespace {

using namespace kernels;  // the operators' own words

class CountingOps final : public Ops {
 public:
  const ForwardWork& work() const { return work_; }

  void begin(const Batch& batch) {
    n_rows_ = batch.n_rows();
    n_output_rows_ = static_cast<std::int64_t>(batch.output_rows.size());
    first_position_ = batch.sequences.front().first_position;
  }

  Matrix matrix(const Tensor& t) override {
    return {add_weight(t), t.shape.rows(), t.shape.cols()};
  }
  Experts experts(const Tensor& t) override {
    const std::int64_t n = t.shape.dims[0];
    return {add_weight(t), n, t.shape.rows() / n, t.shape.cols()};
  }
  Vector vector(std::span<const float> values) override {
    return {0, static_cast<std::int64_t>(values.size())};
  }
  Table table(const Tensor& t) override { return {0, t.shape.rows(), t.shape.cols()}; }
  Rope rope_table(const RopeTable&) override { return {0}; }
  Activation activation(std::int64_t cols) override { return {0, cols}; }
  Routing routing(std::int64_t n_experts, std::int64_t n_used) override {
    return {0, n_experts, n_used};
  }
  Activation expert_activation(const Routing&, std::int64_t cols) override { return {0, cols}; }
  Activation output_activation(std::int64_t cols) override { return {0, cols}; }

  void matmul(Activation, std::initializer_list<Product> products) override {
    for (const Product& p : products) multiply(p.matrix);
  }
  void matmul_add(Activation, Activation, Matrix matrix) override { multiply(matrix); }
  void expert_matmul(const Routing& routing, Activation,
                     std::initializer_list<ExpertProduct> products) override {
    const std::int64_t n_reached = std::min(routing.n_experts, n_rows_ * routing.n_used);
    for (const ExpertProduct& p : products) {
      work_.weight_bytes +=
          bytes(p.experts.id) * static_cast<double>(n_reached) / static_cast<double>(p.experts.n);
      work_.operations +=
          2.0 * static_cast<double>(p.experts.out * p.experts.in * n_rows_ * routing.n_used);
    }
  }
  void attend(Activation, Activation, std::int32_t, const Attention& how) override {
    std::int64_t n_seen = 0;
    for (std::int64_t row = 0; row < n_rows_; ++row) {
      const std::int64_t all = first_position_ + (how.causal ? row + 1 : n_rows_);
      n_seen += how.window > 0 ? std::min<std::int64_t>(all, how.window) : all;
    }
    work_.operations += 4.0 * static_cast<double>(n_seen * how.n_heads * how.head_dim);
    const std::int64_t first_row_sees_from =
        how.window > 0 ? std::max<std::int64_t>(0, first_position_ + 1 - how.window) : 0;
    kv_positions_ += first_position_ + n_rows_ - first_row_sees_from;
    ++n_layers_;
    work_.kv_positions = static_cast<double>(kv_positions_) / static_cast<double>(n_layers_);
  }

  void keep_output_rows(Activation) override { n_rows_ = n_output_rows_; }
  void pool(Activation) override { n_rows_ = 1; }

  // What works value by value is not counted: next to the matrices it is nothing.
  void embed(Activation, Table, float) override {}
  void rms_norm(Activation, Activation, Vector, float) override {}
  void layer_norm(Activation, Activation, Vector, Vector, float) override {}
  void rms_norm_heads(Activation, Vector, float) override {}
  void rope(Activation, std::int32_t, Rope) override {}
  void store_kv(std::int32_t, Activation, Activation) override {}
  void add(Activation, Activation) override {}
  void add_bias(Activation, Vector) override {}
  void add_embedding(Activation, Vector, Lookup) override {}
  void gelu(Activation) override {}
  void silu_mul(Activation, Activation) override {}
  void gelu_mul(Activation, Activation) override {}
  void clamped_swiglu(Activation, Activation, float, float) override {}
  void route(const Routing&, Activation) override {}
  void add_experts(Activation, Activation, const Routing&) override {}

 private:
  std::int32_t add_weight(const Tensor& t) {
    weight_bytes_.push_back(static_cast<double>(t.byte_size()));
    return static_cast<std::int32_t>(weight_bytes_.size() - 1);
  }
  double bytes(std::int32_t id) const { return weight_bytes_[static_cast<std::size_t>(id)]; }
  void multiply(Matrix m) {
    work_.weight_bytes += bytes(m.id);
    work_.operations += 2.0 * static_cast<double>(m.out * m.in * n_rows_);
  }

  std::vector<double> weight_bytes_;
  std::int64_t n_rows_ = 0, n_output_rows_ = 0, first_position_ = 0;
  std::int64_t kv_positions_ = 0, n_layers_ = 0;
  ForwardWork work_;
};

}  // namespace

Result<ForwardWork> forward_work(const formats::Checkpoint& checkpoint, std::int32_t n_rows,
                                 std::int32_t first_position) {
  CountingOps ops;
  HEARTH_TRY(const auto model, models::build(checkpoint, ops));
  const std::vector<std::int32_t> tokens(static_cast<std::size_t>(n_rows), 0);
  std::vector<std::int32_t> positions(tokens.size());
  std::iota(positions.begin(), positions.end(), first_position);
  const SequenceRows sequence{.n_rows = n_rows, .first_position = first_position};
  const std::int32_t last_row = n_rows - 1;
  const Batch batch{.tokens = tokens,
                    .positions = positions,
                    .sequences = {&sequence, 1},
                    .output_rows = {&last_row, 1}};
  ops.begin(batch);
  model->forward(batch, ops);
  return ops.work();
}

}  // namespace hearth::engine
