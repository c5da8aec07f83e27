#include "kernels/cpu/cpu_ops.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/str.h"
#include "kernels/route.h"

namespace hearth::kernels {

namespace {

// Queries whose attention may be split over partitions of the cache, so that one long sequence
// keeps every core busy; more queries than this fill the cores by themselves.
constexpr std::int64_t kSplitQueries = 64;
// Below this many rows an operator that goes row by row is not worth a hand-over to the pool (about
// 1 µs).
constexpr std::int64_t kFewRows = 4;
// What one thread packs or copies at a time.
constexpr std::int64_t kWriteBytes = std::int64_t{1} << 20;

std::int64_t round_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }
std::int64_t parts_of(std::int64_t n, std::int64_t part) { return (n + part - 1) / part; }

// How a matmul is cut for the threads: eight parts each, so that a thread held up by a neighbour
// leaves its share to the others. Few rows (decode) read each weight once: panels are cut. Many
// rows share the weights that a part keeps in its cache, and each part prepares its rows for the
// kernel: parts of many panels, and rows are cut.
class MatMulParts {
 public:
  struct Part {
    std::int64_t first_panel, last_panel, first_row, last_row;
  };

  MatMulParts(std::int64_t n_panels, std::int64_t n_rows, std::int64_t n_threads)
      : n_panels_(n_panels), n_rows_(n_rows), rows_(n_rows) {
    const std::int64_t wanted = 8 * n_threads;
    panels_ = std::clamp<std::int64_t>(n_panels / wanted, 1, kMaxPanels);
    if (n_rows > kFew) {
      panels_ = std::min(n_panels, kMaxPanels);
      rows_ = round_up(parts_of(n_rows, parts_of(wanted, parts_of(n_panels, panels_))), kTile);
    }
    row_parts_ = parts_of(n_rows, rows_);
  }

  bool few_rows() const { return n_rows_ <= kFew; }
  std::int64_t n() const { return parts_of(n_panels_, panels_) * row_parts_; }
  Part part(std::int64_t i) const {
    const std::int64_t panel = i / row_parts_ * panels_, row = i % row_parts_ * rows_;
    return {panel, std::min(n_panels_, panel + panels_), row, std::min(n_rows_, row + rows_)};
  }

 private:
  static constexpr std::int64_t kMaxPanels = 64, kFew = 32, kTile = 16;
  std::int64_t n_panels_, n_rows_;
  std::int64_t panels_ = 1, rows_;  // of a part
  std::int64_t row_parts_ = 1;
};

}  // namespace

CpuOps::CpuOps(const CpuKernels& kernels, ThreadPool& pool, const CpuOpsOptions& options)
    : kernels_(kernels), pool_(pool), options_(options) {}

// ---- load ----

Matrix CpuOps::matrix(const Tensor& tensor) {
  const Matrix handle{static_cast<std::int32_t>(matrices_.size()), tensor.shape.rows(),
                      tensor.shape.cols()};
  PackedMatrix packed = packed_shape(tensor, options_.exact);
  weight_bytes_ += static_cast<std::uint64_t>(packed.bytes());
  if (packed.quantized()) max_quantized_in_ = std::max(max_quantized_in_, handle.in);
  if (options_.measure == Measure::yes) {
    image_bytes_ += round_up(packed.bytes(), kImageUnit);
  } else if (options_.image != nullptr) {
    packed = pack_into_image(tensor);
  } else {
    packed = pack(tensor, options_.exact, pool_);
  }
  matrices_.push_back(std::move(packed));
  return handle;
}

PackedMatrix CpuOps::pack_into_image(const Tensor& tensor) {
  WeightImage& image = *options_.image;
  PackedMatrix m = packed_shape(tensor, options_.exact);
  const std::int64_t offset = image_bytes_;
  image_bytes_ += round_up(m.bytes(), kImageUnit);
  CHECK(image_bytes_ <= image.size(), "an image as large as the measured load told");
  m.data = {options_.image, image.data() + offset};
  pieces_.push_back({static_cast<std::int32_t>(matrices_.size()), 1, offset, m.bytes()});
  if (image.filled()) {
    std::vector<std::uint8_t> panel(static_cast<std::size_t>(m.panel_bytes));
    for (const std::int64_t p : {std::int64_t{0}, m.n_panels() - 1}) {
      pack_panels(tensor, m, p, 1, panel.data());
      image_agrees_ = image_agrees_ && std::memcmp(panel.data(), m.panel(p), panel.size()) == 0;
    }
    return m;
  }
  // In short loops: a disk that writes slowly must not hold up the answers of other models.
  const std::int64_t n_each = std::max<std::int64_t>(1, kWriteBytes / m.panel_bytes);
  const std::int64_t n_parts = parts_of(m.n_panels(), n_each);
  const std::int64_t n_threads = pool_.n_threads();
  for (std::int64_t part = 0; part < n_parts; part += n_threads) {
    pool_.run(std::min(n_threads, n_parts - part), [&](std::int64_t i) {
      const std::int64_t first = (part + i) * n_each, n = std::min(n_each, m.n_panels() - first);
      std::vector<std::uint8_t> panels(static_cast<std::size_t>(n * m.panel_bytes));
      pack_panels(tensor, m, first, n, panels.data());
      image.write(offset + first * m.panel_bytes, panels);
    });
  }
  return m;
}

