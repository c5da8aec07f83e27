// families.cc - the table of families, their names and their keys.
//
// Keys that change what is computed and that models/ does not know are refused by name; keys of
// training (dropout, initializer_range) are not read. Two generations of config.json exist:
// rope_theta and rope_scaling at the top, or rope_parameters with everything (transformers 5).
#include "formats/hugging_face/families.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/str.h"

namespace hearth::formats {

void Draft::set(std::string_view key, MetaValue value) {
  checkpoint.metadata[cat(checkpoint.architecture, ".", key)] = std::move(value);
}

void Draft::add_vector(std::string name, const std::vector<float>& values) {
  const auto all = std::as_bytes(std::span(values));
  std::vector<std::byte>& bytes = made.emplace_back(all.begin(), all.end());
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.shape = {{static_cast<std::int64_t>(values.size())}, 1};
  tensor.bytes = bytes;
  checkpoint.tensors.push_back(std::move(tensor));
}

Tensor* Draft::find(std::string_view name) {
  const auto it = std::find_if(checkpoint.tensors.begin(), checkpoint.tensors.end(),
                               [&](const Tensor& t) { return t.name == name; });
  return it == checkpoint.tensors.end() ? nullptr : &*it;
}

namespace {

// ---- names --------------------------------------------------------------------------------------

struct Rename {
  std::string_view stored, ours;
};

constexpr Rename kDecoderLayer[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.qkv_proj", "attn_qkv"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.gate_up_proj", "ffn_up"},  // phi3: gate above up, one tensor in GGUF too
    {"mlp.down_proj", "ffn_down"},
};
// In these families that norm stands behind the attention, and others before the feed-forward part.
constexpr Rename kGemma3Layer[] = {
    {"post_attention_layernorm", "post_attention_norm"},
    {"pre_feedforward_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"},
};
constexpr Rename kGptOssLayer[] = {
    {"post_attention_layernorm", "post_attention_norm"},
    {"mlp.router", "ffn_gate_inp"},
};
// gpt_oss names its experts without ".weight" and ".bias".
constexpr Rename kGptOssWhole[] = {
    {"self_attn.sinks", "attn_sinks.weight"},
    {"mlp.experts.gate_up_proj", "gate_up.values"},
    {"mlp.experts.gate_up_proj_blocks", "gate_up.blocks"},
    {"mlp.experts.gate_up_proj_scales", "gate_up.scales"},
    {"mlp.experts.gate_up_proj_bias", "gate_up.bias"},
    {"mlp.experts.down_proj", "down.values"},
    {"mlp.experts.down_proj_blocks", "down.blocks"},
    {"mlp.experts.down_proj_scales", "down.scales"},
    {"mlp.experts.down_proj_bias", "ffn_down_exps.bias"},
};
constexpr Rename kDecoderTop[] = {
    {"embed_tokens.weight", "token_embd.weight"},
    {"norm.weight", "output_norm.weight"},
};
constexpr Rename kBertLayer[] = {
    {"attention.self.query", "attn_q"},
    {"attention.self.key", "attn_k"},
    {"attention.self.value", "attn_v"},
    {"attention.output.dense", "attn_output"},
    {"attention.output.LayerNorm", "attn_output_norm"},
    {"intermediate.dense", "ffn_up"},
    {"output.dense", "ffn_down"},
    {"output.LayerNorm", "layer_output_norm"},
};
constexpr Rename kBertTop[] = {
    {"embeddings.word_embeddings.weight", "token_embd.weight"},
    {"embeddings.position_embeddings.weight", "position_embd.weight"},
    {"embeddings.token_type_embeddings.weight", "token_types.weight"},
    {"embeddings.LayerNorm.weight", "token_embd_norm.weight"},
    {"embeddings.LayerNorm.bias", "token_embd_norm.bias"},
};

using Renames = std::span<const Rename>;

std::optional<std::string_view> renamed(Renames renames, std::string_view stored) {
  for (const Rename& r : renames) {
    if (r.stored == stored) return r.ours;
  }
  return std::nullopt;
}

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// "LAYERS.7.self_attn.q_proj.weight" -> "blk.7.attn_q.weight"; `first` wins over `then`.
std::optional<std::string> layer_name(std::string_view rest, Renames whole, Renames first,
                                      Renames then) {
  const std::size_t dot = rest.find('.');
  if (dot == rest.npos || dot > 4 || !parse_int(rest.substr(0, dot))) return std::nullopt;
  const std::string_view index = rest.substr(0, dot), part = rest.substr(dot + 1);
  if (part.ends_with("rotary_emb.inv_freq")) return "";  // follows from the configuration
  if (const auto ours = renamed(whole, part)) return cat("blk.", index, ".", *ours);
  const std::size_t kind = part.rfind('.');
  if (kind == part.npos) return std::nullopt;
  auto ours = renamed(first, part.substr(0, kind));
  if (!ours) ours = renamed(then, part.substr(0, kind));
  if (!ours) return std::nullopt;
  return cat("blk.", index, ".", *ours, part.substr(kind));
}

std::optional<std::string> decoder_name(std::string_view stored, Renames whole, Renames first) {
  if (stored == "lm_head.weight") return "output.weight";
  drop_prefix(stored, "model.");
  if (const auto ours = renamed(kDecoderTop, stored)) return std::string(*ours);
  if (!drop_prefix(stored, "layers.")) return std::nullopt;
  return layer_name(stored, whole, first, kDecoderLayer);
}

std::optional<std::string> plain_name(std::string_view stored) {
  return decoder_name(stored, {}, {});
}

// Checkpoints that also see images keep the language model below a prefix.
std::optional<std::string> gemma3_name(std::string_view stored) {
  for (const std::string_view eye : {"vision_tower.", "multi_modal_projector."}) {
    if (stored.starts_with(eye) || stored.starts_with(cat("model.", eye))) return "";
  }
  if (!drop_prefix(stored, "model.language_model.")) drop_prefix(stored, "language_model.");
  return decoder_name(stored, {}, kGemma3Layer);
}

std::optional<std::string> gpt_oss_name(std::string_view stored) {
  return decoder_name(stored, kGptOssWhole, kGptOssLayer);
}

std::optional<std::string> bert_name(std::string_view stored) {
  // Heads for other tasks, and a list of the numbers 0, 1, 2, ….
  for (const std::string_view head : {"cls.", "classifier.", "qa_outputs."}) {
    if (stored.starts_with(head)) return "";
  }
  drop_prefix(stored, "bert.");
  if (stored.starts_with("pooler.") || stored == "embeddings.position_ids") return "";
  if (const auto ours = renamed(kBertTop, stored)) return std::string(*ours);
  if (!drop_prefix(stored, "encoder.layer.")) return std::nullopt;
  return layer_name(stored, {}, kBertLayer, {});
}

// ---- keys ---------------------------------------------------------------------------------------

// The settings of rotary positions, whichever generation of config.json they are written in.
ConfigReader rope_of(ConfigReader& config) {
  return config.object(config.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
}

std::string rope_type(ConfigReader& rope) {
  return rope.text_or(rope.has("rope_type") ? "rope_type" : "type", "default");
}

// Llama 3.1: slow frequencies are divided by a factor, fast ones kept, those between blended. GGUF
// has no keys for it but a tensor of divisors.
void add_llama3_divisors(ConfigReader& rope, double base, std::int64_t n_rotated, Draft& draft) {
  const double factor = rope.number("factor");
  const double low = rope.number("low_freq_factor"), high = rope.number("high_freq_factor");
  const double original = rope.number("original_max_position_embeddings");
  if (!(factor > 0) || !(low > 0) || !(high > low) || !(original > 0)) {
    rope.fail(ErrorKind::corrupt,
              cat("factor is ", factor, ", low_freq_factor ", low, ", high_freq_factor ", high,
                  ", original_max_position_embeddings ", original,
                  "; expected numbers above 0 and low below high"));
    return;
  }
  std::vector<float> divisors;
  for (std::int64_t j = 0; j < n_rotated / 2; ++j) {
    const double exponent = 2.0 * static_cast<double>(j) / static_cast<double>(n_rotated);
    const double turns = original * std::pow(base, -exponent) / (2 * std::numbers::pi);
    const double share = std::clamp((turns - low) / (high - low), 0.0, 1.0);
    divisors.push_back(static_cast<float>(1 / ((1 - share) / factor + share)));
  }
  draft.add_vector("rope_freqs.weight", divisors);
}

void set_yarn(ConfigReader& rope, Draft& draft) {
  draft.set("rope.scaling.factor", rope.number("factor"));
  draft.set("rope.scaling.original_context_length",
            rope.integer("original_max_position_embeddings"));
  draft.set("rope.scaling.yarn_beta_fast", rope.number_or("beta_fast", 32));
  draft.set("rope.scaling.yarn_beta_slow", rope.number_or("beta_slow", 1));
  if (rope.flag_or("truncate", true)) {
    rope.fail(ErrorKind::unsupported,
              "truncate is true (also when it is absent); YaRN is computed without rounding only");
  }
  for (const char* key : {"attention_factor", "mscale", "mscale_all_dim"}) {
    if (rope.has(key)) rope.fail(ErrorKind::unsupported, cat(key, " is set for YaRN"));
  }
}

// "factor" stands for the ratio of the context lengths.
double longrope_attention_factor(ConfigReader& config, ConfigReader& rope, std::int64_t original) {
  const auto trained = static_cast<double>(std::max<std::int64_t>(original, 2));
  const auto longest = static_cast<double>(config.integer("max_position_embeddings"));
  const double factor = rope.has("factor") ? rope.number("factor") : longest / trained;
  return factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(trained));
}

void set_longrope(ConfigReader& config, ConfigReader& rope, Draft& draft) {
  const char* key = "original_max_position_embeddings";
  const std::int64_t original = config.has(key) ? config.integer(key) : rope.integer(key);
  draft.set("rope.scaling.original_context_length", original);
  for (const auto& [list, tensor] : {std::pair("short_factor", "rope_factors_short.weight"),
                                     std::pair("long_factor", "rope_factors_long.weight")}) {
    std::vector<float> factors;
    for (const double f : rope.numbers(list)) factors.push_back(static_cast<float>(f));
    if (factors.empty()) rope.fail(ErrorKind::corrupt, cat(list, " is empty"));
    draft.add_vector(tensor, factors);
  }
  // llama.cpp takes 1 where a file does not say it.
  draft.set("rope.scaling.attn_factor", rope.has("attention_factor")
                                            ? rope.number("attention_factor")
                                            : longrope_attention_factor(config, rope, original));
}

void set_rope(ConfigReader& config, ConfigReader& rope, double default_theta, std::int64_t head_dim,
              Draft& draft) {
  const double theta = rope.has("rope_theta") ? rope.number("rope_theta")
                                              : config.number_or("rope_theta", default_theta);
  const double partial = rope.has("partial_rotary_factor")
                             ? rope.number("partial_rotary_factor")
                             : config.number_or("partial_rotary_factor", 1);
  if (!(partial > 0 && partial <= 1)) {
    config.fail(ErrorKind::corrupt,
                cat("partial_rotary_factor is ", partial, ", expected above 0 and at most 1"));
    return;
  }
  const auto n_rotated = static_cast<std::int64_t>(static_cast<double>(head_dim) * partial);
  draft.set("rope.freq_base", theta);
  draft.set("rope.dimension_count", n_rotated);
  const std::string type = rope_type(rope);
  if (type == "default") return;
  if (type == "llama3") return add_llama3_divisors(rope, theta, n_rotated, draft);
  if (type == "longrope" || type == "su") return set_longrope(config, rope, draft);
  draft.set("rope.scaling.type",
            type);  // the architecture refuses by name what it does not compute
  if (type == "linear") draft.set("rope.scaling.factor", rope.number("factor"));
  if (type == "yarn") set_yarn(rope, draft);
}

// What every decoder has. Returns the width of a head.
std::int64_t set_decoder_keys(ConfigReader& config, Draft& draft) {
  const std::int64_t heads = config.integer("num_attention_heads");
  const std::int64_t width = config.integer("hidden_size");
  draft.set("block_count", config.integer("num_hidden_layers"));
  draft.set("context_length", config.integer("max_position_embeddings"));
  draft.set("embedding_length", width);
  draft.set("feed_forward_length", config.integer("intermediate_size"));
  draft.set("attention.head_count", heads);
  draft.set("attention.head_count_kv", config.integer_or("num_key_value_heads", heads));
  draft.set("vocab_size", config.integer("vocab_size"));
  const std::int64_t head_dim =
      config.integer_or("head_dim", heads < 1 ? 1 : std::max<std::int64_t>(width / heads, 1));
  if (head_dim < 1 || head_dim > 4096) {
    config.fail(ErrorKind::corrupt, cat("head_dim is ", head_dim, ", expected 1 to 4096"));
    return 1;
  }
  draft.set("attention.key_length", head_dim);
  draft.set("attention.value_length", head_dim);
  return head_dim;
}

void refuse_biases(ConfigReader& config, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (!config.flag_or(key, false)) continue;
    config.fail(ErrorKind::unsupported,
                cat(key, " is true; this family is computed without those biases"));
  }
}

