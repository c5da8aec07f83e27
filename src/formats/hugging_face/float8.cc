// float8.cc - FP8 checkpoints: a matrix "…weight" of F8_E4M3 or F8_E5M2, and beside it its scales,
// "…weight_scale_inv" for blocks of rows and columns (Qwen3), or "…weight_scale" for each row or
// for the whole matrix (Llama). Scales of activations ("…input_scale") belong to kernels that round
// those too; Hearth does not.
#include <optional>
#include <string>
#include <utility>

#include "base/str.h"
#include "formats/hugging_face/families.h"
#include "formats/hugging_face/row_sources.h"

namespace hearth::formats {

namespace {

bool is_float8(DType dtype) { return dtype == DType::f8_e4m3 || dtype == DType::f8_e5m2; }

std::vector<float> values_of(const Tensor& t) {
  std::vector<float> out;
  std::vector<float> row(static_cast<std::size_t>(t.shape.cols()));
  for (std::int64_t r = 0; r < t.shape.rows(); ++r) {
    dequantize_row(t, r, row);
    out.insert(out.end(), row.begin(), row.end());
  }
  return out;
}

std::int64_t n_blocks(std::int64_t n, std::int64_t block) { return (n + block - 1) / block; }

// What `scales` are the scales of, by how many there are.
Result<BlockScales> block_scales(const Tensor& weight, const Tensor& scales,
                                 const std::vector<std::int64_t>& block) {
  const std::int64_t rows = weight.shape.rows(), cols = weight.shape.cols();
  const std::int64_t n = scales.shape.elements();
  if (scales.name.ends_with("_inv") && block.size() == 2 && block[0] > 0 && block[1] > 0) {
    const Shape expected{{n_blocks(rows, block[0]), n_blocks(cols, block[1])}, 2};
    if (scales.shape == expected) return BlockScales{values_of(scales), block[0], block[1]};
  } else if (n == 1) {
    return BlockScales{values_of(scales), rows, cols};
  } else if (n == rows && scales.shape.dims[0] == rows) {
    return BlockScales{values_of(scales), 1, cols};
  }
  return Error{ErrorKind::unsupported,
               cat("tensor ", scales.name, " is ", scales.shape.to_string(),
                   "; expected one scale, one for each of the ", rows, " rows of ", weight.name,
                   ", or one for each block of quantization_config.weight_block_size")};
}

}  // namespace

Result<void> scale_float8(const std::vector<std::int64_t>& block, Draft& draft) {
  std::vector<std::string> used;
  for (Tensor& t : draft.checkpoint.tensors) {
    if (!is_float8(t.dtype)) continue;
    const Tensor* scales = draft.find(t.name + "_scale_inv");
    if (scales == nullptr) scales = draft.find(t.name + "_scale");
    if (scales == nullptr || t.shape.rank != 2) {
      return Error{ErrorKind::unsupported, cat("tensor ", t.name, " is FP8 ", t.shape.to_string(),
                                               "; expected a matrix with ", t.name, "_scale or ",
                                               t.name, "_scale_inv beside it")};
    }
    HEARTH_TRY(BlockScales factors, block_scales(t, *scales, block));
    used.push_back(scales->name);
    const Tensor stored = t;
    draft.origins[t.name] = {stored.bytes};
    t.source = scaled_rows(stored, std::move(factors));
    t.dtype = DType::bf16;
    t.bytes = {};
  }
  std::erase_if(draft.checkpoint.tensors, [&](const Tensor& t) {
    return t.name.ends_with(".input_scale") ||
           std::find(used.begin(), used.end(), t.name) != used.end();
  });
  return {};
}

}  // namespace hearth::formats