// The huge pages hold the image as it is, so that a matrix moves by pointing elsewhere.
bool CpuOps::settle(std::int64_t n_bytes) {
  if (options_.image == nullptr) return false;
  if (settled_ == nullptr) {
    settled_ = allocate_pages(static_cast<std::size_t>(image_bytes_), PageSize::huge);
    if (settled_ == nullptr) options_.image = nullptr;  // it goes on in the image
    if (settled_ == nullptr) return false;
  }
  const std::int64_t end = std::min(image_bytes_, settled_bytes_ + n_bytes);
  const std::int64_t first = settled_bytes_;
  pool_.run(parts_of(end - first, kWriteBytes), [&](std::int64_t i) {
    const std::int64_t at = first + i * kWriteBytes;
    std::memcpy(settled_.get() + at, options_.image->data() + at,
                static_cast<std::size_t>(std::min(kWriteBytes, end - at)));
  });
  settled_bytes_ = end;
  for (; settled_pieces_ < pieces_.size(); ++settled_pieces_) {
    const Piece& piece = pieces_[settled_pieces_];
    if (piece.offset + piece.n_bytes > settled_bytes_) break;
    for (std::int32_t i = piece.first; i < piece.first + piece.n; ++i) {
      PackedMatrix& m = matrices_[static_cast<std::size_t>(i)];
      m.data = {settled_, settled_.get() + (m.data.get() - options_.image->data())};
    }
    options_.image->release(piece.offset, piece.n_bytes);
  }
  if (settled_bytes_ < image_bytes_) return true;
  options_.image = nullptr;
  return false;
}

Vector CpuOps::vector(std::span<const float> values) {
  weight_bytes_ += values.size_bytes();
  vectors_.emplace_back(values.begin(), values.end());
  return {static_cast<std::int32_t>(vectors_.size() - 1), static_cast<std::int64_t>(values.size())};
}

Table CpuOps::table(const Tensor& tensor) {
  CHECK(tensor.source == nullptr, "rows are looked up while decoding, which may not allocate");
  tables_.push_back(tensor);
  return {static_cast<std::int32_t>(tables_.size() - 1), tensor.shape.rows(), tensor.shape.cols()};
}

Rope CpuOps::rope_table(const RopeTable& table) {
  const auto& in = table.inverse_frequencies;
  const auto& in_long = table.long_inverse_frequencies;
  CHECK(in_long.empty() || in_long.size() == in.size(), "rope_table: as many long frequencies");
  RopeAngles r;
  r.inverse_frequencies.assign(in.begin(), in.end());
  r.long_inverse_frequencies.assign(in_long.begin(), in_long.end());
  r.long_from = table.long_from;
  r.attention_factor = table.attention_factor;
  r.pairs = table.pairs;
  if (options_.measure == Measure::no) {
    const std::size_t size = static_cast<std::size_t>(options_.max_rows) * in.size();
    r.cos.resize(size);
    r.sin.resize(size);
  }
  ropes_.push_back(std::move(r));
  return {static_cast<std::int32_t>(ropes_.size() - 1)};
}

Activation CpuOps::add_buffer(std::int64_t cols, std::int64_t max_rows, std::int64_t rows_each) {
  // Whole panels are written, and a stride of whole pages would put every row into the same cache
  // sets.
  std::int64_t stride = round_up(cols, kPanel);
  if (stride % 1024 == 0) stride += kPanel;
  max_rows_each_ = std::max(max_rows_each_, rows_each);
  buffers_.push_back({.cols = cols,
                      .stride = stride,
                      .max_rows = max_rows,
                      .rows_each = rows_each,
                      .data = nullptr});
  return {static_cast<std::int32_t>(buffers_.size() - 1), cols};
}

Activation CpuOps::activation(std::int64_t cols) { return add_buffer(cols, options_.max_rows); }

Activation CpuOps::output_activation(std::int64_t cols) {
  return add_buffer(cols, options_.max_output_rows);
}

// All experts are packed as one matrix; each gets its panels of it.
Experts CpuOps::experts(const Tensor& tensor) {
  const std::int64_t n = tensor.shape.dims[0];
  const Matrix all = matrix(tensor);
  CHECK(all.out % (n * kPanel) == 0, "experts: whole panels each");
  const PackedMatrix whole = matrices_.back();
  matrices_.pop_back();
  if (!pieces_.empty()) pieces_.back().n = static_cast<std::int32_t>(n);
  const Experts handle{static_cast<std::int32_t>(first_expert_.size()), n, all.out / n, all.in};
  first_expert_.push_back(static_cast<std::int32_t>(matrices_.size()));
  for (std::int64_t e = 0; e < n; ++e) {
    PackedMatrix one = whole;
    one.out = handle.out;
    if (whole.data != nullptr) one.data = {whole.data, whole.data.get() + e * one.bytes()};
    matrices_.push_back(std::move(one));
  }
  return handle;
}

Routing CpuOps::routing(std::int64_t n_experts, std::int64_t n_used) {
  CHECK(n_used >= 1 && n_used <= n_experts, "routing: some of the experts");
  const auto n_rows = static_cast<std::size_t>(options_.max_rows * n_used);
  Routes r;
  r.experts.resize(n_rows);
  r.shares.resize(n_rows);
  r.rows.resize(n_rows);
  r.first.resize(static_cast<std::size_t>(n_experts) + 1);
  r.active.resize(static_cast<std::size_t>(n_experts));
  routes_.push_back(std::move(r));
  return {static_cast<std::int32_t>(routes_.size() - 1), n_experts, n_used};
}