void configure_silu_decoder(ConfigReader& config, Draft& draft, double rms_eps, double theta) {
  config.expect_text("hidden_act", "silu", "this family is computed");
  draft.set("attention.layer_norm_rms_epsilon", config.number_or("rms_norm_eps", rms_eps));
  const std::int64_t head_dim = set_decoder_keys(config, draft);
  ConfigReader rope = rope_of(config);
  set_rope(config, rope, theta, head_dim, draft);
  config.take_error(rope);
}

void configure_llama(ConfigReader& config, Draft& draft) {
  refuse_biases(config, {"attention_bias", "mlp_bias"});
  configure_silu_decoder(config, draft, 1e-6, 10000);
}

void configure_mistral(ConfigReader& config, Draft& draft) {
  configure_silu_decoder(config, draft, 1e-6, 10000);
  if (config.has("sliding_window")) {
    draft.set("attention.sliding_window", config.integer("sliding_window"));
  }
}

void configure_qwen(ConfigReader& config, Draft& draft) {
  refuse_biases(config, {"attention_bias"});
  configure_silu_decoder(config, draft, 1e-6, 10000);
  // The window counts only when it is switched on.
  if (config.flag_or("use_sliding_window", false) && config.has("sliding_window")) {
    draft.set("attention.sliding_window", config.integer("sliding_window"));
  }
}

