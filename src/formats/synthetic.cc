// synthetic.cc - the published configurations, the tensors that each architecture has, and rows of
// noise.
#include "formats/synthetic.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

#include "base/str.h"
#include "base/utf8.h"
#include "formats/gguf/gguf_tokenizer.h"
#include "formats/hugging_face/families.h"
#include "text/byte_spelling.h"

namespace hearth::formats {

namespace {

struct Published {
  std::string_view name;
  std::string_view config;  // what matters of its config.json
};

constexpr Published kPublished[] = {
    {"gemma-3-1b", R"({"model_type": "gemma3_text", "hidden_size": 1152, "num_hidden_layers": 26,
        "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256,
        "intermediate_size": 6912, "vocab_size": 262144, "max_position_embeddings": 32768,
        "sliding_window": 512, "sliding_window_pattern": 6, "query_pre_attn_scalar": 256,
        "rope_theta": 1000000, "rope_local_base_freq": 10000, "rms_norm_eps": 1e-6})"},
    {"gpt-oss-20b", R"({"model_type": "gpt_oss", "hidden_size": 2880, "num_hidden_layers": 24,
        "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64,
        "intermediate_size": 2880, "vocab_size": 201088, "max_position_embeddings": 131072,
        "num_local_experts": 32, "num_experts_per_tok": 4, "sliding_window": 128,
        "rope_theta": 150000, "rms_norm_eps": 1e-5, "tie_word_embeddings": false,
        "rope_scaling": {"rope_type": "yarn", "factor": 32, "beta_fast": 32, "beta_slow": 1,
                         "truncate": false, "original_max_position_embeddings": 4096}})"},
    {"llama-3.2-1b", R"({"model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 16,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
        "intermediate_size": 8192, "vocab_size": 128256, "max_position_embeddings": 131072,
        "rope_theta": 500000, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
        "rope_scaling": {"rope_type": "llama3", "factor": 32, "low_freq_factor": 1,
                         "high_freq_factor": 4, "original_max_position_embeddings": 8192}})"},
    {"mistral-7b", R"({"model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336,
        "vocab_size": 32768, "max_position_embeddings": 32768, "rope_theta": 1000000,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": false})"},
    {"phi-4-mini", R"({"model_type": "phi3", "hidden_size": 3072, "num_hidden_layers": 32,
        "num_attention_heads": 24, "num_key_value_heads": 8, "intermediate_size": 8192,
        "vocab_size": 200064, "max_position_embeddings": 131072, "partial_rotary_factor": 0.75,
        "original_max_position_embeddings": 4096, "rope_theta": 10000, "rms_norm_eps": 1e-5,
        "sliding_window": 262144, "tie_word_embeddings": true,
        "rope_scaling": {"type": "longrope", "short_factor": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1],
          "long_factor": [1, 1.118320672, 1.250641126, 1.398617824, 1.564103225, 1.74916897,
            1.956131817, 2.187582649, 2.446418898, 2.735880826, 3.059592084, 3.421605075,
            3.826451687, 4.279200023, 4.785517845, 5.351743533, 5.984965424, 6.693110555,
            7.485043894, 8.370679318, 9.36110372, 10.4687158, 11.70738129, 13.09260651,
            14.64173252, 16.37415215, 18.31155283, 20.47818807, 22.90118105, 25.61086418,
            28.64115884, 32.03, 32.1, 32.13, 32.23, 32.6, 32.61, 32.64, 32.66, 32.7, 32.71, 32.93,
            32.97, 33.28, 33.49, 33.5, 44.16, 47.77]}})"},
    {"qwen2.5-0.5b", R"({"model_type": "qwen2", "hidden_size": 896, "num_hidden_layers": 24,
        "num_attention_heads": 14, "num_key_value_heads": 2, "intermediate_size": 4864,
        "vocab_size": 151936, "max_position_embeddings": 32768, "rope_theta": 1000000,
        "rms_norm_eps": 1e-6, "tie_word_embeddings": true})"},
    {"qwen3-0.6b", R"({"model_type": "qwen3", "hidden_size": 1024, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
        "intermediate_size": 3072, "vocab_size": 151936, "max_position_embeddings": 40960,
        "rope_theta": 1000000, "rms_norm_eps": 1e-6, "tie_word_embeddings": true})"},
    {"smollm2-135m", R"({"model_type": "llama", "hidden_size": 576, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "intermediate_size": 1536,
        "vocab_size": 49152, "max_position_embeddings": 8192, "rope_theta": 100000,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": true})"},
};

// ---- noise --------------------------------------------------------------------------------------