Activation CpuOps::expert_activation(const Routing& routing, std::int64_t cols) {
  return add_buffer(cols, options_.max_rows, routing.n_used);
}

std::int64_t CpuOps::quantized_bytes() const {
  return options_.max_rows * max_rows_each_ * QuantizedRows::row_bytes(max_quantized_in_);
}

KvPages CpuOps::page_layout(const KvGeometry& g) const {
  return {.n_kv_heads = g.n_kv_heads, .head_dim = g.head_dim, .f32 = options_.exact || g.f32};
}

std::uint64_t CpuOps::kv_page_bytes(const KvGeometry& g) const {
  const KvPages pages = page_layout(g);
  return static_cast<std::uint64_t>(g.n_layers) * static_cast<std::uint64_t>(g.n_kv_heads) *
         static_cast<std::uint64_t>(pages.k_head_bytes() + pages.v_head_bytes());
}

static std::int64_t split_partial_bytes(const KvGeometry& g, std::int64_t max_positions) {
  return kSplitQueries * ((max_positions + kPartition - 1) / kPartition) *
         attend_partial_floats(round_up(g.head_dim, 16)) * 4;
}

std::uint64_t CpuOps::scratch_bytes(const KvGeometry& geometry) const {
  std::int64_t bytes = quantized_bytes() + split_partial_bytes(geometry, options_.max_positions);
  for (const Buffer& b : buffers_) bytes += b.stride * b.max_rows * b.rows_each * 4;
  for (const RopeAngles& r : ropes_) {
    bytes += 8 * options_.max_rows * static_cast<std::int64_t>(r.inverse_frequencies.size());
  }
  return static_cast<std::uint64_t>(bytes);
}

Result<void> CpuOps::allocate(const KvGeometry& geometry, std::int64_t n_pages) {
  CHECK(options_.measure == Measure::no, "a measuring backend computes nothing");
  if (geometry.head_dim > kMaxHeadDim) {
    return Error{ErrorKind::unsupported, cat("[cpu] a head of ", geometry.head_dim,
                                             " values; at most ", kMaxHeadDim, " are supported")};
  }
  geometry_ = geometry;
  n_pages_ = n_pages;
  std::int64_t floats = 0;
  for (const Buffer& b : buffers_) floats += b.stride * b.max_rows * b.rows_each;
  activations_ = allocate_pages(static_cast<std::size_t>(floats) * 4, PageSize::small);
  quantized_ = allocate_pages(static_cast<std::size_t>(quantized_bytes()), PageSize::small);
  partials_ = allocate_pages(
      static_cast<std::size_t>(split_partial_bytes(geometry, options_.max_positions)),
      PageSize::small);
  const std::uint64_t kv_bytes = kv_page_bytes(geometry) * static_cast<std::uint64_t>(n_pages);
  kv_ = allocate_pages(kv_bytes, PageSize::small);
  if (!activations_ || !quantized_ || !partials_ || !kv_) {
    return Error{ErrorKind::too_large, cat("[cpu] the system has no address space for ",
                                           human_bytes(kv_bytes), " of keys and values and ",
                                           human_bytes(scratch_bytes(geometry)), " of scratch")};
  }
  auto* next = reinterpret_cast<float*>(activations_.get());
  for (Buffer& b : buffers_) {
    b.data = next;
    next += b.stride * b.max_rows * b.rows_each;
  }
  read_ahead_.resize(matrices_.size(), pool_.n_threads());
  first_task_.resize(static_cast<std::size_t>(options_.max_rows) + 1);
  return {};
}

// ---- forward ----

void CpuOps::begin(const Batch& batch) {
  CHECK(batch.n_rows() <= options_.max_rows, "batch larger than planned");
  CHECK(static_cast<std::int64_t>(batch.output_rows.size()) <= options_.max_output_rows,
        "more output rows than planned");
  batch_ = batch;
  n_rows_ = batch.n_rows();
  n_made_ = 0;
  made_ = {};
  for (RopeAngles& r : ropes_) r.current = false;
}

Rows<float> CpuOps::rows(Activation a) {
  made_ = {};
  const Buffer& b = buffers_[static_cast<std::size_t>(a.id)];
  CHECK(n_rows_ <= b.max_rows, "an output activation was used before keep_output_rows");
  return {b.data, n_rows_ * b.rows_each, b.cols, b.stride};
}

template <class Fn>
void CpuOps::for_rows(std::int64_t n, Fn&& fn) {
  if (n < kFewRows) return fn(std::int64_t{0}, n);
  const std::int64_t part = std::max<std::int64_t>(1, n / (4 * pool_.n_threads()));
  pool_.run((n + part - 1) / part,
            [&](std::int64_t i) { fn(i * part, std::min(n, (i + 1) * part)); });
}

template <class Fn>
void CpuOps::make_rows(Activation out, Fn&& fn) {
  const Rows<float> x = rows(out);
  const std::size_t place = n_made_++;
  if (place == read_next_.size()) read_next_.push_back(-1);
  const bool quantized = read_next_[place] == out.id;
  const QuantizedRows xq{quantized_.get(), x.n_rows, out.cols};
  for_rows(x.n_rows, [&](std::int64_t first, std::int64_t last) {
    if (!quantized) return fn(first, last);
    for (std::int64_t t = first; t < last; ++t) {
      fn(t, t + 1);
      kernels_.quantize(x, xq, t, t + 1);
    }
  });
  made_ = {out.id, quantized};
}