void configure_phi3(ConfigReader& config, Draft& draft) {
  refuse_biases(config, {"attention_bias", "mlp_bias", "lm_head_bias"});
  configure_silu_decoder(config, draft, 1e-5, 10000);
  if (config.has("sliding_window")) {
    draft.set("attention.sliding_window", config.integer("sliding_window"));
  }
}

// Every n-th layer sees everything, the others a window. Returns n.
std::int64_t window_pattern(ConfigReader& config, std::int64_t fallback) {
  const char* key =
      config.has("_sliding_window_pattern") ? "_sliding_window_pattern" : "sliding_window_pattern";
  const std::vector<std::string> types = config.texts("layer_types");
  if (types.empty()) return config.integer_or(key, fallback);
  const auto full = std::find(types.begin(), types.end(), "full_attention");
  const std::int64_t n = full - types.begin() + 1;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const bool expected_full = (static_cast<std::int64_t>(i) + 1) % n == 0;
    if (types[i] == (expected_full ? "full_attention" : "sliding_attention")) continue;
    config.fail(ErrorKind::unsupported, cat("layer_types[", i, "] is ", quote(types[i]),
                                            "; expected one full_attention layer after each ",
                                            n - 1, " sliding_attention layers"));
    break;
  }
  return n;
}

void configure_gpt_oss(ConfigReader& config, Draft& draft) {
  configure_silu_decoder(config, draft, 1e-5, 150000);
  draft.set("attention.sliding_window", config.integer_or("sliding_window", 128));
  if (window_pattern(config, 2) != 2) {
    config.fail(ErrorKind::unsupported,
                "layer_types do not alternate between sliding_attention and full_attention");
  }
  draft.set("expert_count", config.integer("num_local_experts"));
  draft.set("expert_used_count",
            config.integer(config.has("num_experts_per_tok") ? "num_experts_per_tok"
                                                             : "experts_per_token"));
  draft.set("expert_feed_forward_length", config.integer("intermediate_size"));
  for (const auto& [key, value] : {std::pair("swiglu_limit", 7.0), {"swiglu_alpha", 1.702}}) {
    if (config.number_or(key, value) == value) continue;
    config.fail(ErrorKind::unsupported, cat(key, " is ", config.number_or(key, value),
                                            "; this family is computed with ", value));
  }
}

