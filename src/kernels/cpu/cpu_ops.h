// cpu_ops.h - the operators of ops.h on this machine's cores.
//
// Owns one model's packed weights, its activations and its pages of keys and values. Used by one
// thread (the engine's), which cuts each operator into parts for the pool; nothing after allocate()
// allocates, but for settle().
//
// Packed weights lie in memory of their own, or in an image that outlives this load
// (weight_image.h). An image is a file's pages, 4 KiB each, which decoding reads a fifth slower
// than huge ones: settle() moves the weights bit by bit into huge pages when there is time.
//
// With Measure::yes it only counts: the same loading code then gives the memory plan, before a byte
// of weights is touched.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/read_ahead.h"
#include "kernels/ops.h"
#include "kernels/packed_matrix.h"
#include "kernels/weight_image.h"

namespace hearth::kernels {

enum class Measure : bool { no, yes };

struct CpuOpsOptions {
  std::int32_t max_rows = 0;  // of a batch
  std::int32_t max_output_rows = 0;
  std::int64_t max_positions = 0;  // of a sequence
  bool exact = false;              // dequantised weights, float32 activations, keys and values
  Measure measure = Measure::no;
  // Where packed weights are kept: image_bytes() of a measured load, or more. Not with `exact`.
  std::shared_ptr<WeightImage> image = {};
};

class CpuOps final : public Ops {
 public:
  CpuOps(const CpuKernels& kernels, ThreadPool& pool, const CpuOpsOptions& options);

  // After the model has declared everything: scratch memory and n_pages pages. Errors: too_large.
  Result<void> allocate(const KvGeometry& geometry, std::int64_t n_pages);

  std::uint64_t weight_bytes() const { return weight_bytes_; }
  std::int64_t image_bytes() const { return image_bytes_; }
  // After loading from a filled image: whether it holds this model's weights as this program packs
  // them. If not, nothing may be computed.
  bool image_agrees() const { return image_agrees_; }
  // Moves about n_bytes of the weights from the image into huge pages. True: there is more to move.
  // What was computed stays the same bytes.
  bool settle(std::int64_t n_bytes);
  std::uint64_t unsettled_bytes() const {
    return static_cast<std::uint64_t>(image_bytes_ - settled_bytes_);
  }
  std::uint64_t scratch_bytes(const KvGeometry& geometry) const;
  std::uint64_t kv_page_bytes(const KvGeometry& geometry) const;

  void begin(const Batch& batch);  // batch must stay valid until the last operator
  // Rows of an activation as the last operator left them.
  Rows<float> rows(Activation a);

  Matrix matrix(const Tensor& tensor) override;
  Vector vector(std::span<const float> values) override;
  Table table(const Tensor& tensor) override;
  Rope rope_table(const RopeTable& table) override;
  Activation activation(std::int64_t cols) override;
  Activation output_activation(std::int64_t cols) override;
  Experts experts(const Tensor& tensor) override;
  Routing routing(std::int64_t n_experts, std::int64_t n_used) override;
  Activation expert_activation(const Routing& routing, std::int64_t cols) override;

  void embed(Activation out, Table table, float scale) override;
  void rms_norm(Activation out, Activation in, Vector gain, float eps) override;
  void layer_norm(Activation out, Activation in, Vector gain, Vector bias, float eps) override;
  void rms_norm_heads(Activation inout, Vector gain, float eps) override;
  void matmul(Activation in, std::initializer_list<Product> products) override;
  void matmul_add(Activation inout, Activation in, Matrix matrix) override;
  void rope(Activation inout, std::int32_t head_dim, Rope table) override;
  void store_kv(std::int32_t layer, Activation k, Activation v) override;
  void attend(Activation out, Activation q, std::int32_t layer, const Attention& how) override;
  void add(Activation inout, Activation in) override;
  void add_bias(Activation inout, Vector bias) override;
  void add_embedding(Activation inout, Vector list, Lookup by) override;
  void gelu(Activation inout) override;
  void silu_mul(Activation gate, Activation up) override;
  void gelu_mul(Activation gate, Activation up) override;
  void clamped_swiglu(Activation gate, Activation up, float alpha, float limit) override;
  void route(const Routing& routing, Activation logits) override;
  void expert_matmul(const Routing& routing, Activation in,
                     std::initializer_list<ExpertProduct> products) override;
  void add_experts(Activation inout, Activation in, const Routing& routing) override;
  void keep_output_rows(Activation x) override;
  void pool(Activation x) override;

