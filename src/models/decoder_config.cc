#include "models/decoder_config.h"

#include <cmath>

#include "base/str.h"

namespace hearth::models {

namespace {

void check(const DecoderConfig& c, WeightBinder& file) {
  if (c.head_dim < 2 || c.n_heads % c.n_kv_heads != 0) {
    file.fail(ErrorKind::corrupt,
              cat("attention.head_count is ", c.n_heads, " and head_count_kv ", c.n_kv_heads,
                  ", a head ", c.head_dim, " values; the first must be a multiple of the second"));
  }
  if (c.n_rotated % 2 != 0 || c.n_rotated > c.head_dim) {
    file.fail(ErrorKind::corrupt, cat("rope.dimension_count is ", c.n_rotated,
                                      "; expected an even number up to the head's ", c.head_dim));
  }
  if (!(c.rms_eps > 0)) {
    file.fail(ErrorKind::corrupt,
              cat("attention.layer_norm_rms_epsilon is ", c.rms_eps, "; expected above 0"));
  }
  if (!(c.rope_base > 0)) {
    file.fail(ErrorKind::corrupt, cat("rope.freq_base is ", c.rope_base, "; expected above 0"));
  }
  if (c.n_vocab > (std::int64_t{1} << 24)) {
    file.fail(ErrorKind::corrupt, cat("token_embd.weight has ", c.n_vocab, " rows"));
  }
  if (file.size_or("attention.value_length", c.head_dim, 512) != c.head_dim) {
    file.fail(ErrorKind::unsupported, "attention.value_length differs from attention.key_length");
  }
}

}  // namespace

ModelInfo DecoderConfig::info() const {
  return {.n_vocab = n_vocab,
          .context_length = context_length,
          .kv = {static_cast<std::int32_t>(n_layers), static_cast<std::int32_t>(n_kv_heads),
                 static_cast<std::int32_t>(head_dim)}};
}

kernels::Attention DecoderConfig::attention() const {
  return {.n_heads = static_cast<std::int32_t>(n_heads),
          .n_kv_heads = static_cast<std::int32_t>(n_kv_heads),
          .head_dim = static_cast<std::int32_t>(head_dim),
          .scale = 1 / std::sqrt(static_cast<float>(head_dim)),
          .window = 0};
}

// Limits keep every product of sizes far below 2^63; no published model is near them.
DecoderConfig read_decoder_config(WeightBinder& file) {
  DecoderConfig c{};
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
  const Tensor* embedding = file.checkpoint().find("token_embd.weight");
  c.n_vocab = embedding == nullptr ? 1 : embedding->shape.dims[0];
  check(c, file);
  return c;
}

std::int32_t read_window(WeightBinder& file, const DecoderConfig& c) {
  const std::int64_t window = file.count_or("attention.sliding_window", 0, 1 << 28);
  return window >= c.context_length ? 0 : static_cast<std::int32_t>(window);
}

std::vector<double> rope_frequencies(float base, std::int64_t n_rotated) {
  std::vector<double> inverse(static_cast<std::size_t>(n_rotated / 2));
  for (std::size_t j = 0; j < inverse.size(); ++j) {
    const double exponent = 2.0 * static_cast<double>(j) / static_cast<double>(n_rotated);
    inverse[j] = 1 / std::pow(static_cast<double>(base), exponent);
  }
  return inverse;
}

std::vector<float> read_rope_frequencies(WeightBinder& file, const DecoderConfig& c) {
  const std::string type = file.text_or("rope.scaling.type", "none");
  double factor = 1;
  if (type == "linear") {
    factor = static_cast<double>(file.number("rope.scaling.factor"));
    if (!(factor > 0)) {
      file.fail(ErrorKind::corrupt, cat("rope.scaling.factor is ", factor, "; expected above 0"));
    }
  } else if (type != "none" && !type.empty()) {
    file.fail(ErrorKind::unsupported,
              cat("rope.scaling.type ", quote(type), " is not supported in this architecture"));
  }
  std::vector<float> inverse;
  for (const double w : rope_frequencies(c.rope_base, c.n_rotated)) {
    inverse.push_back(static_cast<float>(w / factor));
  }
  return inverse;
}

std::string block_name(std::int64_t layer, std::string_view part) {
  return cat("blk.", layer, ".", part);
}

kernels::Matrix output_matrix(WeightBinder& file, const DecoderConfig& c) {
  return file.matrix(file.has("output.weight") ? "output.weight" : "token_embd.weight", c.n_vocab,
                     c.d_model);
}

}  // namespace hearth::models