// transformers 5 keeps the settings of both kinds of layers apart; before, the full layers' stood
// at the top, and the sliding ones had a base of their own and were never scaled.
void set_gemma3_rope(ConfigReader& config, std::int64_t head_dim, Draft& draft) {
  ConfigReader all = rope_of(config);
  ConfigReader full = all.has("full_attention") ? all.object("full_attention") : all;
  set_rope(config, full, 1e6, head_dim, draft);
  double local = config.number_or("rope_local_base_freq", 10000);
  if (all.has("sliding_attention")) {
    ConfigReader sliding = all.object("sliding_attention");
    local = sliding.number_or("rope_theta", local);
    if (rope_type(sliding) != "default") {
      sliding.fail(ErrorKind::unsupported, "layers with a window are computed without scaling");
    }
    config.take_error(sliding);
  }
  draft.set("rope.freq_base_swa", local);
  config.take_error(full);
  config.take_error(all);
}

void configure_gemma3(ConfigReader& config, Draft& draft) {
  refuse_biases(config, {"attention_bias", "use_bidirectional_attention"});
  config.expect_text("hidden_activation", "gelu_pytorch_tanh", "this family is computed");
  draft.set("attention.layer_norm_rms_epsilon", config.number_or("rms_norm_eps", 1e-6));
  const std::int64_t head_dim = set_decoder_keys(config, draft);
  set_gemma3_rope(config, head_dim, draft);
  draft.set("attention.sliding_window", config.integer("sliding_window"));
  draft.set("attention.sliding_window_pattern", window_pattern(config, 6));
  for (const char* cap : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    if (config.has(cap)) draft.set(cap, config.number(cap));
  }
}