std::uint64_t mix(std::uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::uint64_t seed_of(std::string_view name) {
  std::uint64_t seed = 0;
  for (const char c : name) seed = mix(seed ^ static_cast<unsigned char>(c));
  return seed;
}

// Mean `centre`, the given deviation, nearly normal: the sum of the four 16-bit parts of a random
// number. No value is further than 3.5 deviations from the centre.
class NoiseRows final : public RowSource {
 public:
  NoiseRows(std::uint64_t seed, std::int64_t cols, float centre, float deviation)
      : seed_(seed), cols_(cols), centre_(centre), scale_(deviation / kDeviation) {}

  void read(std::int64_t first, std::int64_t n, std::span<std::byte> out) const override {
    const std::uint64_t begin = static_cast<std::uint64_t>(first * cols_);
    const auto count = static_cast<std::uint64_t>(n * cols_);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t x = mix(seed_ + (begin + i) * 0x2545f4914f6cdd1d);
      const auto sum = static_cast<std::int32_t>((x & 0xffff) + (x >> 16 & 0xffff) +
                                                 (x >> 32 & 0xffff) + (x >> 48));
      const float value = centre_ + static_cast<float>(sum - 131070) * scale_;
      std::memcpy(&out[i * sizeof value], &value, sizeof value);
    }
  }

 private:
  // Of the sum of four uniform numbers of 0 … 65535: sqrt(4 * (65536^2 - 1) / 12).
  static constexpr float kDeviation = 37837.23F;
  std::uint64_t seed_;
  std::int64_t cols_;
  float centre_, scale_;
};

// ---- tensors ------------------------------------------------------------------------------------

class Builder {
 public:
  explicit Builder(Draft& draft)
      : draft_(draft), residual_(1 / std::sqrt(2.0F * static_cast<float>(size("block_count")))) {}

  std::int64_t size(std::string_view key) const {
    const auto value = draft_.checkpoint.meta_int(key);
    CHECK(value.has_value(), "the published configurations are complete");
    return *value;
  }

  void gain(std::string name, std::int64_t n) { add(std::move(name), {{n}, 1}, 1, 0.05F); }
  void bias(std::string name, std::int64_t n) { add(std::move(name), {{n}, 1}, 0, 0.02F); }
  void matrix(std::string name, std::int64_t out, std::int64_t in) {
    add(std::move(name), {{out, in}, 2}, 0, deviation(in));
  }
  // Adds to the residual stream: smaller, so that the sum over all layers keeps its size.
  void residual(std::string name, std::int64_t out, std::int64_t in) {
    add(std::move(name), {{out, in}, 2}, 0, deviation(in) * residual_);
  }
  void experts(std::string name, std::int64_t n, std::int64_t out, std::int64_t in, bool last) {
    add(std::move(name), {{n, out, in}, 3}, 0, deviation(in) * (last ? residual_ : 1));
  }
  void biases(std::string name, std::int64_t n, std::int64_t out) {
    add(std::move(name), {{n, out}, 2}, 0, 0.02F);
  }

 private:
  static float deviation(std::int64_t in) { return 1 / std::sqrt(static_cast<float>(in)); }

  void add(std::string name, const Shape& shape, float centre, float spread) {
    Tensor t;
    t.shape = shape;
    t.source = std::make_shared<NoiseRows>(seed_of(name), shape.cols(), centre, spread);
    t.name = std::move(name);
    draft_.checkpoint.tensors.push_back(std::move(t));
  }

  Draft& draft_;
  float residual_;
};

struct Sizes {
  std::int64_t width, inner, q, kv, head;
};

void add_attention(Builder& b, const std::string& block, const Sizes& s, bool fused, bool biases) {
  if (fused) {
    b.matrix(block + "attn_qkv.weight", s.q + 2 * s.kv, s.width);
  } else {
    b.matrix(block + "attn_q.weight", s.q, s.width);
    b.matrix(block + "attn_k.weight", s.kv, s.width);
    b.matrix(block + "attn_v.weight", s.kv, s.width);
  }
  if (biases) {
    b.bias(block + "attn_q.bias", s.q);
    b.bias(block + "attn_k.bias", s.kv);
    b.bias(block + "attn_v.bias", s.kv);
  }
  b.residual(block + "attn_output.weight", s.width, s.q);
}

void add_feed_forward(Builder& b, const std::string& block, const Sizes& s, bool fused) {
  if (!fused) b.matrix(block + "ffn_gate.weight", s.inner, s.width);
  b.matrix(block + "ffn_up.weight", fused ? 2 * s.inner : s.inner, s.width);
  b.residual(block + "ffn_down.weight", s.width, s.inner);
}

void add_mixture(Builder& b, const std::string& block, const Sizes& s) {
  const std::int64_t n = b.size("expert_count");
  b.matrix(block + "ffn_gate_inp.weight", n, s.width);
  b.bias(block + "ffn_gate_inp.bias", n);
  for (const char* part : {"ffn_gate_exps", "ffn_up_exps"}) {
    b.experts(cat(block, part, ".weight"), n, s.inner, s.width, false);
    b.biases(cat(block, part, ".bias"), n, s.inner);
  }
  b.experts(block + "ffn_down_exps.weight", n, s.width, s.inner, true);
  b.biases(block + "ffn_down_exps.bias", n, s.width);
}