void CpuOps::embed(Activation out, Table table, float scale) {
  const Tensor& tensor = tables_[static_cast<std::size_t>(table.id)];
  const Rows<float> x = rows(out);
  CHECK(out.cols == table.cols, "embed: as many columns as the table");
  for_rows(n_rows_, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t t = first; t < last; ++t) {
      dequantize_row(tensor, batch_.tokens[static_cast<std::size_t>(t)],
                     {x.row(t), static_cast<std::size_t>(out.cols)});
      for (std::int64_t c = 0; c < out.cols; ++c) x.row(t)[c] *= scale;
    }
  });
}

void CpuOps::rms_norm(Activation out, Activation in, Vector gain, float eps) {
  CHECK(out.cols == in.cols && gain.n == in.cols, "rms_norm: one gain a column");
  const RmsNorm op{rows(in), vectors_[static_cast<std::size_t>(gain.id)].data(), eps, rows(out)};
  make_rows(out,
            [&](std::int64_t first, std::int64_t last) { kernels_.rms_norm(op, first, last); });
}

void CpuOps::layer_norm(Activation out, Activation in, Vector gain, Vector bias, float eps) {
  CHECK(out.cols == in.cols && gain.n == in.cols && bias.n == in.cols,
        "layer_norm: one gain and bias a column");
  const LayerNorm op{rows(in), vectors_[static_cast<std::size_t>(gain.id)].data(),
                     vectors_[static_cast<std::size_t>(bias.id)].data(), eps, rows(out)};
  make_rows(out,
            [&](std::int64_t first, std::int64_t last) { kernels_.layer_norm(op, first, last); });
}

void CpuOps::rms_norm_heads(Activation inout, Vector gain, float eps) {
  CHECK(inout.cols % gain.n == 0, "rms_norm_heads: whole heads");
  const Rows<float> x = rows(inout);
  const std::int64_t n_heads = inout.cols / gain.n;
  const float* gains = vectors_[static_cast<std::size_t>(gain.id)].data();
  for_rows(n_rows_, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t t = first; t < last; ++t) {
      const Rows<float> heads{x.row(t), n_heads, gain.n, gain.n};
      kernels_.rms_norm({heads, gains, eps, heads}, 0, n_heads);
    }
  });
}

QuantizedRows CpuOps::quantize(Activation in, const Made& made) {
  const Rows<float> x = rows(in);
  const QuantizedRows out{quantized_.get(), x.n_rows, in.cols};
  if (made.id == in.id) {
    read_next_[n_made_ - 1] = in.id;
    if (made.quantized) return out;
  }
  for_rows(x.n_rows,
           [&](std::int64_t first, std::int64_t last) { kernels_.quantize(x, out, first, last); });
  return out;
}

void CpuOps::multiply(Activation in, std::span<const Product> products, bool add) {
  const Made made = made_;
  constexpr std::size_t kMaxProducts = 4;
  CHECK(products.size() <= kMaxProducts, "matmul: at most 4 products of one input");
  std::array<MatMul, kMaxProducts> ops;
  std::array<std::int64_t, kMaxProducts + 1> first_panel{};
  bool any_quantized = false;
  for (std::size_t i = 0; i < products.size(); ++i) {
    const PackedMatrix& w = matrices_[static_cast<std::size_t>(products[i].matrix.id)];
    CHECK(w.in == in.cols && w.out == products[i].out.cols, "matmul: [out, in] fits in and out");
    ops[i] = {.w = &w, .x = rows(in), .xq = {}, .y = rows(products[i].out), .add = add};
    first_panel[i + 1] = first_panel[i] + w.n_panels();
    any_quantized = any_quantized || w.quantized();
  }
  if (any_quantized) {
    const QuantizedRows xq = quantize(in, made);
    for (MatMul& op : ops) op.xq = xq;
  }
  const std::int64_t n_panels = first_panel[products.size()];
  const MatMulParts parts(n_panels, n_rows_, pool_.n_threads());
  if (parts.few_rows()) {
    const std::span<ThreadPool::Ahead> ahead = read_ahead_.come_to(products[0].matrix.id);
    for (std::size_t t = 0; t < ahead.size(); ++t) {
      const std::int64_t first = pool_.first_index(parts.n(), static_cast<int>(t));
      ahead[t] = stretch_from({ops.data(), products.size()}, parts.part(first).first_panel);
    }
  } else {
    read_ahead_.come_to_none();
  }
  pool_.run(
      parts.n(),
      [&](std::int64_t task) {
        const MatMulParts::Part part = parts.part(task);
        std::int64_t p = part.first_panel;
        for (std::size_t i = 0; i < products.size() && p < part.last_panel; ++i) {
          const std::int64_t stop = std::min(part.last_panel, first_panel[i + 1]);
          if (p >= stop) continue;
          kernels_.matmul(ops[i], p - first_panel[i], stop - first_panel[i], part.first_row,
                          part.last_row);
          p = stop;
        }
      },
      read_ahead_.next());
}