void configure_bert(ConfigReader& config, Draft& draft) {
  config.expect_text("hidden_act", "gelu", "this family is computed");
  config.expect_text("position_embedding_type", "absolute", "this family is computed");
  refuse_biases(config, {"is_decoder", "add_cross_attention"});
  draft.set("block_count", config.integer("num_hidden_layers"));
  draft.set("context_length", config.integer("max_position_embeddings"));
  draft.set("embedding_length", config.integer("hidden_size"));
  draft.set("feed_forward_length", config.integer("intermediate_size"));
  draft.set("attention.head_count", config.integer("num_attention_heads"));
  draft.set("attention.layer_norm_epsilon", config.number_or("layer_norm_eps", 1e-12));
  draft.set("attention.causal", false);
  draft.set("vocab_size", config.integer("vocab_size"));
  draft.checkpoint.metadata["tokenizer.ggml.token_type_count"] =
      config.integer_or("type_vocab_size", 2);
}

constexpr Family kFamilies[] = {
    {"bert", "bert", bert_name, configure_bert, nullptr, true},
    {"gemma3", "gemma3", gemma3_name, configure_gemma3, rearrange_gemma3, true},
    {"gemma3_text", "gemma3", gemma3_name, configure_gemma3, rearrange_gemma3, true},
    {"gpt_oss", "gpt-oss", gpt_oss_name, configure_gpt_oss, rearrange_gpt_oss, false},
    {"llama", "llama", plain_name, configure_llama, rearrange_llama, false},
    {"mistral", "llama", plain_name, configure_mistral, rearrange_llama, false},
    {"phi3", "phi3", plain_name, configure_phi3, nullptr, false},
    {"qwen2", "qwen2", plain_name, configure_qwen, nullptr, false},
    {"qwen3", "qwen3", plain_name, configure_qwen, nullptr, false},
};

}  // namespace

Result<const Family*> family_of(std::string_view model_type) {
  std::vector<std::string_view> known;
  for (const Family& family : kFamilies) {
    if (family.model_type == model_type) return &family;
    known.push_back(family.model_type);
  }
  return Error{ErrorKind::unsupported,
               cat("config.json: model_type ", quote(model_type),
                   " is not one Hearth computes; it computes ", joined(known))};
}

}  // namespace hearth::formats