void add_layer(Builder& b, std::string_view architecture, const std::string& block,
               const Sizes& s) {
  const bool phi3 = architecture == "phi3", gemma3 = architecture == "gemma3";
  const bool gpt_oss = architecture == "gpt-oss";
  b.gain(block + "attn_norm.weight", s.width);
  add_attention(b, block, s, phi3, gpt_oss || architecture == "qwen2");
  if (gemma3 || architecture == "qwen3") {
    b.gain(block + "attn_q_norm.weight", s.head);
    b.gain(block + "attn_k_norm.weight", s.head);
  }
  if (gpt_oss) {
    b.bias(block + "attn_output.bias", s.width);
    b.bias(block + "attn_sinks.weight", s.q / s.head);
  }
  if (gemma3 || gpt_oss) b.gain(block + "post_attention_norm.weight", s.width);
  if (!gpt_oss) b.gain(block + "ffn_norm.weight", s.width);
  if (gemma3) b.gain(block + "post_ffw_norm.weight", s.width);
  if (gpt_oss) {
    add_mixture(b, block, s);
  } else {
    add_feed_forward(b, block, s, phi3);
  }
}

void add_tensors(Draft& draft, bool tied) {
  Builder b(draft);
  const std::int64_t head = b.size("attention.key_length");
  const Sizes s{b.size("embedding_length"), b.size("feed_forward_length"),
                head * b.size("attention.head_count"), head * b.size("attention.head_count_kv"),
                head};
  b.matrix("token_embd.weight", b.size("vocab_size"), s.width);
  for (std::int64_t i = 0; i < b.size("block_count"); ++i) {
    add_layer(b, draft.checkpoint.architecture, cat("blk.", i, "."), s);
  }
  b.gain("output_norm.weight", s.width);
  if (!tied) b.matrix("output.weight", b.size("vocab_size"), s.width);
}

// ---- text ---------------------------------------------------------------------------------------

constexpr std::string_view kChatTemplate =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

void add_vocabulary(std::int64_t n, std::map<std::string, MetaValue, std::less<>>& metadata) {
  std::vector<std::string> tokens;
  std::vector<std::int64_t> types;
  for (int byte = 0; byte < 256; ++byte) {
    append_utf8(tokens.emplace_back(), text::spelling_of(static_cast<std::uint8_t>(byte)));
  }
  tokens.emplace_back("th");  // readers refuse a vocabulary without a merge
  types.assign(tokens.size(), 1);
  for (const char* special : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) {
    tokens.emplace_back(special);
    types.push_back(3);
  }
  while (static_cast<std::int64_t>(tokens.size()) < n) {
    tokens.push_back(cat("[unused", tokens.size(), "]"));
    types.push_back(5);
  }
  metadata["tokenizer.ggml.model"] = std::string("gpt2");
  metadata["tokenizer.ggml.pre"] = std::string("gpt-2");
  metadata["tokenizer.ggml.tokens"] = std::move(tokens);
  metadata["tokenizer.ggml.token_type"] = std::move(types);
  metadata["tokenizer.ggml.merges"] = std::vector<std::string>{"t h"};
  metadata["tokenizer.ggml.bos_token_id"] = std::int64_t{257};
  metadata["tokenizer.ggml.eos_token_id"] = std::int64_t{259};
  metadata["tokenizer.ggml.add_bos_token"] = false;
  metadata["tokenizer.chat_template"] = std::string(kChatTemplate);
}

}  // namespace

std::vector<std::string_view> synthetic_models() {
  std::vector<std::string_view> names;
  for (const Published& p : kPublished) names.push_back(p.name);
  return names;
}

Result<Checkpoint> make_synthetic(std::string_view name) {
  const Published* published = nullptr;
  for (const Published& p : kPublished) {
    if (p.name == name) published = &p;
  }
  if (published == nullptr) {
    return Error{ErrorKind::not_found,
                 cat("no architecture ", quote(name), "; there are: ", joined(synthetic_models()))};
  }
  HEARTH_TRY(const auto json, parse_settings(published->config, published->name));
  ConfigReader config(json, std::string(name));
  HEARTH_TRY(const Family* family, family_of(config.text_or("model_type", "")));
  Draft draft;
  Checkpoint& out = draft.checkpoint;
  out.format = "synthetic";
  out.architecture = family->architecture;
  out.name = cat("synthetic ", name);
  out.metadata["general.architecture"] = out.architecture;
  out.metadata["general.name"] = out.name;
  family->configure(config, draft);
  CHECK(!config.error(), "the published configurations are right");
  add_tensors(draft, config.flag_or("tie_word_embeddings", family->tied_by_default));
  add_vocabulary(config.integer("vocab_size"), out.metadata);
  out.chat_template = kChatTemplate;
  HEARTH_TRY_VOID(out.index());
  HEARTH_TRY_VOID(read_tokenizer(out));
  out.storage = std::make_shared<MadeBytes>(std::move(draft.made));
  return std::move(out);
}

}  // namespace hearth::formats
