// rearrange.cc - tensors whose stored form differs from the Checkpoint's.
#include <cmath>
#include <utility>

#include "base/str.h"
#include "formats/hugging_face/families.h"
#include "formats/hugging_face/row_sources.h"

namespace hearth::formats {

namespace {

constexpr std::int64_t kMxfp4Block = 32;

std::int64_t integer_of(const Draft& draft, std::string_view key) {
  const Result<std::int64_t> value = draft.checkpoint.meta_int(key);
  CHECK(value.has_value(), "configure set it");
  return *value;
}

std::vector<float> values_of(const Tensor& t) {
  std::vector<float> out(static_cast<std::size_t>(t.shape.elements()));
  const auto cols = static_cast<std::size_t>(t.shape.cols());
  for (std::int64_t r = 0; r < t.shape.rows(); ++r) {
    dequantize_row(t, r, std::span(out).subspan(static_cast<std::size_t>(r) * cols, cols));
  }
  return out;
}

Error wrong_shape(std::string_view name, std::string_view got, std::string_view expected) {
  return {ErrorKind::corrupt, cat("tensor ", name, " is ", got, ", expected ", expected)};
}

void use_source(Draft& draft, Tensor& t, std::shared_ptr<const RowSource> source,
                std::vector<std::span<const std::byte>> origins) {
  draft.origins[t.name] = std::move(origins);
  t.source = std::move(source);
  t.bytes = {};
}

// ---- gpt_oss ------------------------------------------------------------------------------------

struct ExpertShape {
  std::int64_t n = 0, rows = 0, cols = 0;
};

std::string shape_text(const std::vector<std::int64_t>& dims) {
  std::string out = "[";
  for (const std::int64_t dim : dims) out += cat(out.size() == 1 ? "" : ", ", dim);
  return out + "]";
}

// Experts as MXFP4 blocks: `stored` has the prefix of the two raw tensors.
Result<StoredMxfp4> find_blocks(const Draft& draft, const std::string& stored,
                                const ExpertShape& shape) {
  const auto blocks = draft.raw.find(stored + ".blocks");
  const auto scales = draft.raw.find(stored + ".scales");
  if (blocks == draft.raw.end() || scales == draft.raw.end()) {
    return Error{ErrorKind::corrupt, cat("the experts ", stored,
                                         " are missing; expected _blocks and _scales, or "
                                         "matrices of floats")};
  }
  const std::int64_t n_blocks = shape.cols / kMxfp4Block;
  const std::vector<std::int64_t> expected = {shape.n, shape.rows, n_blocks, 16};
  if (shape.cols % kMxfp4Block != 0 || blocks->second.shape != expected) {
    return wrong_shape(blocks->second.name, shape_text(blocks->second.shape), shape_text(expected));
  }
  const std::vector<std::int64_t> expected_scales(expected.begin(), expected.end() - 1);
  if (scales->second.shape != expected_scales) {
    return wrong_shape(scales->second.name, shape_text(scales->second.shape),
                       shape_text(expected_scales));
  }
  return StoredMxfp4{blocks->second.bytes, scales->second.bytes, shape.rows, n_blocks};
}

// Adds the experts `name` [n, rows / step, cols] that are every step-th stored row, from `first`
// on.
Result<void> add_experts(Draft& draft, std::string name, const std::string& stored,
                         const ExpertShape& shape, std::int64_t first, std::int64_t step) {
  Tensor out;
  out.name = std::move(name);
  out.shape = {{shape.n, shape.rows / step, shape.cols}, 3};
  if (const Tensor* floats = draft.find(stored + ".values")) {
    const Shape expected{{shape.n, shape.cols, shape.rows}, 3};  // [expert, in, out]
    if (floats->shape != expected) {
      return wrong_shape(floats->name, floats->shape.to_string(), expected.to_string());
    }
    out.dtype = floats->dtype;
    const StoredColumns columns{floats->bytes, shape.cols, shape.rows,
                                dtype_info(out.dtype).block_bytes};
    use_source(draft, out, transposed_rows(columns, first, step), {floats->bytes});
  } else {
    HEARTH_TRY(const StoredMxfp4 blocks, find_blocks(draft, stored, shape));
    out.dtype = DType::mxfp4;
    use_source(draft, out, mxfp4_rows(blocks, first, step), {blocks.blocks, blocks.scales});
  }
  draft.checkpoint.tensors.push_back(std::move(out));
  return {};
}

// The stored bias [n, 2 * rows] of gate and up, apart.
Result<void> split_bias(Draft& draft, const std::string& block, std::int64_t n, std::int64_t rows) {
  const Tensor* both = draft.find(block + "gate_up.bias");
  const Shape expected{{n, 2 * rows}, 2};
  if (both == nullptr || both->shape != expected) {
    return wrong_shape(block + "gate_up.bias",
                       both == nullptr ? std::string("missing") : both->shape.to_string(),
                       expected.to_string());
  }
  const std::vector<float> values = values_of(*both);
  for (const auto& [part, name] :
       {std::pair(0, "ffn_gate_exps.bias"), std::pair(1, "ffn_up_exps.bias")}) {
    std::vector<float> half;
    for (std::size_t i = static_cast<std::size_t>(part); i < values.size(); i += 2) {
      half.push_back(values[i]);
    }
    draft.add_vector(block + name, half);
    draft.checkpoint.tensors.back().shape = {{n, rows}, 2};
  }
  return {};
}

void remove_stored_experts(Draft& draft, const std::string& block) {
  std::erase_if(draft.checkpoint.tensors, [&](const Tensor& t) {
    return t.name == block + "gate_up.values" || t.name == block + "down.values" ||
           t.name == block + "gate_up.bias";
  });
  for (const char* part : {"gate_up.blocks", "gate_up.scales", "down.blocks", "down.scales"}) {
    draft.raw.erase(block + part);
  }
}

}  // namespace

Result<void> rearrange_llama(ConfigReader&, Draft& draft) {
  const std::int64_t head_dim = integer_of(draft, "attention.key_length");
  for (Tensor& t : draft.checkpoint.tensors) {
    if (!t.name.ends_with(".attn_q.weight") && !t.name.ends_with(".attn_k.weight")) continue;
    if (t.shape.rank != 2 || head_dim % 2 != 0 || t.shape.rows() % head_dim != 0) {
      return wrong_shape(t.name, t.shape.to_string(),
                         cat("rows in whole heads of an even ", head_dim));
    }
    auto origins = t.source == nullptr ? std::vector{t.bytes} : draft.origins[t.name];
    use_source(draft, t, adjacent_pairs(t, head_dim), std::move(origins));
  }
  return {};
}

// Gains are stored less one. The scores' scale is query_pre_attn_scalar^-1/2, for which GGUF has no
// key: what differs from the architecture's own scale is moved into the gain of the queries.
Result<void> rearrange_gemma3(ConfigReader& config, Draft& draft) {
  const std::int64_t head_dim = integer_of(draft, "attention.key_length");
  const std::int64_t n_layers = integer_of(draft, "block_count");
  const std::int64_t heads = integer_of(draft, "attention.head_count");
  // The 27B model's own scale, as models/gemma3.cc computes it.
  const std::int64_t scale_of =
      n_layers == 62 && heads > 0 ? integer_of(draft, "embedding_length") / heads : head_dim;
  const double scalar = config.number_or("query_pre_attn_scalar", static_cast<double>(head_dim));
  if (!(scalar > 0)) {
    return Error{ErrorKind::corrupt,
                 cat("config.json: query_pre_attn_scalar is ", scalar, ", expected above 0")};
  }
  const auto q_scale = static_cast<float>(std::sqrt(static_cast<double>(scale_of) / scalar));
  const std::vector<Tensor> stored = std::move(draft.checkpoint.tensors);
  draft.checkpoint.tensors.clear();
  for (const Tensor& t : stored) {
    if (!t.name.ends_with("_norm.weight")) {
      draft.checkpoint.tensors.push_back(t);
      continue;
    }
    std::vector<float> gain = values_of(t);
    const bool of_queries = t.name.ends_with(".attn_q_norm.weight");
    for (float& g : gain) g = (1 + g) * (of_queries ? q_scale : 1.0F);
    draft.add_vector(t.name, gain);
    draft.checkpoint.tensors.back().shape = t.shape;
  }
  return {};
}

Result<void> rearrange_gpt_oss(ConfigReader&, Draft& draft) {
  const std::int64_t width = integer_of(draft, "embedding_length");
  const std::int64_t n = integer_of(draft, "expert_count");
  const std::int64_t inner = integer_of(draft, "expert_feed_forward_length");
  const std::int64_t n_layers = integer_of(draft, "block_count");
  constexpr std::int64_t kMost = 1 << 20;  // keeps the products below in range
  if (width < 1 || n < 1 || inner < 1 || width > kMost || n > kMost || inner > kMost ||
      n_layers > kMost) {
    return Error{ErrorKind::corrupt, "config.json: a size is below 1 or above 1048576"};
  }
  for (std::int64_t i = 0; i < n_layers; ++i) {
    const std::string block = cat("blk.", i, ".");
    const ExpertShape gate_up{n, 2 * inner, width}, down{n, width, inner};
    HEARTH_TRY_VOID(
        add_experts(draft, block + "ffn_gate_exps.weight", block + "gate_up", gate_up, 0, 2));
    HEARTH_TRY_VOID(
        add_experts(draft, block + "ffn_up_exps.weight", block + "gate_up", gate_up, 1, 2));
    HEARTH_TRY_VOID(add_experts(draft, block + "ffn_down_exps.weight", block + "down", down, 0, 1));
    HEARTH_TRY_VOID(split_bias(draft, block, n, inner));
    remove_stored_experts(draft, block);
  }
  return {};
}

}  // namespace hearth::formats