void CpuOps::matmul(Activation in, std::initializer_list<Product> products) {
  multiply(in, {products.begin(), products.size()}, false);
}

void CpuOps::matmul_add(Activation inout, Activation in, Matrix matrix) {
  const Product product{inout, matrix};
  multiply(in, {&product, 1}, true);
}

void CpuOps::compute_angles(RopeAngles& r, std::int64_t first, std::int64_t last) const {
  const auto n_pairs = static_cast<std::int32_t>(r.inverse_frequencies.size());
  const SequenceRows* s = batch_.sequences.data();
  for (std::int64_t t = first; t < last; ++t) {
    while (t >= s->first_row + s->n_rows) ++s;
    const bool is_long = !r.long_inverse_frequencies.empty() && s->planned_length > r.long_from;
    rope_angles(batch_.positions[static_cast<std::size_t>(t)],
                is_long ? r.long_inverse_frequencies.data() : r.inverse_frequencies.data(), n_pairs,
                r.attention_factor, r.cos.data() + t * n_pairs, r.sin.data() + t * n_pairs);
  }
}

void CpuOps::rope(Activation inout, std::int32_t head_dim, Rope table) {
  RopeAngles& r = ropes_[static_cast<std::size_t>(table.id)];
  const auto n_pairs = static_cast<std::int32_t>(r.inverse_frequencies.size());
  CHECK(inout.cols % head_dim == 0 && 2 * n_pairs <= head_dim,
        "rope: whole heads, pairs inside them");
  if (!r.current) {
    for_rows(n_rows_,
             [&](std::int64_t first, std::int64_t last) { compute_angles(r, first, last); });
    r.current = true;
  }
  const RopeRows op{rows(inout), head_dim, n_pairs, r.pairs, r.cos.data(), r.sin.data()};
  for_rows(n_rows_, [&](std::int64_t first, std::int64_t last) { kernels_.rope(op, first, last); });
}

KvPages CpuOps::layer_pages(std::int32_t layer) const {
  KvPages pages = page_layout(geometry_);
  const std::int64_t k_bytes = n_pages_ * geometry_.n_kv_heads * pages.k_head_bytes();
  const std::int64_t v_bytes = n_pages_ * geometry_.n_kv_heads * pages.v_head_bytes();
  pages.k = kv_.get() + layer * (k_bytes + v_bytes);
  pages.v = pages.k + k_bytes;
  return pages;
}

void CpuOps::store_kv(std::int32_t layer, Activation k, Activation v) {
  const KvPages pages = layer_pages(layer);
  const std::int64_t dim = pages.head_dim;
  CHECK(k.cols == pages.n_kv_heads * dim && v.cols == k.cols,
        "store_kv: n_kv_heads * head_dim columns");
  const Rows<float> keys = rows(k), values = rows(v);
  for (const SequenceRows& s : batch_.sequences) {
    for_rows(s.n_rows, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const auto position = static_cast<std::int32_t>(s.first_position + i);
        const std::int32_t page = s.pages[position / kPage], slot = position % kPage;
        for (std::int32_t h = 0; h < pages.n_kv_heads; ++h) {
          kernels_.store_k(keys.row(s.first_row + i) + h * dim, dim, pages.k_head(page, h), slot,
                           pages.f32);
          kernels_.store_v(values.row(s.first_row + i) + h * dim, dim, pages.v_head(page, h), slot,
                           pages.f32);
        }
      }
    });
  }
}

// How attend() cuts a batch: per sequence, tiles of rows times tiles of heads; a tile has at most
// kMaxQueries queries, all of one key/value head.
struct CpuOps::AttendPlan {
  KvPages pages;
  Attention how;
  Rows<float> q, out;
  const float* sinks;  // [n_heads], or none
  std::int32_t group;  // query heads a key/value head
  std::int32_t heads_a_tile;
  std::int32_t head_tiles;  // of a key/value head
  std::int32_t rows_a_tile;

  std::int64_t row_tiles(const SequenceRows& s) const {
    return (s.n_rows + rows_a_tile - 1) / rows_a_tile;
  }
  std::int64_t tasks(const SequenceRows& s) const {
    return row_tiles(s) * how.n_kv_heads * head_tiles;
  }
  // Of one tile of the sequence.
  std::int64_t max_queries(const SequenceRows& s) const {
    return std::int64_t{heads_a_tile} * std::min(rows_a_tile, s.n_rows);
  }
  // Task `index` of a sequence. out_rows[m] is where query m's result goes.
  AttendTile tile(const SequenceRows& s, std::int64_t index, float** out_rows) const {
    const auto head_tile = static_cast<std::int32_t>(index % head_tiles);
    const auto kv_head = static_cast<std::int32_t>(index / head_tiles % how.n_kv_heads);
    const auto first = static_cast<std::int32_t>(index / head_tiles / how.n_kv_heads) * rows_a_tile;
    const std::int32_t n = std::min(rows_a_tile, s.n_rows - first);
    const std::int32_t heads = std::min(heads_a_tile, group - head_tile * heads_a_tile);
    AttendTile t{
        .kv = pages,
        .pages = s.pages,
        .kv_head = kv_head,
        .group = heads,
        .n_queries = n * heads,
        .first_position = s.first_position + first,
        .n_positions = how.causal ? 0 : s.n_rows,
        .window = how.window,
        .scale = how.scale,
        .q = {},
        .sinks = sinks == nullptr ? nullptr : sinks + kv_head * group + head_tile * heads_a_tile};
    for (std::int32_t m = 0; m < t.n_queries; ++m) {
      const std::int64_t head = kv_head * group + head_tile * heads_a_tile + m % heads;
      const std::int64_t row = s.first_row + first + m / heads;
      t.q[m] = q.row(row) + head * how.head_dim;
      out_rows[m] = out.row(row) + head * how.head_dim;
    }
    return t;
  }
};