 private:
  struct Buffer {
    std::int64_t cols = 0, stride = 0, max_rows = 0;  // of the batch
    std::int64_t rows_each = 1;                       // of this buffer for each of the batch
    float* data = nullptr;
  };
  struct RopeAngles {
    std::vector<float> inverse_frequencies, long_inverse_frequencies;
    std::int64_t long_from = 0;
    float attention_factor = 1;
    RopePairs pairs = RopePairs::halves;
    std::vector<float> cos, sin;  // [max_rows, n_pairs]
    bool current = false;         // computed for this batch
  };
  // Row t * n_used + s of an expert activation belongs to the s-th expert of row t.
  struct Routes {
    std::vector<std::int32_t> experts;  // [max_rows, n_used]
    std::vector<float> shares;          // [max_rows, n_used]
    std::vector<std::int32_t> rows;     // those rows, sorted by expert
    std::vector<std::int32_t> first;    // [n_experts + 1], where an expert's begin
    std::vector<std::int32_t> active;   // [n_experts], the first n_active of them have rows
    std::int64_t n_active = 0;
  };
  struct AttendPlan;

  // What the last operator made row by row, unless somebody has asked for rows since.
  struct Made {
    std::int32_t id = -1;  // of an activation
    bool quantized = false;
  };

  // Matrices of the image that move together: one, or the experts that were packed as one.
  struct Piece {
    std::int32_t first, n;  // of matrices_
    std::int64_t offset, n_bytes;
  };

  PackedMatrix pack_into_image(const Tensor& tensor);
  Activation add_buffer(std::int64_t cols, std::int64_t max_rows, std::int64_t rows_each = 1);
  std::int64_t quantized_bytes() const;
  QuantizedRows quantize(Activation in, const Made& made);
  void compute_angles(RopeAngles& r, std::int64_t first, std::int64_t last) const;
  void multiply(Activation in, std::span<const Product> products, bool add);
  // fn(first_row, last_row) over all rows: at once when there are few, in parts on the pool
  // otherwise.
  template <class Fn>
  void for_rows(std::int64_t n, Fn&& fn);
  // The same for an operator that makes `out`, whose rows are quantised while they are in the cache
  // if a product reads them next.
  template <class Fn>
  void make_rows(Activation out, Fn&& fn);
  KvPages page_layout(const KvGeometry& geometry) const;
  KvPages layer_pages(std::int32_t layer) const;
  void attend_task(const AttendPlan& plan, std::int64_t task);
  void attend_split(const AttendPlan& plan);

  const CpuKernels& kernels_;
  ThreadPool& pool_;
  CpuOpsOptions options_;
  std::vector<PackedMatrix> matrices_;
  std::vector<std::vector<float>> vectors_;
  std::vector<std::int32_t> first_expert_;  // of each Experts, in matrices_
  std::vector<Routes> routes_;
  std::vector<Tensor> tables_;
  std::vector<RopeAngles> ropes_;
  std::vector<Buffer> buffers_;
  std::int64_t max_quantized_in_ = 0, max_rows_each_ = 1;
  std::uint64_t weight_bytes_ = 0;

  std::vector<Piece> pieces_;
  std::int64_t image_bytes_ = 0;  // taken of the image
  bool image_agrees_ = true;
  std::shared_ptr<std::uint8_t> settled_;  // [image_bytes_], filled to settled_bytes_
  std::int64_t settled_bytes_ = 0;
  std::size_t settled_pieces_ = 0;

  KvGeometry geometry_;
  std::int64_t n_pages_ = 0;
  std::shared_ptr<std::uint8_t> activations_, quantized_, kv_, partials_;
  ReadAhead read_ahead_;
  // By its place among a step's make_rows(), what a product read next: the same in each step, so
  // the first one shows it.
  std::vector<std::int32_t> read_next_;
  std::size_t n_made_ = 0;  // in this step
  Made made_;
  std::vector<std::int64_t> first_task_;  // of each sequence of the batch, and the total

  Batch batch_;
  std::int64_t n_rows_ = 0;
};

}  // namespace hearth::kernels