namespace {

// The partitions a tile's queries can see at all.
struct PartitionRange {
  std::int32_t first, last;
};
PartitionRange partitions_of(const AttendTile& t) {
  return {t.begin(0) / kPartition, (t.end(t.n_queries - 1) - 1) / kPartition + 1};
}

}  // namespace

void CpuOps::attend_task(const AttendPlan& plan, std::int64_t task) {
  const auto n = static_cast<std::ptrdiff_t>(batch_.sequences.size());
  const auto next = std::upper_bound(first_task_.begin(), first_task_.begin() + n, task);
  const auto s = static_cast<std::size_t>(next - first_task_.begin() - 1);
  float* out[kMaxQueries];
  const AttendTile tile = plan.tile(batch_.sequences[s], task - first_task_[s], out);

  const std::int64_t dim = plan.pages.padded_dim();
  constexpr std::size_t kMaxPartial = attend_partial_floats(kMaxHeadDim);
  alignas(64) float storage[2][kMaxQueries][kMaxPartial];
  float* total[kMaxQueries];
  float* next_part[kMaxQueries];
  for (int m = 0; m < kMaxQueries; ++m) {
    total[m] = storage[0][m];
    next_part[m] = storage[1][m];
  }
  const PartitionRange range = partitions_of(tile);
  kernels_.attend_partition(tile, range.first, total);
  for (std::int32_t p = range.first + 1; p < range.last; ++p) {
    kernels_.attend_partition(tile, p, next_part);
    for (std::int32_t m = 0; m < tile.n_queries; ++m) {
      kernels_.attend_merge(total[m], next_part[m], dim);
    }
  }
  for (std::int32_t m = 0; m < tile.n_queries; ++m) {
    kernels_.attend_finish(total[m], plan.how.head_dim, tile.sink(m), out[m]);
  }
}

// Few queries over long caches: every (tile, partition) is a task of its own; the partitions are
// merged afterwards in the order attend_task() has, so the bytes are the same.
void CpuOps::attend_split(const AttendPlan& plan) {
  const std::int64_t dim = plan.pages.padded_dim();
  const std::int64_t size = attend_partial_floats(dim);
  const std::int64_t max_parts = (options_.max_positions + kPartition - 1) / kPartition;
  auto* partials = reinterpret_cast<float*>(partials_.get());
  std::int64_t first_query = 0;
  for (const SequenceRows& sequence : batch_.sequences) {
    const std::int64_t n_tiles = plan.tasks(sequence);
    // Query m of a tile, partition p.
    const auto partial = [&](std::int64_t index, std::int32_t m, std::int32_t p) {
      const std::int64_t query = first_query + index * plan.max_queries(sequence) + m;
      return partials + (query * max_parts + p) * size;
    };
    const std::int32_t last_position = sequence.first_position + sequence.n_rows;
    const std::int64_t n_parts = (last_position + kPartition - 1) / kPartition;
    pool_.run(n_tiles * n_parts, [&](std::int64_t task) {
      float* out[kMaxQueries];
      const std::int64_t index = task / n_parts;
      const auto p = static_cast<std::int32_t>(task % n_parts);
      const AttendTile tile = plan.tile(sequence, index, out);
      const PartitionRange range = partitions_of(tile);
      if (p < range.first || p >= range.last) return;
      float* parts[kMaxQueries];
      for (std::int32_t m = 0; m < tile.n_queries; ++m) parts[m] = partial(index, m, p);
      kernels_.attend_partition(tile, p, parts);
    });
    pool_.run(n_tiles, [&](std::int64_t index) {
      float* out[kMaxQueries];
      const AttendTile tile = plan.tile(sequence, index, out);
      const PartitionRange range = partitions_of(tile);
      for (std::int32_t m = 0; m < tile.n_queries; ++m) {
        float* total = partial(index, m, range.first);
        for (std::int32_t p = range.first + 1; p < range.last; ++p) {
          kernels_.attend_merge(total, partial(index, m, p), dim);
        }
        kernels_.attend_finish(total, plan.how.head_dim, tile.sink(m), out[m]);
      }
    });
    first_query += n_tiles * plan.max_queries(sequence);
  }
}

void CpuOps::attend(Activation out, Activation q, std::int32_t layer, const Attention& how) {
  CHECK(q.cols == how.n_heads * how.head_dim && out.cols == q.cols,
        "attend: n_heads * head_dim columns");
  CHECK(how.n_kv_heads == geometry_.n_kv_heads && how.head_dim == geometry_.head_dim &&
            how.n_heads % how.n_kv_heads == 0,
        "attend: the cache's heads");
  CHECK(how.causal || how.window == 0, "attend: a window looks back only");
  CHECK(how.sinks.id < 0 || how.sinks.n == how.n_heads, "attend: one sink a head");
  AttendPlan plan{
      .pages = layer_pages(layer),
      .how = how,
      .q = rows(q),
      .out = rows(out),
      .sinks = how.sinks.id < 0 ? nullptr : vectors_[static_cast<std::size_t>(how.sinks.id)].data(),
      .group = how.n_heads / how.n_kv_heads,
      .heads_a_tile = 0,
      .head_tiles = 0,
      .rows_a_tile = 0};
  plan.heads_a_tile = std::min(plan.group, kMaxQueries);
  plan.head_tiles = (plan.group + plan.heads_a_tile - 1) / plan.heads_a_tile;
  plan.rows_a_tile = kMaxQueries / plan.heads_a_tile;

  std::int64_t total = 0, n_queries = 0;
  std::int32_t longest = 0;
  for (std::size_t s = 0; s < batch_.sequences.size(); ++s) {
    CHECK(how.causal || batch_.sequences[s].first_position == 0, "attend: whole sequences");
    first_task_[s] = total;
    total += plan.tasks(batch_.sequences[s]);
    n_queries += plan.tasks(batch_.sequences[s]) * plan.max_queries(batch_.sequences[s]);
    longest = std::max(longest, batch_.sequences[s].first_position + batch_.sequences[s].n_rows);
  }
  if (n_queries <= kSplitQueries && longest > 2 * kPartition) return attend_split(plan);
  pool_.run(total, [&](std::int64_t task) { attend_task(plan, task); }, read_ahead_.next());
}

void CpuOps::add(Activation inout, Activation in) {
  CHECK(inout.cols == in.cols, "add: equal shapes");
  const Add op{rows(inout), rows(in)};
  for_rows(n_rows_, [&](std::int64_t first, std::int64_t last) { kernels_.add(op, first, last); });
}

void CpuOps::add_bias(Activation inout, Vector bias) {
  CHECK(inout.cols == bias.n, "add_bias: one value a column");
  const float* values = vectors_[static_cast<std::size_t>(bias.id)].data();
  const Add op{rows(inout), {values, n_rows_, bias.n, 0}};
  for_rows(n_rows_, [&](std::int64_t first, std::int64_t last) { kernels_.add(op, first, last); });
}

void CpuOps::add_embedding(Activation inout, Vector list, Lookup by) {
  CHECK(list.n % inout.cols == 0, "add_embedding: whole rows");
  const std::int64_t n = list.n / inout.cols;
  const float* values = vectors_[static_cast<std::size_t>(list.id)].data();
  const auto indices = by == Lookup::position ? batch_.positions : batch_.types;
  const Rows<float> x = rows(inout);
  for_rows(n_rows_, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t t = first; t < last; ++t) {
      const std::int64_t i = indices.empty() ? 0 : indices[static_cast<std::size_t>(t)];
      CHECK(i >= 0 && i < n, "add_embedding: positions and types that the model has");
      const Rows<const float> one{values + i * x.n_cols, 1, x.n_cols, x.n_cols};
      kernels_.add({{x.row(t), 1, x.n_cols, x.stride}, one}, 0, 1);
    }
  });
}

void CpuOps::gelu(Activation inout) {
  const Gelu op{rows(inout)};
  make_rows(inout, [&](std::int64_t first, std::int64_t last) { kernels_.gelu(op, first, last); });
}

void CpuOps::silu_mul(Activation gate, Activation up) {
  CHECK(gate.cols == up.cols, "silu_mul: equal shapes");
  const SiluMul op{rows(gate), rows(up)};
  make_rows(gate,
            [&](std::int64_t first, std::int64_t last) { kernels_.silu_mul(op, first, last); });
}

void CpuOps::gelu_mul(Activation gate, Activation up) {
  CHECK(gate.cols == up.cols, "gelu_mul: equal shapes");
  const GeluMul op{rows(gate), rows(up)};
  make_rows(gate,
            [&](std::int64_t first, std::int64_t last) { kernels_.gelu_mul(op, first, last); });
}

void CpuOps::clamped_swiglu(Activation gate, Activation up, float alpha, float limit) {
  CHECK(gate.cols == up.cols, "clamped_swiglu: equal shapes");
  const ClampedSwiglu op{rows(gate), rows(up), alpha, limit};
  CHECK(op.gate.n_rows == op.up.n_rows, "clamped_swiglu: equal shapes");
  make_rows(gate, [&](std::int64_t first, std::int64_t last) {
    kernels_.clamped_swiglu(op, first, last);
  });
}

void CpuOps::route(const Routing& routing, Activation logits) {
  CHECK(logits.cols == routing.n_experts, "route: a logit an expert");
  Routes& r = routes_[static_cast<std::size_t>(routing.id)];
  const Rows<float> x = rows(logits);
  const auto n_used = static_cast<std::size_t>(routing.n_used);
  for_rows(n_rows_, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t t = first; t < last; ++t) {
      const std::size_t at = static_cast<std::size_t>(t) * n_used;
      route_row({x.row(t), static_cast<std::size_t>(logits.cols)},
                std::span(r.experts).subspan(at, n_used), std::span(r.shares).subspan(at, n_used));
    }
  });
  const auto chosen = std::span(r.experts).first(static_cast<std::size_t>(n_rows_) * n_used);
  std::fill(r.first.begin(), r.first.end(), 0);
  for (const std::int32_t e : chosen) ++r.first[static_cast<std::size_t>(e) + 1];
  r.n_active = 0;
  for (std::size_t e = 0; e + 1 < r.first.size(); ++e) {
    if (r.first[e + 1] > 0) {
      r.active[static_cast<std::size_t>(r.n_active++)] = static_cast<std::int32_t>(e);
    }
    r.first[e + 1] += r.first[e];
  }
  // Filled from each expert's end, so that `first` is back at the beginnings afterwards.
  for (std::size_t i = chosen.size(); i-- > 0;) {
    const auto e = static_cast<std::size_t>(chosen[i]) + 1;
    r.rows[static_cast<std::size_t>(--r.first[e])] = static_cast<std::int32_t>(i);
  }
  std::copy(r.first.begin() + 1, r.first.end(), r.first.begin());
  r.first.back() = static_cast<std::int32_t>(chosen.size());
}

void CpuOps::expert_matmul(const Routing& routing, Activation in,
                           std::initializer_list<ExpertProduct> products) {
  const Made made = made_;
  const Routes& r = routes_[static_cast<std::size_t>(routing.id)];
  const Rows<float> x = rows(in);
  const bool row_a_token = x.n_rows == n_rows_;
  std::int64_t n_panels = 0;  // of one expert, all products
  bool any_quantized = false;
  for (const ExpertProduct& p : products) {
    const PackedMatrix& w =
        matrices_[static_cast<std::size_t>(first_expert_[static_cast<std::size_t>(p.experts.id)])];
    CHECK(w.in == in.cols && w.out == p.out.cols && p.experts.n == routing.n_experts &&
              p.bias.n == p.experts.n * w.out &&
              buffers_[static_cast<std::size_t>(p.out.id)].rows_each == routing.n_used,
          "expert_matmul: [n, out, in] fits the routing, in, out and bias");
    n_panels += w.n_panels();
    any_quantized = any_quantized || w.quantized();
  }
  QuantizedRows xq;
  if (any_quantized) xq = quantize(in, made);
  const std::int64_t total = r.n_active * n_panels;
  constexpr std::int64_t kMaxPart = 64;  // panels
  const std::int64_t part = std::clamp<std::int64_t>(total / (8 * pool_.n_threads()), 1, kMaxPart);
  pool_.run(parts_of(total, part), [&](std::int64_t task) {
    std::int64_t p = task * part;
    const std::int64_t end = std::min(total, p + part);
    while (p < end) {
      const auto e = static_cast<std::size_t>(r.active[static_cast<std::size_t>(p / n_panels)]);
      std::int64_t first = p / n_panels * n_panels;  // of the product, among all panels
      for (const ExpertProduct& product : products) {
        const PackedMatrix& w =
            matrices_[e + static_cast<std::size_t>(
                              first_expert_[static_cast<std::size_t>(product.experts.id)])];
        const std::int64_t stop = std::min(end, first + w.n_panels());
        if (p < stop) {
          const std::int64_t n = r.first[e + 1] - r.first[e];
          const MatMul op{.w = &w,
                          .x = x,
                          .xq = xq,
                          .y = rows(product.out),
                          .add = false,
                          .rows = r.rows.data() + r.first[e],
                          .n_rows = n,
                          .rows_an_x = row_a_token ? static_cast<std::int32_t>(routing.n_used) : 1};
          kernels_.matmul(op, p - first, stop - first, 0, n);
          p = stop;
        }
        first += w.n_panels();
      }
    }
  });
  for (const ExpertProduct& product : products) {
    const float* bias = vectors_[static_cast<std::size_t>(product.bias.id)].data();
    const Rows<float> y = rows(product.out);
    for_rows(y.n_rows, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const float* one = bias + r.experts[static_cast<std::size_t>(i)] * y.n_cols;
        kernels_.add({{y.row(i), 1, y.n_cols, y.stride}, {one, 1, y.n_cols, y.n_cols}}, 0, 1);
      }
    });
  }
}

void CpuOps::add_experts(Activation inout, Activation in, const Routing& routing) {
  const Routes& r = routes_[static_cast<std::size_t>(routing.id)];
  const WeightedSum op{rows(inout), rows(in), r.shares.data(), routing.n_used};
  CHECK(inout.cols == in.cols && op.y.n_rows == op.x.n_rows * op.n,
        "add_experts: a row for each token and expert");
  for_rows(n_rows_,
           [&](std::int64_t first, std::int64_t last) { kernels_.weighted_sum(op, first, last); });
}

void CpuOps::keep_output_rows(Activation x) {
  const Rows<float> from = rows(x);
  std::int64_t to = 0;
  for (const std::int32_t row : batch_.output_rows) {
    if (row != to) {
      std::memcpy(from.row(to), from.row(row),
                  static_cast<std::size_t>(from.n_cols) * sizeof(float));
    }
    ++to;
  }
  n_rows_ = to;
}

// In place: a sequence's result begins at its own first row or before it.
void CpuOps::pool(Activation x) {
  const Rows<float> from = rows(x);
  std::int64_t to = 0;
  for (const SequenceRows& s : batch_.sequences) {
    const std::int64_t n = n_pooled_rows(s.pooling, s.n_rows);
    kernels_.pool({{from.row(s.first_row), s.n_rows, from.n_cols, from.stride},
                   s.pooling,
                   s.normalize,
                   {from.row(to), n, from.n_cols, from.stride}});
    to += n;
  }
  n_rows_ = to;
}

}  // namespace hearth::kernels
